"""Whom a case stands with."""

from __future__ import annotations

import random
from datetime import date
from uuid import UUID

import pytest

from services.cases.domain.assignment import Duty, Place, assign, covers, holder
from tests.unit.cases.make import CLASS, TUESDAY, UNIT, duty

AREA, OTHER = UUID(int=50), UUID(int=51)
PLACE = Place(UNIT, CLASS, 7, AREA)


def chosen(*duties: Duty) -> UUID | None:
    """The choice, which must not depend on the order of the duties."""
    found: set[UUID | None] = set()
    for _ in range(10):
        result = assign(random.sample(duties, len(duties)), PLACE, TUESDAY)
        found.add(result.staff_id if result else None)
    assert len(found) == 1
    return found.pop()


def test_the_narrower_duty_wins() -> None:
    steps = [
        duty(group_id=CLASS),
        duty(grades=frozenset({7, 8})),
        duty(),
        duty(school_unit_id=None, area_id=AREA),
        duty(school_unit_id=None),
    ]
    for first in range(len(steps)):
        assert chosen(*steps[first:]) == steps[first].staff_id


def test_a_substitute_steps_in_on_the_step_where_the_ordinary_is_missing() -> None:
    ordinary, substitute = duty(), duty(substitute=True)
    assert chosen(ordinary, substitute) == ordinary.staff_id
    ended = duty(valid_to=TUESDAY)
    assert chosen(ended, substitute) == substitute.staff_id
    # A substitute for the class comes before the unit's ordinary.
    narrow = duty(group_id=CLASS, substitute=True)
    assert chosen(ordinary, narrow) == narrow.staff_id


def test_rektor_only_where_no_attendance_officer_is() -> None:
    rektor = duty("principal")
    assert chosen(rektor, duty(school_unit_id=None)) != rektor.staff_id
    assert chosen(rektor, duty(school_unit_id=OTHER)) == rektor.staff_id
    assert chosen(duty("mentor"), duty("coordinator"), duty("student_health")) is None
    assert chosen() is None


def test_equal_duties_are_decided_alike_everywhere() -> None:
    older, younger = duty(valid_from=date(2026, 8, 1)), duty(valid_from=date(2026, 9, 1))
    assert chosen(older, younger) == older.staff_id
    twins = [duty(), duty()]
    assert chosen(*twins) == min(twins, key=lambda held: held.duty_id).staff_id


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (duty(valid_from=TUESDAY), True),
        (duty(valid_from=date(2026, 11, 25)), False),
        (duty(valid_to=TUESDAY), False),
        (duty(valid_to=date(2026, 11, 25)), True),
        (duty(group_id=OTHER), False),
        (duty(grades=frozenset({8})), False),
        (duty(school_unit_id=OTHER), False),
        (duty(school_unit_id=None, area_id=OTHER), False),
        (duty(school_unit_id=None, group_id=CLASS), True),
        (duty(area_id=OTHER), True),
    ],
)
def test_what_a_duty_covers(held: Duty, expected: bool) -> None:
    assert covers(held, PLACE, TUESDAY) is expected


def test_a_clock_stands_with_whom_the_case_stands_with() -> None:
    # A duty for the class is as narrow with its unit named as without.
    ordinary = duty(school_unit_id=None, group_id=CLASS)
    substitute = duty(group_id=CLASS, substitute=True)
    for known in ([ordinary, substitute], [substitute, ordinary]):
        assert holder(known, "attendance_officer", PLACE, TUESDAY) == ordinary
        assigned = assign(known, PLACE, TUESDAY)
        assert assigned is not None
        assert assigned.staff_id == ordinary.staff_id
    assert holder([ordinary], "principal", PLACE, TUESDAY) is None


def test_a_pupil_whose_grade_is_unknown_is_not_covered_by_a_grade() -> None:
    assert not covers(duty(grades=frozenset({7})), Place(UNIT, None, None, None), TUESDAY)
