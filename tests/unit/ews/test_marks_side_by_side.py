"""The marks of many days made side by side are those of each day made alone."""

from __future__ import annotations

import pytest

from services.ews.core import days
from services.ews.core.bucket import Bucket
from services.ews.core.core import Core
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import School, weekdays

ABSENT = {0: "v...", 1: ".i.v", 2: "-..c"}


def taught(length: int) -> tuple[Bucket, list[int]]:
    core, school = Core(), School()
    core.learn_profile(TRIAL_ID, 1, TRIAL)
    some = weekdays(length)
    facts = [school.profile(), *(school.placement(pupil) for pupil in range(4))]
    for nth, day in enumerate(some):
        # Not every pupil has every lesson, and one day has none.
        pupils = range(nth % 2, 4)
        if nth != 3:
            absent = {pupil: told for pupil, told in ABSENT.items() if pupil in pupils}
            facts += school.school_day(
                day, pupils, absent, starts=(490, 560, 640, 780)[: 4 - nth % 2]
            )
    for offset, fact in enumerate(facts):
        core.apply(fact, offset, partition=0)
    core.collect()
    (bucket,) = core._partition.buckets()
    bucket.years[2026].marks.clear()
    return bucket, some


@pytest.mark.parametrize("length", [6, 70])
def test_they_are_the_same_and_made_once(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket, some = taught(length)
    alone = [bucket.marks(day) for day in some]
    bucket.years[2026].marks.clear()
    bucket.marks(some[1])
    asked: list[int] = []
    add_up = days.add_up

    def counting(tasks: list[days.Task]) -> list[days.Day]:
        asked.append(len(tasks))
        return add_up(tasks)

    monkeypatch.setattr(days, "add_up", counting)
    bucket.prepare_marks(some)
    assert asked == ([5] if length == 6 else [64, 5])
    bucket.prepare_marks(some)
    together = [bucket.marks(day) for day in some]
    assert sum(asked) == length - 1
    for one, other in zip(alone, together, strict=True):
        assert one.subjects == other.subjects
        assert one.bits.tolist() == other.bits.tolist()


def test_what_is_read_for_them_after_a_restart_stays_bytes() -> None:
    """Decoded, the lessons of a school year would be most of a worker's memory."""
    before, some = taught(6)
    after = Bucket(before.key, before.organiser_id, before.home_id, before.number)
    rows = [(day, before.encode_day(day)) for day in before.days]
    pupils = [(row, pupil.encode()) for row, pupil in enumerate(before.pupils)]
    after.restore(before.encode(), pupils, rows)
    after.prepare_marks(some)
    for day in some:
        assert after.marks(day).bits.tolist() == before.marks(day).bits.tolist()
    assert all(lessons._stored is not None for lessons in after.days.values())
    assert [after.encode_day(day) for day in after.days] == [encoded for _, encoded in rows]
    assert after.lessons(some[0]).keys() == before.lessons(some[0]).keys()
    assert after.encode_day(some[0]) == rows[0][1]
