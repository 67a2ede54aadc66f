"""Each place of a unit's day against the rest of the same classes' day."""

from __future__ import annotations

import pytest

from forvarning.school.v1 import school_pb2 as pb
from services.ews.core.cells import WHOLE, Place, Seen, of_class, seen
from services.ews.core.unitdays import UNIT, UnitDays
from services.ews.core.waves import Found, is_the_units, waves
from tests.unit.ews.facts import START
from tests.unit.ews.school_world import A, B, SchoolWorld

#: Two half classes at eight, a double lesson of mathematics, one lesson after noon.
LESSONS = ((8, "Franska"), (8, "Matematik"), (11, "Matematik"), (12, "Svenska"), (14, "Idrott"))
WORLD = SchoolWorld({A: 20, B: 10}, {A: LESSONS, B: LESSONS[:1]})


def subject(name: str) -> Place:
    return Place(pb.SIGNAL_SCOPE_SUBJECT, subject=name)


def slot(which: pb.Slot) -> Place:
    return Place(pb.SIGNAL_SCOPE_SLOT, slot=which)


def places(**said: object) -> dict[Place, Seen]:
    unit = UnitDays()
    unit.take(WORLD.row(START, **said))  # type: ignore[arg-type]
    return seen(unit, START, waves(unit, START))


def test_a_subject_against_the_rest_of_the_day() -> None:
    found = places(skips={(A, 8): range(3), (A, 11): range(4), (A, 12): range(2)})
    # Of mathematics one lesson stands for the day, the earlier of two as large; neither is rest.
    assert found[subject("Matematik")] == Seen(20, 3, 1000 * 20 * 5 // 60, 20, 2400, 2400)
    assert found[subject("Svenska")] == Seen(20, 2, 1000 * 20 * 10 // 80, 20, 1200, 1200)
    # Class B has French only: there is nothing to compare with, but it is reported.
    assert found[subject("Franska")] == Seen(20, 3, 1000 * 20 * 9 // 80, 30, 1800, 1800)


def test_the_slots_of_the_day() -> None:
    found = places(skips={(A, 8): range(3), (A, 12): range(2), (A, 14): range(6)})
    assert found[slot(pb.SLOT_FIRST)] == Seen(40, 6, 1000 * 40 * 8 // 60)
    assert found[slot(pb.SLOT_LAST)] == Seen(20, 6, 1000 * 20 * 8 // 80)
    # Eleven and twelve are both around lunch; the earlier of two as large stands for them.
    assert found[slot(pb.SLOT_LUNCH)] == Seen(20, 0, 1000 * 20 * 12 // 60)


def test_a_class_against_the_others() -> None:
    found = places(skips={(A, 8): range(3), (B, 8): [0]})
    assert found[of_class(A)] == Seen(20, 3, 1000 * 20 * 1 // 10, 20, 6000, 6000)
    assert found[of_class(B)] == Seen(10, 1, 1000 * 10 * 3 // 20, 10, 600, 600)
    assert found[WHOLE] == Seen(people=30, offered=6600, reported=6600)


def test_unreported_lessons_are_neither_present_nor_absent() -> None:
    found = places(skips={(A, 12): range(2)}, silent=[(A, 11), (A, 14)])
    assert found[subject("Idrott")] == Seen(0, 0, 0, 20, 1200, 0)
    assert found[subject("Svenska")] == Seen(20, 2, 0, 20, 1200, 1200)
    assert found[subject("Matematik")] == Seen(20, 0, 1000 * 20 * 2 // 40, 20, 2400, 1200)
    assert found[of_class(A)] == Seen(12, 2, 0, 20, 6000, 3600)


def test_a_class_with_a_wave_is_left_out_but_its_reporting_counts() -> None:
    found = places(valid={A: range(12)}, skips={(B, 8): range(2)})
    assert found[of_class(A)] == Seen(0, 0, 0, 20, 6000, 6000)
    assert found[of_class(B)] == Seen(0, 0, 0, 10, 600, 600)
    assert found[subject("Svenska")] == Seen(0, 0, 0, 20, 1200, 1200)
    assert slot(pb.SLOT_FIRST) not in found


@pytest.mark.parametrize(("size", "compared"), [(4, False), (5, True)])
def test_fewer_than_five_are_no_measure_for_others(size: int, compared: bool) -> None:
    """Neither a class for another one, nor the rest of a day for a lesson."""
    world = SchoolWorld({A: 20, B: size}, {A: ((8, "X"),), B: ((8, "Y"), (9, "Z"))})
    unit = UnitDays()
    unit.take(world.row(START))
    found = seen(unit, START, {})
    assert found[of_class(A)].pupils == (20 if compared else 0)
    assert found.get(subject("Y"), Seen()).pupils == (size if compared else 0)
    assert found[of_class(B)].pupils == size


def test_whose_a_wave_is() -> None:
    def of(pupils: int, absent: int, *, wave: bool = True) -> Found:
        return Found(pupils, absent, 60, wave=wave, explained=1)

    assert is_the_units({UNIT: of(200, 40), A: of(25, 10), B: of(25, 10)})
    assert is_the_units({UNIT: of(200, 40), A: of(25, 4, wave=False)})
    # One class alone: the others make no wave together, or do.
    assert not is_the_units({UNIT: of(200, 21), A: of(25, 12), B: of(25, 1, wave=False)})
    assert is_the_units({UNIT: of(200, 40), A: of(25, 12), B: of(25, 4, wave=False)})
    # Ten points of the 175 others are 17.5 pupils.
    assert not is_the_units({UNIT: of(200, 29), A: of(25, 12)})
    assert is_the_units({UNIT: of(200, 34), A: of(25, 12)})
    assert not is_the_units({UNIT: of(30, 16), A: of(25, 12)})
    assert not is_the_units({UNIT: of(200, 14, wave=False), A: of(25, 12), B: of(25, 12)})
    assert not is_the_units({})
