"""What the command line says when ingest holds a roster, and of a dry run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.ingest import cli
from services.ingest.client import Ingest

ORGANISER = "961a25bb-e6ce-4bf0-8360-0965ed648eb4"
HELD = "a446d0b0-8845-4cec-8596-47ac7a40523e"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    """Every call that would go to ingest, which holds every roster."""
    made: list[tuple[str, str, Any]] = []

    def send(_: Ingest, method: str, path: str, body: Any, **__: Any) -> Any:
        made.append((method, path, body))
        return {"organiser_id": ORGANISER, "held": HELD, "reasons": []}

    monkeypatch.setattr(Ingest, "send", send)
    return made


def test_a_held_roster_says_what_to_do_and_is_no_success(calls: list[Any]) -> None:
    done = CliRunner().invoke(cli.roster, ["import", "tests/data/csv/roster", "--token", "t"])
    assert done.exit_code == 1
    assert f"forvarning roster decide {ORGANISER} {HELD}" in done.output
    [(method, path, body)] = calls
    assert (method, path) == ("PUT", "/v1/roster")
    # Every form of a personnummer, from a Windows-1252 file.
    assert [pupil["civic_no"] for pupil in body["pupils"]] == [
        "201304059809", "201304059817", "201306129808",
    ]  # fmt: skip
    assert body["school_units"][0]["name"] == "Björkskolan"


def test_a_decision_names_who_and_which_pupils(calls: list[Any]) -> None:
    command = ["decide", ORGANISER, HELD, "apply", "--by", "Karin Testlund", "--ops-token", "t"]
    for more, same in (([], []), (["--same", "x1", "--same", "x2"], ["x1", "x2"])):
        assert CliRunner().invoke(cli.roster, command + more).exit_code == 0
        path = f"/v1/organisers/{ORGANISER}/held-rosters/{HELD}/decision"
        said = {"decision": "apply", "by": "Karin Testlund", "note": "", "same": same}
        assert calls[-1] == ("POST", path, said)
    CliRunner().invoke(cli.roster, [*command, "--same", "all"])
    assert calls[-1][2]["same"] == "all"


def test_a_dry_run_calls_nobody_and_shows_nobody(calls: list[Any], tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    done = CliRunner().invoke(
        cli.imports,
        ["csv", "tests/data/csv/lektioner.csv", "--dry-run", "--report", str(report),
         "--mapping", "services/ingest/mappings/skola24-like.toml"],
    )  # fmt: skip
    assert (done.exit_code, calls) == (0, [])
    assert json.loads(done.stdout.strip().splitlines()[-1])["rejected_rows"] == 3
    assert "9809" not in done.output
    assert len(report.read_text().splitlines()) == 4
    assert CliRunner().invoke(cli.imports, ["csv", "README.md", "--mapping", "README.md"]).exit_code


def test_ed_fi_from_a_file(calls: list[Any]) -> None:
    done = CliRunner().invoke(
        cli.imports,
        ["edfi", "tests/data/edfi/events.json", "--mapping", "tests/data/edfi/mapping.toml",
         "--dry-run"],
    )  # fmt: skip
    assert (done.exit_code, calls) == (0, [])
    assert json.loads(done.stdout.strip().splitlines()[-1])["contents"]["marks"] == 8
