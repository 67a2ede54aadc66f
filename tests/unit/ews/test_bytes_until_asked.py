"""Who comes back reads only what it is asked for, and tells what it would have told anyway."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.state.v1.state_pb2 import StateValue
from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core import fold, pupils, rows, year
from services.ews.core.api import Batch
from services.ews.core.bucket import Bucket
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import (
    CONFIRMED,
    EXPLICIT,
    OTHER_UNIT,
    REPORTED,
    START,
    UNIT,
    WITHDRAWN,
    School,
    day,
    name,
    weekdays,
)
from tests.unit.ews.harness import Harness

CONTENTS = [(TRIAL_ID, 1, TRIAL)]
DAYS = [*weekdays(8), *weekdays(4, day(2027, 6, 28))]
"""The last of them lie in a week in which a school year ends and the next one begins."""
PUPILS = range(5)
_DAY_S = 86_400


class Town:
    """Two classes of one home, whose facts come in an order that a seed decides."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._classes = School(), School(bucket=1)
        self._classes[1].sequence = 10_000

    def facts(self) -> Iterator[bytes]:
        """What comes in at once, one after the other."""
        school = self._classes[0]
        yield school.profile()
        for one in self._classes:
            for pupil in self._of(one):
                if self._chance.random() < 0.8:
                    yield one.placement(pupil, class_id=name(one.bucket, "class"))
        for at in DAYS:
            for one in self._classes:
                yield from self._day(one, at)
            if self._chance.random() < 0.9:
                yield school.closed(at)
            if self._chance.random() < 0.3:
                yield school.closed(at, unit=OTHER_UNIT)
            for _ in range(self._chance.randrange(4)):
                yield self._anything(self._chance.choice(self._classes), at)

    def _of(self, school: School) -> list[int]:
        return [pupil + 100 * school.bucket for pupil in PUPILS]

    def _mark(self) -> tuple[int, ...]:
        kind = self._chance.choice(("there", "there", "valid", "invalid", "withdrawn", "silent"))
        flags = self._chance.choice((0, CONFIRMED, EXPLICIT))
        return {
            "there": (0,),
            "valid": (60, 0, 0, REPORTED),
            "invalid": (0, self._chance.choice((5, 60)), 0, REPORTED | flags),
            "withdrawn": (0, 60, 0, REPORTED | WITHDRAWN),
            "silent": (0, 0, 0, 0),
        }[kind]

    def _register(self, school: School, at: int) -> bytes:
        some = [pupil for pupil in self._of(school) if self._chance.random() < 0.9]
        return school.register(
            at,
            self._chance.choice((490, 560, 780)),
            {pupil: self._mark() for pupil in some or [self._of(school)[0]]},
            unit=self._chance.choice((UNIT, UNIT, UNIT, OTHER_UNIT)),
            state=self._chance.choice((f.LESSON_STATE_REPORTED,) * 5 + (f.LESSON_STATE_CANCELLED,)),
        )

    def _day(self, school: School, at: int) -> Iterator[bytes]:
        for _ in range(self._chance.randint(1, 3)):
            yield self._register(school, at)

    def _anything(self, school: School, at: int) -> bytes:
        chance, pupil = self._chance, self._chance.choice(self._of(school))
        earlier = chance.choice([one for one in DAYS if one <= at])
        match chance.choice(("late", "late", "notice", "notice", "move", "wave", "day", "erase")):
            case "late":
                return self._register(school, earlier)
            case "notice":
                begin = earlier * _DAY_S + chance.choice((0, 8 * 3600))
                return school.notice(
                    pupil,
                    begin,
                    begin + chance.choice((3600, _DAY_S, 4 * _DAY_S)),
                    chance.randrange(2),
                    deleted=chance.random() < 0.2,
                    kind=chance.choice((f.NOTICE_KIND_ABSENCE_REPORT, f.NOTICE_KIND_LEAVE)),
                )
            case "move":
                unit = chance.choice((UNIT, OTHER_UNIT))
                number = chance.randrange(2)
                return school.placement(
                    pupil, earlier, unit=unit, number=number, deleted=chance.random() < 0.2
                )
            case "wave":
                return school.wave(earlier, {b"": chance.choice((0, 300))}, revisions=at)
            case "day":
                return school.closed(earlier, chance.choice((1, 2, 3)))
            case _:
                return school.erase(pupil)


