"""The `forvarning` command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy import cli
from deploy.commands.migrate import app as migrate
from deploy.commands.rules import app as rules
from deploy.local.up import app as up


@pytest.mark.parametrize("entry", cli.COMMANDS, ids=lambda entry: entry.name)
def test_every_command_is_there_and_explains_itself(entry: cli.Entry) -> None:
    done = CliRunner().invoke(cli.load(entry), ["--help"])
    assert done.exit_code == 0
    assert "Usage" in done.output


def test_help_lists_every_command_and_imports_none() -> None:
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from deploy import cli\n"
        "print(CliRunner().invoke(cli.app, ['--help']).output)\n"
        "heavy = {'aiokafka', 'asyncpg', 'faust', 'fastapi', 'numpy', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    for entry in cli.COMMANDS:
        assert f" {entry.name} " in done.stdout


def test_missing_settings_are_named_in_one_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORVARNING_INGEST_DATABASE_PASSWORD", "secret-word")
    done = CliRunner().invoke(migrate, [])
    assert done.exit_code == 2
    assert "FORVARNING_OWNER_DATABASE_URL: Field required" in done.output
    assert "secret-word" not in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "web"], "write NAME=NUMBER"),
        (["--port", "webb=80"], "write NAME=NUMBER"),
        (["--clock", "tomorrow"], "is no instant"),
        (["--rate", "5"], "needs --clock or --demo"),
    ],
)
def test_up_says_what_is_wrong_with_an_option(arguments: list[str], words: str) -> None:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(up, arguments)
    assert done.exit_code == 2
    assert words in done.output


STANDARD = Path(__file__).parents[3] / "services" / "ews" / "profiles" / "standard.toml"


def test_rules_check_shows_what_the_shipped_profile_means() -> None:
    done = CliRunner(env={"COLUMNS": "80"}).invoke(rules, ["check", str(STANDARD)])
    assert done.exit_code == 0, done.output
    assert "It can be used." in done.output
    assert "strofranvaro-tillfallen" in done.output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("level = 1", "level = -1"), "level"),
        (('id = "standard"', "id = 5"), "id must be"),
        (("[profile]", "[profile"), "TOML"),
    ],
)
def test_rules_check_names_what_is_wrong(
    tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(STANDARD.read_text("utf-8").replace(*change, 1), "utf-8")
    done = CliRunner(env={"COLUMNS": "80"}).invoke(rules, ["check", str(file)])
    assert done.exit_code == 1
    assert words in done.output
    assert "own.toml" in done.output
