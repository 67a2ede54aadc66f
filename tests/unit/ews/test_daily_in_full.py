"""The daily facts in full: which days are told, when they are told again, and what they say."""

from __future__ import annotations

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1.warnings_pb2 import AbsenceDay, GroupDay
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import (
    CLASS,
    CONFIRMED,
    HOME,
    ORGANISER,
    OTHER_UNIT,
    REPORTED,
    START,
    WITHDRAWN,
    School,
    name,
    weekdays,
)
from tests.unit.ews.harness import Harness

CONTENTS = [(TRIAL_ID, 1, TRIAL)]
OTHER_CLASS = name(2, "class")
AWAY, HERE, UNSAID = (60, 0), (0, 0), (0, 0, 0, 0)


def started(pupils: int = 3) -> tuple[Harness, School]:
    harness, school = Harness(CONTENTS), School()
    harness.apply(school.profile(), *(school.placement(pupil) for pupil in range(pupils)))
    return harness, school


def told(harness: Harness, *facts: bytes) -> list[AbsenceDay]:
    """The days that the facts have told, by pupil and day."""
    harness.apply(*facts)
    rows = harness.collect().absence_days
    days = [AbsenceDay.FromString(row.value or b"") for row in rows]
    for row, day in zip(rows, days, strict=True):
        assert row.key == f"{day.pupil_id.hex()}:{day.epoch_day}".encode()
    return sorted(days, key=lambda one: (one.pupil_id, one.epoch_day))


def whose(days: list[AbsenceDay]) -> list[tuple[int, int, int]]:
    """Pupil, school day and revision of each."""
    pupils = {name(number, "pupil"): number for number in range(9)}
    return sorted((pupils[one.pupil_id], one.epoch_day - START, one.revision) for one in days)


def test_every_figure_of_a_day() -> None:
    harness, school = started(2)
    (day,) = told(
        harness,
        school.register(START, 480, {0: (50, 0, 0, REPORTED, 50), 1: HERE}, length=50),
        school.register(START, 540, {0: (0, 40, 0, REPORTED, 40), 1: HERE}, length=40),
        school.register(START, 600, {0: (0, 30, 10, REPORTED | CONFIRMED, 60), 1: HERE}),
        school.register(START, 700, {0: (0, 0, 0, 0, 45)}, length=45),
        school.register(START, 760, {0: (0, 60, 0, REPORTED | WITHDRAWN, 60)}),
        school.register(START, 830, {0: (0, 60)}, state=f.LESSON_STATE_CANCELLED),
        school.register(START, 900, {0: HERE, 1: HERE}),
        school.closed(START),
    )
    assert day == AbsenceDay(
        organiser_id=ORGANISER,
        pupil_id=name(0, "pupil"),
        epoch_day=START,
        school_unit_id=HOME,
        class_id=CLASS,
        offered=50 + 40 + 60 + 45 + 60,
        reported=50 + 40 + 60 + 60,
        valid=50,
        invalid_unexplained=40,
        invalid_confirmed=30,
        other=10,
        lessons=5,
        lessons_reported=4,
        lessons_absent=3,
        revision=1,
    )


def test_a_closed_day_is_told_of_whom_something_is_to_be_told() -> None:
    """Absence, or a lesson nobody reported; of the others that are there nothing."""
    harness, school = started(4)
    first, second = weekdays(2)
    facts = [
        school.register(at, 480, {0: AWAY, 1: HERE, 2: UNSAID, 3: HERE}) for at in (first, second)
    ]
    assert told(harness, *facts) == []
    # The other day's closing tells of that day only; a unit where nobody goes of none.
    assert told(harness, school.closed(second, unit=OTHER_UNIT)) == []
    assert whose(told(harness, school.closed(second))) == [(0, 1, 1), (2, 1, 1)]
    assert whose(told(harness, school.closed(first))) == [(0, 0, 1), (2, 0, 1)]
    # Nothing new, nothing told; of whom a day was told every change is, of others what is worth it.
    assert told(harness, school.closed(first), school.register(first, 560, {3: HERE})) == []
    changed = school.register(first, 480, {0: HERE, 1: AWAY, 2: HERE, 3: HERE})
    assert whose(told(harness, changed)) == [(0, 0, 2), (1, 0, 1), (2, 0, 2)]
    again = school.register(first, 480, {0: HERE, 1: HERE, 2: HERE, 3: UNSAID})
    assert whose(told(harness, again)) == [(1, 0, 2), (3, 0, 1)]