class Failing:
    """A fold that raises for one pupil while it is told to."""

    def __init__(self) -> None:
        self.pupil_id = b""

    def __call__(
        self, pupil_id: bytes, family: int, track: fold.Track, steps: Sequence[fold.Step]
    ) -> None:
        if pupil_id == self.pupil_id:
            raise ArithmeticError("planted")
        fold.fold(pupil_id, family, track, steps)


def published(batch: Batch) -> list[list[tuple[bytes, bytes]]]:
    """What a batch tells of pupils; of several buckets in any order."""
    return [
        sorted((row.key, row.value or b"") for row in some)
        for some in (batch.warnings, batch.absence_days)
    ]


def shared(harness: Harness) -> dict[bytes, list[str]]:
    """The sums that stand of every unit's day. Their revisions may differ.

    Who did not restart also tells of sums that came to the same again.
    """
    return {
        key: sorted(map(str, w.GroupDay.FromString(value).sums))
        for key, value in harness.groups.items()
    }


@pytest.mark.parametrize("seed", range(40))
def test_who_restarts_tells_what_it_would_have_told_anyway(seed: int) -> None:
    chance = random.Random(1_000 + seed)
    folds = Failing(), Failing()
    restarted, whole = (Harness(CONTENTS, one) for one in folds)
    told = 0
    for fact in Town(seed).facts():
        if chance.random() < 0.3:
            restarted.restart()
            published(whole.collect())
        if chance.random() < 0.1:
            # Judging beforehand tells nothing that was not told.
            restarted.core.settle()
        if chance.random() < 0.1:
            failing = b"" if folds[0].pupil_id else name(chance.choice(PUPILS), "pupil")
            for one in folds:
                one.pupil_id = failing
        again = len(whole.log) - 1 if whole.log and chance.random() < 0.05 else None
        for harness in (restarted, whole):
            if again is not None:
                harness.core.mark_undigested([name(0, "pupil")], again)
            harness.apply(fact)
        if chance.random() < 0.7:
            batches = [published(harness.collect()) for harness in (restarted, whole)]
            assert batches[0] == batches[1]
            assert shared(restarted) == shared(whole)
            told += len(batches[0][0])
    assert told
    assert published(restarted.collect()) == published(whole.collect())
    restarted.restart()
    for harness in (restarted, whole):
        harness.apply(School().profile(profile_id=TRIAL_ID, valid_from=START + 2))
    assert published(restarted.collect()) == published(whole.collect())


# -- what is read ---------------------------------------------------------------------------------


