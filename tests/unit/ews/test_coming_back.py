"""Who comes back from the changelog: what is judged when, and that it comes to the same."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core import decide, fold, judge
from services.ews.core.core import Core
from services.ews.core.stored import opened
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import OTHER_UNIT, START, UNIT, School, name, weekdays
from tests.unit.ews.harness import Harness

CONTENTS = [(TRIAL_ID, 1, TRIAL)]
PUPILS = range(4)


def taught(school: School, days: Sequence[int], folds: fold.Fold = fold.fold) -> Harness:
    """School days on which pupil 0 is away and pupil 1 misses lessons nobody has explained."""
    harness = Harness(CONTENTS, folds)
    harness.apply(school.profile(), *(school.placement(pupil) for pupil in PUPILS))
    for day in days:
        harness.told(*school.school_day(day, PUPILS, {0: "v", 1: "i..."}))
    return harness


class Judged:
    """Counts the judgements of a group, and tells how many pupils it was about that began anew."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        self.anew: list[int] = []

        def counting(group: judge.Group, before: judge.Group | None, *others: object) -> None:
            self.times += 1
            if before is None:
                self.anew.append(len(group.rows))
            judge.judge(group, before, *others)  # type: ignore[arg-type]

        monkeypatch.setattr(decide, "judge", counting)


def bytes_told(harness: Harness, *facts: bytes) -> list[bytes]:
    harness.apply(*facts)
    return [row.value or b"" for row in harness.collect().warnings]


def two_alike(days: Sequence[int]) -> tuple[School, Harness, School, Harness]:
    """One that was restarted and one that was not, of the same facts."""
    schools = School(), School()
    restarted, whole = (taught(school, days) for school in schools)
    restarted.restart()
    whole.collect()
    return schools[0], restarted, schools[1], whole


def test_a_register_of_a_day_under_way_judges_no_year(monkeypatch: pytest.MonkeyPatch) -> None:
    *days, today = weekdays(13)
    school, restarted, other, whole = two_alike(days)
    judged = Judged(monkeypatch)
    told = []
    for one, harness in ((school, restarted), (other, whole)):
        # Who was told of before, and who is for the first time; an earlier one taken back.
        told.append(bytes_told(harness, one.register(today, 490, {1: (0, 60), 2: (0, 60)})))
        told[-1] += bytes_told(harness, one.register(today, 490, {1: (0,)}))
    assert judged.times == 0
    assert told[0] == told[1]
    events = [w.WarningEvent.FromString(one) for one in told[0]]
    assert [(e.pupil_id, e.family) for e in events] == [
        (name(1, "pupil"), w.FAMILY_UNEXCUSED_TODAY),
        (name(2, "pupil"), w.FAMILY_UNEXCUSED_TODAY),
        (name(1, "pupil"), w.FAMILY_UNEXCUSED_TODAY),
    ]
    assert len(events[0].episodes) == len(days) + 1
    # A day that was closed is another matter for whom it changed, its closing for everybody.
    told = [
        bytes_told(harness, one.register(days[3], 490, {1: (0,)}))
        + bytes_told(harness, one.closed(today))
        for one, harness in ((school, restarted), (other, whole))
    ]
    assert judged.anew == [1, 4]
    assert told[0] == told[1]
    assert told[0]


def test_what_was_settled_beforehand_is_not_judged_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    *days, today = weekdays(13)
    school, restarted, other, whole = two_alike(days)
    judged = Judged(monkeypatch)
    assert restarted.core.settle()
    assert judged.anew == [4]
    assert not restarted.core.settle()
    assert not restarted.core.wants_flush
    batch = restarted.collect()
    assert (batch.warnings, batch.state, batch.absence_days) == ([], [], [])
    told = [
        bytes_told(harness, *one.school_day(today, PUPILS, {0: "v", 3: "i..."}))
        for one, harness in ((school, restarted), (other, whole))
    ]
    assert judged.anew == [4]
    assert told[0] == told[1]
    assert told[0]


def test_settling_waits_for_what_is_not_collected() -> None:
    *days, today = weekdays(6)
    school, restarted, _, _ = two_alike(days)
    restarted.apply(school.register(today, 490, {1: (0, 60)}))
    assert restarted.core.settle()
    (bucket,) = restarted.core._partition.buckets()  # type: ignore[attr-defined]
    assert not bucket.groups
    restarted.collect()
    assert restarted.core.settle()
    assert bucket.groups
    assert not restarted.core.settle()