@pytest.mark.parametrize("restart", [False, True])
def test_a_pupil_who_turns_out_to_belong_elsewhere_is_told_of_anew_on_the_days_told(
    *, restart: bool
) -> None:
    harness, school = started(2)
    days = weekdays(3)
    for at in days:
        told(harness, *school.school_day(at, range(2), {0: "v" if at != days[1] else "."}))
    if restart:
        harness.restart()
    moved = school.placement(0, number=1, class_id=OTHER_CLASS)
    found = told(harness, moved)
    assert whose(found) == [(0, days[0] - START, 2), (0, days[2] - START, 2)]
    assert {one.class_id for one in found} == {OTHER_CLASS}
    # With a lesson of the same day, too, it is one revision; the class's sums move as well.
    found = told(
        harness,
        school.placement(0, number=2, class_id=CLASS),
        school.register(days[0], 490, {0: HERE}),
    )
    assert whose(found) == [(0, days[0] - START, 3), (0, days[2] - START, 3)]
    whole = GroupDay.FromString(harness.groups[f"{HOME.hex()}:{days[2]}:0".encode()]).sums[-1]
    assert (whole.class_id, whole.pupils, whole.valid) == (CLASS, 2, 240)


def test_a_rebuild_tells_what_is_otherwise_than_what_was_told_and_counts_on() -> None:
    harness, school = started(3)
    days = weekdays(2)
    for at in days:
        told(harness, *school.school_day(at, range(3), {0: "v", 1: "i..."}))
    told(harness, school.register(days[0], 490, {0: HERE}))
    correction = school.register(days[1], 490, {1: (30, 0), 2: (0, 20)})
    core = harness._new()
    for content in CONTENTS:
        core.learn_profile(*content)
    # Of one day nobody knows any more that it was told.
    lost = f"{name(1, 'pupil').hex()}:{days[0]}".encode()
    for key, value in harness.absence.items():
        if key != lost:
            core.restore_absence_day(key, value)
    for key, value in harness.latest.items():
        core.restore_published(key, value)
    core.begin_rebuild()
    for offset, fact in enumerate([*harness.log, correction]):
        core.apply(fact, offset, partition=0)
    core.end_rebuild()
    found = [AbsenceDay.FromString(row.value or b"") for row in core.collect().absence_days]
    assert whose(found) == [
        (1, 0, 1),  # told anew from the beginning
        (1, days[1] - START, 2),
        (2, days[1] - START, 1),
    ]
    # From now on it is as ever.
    core.apply(school.register(days[0], 490, {0: (15, 0)}), 99, partition=0)
    found = [AbsenceDay.FromString(row.value or b"") for row in core.collect().absence_days]
    assert whose(found) == [(0, 0, 3)]


def groups(harness: Harness, *facts: bytes) -> list[tuple[bytes, int, int, int]]:
    """Unit, day, revision and validly absent minutes of what the facts have told."""
    harness.apply(*facts)
    days = [GroupDay.FromString(row.value or b"") for row in harness.collect().group_days]
    return [
        (
            one.school_unit_id,
            one.epoch_day - START,
            one.revision,
            sum(some.valid for some in one.sums if some.slot_hour == 24),
        )
        for one in days
    ]