class Read:
    """Counts the rows of pupils, the threads and the days of lessons that are decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pupils: list[bytes] = []
        self.threads: list[tuple[bytes, int]] = []
        self.days: list[int] = []
        decode, of_event, lessons = rows.decode, pupils.Thread.of_event, year.Lessons._decode

        def decoding(row: bytes) -> StateValue:
            found = decode(row)
            if found.HasField("pupil"):
                self.pupils.append(found.pupil.pupil_id)
            return found

        def taking(event: w.WarningEvent) -> pupils.Thread:
            self.threads.append((event.pupil_id, event.family))
            return of_event(event)

        def reading(held: year.Lessons, stored: object) -> object:
            self.days.append(held._day)
            return lessons(held, stored)  # type: ignore[arg-type]

        monkeypatch.setattr(rows, "decode", decoding)
        monkeypatch.setattr(pupils.Thread, "of_event", taking)
        monkeypatch.setattr(year.Lessons, "_decode", reading)


def came_back() -> tuple[School, Harness, int]:
    """A class of which pupil 0 is away with leave and pupil 1 misses lessons; then a restart."""
    school, harness = School(), Harness(CONTENTS)
    *days, today = weekdays(13)
    harness.apply(school.profile(), *(school.placement(pupil) for pupil in range(4)))
    harness.apply(*(school.notice(one, START * _DAY_S, (START + 90) * _DAY_S) for one in (0, 3)))
    for at in days:
        harness.told(*school.school_day(at, range(4), {0: "i", 1: "i..."}))
    harness.restart()
    return school, harness, today


def test_a_register_reads_nothing_of_who_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    school, harness, today = came_back()
    read = Read(monkeypatch)
    assert harness.told(school.register(today, 490, dict.fromkeys(range(4), (0,)))) == []
    assert (read.pupils, read.threads, read.days) == ([], [], [])
    # Who is away has a row with notices and a thread of that family; nobody else's is read.
    away = {0: (0, 60), 1: (0, 60), 2: (0,), 3: (0,)}
    (event,) = harness.told(school.register(today, 560, away))
    assert (event.pupil_id, event.family) == (name(1, "pupil"), w.FAMILY_UNEXCUSED_TODAY)
    assert sorted(read.pupils) == sorted(name(one, "pupil") for one in (0, 1))
    assert read.threads == [(name(1, "pupil"), w.FAMILY_UNEXCUSED_TODAY)]
    # What the episodes before said was read from the thread, and not built again.
    assert read.days == []
    assert len(event.episodes) == 13


def test_a_correction_of_the_day_under_way_is_told_of_whom_it_was_told() -> None:
    """Nothing of the pupil is read by then but what the day's sums had been."""
    school, harness, today = came_back()
    harness.told(school.register(today, 490, {1: (0, 60), 2: (0,)}))
    harness.restart()
    (event,) = harness.told(school.register(today, 490, {1: (0,), 2: (0,)}))
    assert event.pupil_id == name(1, "pupil")
    assert [one.state for one in event.episodes][-1] == w.EPISODE_STATE_WITHDRAWN


# -- what only the bucket's row tells -------------------------------------------------------------


def bucket_row(harness: Harness) -> tuple[list[int], list[int]]:
    (key,) = [key for key in harness.changelog if key.startswith(b"b:")]
    value = StateValue.FromString(harness.changelog[key]).bucket
    return list(value.erased), list(value.failed)


def the_bucket(harness: Harness) -> Bucket:
    (found,) = harness.core._partition.buckets()  # type: ignore[attr-defined]
    return found  # type: ignore[no-any-return]


def test_who_failed_and_who_is_erased_stands_in_the_buckets_row() -> None:
    failing = Failing()
    school, harness = School(), Harness(CONTENTS, failing)
    days = weekdays(8)
    harness.apply(school.profile(), *(school.placement(pupil) for pupil in range(4)))
    for at in days[:5]:
        harness.told(*school.school_day(at, range(4), {0: "v", 1: "v"}))
    assert bucket_row(harness) == ([], [])
    failing.pupil_id = name(1, "pupil")
    harness.apply(*school.school_day(days[5], range(4), {1: "v"}))
    assert [one.pupil_id for one in harness.collect().failed_folds] == [name(1, "pupil")]
    assert bucket_row(harness) == ([], [1])
    harness.restart()
    assert [one.failed for one in the_bucket(harness).pupils] == [False, True, False, False]
    # Who failed is decided on with the next fact, whomever that is about.
    failing.pupil_id = b""
    harness.apply(school.register(days[6], 490, {2: (0,)}))
    assert {one.pupil_id for one in map(event_of, harness.collect().warnings)} == {name(1, "pupil")}
    assert bucket_row(harness) == ([], [])
    harness.told(school.erase(0))
    assert bucket_row(harness) == ([0], [])
    harness.restart()
    for at in days[6:]:
        harness.told(*school.school_day(at, range(4), {0: "i", 1: "v"}))
    assert {one.pupil_id for one in harness.snapshots()} == {name(1, "pupil")}
    assert not the_bucket(harness).pupils[0].placements


def event_of(row: object) -> w.WarningEvent:
    return w.WarningEvent.FromString(row.value)  # type: ignore[attr-defined]