@pytest.mark.parametrize("waits", ["closing", "wave"])
def test_settling_waits_for_what_of_a_unit_is_not_collected(waits: str) -> None:
    *days, today = weekdays(6)
    school, restarted, _, _ = two_alike(days)
    restarted.apply(school.closed(today) if waits == "closing" else school.wave(days[-1], {}))
    assert restarted.core.settle()
    (bucket,) = restarted.core._partition.buckets()  # type: ignore[attr-defined]
    assert not bucket.groups


def test_nothing_is_settled_during_a_rebuild() -> None:
    harness = taught(School(), weekdays(3))
    core = Core()
    core.learn_profile(*CONTENTS[0])
    for key, value in harness.changelog.items():
        core.restore(key, value)
    core.begin_rebuild()
    assert not core.settle()
    core.end_rebuild()
    assert not core.settle()


def test_settling_tells_what_another_version_decides_otherwise() -> None:
    harness = taught(School(), weekdays(6))
    assert harness.snapshots()

    def nothing(_pupil: bytes, _family: int, track: fold.Track, steps: Sequence[fold.Step]) -> None:
        track.upto += len(steps)

    harness._fold = nothing
    harness.restart()
    assert harness.core.settle()
    assert harness.core.wants_flush
    events = [w.WarningEvent.FromString(row.value or b"") for row in harness.collect().warnings]
    assert events
    assert {change.kind for e in events for change in e.changes} == {w.CHANGE_KIND_WITHDRAWN}
    assert {e.family for e in events}.isdisjoint({w.FAMILY_UNEXCUSED_TODAY})
    assert harness.told() == []
    harness.restart()  # the account is of what was told


def kinds(harness: Harness) -> dict[str, list[int]]:
    """The numbers of the days and weeks that have rows."""
    found: dict[str, list[int]] = {"d": [], "e": []}
    for key in harness.changelog:
        kind, _, rest = key.decode().partition(":")
        if kind in found:
            found[kind].append(int(rest.rpartition(":")[2]))
    return {kind: sorted(numbers) for kind, numbers in found.items()}


def test_days_become_one_row_when_their_week_has_ended() -> None:
    school = School()
    days = weekdays(11)
    week = (START + 3) // 7
    harness = taught(school, days[:5])
    assert kinds(harness) == {"d": days[:5], "e": []}
    harness.told(*school.school_day(days[5], PUPILS, {}, close=False))
    assert kinds(harness) == {"d": days[:6], "e": []}
    harness.told(school.closed(days[5]))
    assert kinds(harness) == {"d": days[5:6], "e": [week]}
    # A correction has a row of its own, until the next week has ended too.
    harness.told(school.register(days[1], 490, {1: (0,), 2: (60,)}))
    assert kinds(harness) == {"d": [days[1], days[5]], "e": [week]}
    harness.restart()
    for day in days[6:10]:
        harness.told(*school.school_day(day, PUPILS, {}))
    assert kinds(harness) == {"d": [days[1], *days[5:10]], "e": [week]}
    harness.restart()
    harness.told(*school.school_day(days[10], PUPILS, {}))
    assert kinds(harness) == {"d": days[10:], "e": [week, week + 1]}
    harness.restart()
    (bucket,) = harness.core._partition.buckets()  # type: ignore[attr-defined]
    assert sorted(bucket.days) == days
    (corrected,) = [one for one in bucket.order(days[1]) if one.start == 490]
    assert corrected.marks[1:3, 1:3].T.tolist() == [[0, 0], [60, 0]]


def test_one_late_correction_is_not_worth_writing_its_week_again() -> None:
    school = School()
    days = weekdays(16)
    harness = taught(school, days[:6])
    harness.told(school.register(days[1], 490, {2: (60,)}))
    before = dict(harness.changelog)
    harness.told(school.closed(days[6]))
    changed = [key for key, value in harness.changelog.items() if before.get(key) != value]
    assert not [key for key in changed if key.startswith(b"e:")]


def test_no_row_of_a_week_holds_what_was_erased() -> None:
    school = School()
    harness = taught(school, weekdays(12))
    harness.told(school.erase(0))
    rows = [value for key, value in harness.changelog.items() if key.startswith(b"e:")]
    assert len(rows) == 2
    assert all(opened(row) for row in rows)
    assert kinds(harness)["d"] == weekdays(12)[10:]
    harness.restart()
    (bucket,) = harness.core._partition.buckets()  # type: ignore[attr-defined]
    row = bucket.row_of[name(0, "pupil")]
    for day in weekdays(12):
        assert all(row not in lesson.rows for lesson in bucket.order(day))


