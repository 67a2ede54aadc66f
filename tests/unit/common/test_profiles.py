"""The ladder part of a profile is read, or refused with its field and reason."""

from __future__ import annotations

import pytest

from services.common.profiles import After, Clock, LadderError, Trigger, parse_ladder
from tests.trial import TRIAL


def test_a_ladder_is_read() -> None:
    ladder = parse_ladder(TRIAL)
    step = ladder.step("langvarig", 3)
    assert step is not None
    assert (step.id, step.owner) == ("langvarig-utredning", "principal")
    assert ladder.step("strofranvaro", 1) != ladder.step("strofranvaro", 2)
    assert ladder.step("orapporterat", 1) is None
    assert parse_ladder(b"").steps == []


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        ('owner = "principal"', 'owner = "rektor"', "owner", "mentor"),
        ("clock = { school_days = 2 }", "clock = {}", "clock", "give one of school_days"),
        ("clock = { school_days = 2 }", "clock = { school_days = 0 }", "clock", "greater"),
        (
            "clock = { school_days = 2 }",
            "clock = { school_days = 2, months = 1 }",
            "clock",
            "give one of",
        ),
        (
            'trigger = { family = "langvarig", level = 1 }',
            "trigger = { level = 1 }",
            "trigger",
            "give family and level, or case_state",
        ),
        (
            'trigger = { family = "langvarig", level = 1 }',
            'trigger = { case_state = "open", level = 1 }',
            "trigger",
            "a level goes with a family",
        ),
        (
            "clock = { school_days = 2 }",
            'after = { step = "langvarig-utredning", counted_from = "done" }',
            "ladder",
            "no step that stands above it",
        ),
        ("clock = { school_days = 2 }", 'tasks = ["ring hem", " "]', "tasks.1", "pattern"),
        ('id = "langvarig-kontakt"', 'id = "langvarig-utredning"', "ladder", "stands twice"),
        ('recipients = ["mentor"]', "recipients = []", "recipients", "at least 1"),
        ('recipients = ["mentor"]', 'recipient = "mentor"', "recipient", ""),
        ('level = 2 }\ncase_state = "inv', 'level = "2" }\ncase_state = "inv', "level", "integer"),
    ],
)
def test_what_is_refused(old: str, new: str, field: str, reason: str) -> None:
    text = TRIAL.decode()
    assert old in text
    with pytest.raises(LadderError) as refused:
        parse_ladder(text.replace(old, new, 1).encode())
    assert field in refused.value.field
    assert reason in refused.value.reason


def test_what_is_no_toml() -> None:
    with pytest.raises(LadderError, match="line 1"):
        parse_ladder(b"[ladder\nsteps = []")
    with pytest.raises(LadderError, match="UTF-8"):
        parse_ladder(b"\xff")


def test_everything_that_is_wrong_is_told() -> None:
    text = TRIAL.decode().replace('owner = "attendance_officer"', 'owner = "rektor"')
    with pytest.raises(LadderError) as refused:
        parse_ladder(text.encode())
    found = [refused.value, *refused.value.others]
    assert [one.field for one in found] == [f"ladder.steps.{i}.owner" for i in range(4)]


def test_a_step_that_follows_on_another_is_not_begun_by_a_warning_alone() -> None:
    more = """
[[ladder.steps]]
id = "langvarig-orosanmalan"
title = "Orosanmälan"
trigger = { family = "langvarig", level = 2 }
after = { step = "langvarig-utredning", counted_from = "done", wait = { calendar_days = 21 } }
owner = "principal"
repeat = { months = 1 }
recipients = ["principal"]
tasks = ["Pröva nya åtgärder och följ upp dem"]
source = "Danderyd, Åtgärdstrappan steg 4"

[[ladder.steps]]
id = "hemkommun"
trigger = { case_state = "investigation" }
owner = "principal"
clock = { working_days = 5 }
recipients = ["principal"]
source = "Stockholm"
"""
    ladder = parse_ladder(TRIAL + more.encode())
    *_, follows, municipality = ladder.steps
    assert follows.after == After(
        step="langvarig-utredning", counted_from="done", wait=Clock(calendar_days=21)
    )
    assert follows.repeat == Clock(months=1)
    assert municipality.trigger == Trigger(case_state="investigation")
    step = ladder.step("langvarig", 2)
    assert step is not None
    assert step.id == "langvarig-utredning"


def test_tasks_come_back_at_an_interval_or_in_named_weeks_but_not_both() -> None:
    step = """
[[ladder.steps]]
id = "avstamning"
trigger = { case_state = "reported" }
owner = "principal"
recipients = ["principal"]
source = "x"
weeks = [11, 41]
"""
    assert parse_ladder(step.encode()).steps[0].weeks == [11, 41]
    with pytest.raises(LadderError, match="not both"):
        parse_ladder(f"{step}repeat = {{ months = 1 }}\n".encode())
    for week in ("0", "54"):
        with pytest.raises(LadderError):
            parse_ladder(step.replace("11", week).encode())
