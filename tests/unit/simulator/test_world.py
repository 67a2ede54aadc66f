"""Calendar, identities, timetable and roster of the made-up municipality."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest

from bench.simulator import calendar, contract, names
from bench.simulator.build import build, first_date
from bench.simulator.config import SimulatorConfig
from bench.simulator.world import World

TODAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def world() -> World:
    return build(SimulatorConfig(seed=3, pupils=1200, today=TODAY))


@pytest.mark.parametrize("year", range(2020, 2040))
def test_a_school_year_keeps_the_law(year: int) -> None:
    """7 kap. 17 §: at most 190 days, never at weekends or on public holidays."""
    found = calendar.school_year(year)
    days = found.days()
    assert 165 <= len(days) <= calendar.MAX_SCHOOL_DAYS
    assert all(day.weekday() < 5 for day in days)
    fixed = {(1, 1), (1, 6), (5, 1), (6, 6), (12, 25), (12, 26)}
    assert not [day for day in days if (day.month, day.day) in fixed]
    assert not [day for day in days if day.isocalendar().week in (44, 8)]
    autumn, spring = found.terms
    assert autumn.first.month == 8
    assert autumn.last.month == 12
    assert spring.first.month == 1
    assert spring.last.month == 6
    assert found.term_of(autumn.last) == 0
    assert found.term_of(spring.first) == 1


def test_the_school_year_of_the_demo() -> None:
    found = calendar.school_year(2026)
    assert found.terms[0] == calendar.Span(date(2026, 8, 18), date(2026, 12, 18), "HT2026")
    assert found.terms[1] == calendar.Span(date(2027, 1, 11), date(2027, 6, 11), "VT2027")
    days = found.days()
    assert TODAY in days
    # Långfredag, annandag påsk, Kristi himmelsfärd and the Friday after it.
    for free in (date(2027, 3, 26), date(2027, 3, 29), date(2027, 5, 6), date(2027, 5, 7)):
        assert free not in days
    # The clocks change on the Sundays before these Mondays: one in a lov, one not.
    assert date(2026, 10, 26) not in days
    assert calendar.school_year(2023).days().count(date(2024, 4, 2)) == 1


def test_study_days_differ_by_unit_and_never_fall_on_a_tuesday(world: World) -> None:
    spans = [unit.study_days for unit in world.units]
    assert len({tuple(own) for own in spans}) == len(spans)
    for own in spans:
        assert len(own) == 5
        weeks = Counter(span.first.isocalendar()[:2] for span in own)
        assert max(weeks.values()) == 1
        assert all(span.first in world.days and span.first.weekday() != 1 for span in own)


def test_identities_are_test_identities(world: World) -> None:
    """Birth numbers 980–999 belong to nobody; addresses and numbers are reserved ones."""
    numbers = [pupil.civic_no for pupil in world.pupils if pupil.civic_no]
    assert len(numbers) == len(set(numbers))
    for pupil in world.pupils:
        if pupil.civic_no is None:
            assert pupil.newcomer
            continue
        assert pupil.civic_no.startswith(pupil.born.strftime("%Y%m%d"))
        assert 980 <= int(pupil.civic_no[8:11]) <= 999
        assert int(pupil.civic_no[10]) % 2 == (0 if pupil.female else 1)
        assert names.check_digit(pupil.civic_no[2:11]) == int(pupil.civic_no[11])
    text = json.dumps(contract.roster(world, TODAY), ensure_ascii=False)
    domains = {part.split('"')[0] for part in text.split("@")[1:]}
    assert domains == {"example.org", "example.net", "example.com"}


@pytest.mark.parametrize(("nine", "digit"), [("811228987", 4), ("640823323", 4)])
def test_check_digits(nine: str, digit: int) -> None:
    assert names.check_digit(nine) == digit


def test_a_full_date_moves_the_birthday_instead_of_repeating_a_number() -> None:
    civic = names.CivicNumbers()
    taken = [civic.take(date(2013, 4, 5), female=True) for _ in range(25)]
    assert len({number for _, number in taken}) == 25
    assert {born for born, _ in taken} == {date(2013, 4, 5 + extra) for extra in range(3)}


def test_everybody_has_a_place_and_somebody_to_turn_to(world: World) -> None:
    assert len(world.pupils) == 1200
    assert {unit.school_form for unit in world.units} == {"GR", "GY"}
    roles = {(duty.role, duty.unit) for duty in world.duties if not duty.substitute}
    for unit in world.units:
        assert ("principal", unit.id) in roles
        assert ("student_health", unit.id) in roles
    without = [u.id for u in world.units if ("attendance_officer", u.id) not in roles]
    assert without == [world.units[-1].id]
    mentored = {duty.school_class for duty in world.duties if duty.role == "mentor"}
    assert mentored == {school_class.id for school_class in world.classes}
    assert any(duty.substitute for duty in world.duties)
    assert any(duty.grades for duty in world.duties)
    logins = [member.login for member in world.staff]
    assert len(logins) == len(set(logins))
    moved = [pupil for pupil in world.pupils if len(pupil.stays) > 1]
    assert moved
    assert all(pupil.stays[0].end == pupil.stays[1].first for pupil in moved)
    units = [[world.classes[stay.school_class].unit for stay in pupil.stays] for pupil in moved]
    assert any(first != second for first, second in units)
    assert {pupil.protection for pupil in world.pupils} >= {"none", "confidential"}
    families = Counter(key for pupil in world.pupils for key in pupil.guardians)
    assert families.most_common(1)[0][1] > 1


def test_no_pupil_is_in_two_lessons_at_once(world: World) -> None:
    checked = 0
    for pupil in world.pupils[::7]:
        own = int(world.class_of[pupil.index, 40])
        if own < 0 or len(pupil.stays) > 1:
            continue
        for weekday in range(5):
            spans = sorted(
                (lesson.start_minute, lesson.start_minute + lesson.length)
                for lesson in world.lessons
                if lesson.weekday == weekday and pupil.index in world.members.get(lesson.group, ())
            )
            assert all(a[1] <= b[0] for a, b in pairwise(spans))
            assert len(spans) == int((world.slot_length[own, weekday] > 0).sum())
            checked += 1
    assert checked > 500


def test_the_roster_knows_no_future(world: World) -> None:
    mover = next(p for p in world.pupils if len(p.stays) > 1)
    when = mover.stays[1].first
    before = contract.roster(world, when - timedelta(days=1))
    after = contract.roster(world, when)
    (early,) = (p for p in before["pupils"] if p["id"] == mover.id)
    (late,) = (p for p in after["pupils"] if p["id"] == mover.id)
    assert [span["to"] for span in early["placements"]] == [None]
    assert [span["to"] for span in late["placements"]] == [when.isoformat(), None]
    joiner = next(p for p in world.pupils if p.in_roster_from > p.stays[0].first)
    known = contract.roster(world, joiner.in_roster_from - timedelta(days=1))
    assert joiner.id not in {p["id"] for p in known["pupils"]}
    assert when in contract.roster_dates(world)


def test_the_same_seed_gives_the_same_municipality() -> None:
    config = SimulatorConfig(seed=11, pupils=200, today=TODAY)
    first, second = (contract.roster(build(config), TODAY) for _ in range(2))
    assert first == second
    other = contract.roster(build(SimulatorConfig(seed=12, pupils=200, today=TODAY)), TODAY)
    assert other != first


@pytest.mark.parametrize(("today", "year"), [(date(2026, 7, 1), 2026), (date(2026, 6, 30), 2025)])
def test_the_school_year_turns_on_1_july(today: date, year: int) -> None:
    assert SimulatorConfig(today=today).school_year == year


def test_weeks_of_history_leave_out_weeks_without_school(world: World) -> None:
    assert first_date(world, 0) == date(2026, 11, 23)
    assert first_date(world, 3) == date(2026, 11, 2)
    assert first_date(world, 4) == date(2026, 10, 19), "week 44 is höstlov"
    assert first_date(world, 100) == world.days[0]


@pytest.mark.parametrize(("change", "field"), [({"pupils": 10}, "pupils"), ({"seed": -1}, "seed")])
def test_impossible_configurations_name_the_field(change: dict[str, int], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        SimulatorConfig(**change)  # type: ignore[arg-type]  # the point of the test