def group_days(harness: Harness, *facts: bytes) -> list[bytes]:
    harness.apply(*facts)
    return [row.value or b"" for row in harness.collect().group_days]


def test_sums_of_a_unit_follow_from_the_buckets_after_a_restart() -> None:
    """Shares are not kept: what they were is made of the days of every bucket of the unit."""
    days = weekdays(7)
    told = []
    for restart in (False, True):
        school, second = School(), School(bucket=1)
        second.sequence = 5_000
        harness = taught(school, days)
        harness.apply(*(second.placement(pupil, class_id=name(2, "class")) for pupil in (7, 8)))
        for day in days:
            harness.told(*second.school_day(day, (7, 8), {7: "v"}))
        if restart:
            harness.restart()
        facts = (
            school.register(days[2], 490, {2: (60,)}),
            # Nothing of the day's sums is another.
            school.register(days[3], 490, {0: (60, 0, 0, 1, 60, 5)}),
            second.register(days[2], 490, {8: (60,)}),
            second.closed(days[2], f.DAY_KIND_FREE),
            second.closed(days[2]),
            school.placement(3, unit=OTHER_UNIT),
            second.closed(days[4], unit=OTHER_UNIT),
        )
        told.append([group_days(harness, fact) for fact in facts])
        assert harness.core._partition.unit(school.organiser, UNIT).days  # type: ignore[attr-defined]
    assert told[0] == told[1]
    assert [len(one) for one in told[0][:5]] == [1, 0, 1, 1, 1]
    assert {w.GroupDay.FromString(one[0]).revision for one in told[0][:1]} == {3}


def test_sums_of_a_unit_leave_out_who_was_in_another_that_day_after_a_restart() -> None:
    days = weekdays(5)
    told = []
    for restart in (False, True):
        school, second = School(), School(bucket=1)
        second.sequence = 5_000
        harness = taught(school, days)
        harness.told(
            # The class knows the unit: one of it goes there later.
            school.placement(3, days[4], unit=OTHER_UNIT, number=1),
            second.placement(7, unit=OTHER_UNIT, class_id=name(2, "class")),
            *second.school_day(days[1], (7,), {7: "v"}, unit=OTHER_UNIT),
        )
        if restart:
            harness.restart()
        told.append(group_days(harness, second.register(days[1], 490, {7: (0,)}, unit=OTHER_UNIT)))
    assert told[0] == told[1]
    assert len(told[0]) == 1


def test_sums_made_again_that_came_to_the_same_are_not_written() -> None:
    days = weekdays(4)
    school = School()
    harness = taught(school, days)
    harness.restart()
    written = []
    for marks in ((60, 0, 0, 1, 60, 5), (0,)):
        harness.apply(school.register(days[2], 490, {0: marks}))
        batch = harness.collect()
        assert batch.state
        kinds = {row.key[:1] for row in batch.state}
        written.append((len(batch.group_days), b"u" in kinds, b"d" in kinds))
    assert written == [(0, False, True), (1, True, True)]


def closing_of_a_unit_that_a_correction_named(*, restart: bool) -> tuple[list[bytes], list[bytes]]:
    """What is told when the unit is closed that a corrected lesson made the pupil's."""
    harness, school = Harness(CONTENTS), School()

    def here(offered: int) -> bytes:
        return school.register(START, 490, {0: (0, 0, 0, 1, offered)}, length=120)

    there = school.register(START, 780, {0: (30, 0, 0, 1, 30)}, length=30, unit=OTHER_UNIT)
    harness.told(school.profile(), here(120), there)
    harness.told(here(10))
    if restart:
        harness.restart()
    harness.apply(school.closed(START, unit=OTHER_UNIT))
    batch = harness.collect()
    return (
        [row.value or b"" for row in batch.absence_days],
        [row.value or b"" for row in batch.group_days],
    )


def test_a_unit_that_only_a_correction_named_is_known_after_a_restart() -> None:
    """Its number and the lesson's slot had been written: nothing else of the bucket's row grew."""
    whole = closing_of_a_unit_that_a_correction_named(restart=False)
    assert closing_of_a_unit_that_a_correction_named(restart=True) == whole
    (absent,), (sums,) = whole
    assert w.AbsenceDay.FromString(absent).school_unit_id == OTHER_UNIT
    assert w.GroupDay.FromString(sums).sums
