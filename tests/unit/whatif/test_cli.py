"""`forvarning replay` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.ews.whatif.choose import shipped
from services.ews.whatif.cli import app
from tests.unit.whatif.folders import by_arrival, days, profile, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = by_arrival(
        days("elev-1", 20, range(3, 12)),
        days("elev-2", 20, range(10, 16)),
        days("elev-3", 20, unit="sodra"),
    )
    return write(tmp_path / "f", lines)


def replay(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def asked(tmp_path: Path) -> tuple[object, ...]:
    new, old = profile(tmp_path, "sju", 7), profile(tmp_path, "fem", 5)
    return ("--profile", new, "--against", old)


def test_the_table_tells_each_school_and_the_total(tmp_path: Path, folder: Path) -> None:
    done = replay(*asked(tmp_path), folder)
    assert done.exit_code == 0, done.output
    assert "What if sju@1 held instead of fem@1?" in done.output
    rows = [" ".join(row.split()) for row in done.output.splitlines()]
    assert "norra 2 langvarig 2 1 1 0 +2 d 2.00 → 1.00" in rows
    assert "sodra 1 none 0 0 0 0" in rows
    assert "all schools 3 langvarig 2 1 1 0 +2 d 1.33 → 0.67" in rows
    assert "elev-" not in done.output
    assert "\x1b" not in done.output


def test_pupils_are_listed_when_asked_for(tmp_path: Path, folder: Path) -> None:
    done = replay(*asked(tmp_path), folder, "--pupils")
    rows = [" ".join(row.split()) for row in done.output.splitlines()]
    assert "norra elev-1 langvarig 2026-08-26 2026-08-28 +2 d" in rows
    assert "norra elev-2 langvarig 2026-09-04 only fem@1" in rows
    assert "elev-3" not in done.output


def test_json_holds_everything_and_stands_alone(tmp_path: Path, folder: Path) -> None:
    done = replay(*asked(tmp_path), folder, "--json", "-")
    answer = json.loads(done.stdout)
    assert answer["new"]["id"] == "sju"
    assert answer["total"]["families"]["langvarig"]["only_old"] == 1
    first, second = answer["pupils"]
    assert first["families"]["langvarig"] == {
        "old": "2026-08-26",
        "new": "2026-08-28",
        "days_later": 2,
    }
    assert second["new"] == []
    (episode,) = second["old"]
    assert episode["levels"] == [{"level": 1, "day": "2026-09-04", "rule": "dagar"}]
    kept = tmp_path / "answer.json"
    done = replay(*asked(tmp_path), folder, "--json", kept)
    assert json.loads(kept.read_text("utf-8")) == answer
    assert "What if" in done.stdout


def test_bad_lines_are_shown(tmp_path: Path, folder: Path) -> None:
    with (folder / "facts.jsonl").open("a") as file:
        file.writelines(f'{{"start": {n}}}\n' for n in range(12))
    done = replay(*asked(tmp_path), folder)
    assert done.exit_code == 0
    assert "12 lines could not be used and count nowhere:" in done.output
    assert (
        "line 181, start: an instant as 2026-11-24T08:10:00+01:00 is needed, not 0" in done.output
    )
    assert "and 2 more" in done.output


def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path: Path, folder: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text('[profile]\nid = "x"\nversion = 0\n')
    good = profile(tmp_path, "fem", 5)

    def error(*arguments: object) -> str:
        done = replay(*arguments)
        assert done.exit_code == 2, done.output
        assert not done.stdout
        return done.stderr

    said = error("--profile", "nobody", "--against", good, folder)
    assert "nobody: this profile is not shipped" in said
    assert all(name in said for name in shipped())
    assert "standard@999" in error("--profile", "standard@999", "--against", good, folder)
    said = error("--profile", "./none.toml", "--against", good, folder)
    assert "there is no such file" in said
    said = error("--profile", broken, "--against", good, folder)
    assert "broken.toml cannot be used: line 3, profile.version" in said
    same = ("--profile", good, "--against", good)
    assert "no such folder" in error(*same, tmp_path / "nowhere")
    assert "--from 24/11: a date" in error(*same, folder, "--from", "24/11")
    said = error(*same, folder, "--from", "2026-11-24", "--to", "2026-11-23")
    assert "is after --to" in said
    assert "--unit x: no pupil" in error(*same, folder, "--unit", "x")
    assert "--json" in error(*same, folder, "--json", tmp_path / "no" / "where")


def test_a_broker_that_is_not_there_is_said_with_what_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORVARNING_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    done = replay(*asked(tmp_path))
    assert done.exit_code == 2
    assert "Kafka at 127.0.0.1:1 does not answer" in done.stderr
    assert "FORVARNING_KAFKA_BOOTSTRAP" in done.stderr


def test_shipped_profiles_are_found_by_id_and_by_version(folder: Path) -> None:
    done = replay("--profile", "standard", "--against", "standard@1", folder, "--json", "-")
    answer = json.loads(done.stdout)
    assert answer["old"]["sha256"] == answer["new"]["sha256"]
    assert answer["old"]["origin"] == "shipped"
    for family in answer["total"]["families"].values():
        assert family["only_old"] == family["only_new"] == 0
        assert family["median_days_later"] == 0
