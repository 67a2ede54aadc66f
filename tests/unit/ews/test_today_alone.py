"""ogiltig_idag by itself: whom a change concerns, and what a day with invalid absence makes."""

from __future__ import annotations

import numpy as np
import pytest

from forvarning.facts.v1 import facts_pb2 as f
from services.ews.core import days
from services.ews.core.bucket import Bucket
from services.ews.core.partition import ANY_DAY, Dirty, Touched
from services.ews.core.pupils import Thread
from services.ews.core.rule import TODAY
from services.ews.core.today import Today
from services.ews.core.units import Profiles
from services.ews.core.year import Year
from tests.unit.ews.facts import HOME, ORGANISER, OTHER_UNIT, START, UNIT, School, name
from tests.unit.ews.toml import profile, rule

LATER, LATEST = START + 1, START + 2
LAST_YEAR = START - 200


def told_by(*rules: str) -> bytes:
    return profile(
        *(rule("ogiltig_idag", f'measure = "minutes"; resolve =; {one}') for one in rules)
    )


ANY = told_by('metric = "invalid"; threshold = 1')


class Class:
    """A bucket of four pupils whose days are written down as sums."""

    def __init__(self, content: bytes = ANY, **scope: object) -> None:
        self.bucket = Bucket("k", ORGANISER, HOME, 0)
        self.school = School()
        for pupil in range(4):
            self.bucket.pupils[self.bucket.row(name(pupil, "pupil"))].place(
                f.Fact.FromString(self.school.placement(pupil, LAST_YEAR)).placement
            )
        self.year: Year = self.bucket.year(2026)
        self.profiles = Profiles()
        activated = f.Fact.FromString(self.school.profile(content, **scope)).profile_activated  # type: ignore[arg-type]
        self.profiles.add(activated, content)
        self.dirty = Dirty()

    def away(self, row: int, day: int, unexplained: int = 0, confirmed: int = 0) -> None:
        self.year.day(day)[days.UNEXPLAINED, row] = unexplained
        self.year.day(day)[days.CONFIRMED, row] = confirmed

    def touch(self, row: int, day: int) -> None:
        self.dirty.touches.append((np.array([row]), day, (0, 0)))

    def today(self) -> Today:
        touched = Touched.of(self.dirty, len(self.bucket.pupils))
        return Today(self.bucket, self.dirty, touched, self.profiles)

    def unexcused(self) -> list[int]:
        return np.nonzero(self.today().unexcused(self.year))[0].tolist()

    def raised(self, row: int, *, anew: bool = False) -> tuple[list[int], bool]:
        spells, news = self.today().spells(self.bucket.pupils[row], row, self.year, anew=anew)
        return [spell.raised_day for spell in spells], news

    def may_differ(self, row: int) -> bool:
        return self.today().may_differ(self.bucket.pupils[row], row, self.year)

    def publish(self, row: int) -> None:
        thread = Thread(b"t", 1, incomplete=False, episodes=[])
        self.bucket.pupils[row].threads[TODAY, 2026] = thread


@pytest.fixture
def group() -> Class:
    """Absent on START: 0 one minute unexplained, 1 confirmed, 2 as much of both; 3 nowhere."""
    found = Class()
    found.away(0, START, 1, 0)
    found.away(1, START, 0, 1)
    found.away(2, START, 5, 5)
    return found


def test_a_change_concerns_whoever_has_invalid_absence_on_the_day(group: Class) -> None:
    assert group.unexcused() == []
    for row in (0, 1, 3):
        group.touch(row, START)
    assert group.unexcused() == [0, 1]
    group.touch(2, LATER)  # no absence there
    assert group.unexcused() == [0, 1]
    group.away(2, LATER, 3, 3)
    assert group.unexcused() == [0, 1, 2]


def test_a_change_that_may_be_of_any_day_concerns_whoever_has_any(group: Class) -> None:
    for row in (1, 2, 3):
        group.touch(row, ANY_DAY)
    group.touch(0, START)
    assert group.unexcused() == [0, 1, 2]


def test_a_change_of_another_school_year_concerns_nobody(group: Class) -> None:
    for row in range(4):
        group.touch(row, LAST_YEAR)
    assert group.unexcused() == []


def test_when_everything_is_judged_anew_it_is_all_who_have_any(group: Class) -> None:
    group.dirty.everything = True
    group.touch(0, START)
    assert group.unexcused() == [0, 1, 2]


