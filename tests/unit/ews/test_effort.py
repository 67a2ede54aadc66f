"""How little is done: what nothing changed is neither judged nor written anew.

It is a promise like any other. A worker decides once a second on what came in; were all of a
school year judged again each time, no warning would be wrong and none in time.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from services.ews.core import calendar, decide
from services.ews.core.episodes import content
from services.ews.core.judge import Group, judge
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import School, name, weekdays
from tests.unit.ews.harness import Harness

CONTENTS = [(TRIAL_ID, 1, TRIAL)]
DAYS = weekdays(14)
AWAY = {0: "v", 1: "v"}
"""Who is away on the first ten days: warned about after five, and a level higher after ten."""
FIRST, SECOND = name(0, "pupil"), name(1, "pupil")


class Effort:
    """What was judged and what was written since it was last asked."""

    def __init__(self) -> None:
        self.judged: list[tuple[int, bool, int]] = []
        """Of each group: its size, whether it went on from before, and from which day."""
        self.written: list[bytes] = []
        """Whose episodes."""

    def since(self) -> tuple[list[tuple[int, bool, int]], list[bytes]]:
        found = self.judged, self.written
        self.judged, self.written = [], []
        return found


@pytest.fixture
def effort(monkeypatch: pytest.MonkeyPatch) -> Effort:
    seen = Effort()

    def judging(group: Group, before: Group | None, *given: Any) -> None:
        seen.judged.append((len(group.rows), before is not None, given[2]))
        judge(group, before, *given)

    def writing(bucket: Any, year: Any, row: int, *given: Any) -> Any:
        seen.written.append(bucket.pupils[row].pupil_id)
        return content(bucket, year, row, *given)

    monkeypatch.setattr(decide, "judge", judging)
    monkeypatch.setattr(decide, "content", writing)
    return seen


def lived(harness: Harness, school: School, upto: int = 12) -> None:
    harness.apply(school.profile(), *(school.placement(pupil) for pupil in range(4)))
    for i, at in enumerate(DAYS[:upto]):
        harness.apply(*school.school_day(at, range(4), AWAY if i < 10 else {}))
        harness.collect()


@pytest.fixture
def class_of_four(effort: Effort) -> tuple[Harness, School]:
    harness, school = Harness(CONTENTS), School()
    lived(harness, school)
    effort.since()
    return harness, school


def test_a_new_day_is_judged_and_the_days_before_it_are_not(
    effort: Effort, class_of_four: tuple[Harness, School]
) -> None:
    harness, school = class_of_four
    harness.apply(*school.school_day(DAYS[12], range(4)))
    harness.collect()
    # And the day before, of which no Wave had come: now it is judged without.
    assert effort.since() == ([(4, True, DAYS[11])], [])
    # Said again nothing is written, and what was judged stands.
    harness.apply(school.closed(DAYS[12]))
    harness.collect()
    assert effort.since() == ([(4, True, DAYS[12])], [])
    harness.collect()
    assert effort.since() == ([], [])


def test_a_warning_is_written_when_it_rises_and_not_while_it_lasts(effort: Effort) -> None:
    harness, school = Harness(CONTENTS), School()
    lived(harness, school, 4)
    effort.since()
    written = []
    for before, at in pairwise(DAYS[3:11]):
        harness.apply(*school.school_day(at, range(4), AWAY if at < DAYS[10] else {}))
        harness.collect()
        judged, found = effort.since()
        assert judged == [(4, True, before)]
        written.append(sorted(set(found)))
    both = sorted((FIRST, SECOND))
    assert written[0] == both
    assert written[5] == both
    # Also on the day after, when it is known whether there was a wave on the day itself.
    assert [bool(found) for found in written] == [True, True, False, False, False, True, True]


def test_a_day_under_way_is_not_judged_and_who_is_missing_is_told_of(
    effort: Effort, class_of_four: tuple[Harness, School]
) -> None:
    harness, school = class_of_four
    harness.apply(school.register(DAYS[12], 490, {0: (60, 0), 2: (0, 60), 3: (0, 0)}))
    batch = harness.collect()
    assert effort.since() == ([], [name(2, "pupil")])
    assert len(batch.warnings) == 1
    # Another lesson of those who are there changes nothing of it.
    harness.apply(school.register(DAYS[12], 560, {0: (0, 0), 3: (0, 0)}))
    assert harness.collect().warnings == []
    assert effort.since() == ([], [])
    harness.apply(school.register(DAYS[12], 560, {2: (0, 30)}))
    assert len(harness.collect().warnings) == 1
    assert effort.since() == ([], [name(2, "pupil")])


@pytest.mark.parametrize(
    ("day", "marks", "written"),
    [
        # Before a level was reached: of that pupil alone it is written anew.
        (3, {1: (30, 0)}, [SECOND]),
        (9, {0: (30, 0), 3: (0, 0)}, [FIRST]),
        # After it nothing that was told is about the day.
        (10, {0: (30, 0)}, []),
        (11, {3: (60, 0)}, []),
    ],
)
def test_a_correction_is_judged_from_its_day_on_and_written_of_whom_it_is_about(
    effort: Effort,
    class_of_four: tuple[Harness, School],
    day: int,
    marks: dict[int, tuple[int, ...]],
    written: list[bytes],
) -> None:
    harness, school = class_of_four
    harness.apply(school.register(DAYS[day], 490, marks))
    harness.collect()
    judged, found = effort.since()
    assert judged == [(4, True, DAYS[day])]
    assert sorted(set(found)) == sorted(written)


def test_a_notice_is_judged_from_its_day_on(
    effort: Effort, class_of_four: tuple[Harness, School]
) -> None:
    harness, school = class_of_four
    harness.apply(school.register(DAYS[11], 490, {3: (0, 60)}))
    harness.collect()
    effort.since()
    start = calendar.local_instant(DAYS[11], 480)
    harness.apply(school.notice(3, start, start + 7_200, kind=f.NOTICE_KIND_ABSENCE_REPORT))
    (row,) = harness.collect().warnings
    assert row.value
    judged, _ = effort.since()
    assert judged == [(4, True, DAYS[11])]


def test_a_pupil_who_comes_to_another_class_is_judged_from_the_beginning_and_the_rest_is_not(
    effort: Effort, class_of_four: tuple[Harness, School]
) -> None:
    harness, school = class_of_four
    harness.apply(school.placement(1, DAYS[11], number=1, class_id=name(2, "class")))
    harness.collect()
    judged, written = effort.since()
    # Three go on in a group of their own, whose judgement is made once; so does the one.
    assert sorted(size for size, _, _ in judged) == [1, 3]
    assert set(written) <= {FIRST, SECOND}
    harness.apply(*school.school_day(DAYS[12], range(4)))
    harness.collect()
    assert sorted(effort.since()[0]) == [(1, True, DAYS[11]), (3, True, DAYS[11])]


def test_what_is_about_another_school_year_leaves_this_one_alone(
    effort: Effort, class_of_four: tuple[Harness, School]
) -> None:
    harness, school = class_of_four
    before = [at - 364 for at in DAYS[:3]]
    for at in before:
        harness.apply(*school.school_day(at, range(4)))
    harness.collect()
    judged, written = effort.since()
    assert written == []
    assert {since for _, _, since in judged} == {before[0]}
