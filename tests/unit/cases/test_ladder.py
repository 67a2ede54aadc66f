"""Municipalities' ladders run over a case: what each step asks for, from when and by when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from services.cases.domain.ladder import LadderDuty, Spell, Told, run
from services.cases.domain.workdays import SchoolCalendar
from services.common.profiles import Ladder, parse_ladder

PROFILES = Path(__file__).parents[3] / "services" / "ews" / "profiles"
CALENDAR = SchoolCalendar(
    terms=((date(2026, 8, 18), date(2026, 12, 18)), (date(2027, 1, 11), date(2027, 6, 11)))
)
TUESDAY = date(2026, 9, 1)


def shipped(name: str) -> Ladder:
    return parse_ladder((PROFILES / f"{name}.toml").read_bytes())


def asked(
    ladder: Ladder,
    today: date,
    *,
    spells: tuple[Spell, ...] = (),
    told: tuple[Told, ...] = (),
    done: dict[tuple[str, str], date] | None = None,
) -> dict[str, LadderDuty]:
    found = run(ladder, spells, told, done or {}, calendar=CALENDAR, today=today)
    assert len({(one.step.id, one.occurrence) for one in found}) == len(found)
    return {f"{one.step.id}/{one.occurrence}": one for one in found}


def sporadic(level: int = 1, level_day: date = TUESDAY, over: date | None = None) -> Spell:
    return Spell("sporadic", level, TUESDAY, level_day, over)


def test_danderyd_two_two_three_three_weeks_and_then_every_month() -> None:
    ladder = shipped("danderyd")
    long = sporadic(2, TUESDAY + timedelta(days=20))
    done: dict[tuple[str, str], date] = {}

    now = asked(ladder, TUESDAY, spells=(sporadic(),))
    assert set(now) == {"steg-1/1"}
    assert now["steg-1/1"].due == date(2026, 9, 15)

    # Step 2 begins two weeks after step 1 began, whether or not that was done.
    now = asked(ladder, date(2026, 9, 15), spells=(sporadic(),))
    assert (now["steg-2/1"].begun, now["steg-2/1"].due) == (date(2026, 9, 15), date(2026, 9, 29))
    assert "steg-2/1" not in asked(ladder, date(2026, 9, 14), spells=(sporadic(),))

    # Step 3 begins two weeks after step 2 was done, if the absence is at the second level.
    done["steg-2", "1"] = date(2026, 9, 25)
    assert "steg-3/1" not in asked(ladder, date(2026, 10, 8), spells=(long,), done=done)
    now = asked(ladder, date(2026, 10, 9), spells=(long,), done=done)
    assert (now["steg-3/1"].begun, now["steg-3/1"].due) == (date(2026, 10, 9), date(2026, 10, 30))
    assert "steg-3/1" not in asked(ladder, date(2026, 10, 9), spells=(sporadic(),), done=done)

    # Step 4 three weeks after step 3 was done, and then every month until the case is closed.
    done["steg-3", "1"] = date(2026, 10, 30)
    now = asked(ladder, date(2026, 11, 20), spells=(long,), done=done)
    assert (now["steg-4/1"].begun, now["steg-4/1"].due) == (date(2026, 11, 20), date(2026, 12, 21))
    # Undone it waits; it does not heap up.
    assert set(asked(ladder, date(2027, 3, 1), spells=(long,), done=done)) == {
        "steg-1/1", "steg-2/1", "steg-3/1", "steg-4/1",
    }  # fmt: skip
    done["steg-4", "1"] = date(2026, 12, 15)
    now = asked(ladder, date(2026, 12, 21), spells=(long,), done=done)
    assert (now["steg-4/2"].begun, now["steg-4/2"].due) == (date(2026, 12, 21), date(2027, 1, 21))


def test_a_step_that_follows_begins_when_the_absence_grows_worse_a_day_late() -> None:
    done = {("steg-2", "1"): date(2026, 9, 25)}
    late = sporadic(2, date(2026, 10, 12))
    now = asked(shipped("danderyd"), date(2026, 10, 12), spells=(late,), done=done)
    assert now["steg-3/1"].begun == date(2026, 10, 12)


def test_a_step_that_follows_does_not_begin_when_the_absence_is_over() -> None:
    over = sporadic(over=date(2026, 9, 10))
    assert set(asked(shipped("danderyd"), date(2026, 10, 1), spells=(over,))) == {"steg-1/1"}


def test_nobody_is_late_with_what_nobody_could_know() -> None:
    ladder = shipped("danderyd")
    # The absence of 1 September was read in, and told of, on Monday 5 October.
    late = Spell("sporadic", 1, TUESDAY, TUESDAY, None, date(2026, 10, 5), date(2026, 10, 5))
    now = asked(ladder, date(2026, 10, 5), spells=(late,))
    assert (now["steg-1/1"].begun, now["steg-1/1"].due) == (date(2026, 10, 5), date(2026, 10, 19))
    # It was over before anybody was told of it.
    over = replace(late, over=date(2026, 9, 10))
    assert asked(ladder, date(2026, 10, 5), spells=(over,)) == {}
    # The second level was told of later than the first.
    worse = Spell("sporadic", 2, TUESDAY, TUESDAY + timedelta(1), None, TUESDAY, date(2026, 10, 5))
    done = {("steg-2", "1"): TUESDAY}
    now = asked(ladder, date(2026, 10, 5), spells=(worse,), done=done)
    assert now["steg-1/1"].begun == TUESDAY
    assert now["steg-3/1"].begun == date(2026, 10, 5)


def test_no_step_begins_before_the_case_is_awake() -> None:
    found = run(
        shipped("danderyd"), (sporadic(),), (), {}, calendar=CALENDAR, today=date(2026, 10, 5),
        awake=date(2026, 10, 5),
    )  # fmt: skip
    assert [(one.step.id, one.begun) for one in found] == [("steg-1", date(2026, 10, 5))]


def test_stockholm_five_working_days_and_one_month_from_the_opened_investigation() -> None:
    opened = Told("investigation", date(2026, 12, 21))
    now = asked(shipped("stockholm"), date(2026, 12, 21), told=(opened,))
    # Christmas between; 21 January 2027 is a Thursday.
    assert now["forsta-blanketten/1"].due == date(2026, 12, 30)
    assert now["andra-blanketten/1"].due == date(2027, 1, 21)
    assert "stallning-upprepad/1" not in now


def test_a_step_with_tasks_and_no_clock_has_our_limit_and_says_so() -> None:
    now = asked(shipped("stockholm"), TUESDAY, spells=(sporadic(),))
    assert set(now) == {"stallning-upprepad/1"}
    assert now["stallning-upprepad/1"].ours
    assert now["stallning-upprepad/1"].due == date(2026, 9, 8)


def test_a_step_that_is_only_told_asks_for_nothing() -> None:
    today = Spell("unexcused_today", 1, TUESDAY, TUESDAY, None)
    assert asked(shipped("danderyd"), TUESDAY, spells=(today,)) == {}


def test_lidingo_weeks_11_and_41_until_the_case_is_closed() -> None:
    reported = Told("reported", date(2026, 9, 1))
    ladder = shipped("lidingo")
    assert asked(ladder, date(2026, 10, 4), told=(reported,)).keys() == {"anmalan/1"}
    now = asked(ladder, date(2026, 10, 5), told=(reported,))
    assert (now["avstamning/2026-v41"].begun, now["avstamning/2026-v41"].due) == (
        date(2026, 10, 5),
        date(2026, 10, 9),
    )
    now = asked(ladder, date(2027, 3, 15), told=(reported,))
    assert now["avstamning/2027-v11"].due == date(2027, 3, 19)
    # Reported on the Wednesday of week 41: that week still asks.
    wednesday = Told("reported", date(2026, 10, 7))
    now = asked(ladder, date(2026, 10, 7), told=(wednesday,))
    assert now["avstamning/2026-v41"].begun == date(2026, 10, 7)
    # After its Friday it does not.
    sunday = Told("reported", date(2026, 10, 11))
    assert "avstamning/2026-v41" not in asked(ladder, date(2026, 12, 1), told=(sunday,))


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.toml")), ids=lambda p: p.stem)
def test_every_shipped_ladder_runs(path: Path) -> None:
    ladder = parse_ladder(path.read_bytes())
    spells = tuple(
        Spell(family, 3, TUESDAY, TUESDAY, None)
        for family in ("sporadic", "long_term", "escalation")
    )
    told = tuple(
        Told(state, TUESDAY + timedelta(days=n))
        for n, state in enumerate(("open", "investigation", "reported", "intervention"))
    )
    for one in run(ladder, spells, told, {}, calendar=CALENDAR, today=date(2027, 6, 1)):
        assert one.due >= one.begun