def test_only_a_day_that_was_told_of_may_be_told_otherwise(group: Class) -> None:
    assert group.may_differ(0)  # nothing is known yet
    group.raised(0)
    assert not group.may_differ(0)
    group.touch(0, LATER)
    group.touch(1, START)
    assert not group.may_differ(0)
    group.touch(0, START)
    assert group.may_differ(0)
    group.raised(1)
    group.raised(2)
    assert group.may_differ(1)
    assert not group.may_differ(2)
    group.touch(2, ANY_DAY)
    assert group.may_differ(2)
    group.raised(3)
    assert not group.may_differ(3)
    group.dirty.everything = True
    assert group.may_differ(3)


def test_each_day_with_enough_is_an_episode_and_a_change_looks_at_its_days_only(
    group: Class,
) -> None:
    group.away(0, LATEST, 10)
    assert group.raised(0) == ([START, LATEST], True)
    group.publish(0)
    assert group.raised(0) == ([START, LATEST], False)
    # What nobody said has changed is not looked at.
    group.away(0, START, 0)
    group.away(0, LATER, 10)
    assert group.raised(0) == ([START, LATEST], False)
    group.touch(0, LATER)
    assert group.raised(0) == ([START, LATER, LATEST], True)
    assert group.raised(0) == ([START, LATER, LATEST], False)
    group.touch(0, START)
    assert group.raised(0) == ([LATER, LATEST], True)
    assert group.raised(0, anew=True) == ([LATER, LATEST], True)
    # Days before and after what is kept of the year are none of it; nor are another's.
    for day in (group.year.start - 1, group.year.start + len(group.year.sums)):
        group.touch(0, day)
    group.touch(1, LATEST)
    assert group.raised(0) == ([LATER, LATEST], False)
    assert group.raised(3) == ([], True)


def test_the_first_day_of_the_year_is_one_of_it(group: Class) -> None:
    group.raised(3)
    group.publish(3)
    group.away(3, group.year.start, 5)
    group.touch(3, group.year.start)
    assert group.raised(3) == ([group.year.start], True)


def test_one_change_of_several_is_news(group: Class) -> None:
    group.raised(0)
    group.publish(0)
    group.touch(0, LATER)
    group.touch(0, START)  # as it was
    group.away(0, LATER, 5)
    assert group.raised(0) == ([START, LATER], True)


LEVELS = (
    'id = "low"; level = 2; metric = "invalid"; threshold = 30',
    'id = "lower"; level = 1; metric = "invalid"; threshold = 10',
    'id = "same"; level = 2; metric = "invalid"; threshold = 20',
    'id = "high"; level = 3; metric = "unexplained"; threshold = 40; comparator = ">"',
)


@pytest.mark.parametrize(
    ("unexplained", "confirmed", "told"),
    [
        (9, 0, None),
        (10, 0, "lower"),
        (0, 10, "lower"),
        (5, 15, "same"),
        (15, 15, "low"),  # the first of equal level explains it
        (40, 60, "low"),
        (41, 0, "high"),
    ],
)
def test_the_highest_rule_that_fires_holds_the_day(
    unexplained: int, confirmed: int, told: str | None
) -> None:
    group = Class(told_by(*LEVELS))
    group.away(0, START, unexplained, confirmed)
    spells, _ = group.today().spells(group.bucket.pupils[0], 0, group.year, anew=False)
    assert [spell.rule.rule_id for spell in spells] == ([told] if told else [])
    for spell in spells:
        assert (spell.raised_day, spell.level_day) == (START, START)
        assert spell.level == spell.rule.level
        assert spell.profile.profile_id == "prov"


@pytest.mark.parametrize(
    ("scope", "fires"),
    [
        ({"units": [UNIT]}, True),
        ({"units": [OTHER_UNIT]}, False),
        ({"forms": [f.SCHOOL_FORM_COMPULSORY]}, True),
        ({"forms": [f.SCHOOL_FORM_UPPER_SECONDARY]}, False),
        ({"valid_from": START}, True),
        ({"valid_from": LATER}, False),
    ],
)
def test_it_is_judged_by_the_profile_of_the_day_the_unit_and_the_form(
    scope: dict[str, object], fires: bool
) -> None:
    group = Class(ANY, **scope)
    group.away(0, START, 60)
    assert group.raised(0)[0] == ([START] if fires else [])
