"""Windows and measures of days and lessons: where exactly each of them fires."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1 import warnings_pb2 as w
from tests.unit.ews import toml
from tests.unit.ews.facts import CONFIRMED, REPORTED, START, School, day, weekdays
from tests.unit.ews.harness import Harness

Marks = tuple[int, ...]
HERE: Marks = (0, 0, 0, REPORTED, 60)
AWAY: Marks = (0, 60, 0, REPORTED, 60)
ILL: Marks = (60, 0, 0, REPORTED, 60)
SURE: Marks = (0, 60, 0, REPORTED | CONFIRMED, 60)
LATE: Marks = (0, 10, 0, REPORTED, 60)
UNSAID: Marks = (0, 0, 0, 0, 60)
STARTS = (490, 560, 640, 780)


def rule(
    measure: str, window: str, threshold: str, *more: str, metric: str = "total", below: str = "1"
) -> bytes:
    """A profile of one rule; the threshold says the comparator too."""
    comparator, number = threshold.split()
    told = [
        f'id = "prov"\nmetric = "{metric}"\nmeasure = "{measure}"\nwindow = {window}',
        f'comparator = "{comparator}"\nthreshold = {number}',
        f"resolve = {{ below = {below}, school_days = 1 }}",
        *more,
    ]
    return toml.profile(toml.rule("strofranvaro", "\n".join(told)))


class Pupil:
    """One pupil under one rule, whose days are told lesson by lesson."""

    def __init__(self, content: bytes, first: int = START) -> None:
        self.school = School()
        self.harness = Harness([("prov", 1, content)])
        years = {date.fromordinal(date(1970, 1, 1).toordinal() + first).year - 1, 2026, 2027}
        self.harness.apply(
            self.school.profile(content, profile_id="prov"),
            *(
                self.school.placement(0, first, number=year, school_year=year)
                for year in sorted(years)
            ),
        )

    def lived(
        self,
        at: int,
        marks: Sequence[Marks],
        starts: Sequence[int] = STARTS,
        subjects: Sequence[str] = ("MA", "SV", "EN", "NO"),
    ) -> None:
        """A closed day; the marks are those of its lessons in order."""
        for start, mark, subject in zip(starts, marks, subjects, strict=False):
            self.harness.apply(self.school.register(at, start, {0: mark}, subject=subject))
        self.harness.apply(self.school.closed(at))

    def warned(self) -> w.Episode | None:
        """The last episode that is not withdrawn."""
        self.harness.collect()
        found = [
            one
            for event in self.harness.snapshots()
            for one in event.episodes
            if one.state != w.EPISODE_STATE_WITHDRAWN
        ]
        return found[-1] if found else None


# -- windows ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "fires"),
    [
        (day(2026, 10, 19), day(2026, 10, 25), True),  # a Sunday; the clocks go back in the night
        (day(2026, 10, 19), day(2026, 10, 26), False),
        (day(2027, 3, 25), day(2027, 3, 31), True),  # summer time began on the 28th
        (day(2027, 3, 25), day(2027, 4, 1), False),
        (day(2027, 1, 29), day(2027, 2, 4), True),  # a month's border is none
        (day(2026, 12, 29), day(2027, 1, 4), True),  # nor is the turn of the year
        (day(2027, 6, 28), day(2027, 7, 2), False),  # a school year's border is one
    ],
)
def test_seven_calendar_days_are_the_judged_day_and_the_six_before(
    first: int, second: int, fires: bool
) -> None:
    pupil = Pupil(rule("days", "{ calendar_days = 7 }", ">= 2"), day(2026, 8, 17))
    pupil.lived(first, [AWAY])
    pupil.lived(second, [AWAY])
    found = pupil.warned()
    assert (found is not None) == fires
    if found is not None:
        assert (found.figures.window_first_day, found.figures.window_last_day) == (first, second)
        assert "de senaste 7 dagarna" in found.sentence


@pytest.mark.parametrize("length", [5, 10, 20, 40])
@pytest.mark.parametrize("metric", ["total", "valid", "invalid", "unexplained"])
def test_a_rolling_window_is_the_pupils_last_school_days_whatever_the_calendar(
    length: int, metric: str
) -> None:
    """A day counts as long as it is one of the last; lov and weekends lie between and are none."""
    content = rule("days", f"{{ school_days = {length} }}", ">= 2", metric=metric)
    kind = {"total": AWAY, "valid": ILL, "invalid": SURE, "unexplained": AWAY}[metric]
    other = {"total": UNSAID, "valid": AWAY, "invalid": ILL, "unexplained": SURE}[metric]
    for between, fires in ((length - 2, True), (length - 1, False)):
        days = weekdays(between + 2, day(2026, 9, 14))
        shifted = [at + 7 if at >= day(2026, 10, 26) else at for at in days]  # a week of lov
        pupil = Pupil(content, day(2026, 8, 17))
        pupil.lived(shifted[0], [kind])
        for at in shifted[1:-1]:
            pupil.lived(at, [other])
        pupil.lived(shifted[-1], [kind])
        found = pupil.warned()
        assert (found is not None) == fires
        if found is not None:
            assert found.figures.window_first_day == shifted[0]
            assert found.raised_day == shifted[-1]


@pytest.mark.parametrize("span", ["calendar_days = 14", "school_days = 2"])
@pytest.mark.parametrize(
    ("first", "second", "fires"),
    [
        (day(2026, 12, 21), day(2026, 12, 31), True),
        (day(2026, 12, 31), day(2027, 1, 1), False),  # the turn of the year parts the terms
        (day(2027, 1, 1), day(2027, 1, 14), True),
        (day(2026, 8, 17), day(2026, 12, 30), False),  # the span itself still ends it
    ],
)
def test_a_counted_window_may_stay_within_the_term(
    span: str, first: int, second: int, fires: bool
) -> None:
    pupil = Pupil(rule("days", f'{{ {span}, within = "term" }}', ">= 2"), day(2026, 8, 17))
    pupil.lived(first, [AWAY])
    if second - first > 14:
        pupil.lived(second - 15, [HERE])
    pupil.lived(second, [AWAY])
    found = pupil.warned()
    assert (found is not None) == fires
    if found is not None:
        assert found.figures.window_first_day == first
        told = "de senaste 14 dagarna av terminen, " if "14" in span else "de senaste 2 skoldagarna"
        assert told in found.sentence


def test_what_last_term_raised_rests_as_soon_as_the_new_one_begins() -> None:
    content = rule("days", '{ school_days = 10, within = "term" }', ">= 2", below="2")
    pupil = Pupil(content, day(2026, 8, 17))
    for at in (day(2026, 12, 17), day(2026, 12, 18), day(2027, 1, 12)):
        pupil.lived(at, [AWAY])
    found = pupil.warned()
    assert found is not None
    assert (found.raised_day, found.resolved_day) == (day(2026, 12, 18), day(2027, 1, 12))


@pytest.mark.parametrize(
    ("first", "second", "fires"),
    [
        (day(2026, 8, 17), day(2027, 6, 30), True),
        (day(2026, 12, 31), day(2027, 1, 1), True),
        (day(2027, 6, 30), day(2027, 7, 1), False),
    ],
)
def test_a_school_year_is_from_july_to_june(first: int, second: int, fires: bool) -> None:
    pupil = Pupil(rule("days", '"school_year"', ">= 2"), day(2026, 8, 17))
    pupil.lived(first, [AWAY])
    pupil.lived(second, [AWAY])
    found = pupil.warned()
    assert (found is not None) == fires
    if found is not None:
        assert "under läsåret" in found.sentence


# -- days ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threshold", "days_away", "fires"),
    [(">= 3", 2, False), (">= 3", 3, True), ("> 3", 3, False), ("> 3", 4, True)],
)
@pytest.mark.parametrize(
    ("measure", "marks"),
    [
        ("part_days", [HERE, AWAY, HERE, HERE]),
        ("dispersed_days", [HERE, AWAY, HERE, HERE]),
        ("late_arrivals", [HERE, LATE, HERE, HERE]),
    ],
)
def test_a_threshold_is_met_exactly(
    measure: str, marks: list[Marks], threshold: str, days_away: int, fires: bool
) -> None:
    pupil = Pupil(rule(measure, "{ school_days = 20 }", threshold))
    for at in weekdays(days_away):
        pupil.lived(at, marks)
    found = pupil.warned()
    assert (found is not None) == fires
    if found is not None:
        assert found.figures.value == days_away
        assert len(found.lessons) == days_away


def test_a_part_day_has_absence_and_presence_and_something_reported() -> None:
    pupil = Pupil(rule("part_days", "{ school_days = 20 }", ">= 1"))
    first, second, third, fourth, fifth = weekdays(5)
    pupil.lived(first, [AWAY, AWAY, AWAY, AWAY])
    pupil.lived(second, [AWAY, UNSAID, UNSAID, UNSAID])
    pupil.lived(third, [UNSAID, UNSAID, UNSAID, UNSAID])
    pupil.lived(fourth, [HERE, HERE, HERE, HERE])
    assert pupil.warned() is None
    pupil.lived(fifth, [AWAY, HERE, UNSAID, UNSAID])
    found = pupil.warned()
    assert found is not None
    assert found.figures.value == 1
    # The lessons of the whole days are no ground.
    assert [one.epoch_day for one in found.lessons] == [fifth]
    assert found.sentence.startswith("Frånvarande en del av dagen men inte hela 1 skoldag ")


def test_presence_that_is_not_of_the_metric_makes_no_part_day() -> None:
    pupil = Pupil(rule("part_days", "{ school_days = 5 }", ">= 1", metric="invalid"))
    pupil.lived(START, [ILL, ILL, AWAY, AWAY])  # absent all day, in two ways
    assert pupil.warned() is None
    pupil.harness.apply(pupil.school.register(START, STARTS[0], {0: HERE}))
    found = pupil.warned()
    assert found is not None
    assert len(found.lessons) == 2


def test_whole_days_in_a_row_are_dispersed_once() -> None:
    pupil = Pupil(rule("dispersed_days", "{ school_days = 20 }", ">= 3"))
    days = weekdays(9)
    whole, part = [AWAY] * 4, [HERE, AWAY, HERE, HERE]
    pupil.lived(days[0], whole)
    pupil.lived(days[1], [UNSAID] * 4)  # neither counts nor breaks
    pupil.lived(days[2], whole)
    pupil.lived(days[3], whole)
    pupil.lived(days[4], part)  # two so far: part of a day is a day of its own
    assert pupil.warned() is None
    pupil.lived(days[5], whole)  # a new stretch
    found = pupil.warned()
    assert found is not None
    assert found.figures.value == 3
    assert found.figures.absence_days == 5
    assert len(found.lessons) == 4 * 4 + 1
    assert found.sentence.startswith("Frånvaro utspridd på 3 skoldagar")


def test_a_stretch_that_began_before_the_window_is_one_day_of_it() -> None:
    pupil = Pupil(rule("dispersed_days", "{ school_days = 2 }", ">= 1", below="1"))
    days = weekdays(4)
    for at in days[:3]:
        pupil.lived(at, [AWAY] * 4)
    found = pupil.warned()
    assert found is not None
    assert found.resolved_day == 0
    pupil.lived(days[3], [HERE] * 4)
    # The window still holds the last day of the stretch.
    found = pupil.warned()
    assert found is not None
    assert found.resolved_day == 0


def test_an_illness_does_not_hide_a_day_of_another_kind() -> None:
    pupil = Pupil(rule("dispersed_days", "{ school_days = 5 }", ">= 1", metric="invalid"))
    pupil.lived(weekdays(2)[0], [ILL] * 4)
    assert pupil.warned() is None
    pupil.lived(weekdays(2)[1], [AWAY] * 4)
    found = pupil.warned()
    assert found is not None
    assert found.figures.value == 1


@pytest.mark.parametrize(
    ("away", "fires"),
    [(59, False), (60, True)],  # a quarter of four hours is an hour
)
def test_a_day_counts_from_its_share_on(away: int, fires: bool) -> None:
    pupil = Pupil(rule("days", "{ school_days = 5 }", ">= 1", "day_share = 25"))
    pupil.lived(START, [(0, away, 0, REPORTED, 60), HERE, HERE, HERE])
    found = pupil.warned()
    assert (found is not None) == fires
    if found is not None:
        assert "minst 25 % av dagen 1 skoldag" in found.sentence


def test_the_share_of_a_day_is_of_what_was_reported_and_held() -> None:
    pupil = Pupil(rule("days", "{ school_days = 5 }", ">= 1", "day_share = 50"))
    pupil.lived(START, [AWAY, HERE, HERE, UNSAID])
    assert pupil.warned() is None
    # One of the lessons turns out to have been cancelled.
    pupil.harness.apply(
        pupil.school.register(START, STARTS[1], {0: HERE}, state=f.LESSON_STATE_CANCELLED)
    )
    found = pupil.warned()
    assert found is not None
    assert (found.figures.reported, found.figures.offered) == (120, 180)


# -- lessons attended in part ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "counts"),
    [
        ((0, 1, 0, REPORTED, 60), True),
        ((0, 59, 0, REPORTED, 60), True),
        ((0, 60, 0, REPORTED, 60), False),  # never came
        ((0, 0, 0, REPORTED, 60), False),
        ((0, 10, 0, REPORTED, 60, 10), True),
        ((0, 10, 0, REPORTED, 60, 0, 10), False),  # left early, and the source tells
        ((0, 20, 0, REPORTED, 60, 10, 10), True),
        ((0, 10, 0, 0, 60, 10), False),  # nobody has reported it
        ((5, 5, 50, REPORTED, 60), True),
    ],
)
def test_a_late_arrival(mark: Marks, counts: bool) -> None:
    pupil = Pupil(rule("late_arrivals", "{ school_days = 5 }", ">= 1"))
    pupil.lived(START, [mark, HERE])
    found = pupil.warned()
    assert (found is not None) == counts
    if found is not None:
        assert "en del av lektionen vid en lektion" in found.sentence


def test_times_given_by_one_patch_say_nothing_of_anothers_marks() -> None:
    """The source that tells of times for one pupil need not be the one that tells of another."""
    for order in (False, True):
        pupil = Pupil(rule("late_arrivals", "{ school_days = 5 }", ">= 1"))
        pupil.harness.apply(pupil.school.placement(1))
        patches = [
            pupil.school.register(START, 490, {0: LATE}),
            pupil.school.register(START, 490, {1: (0, 10, 0, REPORTED, 60, 0, 10)}),
        ]
        pupil.harness.apply(*(reversed(patches) if order else patches))
        pupil.harness.apply(pupil.school.closed(START))
        pupil.harness.collect()
        (event,) = pupil.harness.snapshots()
        assert len(event.episodes[0].lessons) == 1


def test_late_arrivals_are_of_the_metric_and_survive_a_restart() -> None:
    pupil = Pupil(rule("late_arrivals", "{ school_days = 5 }", ">= 3", metric="valid"))
    first, second = weekdays(2)
    excused, confirmed = (10, 0, 0, REPORTED, 60, 10), (0, 10, 0, REPORTED | CONFIRMED, 60, 10)
    pupil.lived(first, [excused, confirmed, excused, AWAY])
    assert pupil.warned() is None
    pupil.harness.restart()
    pupil.lived(second, [HERE, excused, HERE, HERE])
    found = pupil.warned()
    assert found is not None
    assert found.figures.value == 3
    assert [one.valid for one in found.lessons] == [10, 10, 10]
    # The correction of a day long closed takes the ground away.
    pupil.harness.apply(pupil.school.register(first, STARTS[0], {0: ILL}))
    assert pupil.warned() is None
