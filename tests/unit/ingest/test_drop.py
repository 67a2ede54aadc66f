"""The drop folder: what goes where, in which order, and what the same content does again."""

from __future__ import annotations

import os
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.ingest.adapters.drop import DropFolder, FolderTakenError, Handled
from services.ingest.adapters.mapping import Mapping
from services.ingest.errors import DeliveryRefusedError

MAPPING = Mapping.model_validate(
    tomllib.loads("""
[lesson]
school_unit = { value = "u1" }
activity = { column = "Lektion" }
date = { value = "2026-11-24" }
start = { value = "08:10" }
length_minutes = { value = 60 }
[mark]
pupil = { column = "Elev" }
[mark.codes]
column = "Kod"
values = { N = "present", O = "invalid" }
""")
)
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
GOOD = "Lektion;Elev;Kod\nMA;p1;O\n"


class Receiver:
    """Answers as ingest does, and keeps what it got."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.away = False
        self.refuses = False

    def send(self, method: str, path: str, body: Any, *, also: tuple[int, ...] = ()) -> Any:
        assert (method, path, also) == ("POST", "/v1/registers", (422,))
        if self.away:
            raise DeliveryRefusedError("503: not now")
        self.got += body["registers"]
        problem = {"field": "/activity", "code": "unknown", "detail": "/activity: is odd"}
        item: dict[str, Any] = {"problem": problem if self.refuses else None, "notes": []}
        count = len(body["registers"])
        return {"accepted": 0 if self.refuses else count, "items": [item] * count}


def folder_of(path: Path, **options: Any) -> DropFolder:
    return DropFolder(path, MAPPING, now=lambda: NOON, settle_seconds=10, **options)


def put(folder: Path, name: str, text: str, *, ago: float = 60) -> Path:
    path = folder / name
    path.write_text(text)
    at = (NOON - timedelta(seconds=ago)).timestamp()
    os.utime(path, (at, at))
    return path


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if not one.name.startswith("."))


def go(folder: DropFolder, receiver: Receiver) -> list[tuple[str, str]]:
    return [(one.name, one.state) for one in folder.round(receiver)]


def test_a_whole_file_is_sent_and_done_with_its_own_time(tmp_path: Path) -> None:
    put(tmp_path, "dag.csv", GOOD)
    receiver = Receiver()
    assert go(folder_of(tmp_path), receiver) == [("dag.csv", "done")]
    assert names(tmp_path) == ["done", "rejected"]
    assert names(tmp_path / "done") == ["dag.csv", "ledger.jsonl"]
    [register] = receiver.got
    assert register["modified"] == "2026-11-24T11:59:00+00:00"


def test_the_same_content_again_is_not_sent_also_after_a_restart(tmp_path: Path) -> None:
    put(tmp_path, "dag.csv", GOOD)
    receiver = Receiver()
    folder = folder_of(tmp_path)
    go(folder, receiver)
    put(tmp_path, "dag.csv", GOOD, ago=20)
    assert go(folder, receiver) == [("dag.csv", "known")]
    put(tmp_path, "other.csv", GOOD, ago=20)
    assert list(folder_of(tmp_path).round(receiver)) == [
        Handled("other.csv", "known", {"same_as": "dag.csv"})
    ]
    assert len(receiver.got) == 1
    assert len(names(tmp_path / "done")) == 4


def test_a_file_of_the_same_name_with_other_content_is_sent_and_kept(tmp_path: Path) -> None:
    receiver = Receiver()
    folder = folder_of(tmp_path)
    for kind in ("O", "N"):
        put(tmp_path, "dag.csv", GOOD.replace("O\n", f"{kind}\n"))
        assert go(folder, receiver) == [("dag.csv", "done")]
    assert len(receiver.got) == 2
    kept = [one for one in names(tmp_path / "done") if one.startswith("dag")]
    assert len(kept) == 2


def test_a_row_that_cannot_be_used_sends_the_others_and_rejects_the_file(tmp_path: Path) -> None:
    put(tmp_path, "dag.csv", GOOD + "MA;p2;X\n")
    receiver = Receiver()
    [handled] = folder_of(tmp_path).round(receiver)
    assert (handled.state, handled.detail["rejected_rows"]) == ("rejected", 1)
    assert [mark["pupil"] for mark in receiver.got[0]["marks"]] == ["p1"]
    assert names(tmp_path / "rejected") == ["dag.csv", "dag.csv.report.csv"]
    report = (tmp_path / "rejected" / "dag.csv.report.csv").read_text()
    assert "3,Kod,rejected,unknown_value" in report


def test_a_register_that_ingest_refuses_rejects_the_file(tmp_path: Path) -> None:
    put(tmp_path, "dag.csv", GOOD)
    receiver = Receiver()
    receiver.refuses = True
    assert go(folder_of(tmp_path), receiver) == [("dag.csv", "rejected")]
    assert (
        "2,Lektion,rejected,unknown,is odd"
        in (tmp_path / "rejected/dag.csv.report.csv").read_text()
    )


def test_an_unreadable_file_is_rejected_with_its_reason(tmp_path: Path) -> None:
    put(tmp_path, "dag.csv", "Nora;201304059809\n")
    [handled] = folder_of(tmp_path).round(Receiver())
    assert handled.state == "rejected"
    assert "9809" not in str(handled.detail)
    assert "lacks column" in (tmp_path / "rejected/dag.csv.report.csv").read_text()


def test_what_ingest_does_not_take_now_waits_and_nothing_overtakes_it(tmp_path: Path) -> None:
    put(tmp_path, "b.csv", GOOD, ago=120)
    put(tmp_path, "a.csv", GOOD.replace("O\n", "N\n"), ago=60)
    receiver = Receiver()
    receiver.away = True
    folder = folder_of(tmp_path)
    assert go(folder, receiver) == [("b.csv", "waiting")]
    assert names(tmp_path) == ["a.csv", "b.csv", "done", "rejected"]
    receiver.away = False
    assert go(folder, receiver) == [("b.csv", "done"), ("a.csv", "done")]


def test_a_file_that_is_still_written_to_and_what_is_no_csv_are_left_alone(tmp_path: Path) -> None:
    put(tmp_path, "dag.csv", GOOD, ago=5)
    put(tmp_path, "dag.csv.part", GOOD)
    put(tmp_path, ".hidden.csv", GOOD)
    (tmp_path / "folder.csv").mkdir()
    assert go(folder_of(tmp_path), Receiver()) == []


def test_a_ledger_whose_last_line_was_cut_off_is_read(tmp_path: Path) -> None:
    put(tmp_path, "dag.csv", GOOD)
    receiver = Receiver()
    go(folder_of(tmp_path), receiver)
    with (tmp_path / "done/ledger.jsonl").open("a") as ledger:
        ledger.write('\n{"sha256": "ab')
    put(tmp_path, "dag.csv", GOOD)
    assert go(folder_of(tmp_path), receiver) == [("dag.csv", "known")]


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    first, second = folder_of(tmp_path), folder_of(tmp_path)
    with first.alone(), pytest.raises(FolderTakenError), second.alone():
        pass
    with second.alone():
        pass
