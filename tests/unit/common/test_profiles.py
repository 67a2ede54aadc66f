"""The ladder part of a profile is read, or refused with its field and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common.profiles import LadderError, parse_ladder

STANDARD = (
    Path(__file__).parents[3] / "services" / "ews" / "profiles" / "standard.toml"
).read_bytes()


def test_the_standard_ladder() -> None:
    ladder = parse_ladder(STANDARD)
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
        ("clock = { school_days = 2 }", "clock = {}", "clock", "give school_days"),
        ("clock = { school_days = 2 }", "clock = { school_days = 0 }", "clock", "greater"),
        ('id = "langvarig-kontakt"', 'id = "langvarig-utredning"', "ladder", "stands twice"),
        ('recipients = ["mentor"]', "recipients = []", "recipients", "at least 1"),
        ('recipients = ["mentor"]', 'recipient = "mentor"', "recipient", ""),
        ('level = 2 }\ncase_state = "inv', 'level = "2" }\ncase_state = "inv', "level", "integer"),
    ],
)
def test_what_is_refused(old: str, new: str, field: str, reason: str) -> None:
    text = STANDARD.decode()
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
