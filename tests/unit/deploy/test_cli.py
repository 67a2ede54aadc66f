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
from tests.trial import TRIAL_FILE


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


def test_rules_check_names_the_parts_of_a_profile_that_can_be_used() -> None:
    done = CliRunner(env={"COLUMNS": "80"}).invoke(rules, ["check", str(TRIAL_FILE)])
    assert done.exit_code == 0, done.output
    assert "It can be used." in done.output
    assert "signals.strofranvaro: strofranvaro-tillfallen, strofranvaro-10-procent" in done.output
    assert "ladder: ogiltig-samma-dag, strofranvaro-kontakt" in done.output
    assert "warning" not in done.output


def test_rules_check_names_everything_that_is_wrong_in_both_parts(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    text = TRIAL_FILE.read_text("utf-8")
    changes = (
        ("threshold = 15\nmin_offered", "threshold = -15\nmin_offered", "threshold = -15"),
        ('comparator = ">="', 'comparator = "=>"', 'comparator = "=>"'),
        ("quiet_school_days = 5", "quiet_days = 5", "quiet_days"),
        ('owner = "principal"', 'owner = "rektor"', 'owner = "rektor"'),
        ("clock = { school_days = 2 }", "clock = { days = 2 }", "clock = { days"),
    )
    for old, new, _ in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text, "utf-8")
    done = CliRunner().invoke(rules, ["check", str(file)])
    assert done.exit_code == 1
    told = done.output.splitlines()
    wanted = sorted(text[: text.index(found)].count("\n") + 1 for _, _, found in changes)
    assert sorted({int(line.split(":")[1]) for line in told}) == wanted
    assert [int(line.split(":")[1]) for line in told] == sorted(int(x.split(":")[1]) for x in told)
    assert all(line.startswith(f"{file}:") for line in told)
    for field in (
        "signals.strofranvaro.rules.threshold",
        "signals.strofranvaro.rules.comparator",
        "signals.langvarig.quiet_days",
        "ladder.steps.owner",
        "ladder.steps.clock.days",
    ):
        assert any(f" {field}: " in line for line in told), field


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("level = 1", "level = -1"), "level"),
        (('id = "provprofil"', "id = 5"), "profile.id: a text is needed"),
        (("[profile]", "[profile"), "own.toml:"),
    ],
)
def test_rules_check_names_what_is_wrong(
    tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(TRIAL_FILE.read_text("utf-8").replace(*change, 1), "utf-8")
    done = CliRunner(env={"COLUMNS": "80"}).invoke(rules, ["check", str(file)])
    assert done.exit_code == 1
    assert words in done.output
    assert len(done.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            (
                'trigger = { family = "langvarig", level = 2 }',
                'trigger = { family = "langvarig", level = 4 }',
            ),
            "ladder step langvarig-utredning: the signals raise langvarig to level 3 only",
        ),
        (
            (
                'trigger = { family = "langvarig", level = 1 }',
                'trigger = { family = "eskalering" }',
            ),
            "ladder step langvarig-kontakt: the signals raise no warning of eskalering",
        ),
        (
            (
                'trigger = { family = "langvarig", level = 1 }',
                'trigger = { family = "eskalering" }',
            ),
            "no ladder step begins when langvarig reaches level 1",
        ),
    ],
)
def test_rules_check_warns_where_the_parts_do_not_meet(
    tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    file = tmp_path / "own.toml"
    text = TRIAL_FILE.read_text("utf-8")
    assert change[0] in text
    file.write_text(text.replace(*change, 1), "utf-8")
    done = CliRunner().invoke(rules, ["check", str(file)])
    assert done.exit_code == 0
    assert f"{file}: warning: {words}" in done.output
    assert "It can be used." in done.output
