"""Where absence gathers: weekday, subject, place of the day, and how strongly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core import days, marks
from services.ews.core.lessons import Lesson, Seats
from tests.unit.ews.facts import START, weekdays
from tests.unit.ews.test_signals import AWAY, HERE, LATE, UNSAID, Pupil, rule

WINDOW = "{ school_days = 20 }"


def pattern(
    kind: str,
    threshold: str = ">= 50",
    times: str = "2",
    least_days: int = 2,
    metric: str = "total",
) -> bytes:
    return rule(
        f"{kind}_pattern",
        WINDOW,
        threshold,
        f"min_absence_days = {least_days}",
        f"times_the_rest = {times}",
        metric=metric,
    )


def told(episode: w.Episode | None) -> tuple[str, int, int, int, int]:
    assert episode is not None
    one = episode.figures.pattern
    return (
        one.cell,
        one.lessons_absent,
        one.lessons_reported,
        one.elsewhere_absent,
        one.elsewhere_reported,
    )


def test_a_weekday() -> None:
    pupil = Pupil(pattern("weekday"))
    for at in weekdays(10):
        monday = (at - START) % 7 == 0
        pupil.lived(at, [AWAY if monday else HERE, HERE])
        assert (pupil.warned() is not None) == (at > weekdays(5)[4])
    found = pupil.warned()
    assert told(found) == ("1", 2, 3 + 1, 0, 2 * 4)  # told on the second Monday
    assert found is not None
    assert found.figures.value == found.figures.pattern.share == 50
    assert found.figures.pattern.kind == w.PATTERN_KIND_WEEKDAY
    assert len(found.lessons) == 2
    assert "framför allt på måndagar de senaste" in found.sentence
    assert found.sentence.endswith("2 av 4 lektioner (50 %), övriga veckodagar 0 %.")


def test_a_subject() -> None:
    pupil = Pupil(pattern("subject"))
    for at in weekdays(2):
        pupil.lived(at, [HERE, AWAY, HERE, HERE], subjects=("MA", "IDH", "SV", "EN"))
    found = pupil.warned()
    assert told(found) == ("IDH", 2, 2, 0, 6)
    assert found is not None
    assert {one.subject for one in found.lessons} == {"IDH"}
    assert "framför allt i ämnet IDH" in found.sentence


def test_lessons_without_a_subject_are_in_no_cell_but_in_the_rest() -> None:
    pupil = Pupil(pattern("subject"))
    for at in weekdays(3):
        pupil.lived(at, [AWAY, HERE, HERE, HERE], subjects=("", "IDH", "", "EN"))
    assert pupil.warned() is None
    for at in weekdays(5)[3:]:
        pupil.lived(at, [HERE, AWAY, HERE, HERE], subjects=("", "IDH", "", "EN"))
    assert pupil.warned() is None  # two of five lessons
    pupil.lived(weekdays(6)[5], [HERE, AWAY, HERE, HERE], subjects=("", "IDH", "", "EN"))
    assert told(pupil.warned()) == ("IDH", 3, 6, 3, 18)


def test_where_no_lesson_has_a_subject_absence_gathers_in_none() -> None:
    pupil = Pupil(pattern("subject"))
    for at in weekdays(3):
        pupil.lived(at, [AWAY, HERE, HERE, AWAY], subjects=("", "", "", ""))
    assert pupil.warned() is None
    (bucket,) = pupil.harness.core._partition.buckets()  # type: ignore[attr-defined]
    assert [one.failed for one in bucket.pupils] == [False] * len(bucket.pupils)


@pytest.mark.parametrize(
    ("place", "cell", "words"),
    [
        (0, "first", "på dagens första lektion"),
        (3, "last", "på dagens sista lektion"),
        (2, "lunch", "på lektionerna närmast lunchen"),
    ],
)
def test_a_place_of_the_day(place: int, cell: str, words: str) -> None:
    pupil = Pupil(pattern("slot"))
    starts = (480, 560, 640, 780, 860)  # the third ends at 11:40, the fourth begins at 13:00
    told_of = [HERE] * 5
    told_of[place if place != 3 else 4] = AWAY
    for at in weekdays(2):
        pupil.lived(at, told_of, starts, subjects=("MA",) * 5)
    found = pupil.warned()
    assert told(found) == ((cell, 2, 2, 0, 8) if cell != "lunch" else (cell, 2, 4, 0, 6))
    assert found is not None
    assert words in found.sentence


def lunch_lessons(starts: Sequence[int], lengths: Sequence[int]) -> list[int]:
    """The starts of one pupil's lessons that are next to the lunch break."""
    held = [
        Lesson.of_register(
            f.Register(lesson_id=bytes([i]) * 16, start_minute=start, length_minutes=length),
            Seats(np.zeros(1, np.intp), True, None),
            np.array([[length], [0], [0], [0], [1]], np.int16),
            timetabled=False,
        )
        for i, (start, length) in enumerate(zip(starts, lengths, strict=True))
    ]
    (one,) = days.add_up([days.Task(days.order(held), 1, lambda _: None, b"")])
    bits = marks.of_day(one).bits[:, 0]
    return [
        lesson.start for lesson, bit in zip(one.lessons, bits, strict=True) if bit & marks.LUNCH
    ]