def test_a_units_sums_are_told_when_its_day_is_closed_and_when_they_change() -> None:
    harness, school = started(2)
    second = weekdays(2)[1]
    facts = school.school_day(START, range(2), {0: "v"}, close=False)
    later = school.school_day(second, range(2), {1: "v..."}, close=False)
    assert groups(harness, *facts, *later) == []
    assert groups(harness, school.closed(START)) == [(HOME, 0, 1, 240)]
    # Told again when somebody says again that it is closed, but not for what changes no sum.
    assert groups(harness, school.register(START, 490, {0: AWAY})) == []
    assert groups(harness, school.register(START, 490, {0: (30, 0)})) == [(HOME, 0, 2, 210)]
    assert groups(harness, school.closed(second)) == [(HOME, second - START, 1, 60)]
    # Opened again nothing is told until it is closed; free after all it has no sums.
    assert groups(harness, school.closed(START, f.DAY_KIND_REOPENED)) == []
    assert groups(harness, school.register(START, 490, {0: HERE})) == []
    assert groups(harness, school.closed(START)) == [(HOME, 0, 3, 180)]
    assert groups(harness, school.closed(START, f.DAY_KIND_FREE)) == [(HOME, 0, 4, 0)]
    # A day that was free all along, and of which nothing was told, is told nothing of.
    assert groups(harness, school.closed(START + 2, f.DAY_KIND_FREE)) == []


def test_pupils_of_two_classes_and_of_none_are_in_their_own_units_sums() -> None:
    harness, school = started(1)
    harness.apply(
        school.placement(1, class_id=OTHER_CLASS),
        school.placement(2, unit=OTHER_UNIT, class_id=OTHER_CLASS),
    )
    facts = [school.register(START, 480, {0: AWAY, 1: (30, 0), 2: (20, 0), 3: (10, 0)})]
    facts += [school.closed(START, unit=unit) for unit in (HOME, OTHER_UNIT)]
    harness.apply(*facts)
    harness.collect()
    found = {
        (unit, one.class_id): (one.pupils, one.valid)
        for unit in (HOME, OTHER_UNIT)
        for one in GroupDay.FromString(harness.groups[f"{unit.hex()}:{START}:0".encode()]).sums
        if one.slot_hour == 24
    }
    assert found == {
        (HOME, CLASS): (1, 60),
        (HOME, OTHER_CLASS): (1, 30),
        (HOME, b""): (1, 10),  # without a placement: where the lesson is
        (OTHER_UNIT, OTHER_CLASS): (1, 20),
    }


def test_the_sums_name_the_partition_that_they_are_of() -> None:
    harness, school = started(1)
    facts = [*harness.log, *school.school_day(START, [0], {0: "v"})]
    core = harness._new()
    for offset, fact in enumerate(facts):
        core.apply(fact, offset, partition=5)
    (row,) = core.collect().group_days
    assert row.key == f"{HOME.hex()}:{START}:5".encode()
    assert GroupDay.FromString(row.value or b"").partition == 5


def test_whatever_comes_in_at_once_is_told_day_by_day() -> None:
    """More days, of two classes, than are added up side by side."""
    harness, school = started(1)
    other = School(bucket=7)
    other.sequence = 10_000
    days = weekdays(50)
    harness.apply(other.placement(4))
    for at in days:
        harness.apply(
            school.register(at, 490, {0: AWAY}),
            other.register(at, 560, {4: (0, 0, 0, 0)}),
            school.closed(at),
        )
    batch = harness.collect()
    assert len(batch.absence_days) == 100
    found = [AbsenceDay.FromString(row.value or b"") for row in batch.absence_days]
    assert {(one.pupil_id, one.valid, one.revision) for one in found} == {
        (name(0, "pupil"), 60, 1),
        (name(4, "pupil"), 0, 1),
    }
    sums = [GroupDay.FromString(row.value or b"") for row in batch.group_days]
    assert [one.epoch_day for one in sums] == days
    whole = [[some for some in one.sums if some.slot_hour == 24] for one in sums]
    assert {(one.pupils, one.offered, one.reported) for (one,) in whole} == {(2, 120, 60)}