def test_a_buckets_row_is_written_when_it_tells_something_else_and_only_then() -> None:
    school, harness = School(), Harness(CONTENTS)
    days = weekdays(3)

    def written(*facts: bytes) -> bool:
        harness.apply(*facts)
        return any(row.key.startswith(b"b:") for row in harness.collect().state)

    assert written(school.profile(), school.placement(0))
    assert written(*school.school_day(days[0], [0]))
    assert not written(*school.school_day(days[1], [0]))
    assert written(school.register(days[1], 490, {0: (0,), 1: (0,)}))
    assert written(school.placement(0, unit=OTHER_UNIT))
    assert written(school.register(days[2], 900, {0: (0,)}))
    assert written(school.erase(1))
    harness.restart()
    assert not written(school.register(days[2], 490, {0: (0,), 1: (0,)}))
    assert not written(school.notice(0, START * _DAY_S, (START + 1) * _DAY_S))
    assert written(school.notice(2, START * _DAY_S, (START + 1) * _DAY_S))


def test_what_was_published_before_a_failure_is_believed_by_nobody_afterwards() -> None:
    """The thread is read after the restart: its episodes are older than the facts."""
    told = []
    for restart in (False, True):
        failing = Failing()
        school, harness = School(), Harness(CONTENTS, failing)
        days = weekdays(8)
        harness.apply(school.profile(), *(school.placement(pupil) for pupil in range(3)))
        for at in days[:6]:
            harness.told(*school.school_day(at, range(3), {1: "v"}))
        failing.pupil_id = name(1, "pupil")
        harness.apply(school.register(days[0], 780, {1: (0, 60)}))
        assert harness.collect().failed_folds
        if restart:
            harness.restart()
        failing.pupil_id = b""
        harness.apply(school.register(days[6], 490, {2: (0,)}))
        told.append([row.value for row in harness.collect().warnings])
    assert told[0] == told[1]
    events = [w.WarningEvent.FromString(one or b"") for one in told[0]]
    (long,) = [one for one in events if one.family == w.FAMILY_LONG_TERM]
    assert sum(one.invalid_unexplained for one in long.episodes[-1].lessons) == 60


def test_judged_beforehand_is_a_class_that_nobody_has_judged_and_of_whom_nothing_failed() -> None:
    failing = Failing()
    harness = Harness(CONTENTS, failing)
    waits, placed, judged, failed = (School(bucket=number) for number in range(4))
    harness.apply(waits.profile(), placed.placement(10))
    harness.apply(waits.placement(0), judged.placement(20), failed.placement(30))
    *days, today = weekdays(8)
    for at in days:
        failing.pupil_id = name(30, "pupil") if at == days[-1] else b""
        harness.apply(
            *failed.school_day(at, [30], {30: "v"}, close=False),
            *waits.school_day(at, [0], {0: "v"}),
            *judged.school_day(at, [20], {20: "v"}, unit=OTHER_UNIT),
        )
        assert bool(harness.collect().failed_folds) == (at == days[-1])
    harness.restart()
    harness.apply(*judged.school_day(today, [20], {20: "v"}, unit=OTHER_UNIT))
    harness.collect()
    partition = harness.core._partition  # type: ignore[attr-defined]
    assert len(partition.keys()) == 4
    found = []
    while (bucket := partition.unsettled()) is not None:
        found.append(bucket.number)
    assert found == [0]


def test_days_with_lessons_are_found_from_the_first_to_the_last_however_far_apart() -> None:
    harness, school = Harness(CONTENTS), School()
    with_lessons = [START, START + 20, START + 200]
    harness.apply(*(school.register(day, 490, {0: (0,)}) for day in with_lessons))
    bucket = the_bucket(harness)
    for first in (START - 1, START, START + 1):
        for last in (START, START + 19, START + 20, START + 199, START + 200, START + 201):
            found = [day for day in with_lessons if first <= day <= last]
            assert sorted(bucket.lesson_days(first, last)) == found, (first, last)
    with pytest.raises(KeyError, match=str(START + 1)):
        bucket.days[START + 1]


def test_a_thread_that_is_older_than_the_one_held_is_not_taken() -> None:
    school, harness = School(), Harness(CONTENTS)
    harness.apply(school.profile(), school.placement(0))
    for at in weekdays(6):
        harness.told(*school.school_day(at, [0], {0: "v"}))
    told = harness.snapshots()[0]
    pupil = the_bucket(harness).pupils[0]
    for later, taken in ((0, False), (-1, False), (1, True), (0, False)):
        other = w.WarningEvent.FromString(told.SerializeToString())
        other.revision += later
        assert pupil.take(other) == taken, later