@pytest.mark.parametrize(
    ("starts", "lengths", "beside"),
    [
        ((480, 570, 700), (), [570, 700]),  # 10:30 to 11:40
        ((480, 569, 700), (), []),  # begins at 10:29
        ((480, 750, 840), (), [750, 840]),  # begins at 13:30
        ((480, 751, 841), (), []),  # begins at 13:31
        ((480, 540, 600, 660), (), []),  # no break at all
        ((600, 700, 800), (), [600, 700]),  # two as long: the earlier one
        ((600, 690, 810), (), [690, 810]),  # the longest
        ((480, 600, 600, 720), (), [600, 600, 720]),  # two lessons at the same time
        ((480, 600, 610, 720), (60, 120, 10, 60), []),  # one goes on through the gap of another
        ((480, 600, 610, 725), (60, 100, 10, 60), [600, 725]),
        ((660,), (), []),
    ],
)
def test_the_lessons_next_to_the_lunch_break(
    starts: tuple[int, ...], lengths: tuple[int, ...], beside: list[int]
) -> None:
    assert lunch_lessons(starts, lengths or (60,) * len(starts)) == beside


def test_one_lesson_a_day_is_no_pattern() -> None:
    """It is the first and the last, and there is nothing to stand out from."""
    pupil = Pupil(pattern("slot"))
    for at in weekdays(6):
        pupil.lived(at, [AWAY])
    assert pupil.warned() is None


def test_two_lessons_at_the_same_time_are_both_first() -> None:
    pupil = Pupil(pattern("slot"))
    for at in weekdays(2):
        for number, mark in ((1, AWAY), (2, HERE)):
            pupil.harness.apply(
                pupil.school.register(at, 490, {0: mark}, lesson=bytes([number]) * 16)
            )
        pupil.lived(at, [HERE, HERE], starts=(600, 700))
    assert told(pupil.warned()) == ("first", 2, 4, 0, 4)


def test_an_unreported_first_lesson_says_nothing_and_the_second_is_not_first() -> None:
    pupil = Pupil(pattern("slot"))
    for at in weekdays(3):
        pupil.lived(at, [UNSAID, AWAY, HERE, HERE, HERE], (480, 545, 610, 675, 740), ("MA",) * 5)
    assert pupil.warned() is None
    # Cancelled, it was not part of the day: the second lesson was the first.
    for at in weekdays(3):
        pupil.harness.apply(
            pupil.school.register(at, 480, {0: UNSAID}, state=f.LESSON_STATE_CANCELLED)
        )
    assert told(pupil.warned())[0] == "first"


@pytest.mark.parametrize(
    ("threshold", "absent", "fires"),
    [(">= 50", 2, True), ("> 50", 2, False), (">= 50.1", 2, False), ("> 49.9", 2, True)],
)
def test_the_share_in_the_cell(threshold: str, absent: int, fires: bool) -> None:
    pupil = Pupil(pattern("subject", threshold))
    for i, at in enumerate(weekdays(4)):
        pupil.lived(at, [AWAY if i >= 4 - absent else HERE, HERE])
    assert (pupil.warned() is not None) == fires


@pytest.mark.parametrize(("times", "fires"), [("3", True), ("3.001", False), ("2.9", True)])
def test_how_many_times_the_rest(times: str, fires: bool) -> None:
    """Three of four in the cell, three of twelve elsewhere: exactly three times."""
    pupil = Pupil(pattern("subject", times=times, least_days=3))
    for i, at in enumerate(weekdays(4)):
        pupil.lived(at, [AWAY if i else HERE] + [AWAY if i == 0 else HERE] * 3)
    found = pupil.warned()
    assert (found is not None) == fires
    if found is not None:
        assert told(found) == ("MA", 3, 4, 3, 12)
        assert found.figures.pattern.elsewhere_share == 25


@pytest.mark.parametrize(("least", "fires"), [(2, True), (3, False)])
def test_on_how_many_days_within_the_cell(least: int, fires: bool) -> None:
    pupil = Pupil(pattern("subject", least_days=least))
    for i, at in enumerate(weekdays(5)):
        # Away from MA twice on each of two days, and from another subject on a third.
        first = AWAY if i < 2 else HERE
        pupil.lived(at, [first, first, AWAY if i == 4 else HERE], subjects=("MA", "MA", "SV"))
    found = pupil.warned()
    assert (found is not None) == fires


def test_a_correction_moves_the_absence_to_another_cell() -> None:
    pupil = Pupil(pattern("weekday"))
    dates = weekdays(10)
    for at in dates:
        pupil.lived(at, [AWAY if at in (dates[0], dates[5]) else HERE, HERE])
    assert told(pupil.warned())[0] == "1"
    # It was the Tuesdays all the time.
    for monday, tuesday in ((dates[0], dates[1]), (dates[5], dates[6])):
        pupil.harness.apply(
            pupil.school.register(monday, 490, {0: HERE}),
            pupil.school.register(tuesday, 490, {0: AWAY}),
        )
    found = pupil.warned()
    assert told(found)[0] == "2"
    assert found is not None
    assert {one.epoch_day for one in found.lessons} == {dates[1], dates[6]}
    assert found.raised_day == dates[6]


def test_a_new_subject_name_changes_no_minutes_and_yet_the_pattern() -> None:
    pupil = Pupil(pattern("subject"))
    dates = weekdays(2)
    for at in dates:
        pupil.lived(at, [AWAY, HERE], subjects=("", "SV"))
    assert pupil.warned() is None
    for at in dates:
        pupil.harness.apply(pupil.school.register(at, 490, {0: AWAY}, subject="MA"))
    assert told(pupil.warned()) == ("MA", 2, 2, 0, 2)


def test_a_pattern_of_a_metric_and_a_part_of_a_lesson_is_absence_too() -> None:
    pupil = Pupil(pattern("slot", metric="invalid"))
    for at in weekdays(2):
        pupil.lived(at, [LATE, HERE, (60, 0, 0, 1, 60), HERE])
    assert told(pupil.warned()) == ("first", 2, 2, 0, 6)


def test_a_pattern_survives_a_restart_and_a_loss() -> None:
    pupil = Pupil(pattern("subject"))
    for at in weekdays(2):
        pupil.lived(at, [AWAY, HERE])
    assert pupil.warned() is not None
    pupil.harness.restart()
    pupil.lived(weekdays(3)[2], [HERE, HERE])
    assert told(pupil.warned()) == ("MA", 2, 2, 0, 2)
    pupil.harness.lose()
    assert told(pupil.warned()) == ("MA", 2, 2, 0, 2)
