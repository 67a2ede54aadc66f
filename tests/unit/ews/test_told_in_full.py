"""What a warning tells of one made-up week, figure by figure and lesson by lesson."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core import calendar
from tests.unit.ews.facts import CONFIRMED, EXPLICIT, REPORTED, WITHDRAWN, name, weekdays
from tests.unit.ews.test_signals import AWAY, HERE, ILL, LATE, STARTS, SURE, UNSAID, Marks, Pupil
from tests.unit.ews.test_signals import rule as told

SUBJECTS = ("MA", "SV", "EN", "NO")
MIXED: Marks = (30, 30, 0, REPORTED, 60)
ELSEWHERE: Marks = (20, 0, 40, REPORTED, 60)
WEEK: tuple[tuple[Marks, ...], ...] = (
    (ILL, SURE, HERE, HERE),
    (HERE, AWAY, LATE, ELSEWHERE),
    (ILL, ILL, ILL, UNSAID),
    (UNSAID, UNSAID, UNSAID, UNSAID),
    (AWAY, SURE, ILL, MIXED),
)
"""Monday to Friday; of Thursday nothing is known."""
DAYS = weekdays(5)
LAST_FOUR = {
    "window_first_day": DAYS[1],
    "window_last_day": DAYS[4],
    "offered": 960,
    "reported": 660,
    "valid": 290,
    "invalid_unexplained": 160,
    "invalid_confirmed": 60,
    "other": 40,
    "run_days": 2,
    "reporting_rate_known": True,
    "threshold": 0.5,
    "shared": 0,
}
"""What is the same for every rule that looks at Tuesday to Friday."""
METRICS = {
    # Minutes, days with any, and occasions: stretches, which go on over the night and over a
    # day or a lesson of which nothing is known.
    "total": (510, 3, 1),
    "valid": (290, 3, 2),
    "invalid": (220, 2, 3),
    "unexplained": (160, 2, 3),
}


def figures(episode: w.Episode) -> dict[str, object]:
    """All that are set, and the flags."""
    found = {field.name: value for field, value in episode.figures.ListFields()}
    return {"shared": 0, "reporting_rate_known": False} | found


def ground(day: int, nth: int, mark: Marks) -> w.LessonGround:
    """A lesson as the warning names it."""
    at, start = DAYS[day], STARTS[nth]
    sure = bool(mark[3] & CONFIRMED)
    return w.LessonGround(
        lesson_id=name(at * 10_000 + start, "lesson" + name(1, "unit").hex()),
        epoch_day=at,
        start_minute=start,
        length_minutes=60,
        subject=SUBJECTS[nth],
        offered=mark[4],
        valid=mark[0],
        invalid_unexplained=0 if sure else mark[1],
        invalid_confirmed=mark[1] if sure else 0,
    )


def grounds(*days: int, metric: str = "total", only: Iterable[int] = range(4)) -> list[object]:
    """The lessons of these days with absence of the metric, the newest first."""
    found: list[object] = []
    for day in sorted(days, reverse=True):
        for nth in sorted(only, reverse=True):
            mark = WEEK[day][nth]
            one = ground(day, nth, mark)
            minutes = {
                "total": mark[0] + mark[1],
                "valid": mark[0],
                "invalid": mark[1],
                "unexplained": one.invalid_unexplained,
            }[metric]
            if minutes:
                found.append(one)
    return found


def warned(content: bytes, week: tuple[tuple[Marks, ...], ...] = WEEK) -> w.Episode:
    """The episode after the week."""
    pupil = Pupil(content)
    for at, marks in zip(DAYS, week, strict=True):
        pupil.lived(at, marks)
    found = pupil.warned()
    assert found is not None
    return found


FOUR = "{ school_days = 4 }"


@pytest.mark.parametrize("metric", METRICS)
def test_a_share_a_sum_and_a_count(metric: str) -> None:
    minutes, days, occasions = METRICS[metric]
    common = LAST_FOUR | {"absence_days": days, "absence_occasions": occasions}
    for measure, value in (
        ("share", 100 * minutes / 660),
        ("minutes", minutes),
        ("occasions", occasions),
        ("days", days),
    ):
        # It rests below one, so that the level is that of the week's last day.
        content = told(
            measure, FOUR, "> 0.5", f"min_absence_minutes = {minutes}", metric=metric, below="0.5"
        )
        episode = warned(content)
        assert (episode.level, episode.level_day, episode.raised_day) == (1, DAYS[4], DAYS[4])
        assert (episode.rule_id, episode.profile_id, episode.profile_version) == ("prov", "prov", 1)
        assert figures(episode) == common | {"value": value}
        assert list(episode.lessons) == grounds(1, 2, 4, metric=metric)


def test_days_that_count_in_part_and_lessons_that_came_late() -> None:
    common = LAST_FOUR | {"absence_days": 3, "absence_occasions": 1}
    wait = "min_absence_minutes = 510"  # until Friday
    # Tuesday alone had both absence and presence.
    episode = warned(told("part_days", FOUR, "> 0.5", wait, below="0.5"))
    assert figures(episode) == common | {"value": 1}
    assert list(episode.lessons) == grounds(1)
    # Wednesday and Friday are whole days away, one after the other as far as anybody knows.
    episode = warned(told("dispersed_days", FOUR, "> 0.5", wait, below="0.5"))
    assert figures(episode) == common | {"value": 2}
    assert list(episode.lessons) == grounds(1, 2, 4)
    # Half of Tuesday's four hours and more was missed on Wednesday and Friday only.
    episode = warned(told("days", FOUR, "> 0.5", wait, "day_share = 50", below="0.5"))
    assert figures(episode) == common | {"value": 2}
    assert list(episode.lessons) == grounds(2, 4)
    # Ten minutes late, and twenty away for something else's sake: two lessons in part.
    episode = warned(told("late_arrivals", FOUR, "> 0.5", wait, below="0.5"))
    assert figures(episode) == common | {"value": 2}
    assert list(episode.lessons) == grounds(1, only=(2, 3))


RUN = (ILL, ILL, ILL, ILL)


@pytest.mark.parametrize(
    ("metric", "week", "value", "first", "run"),
    [
        # Two days in a row without presence, and one between of which nothing is known.
        ("total", WEEK, 2, 2, 2),
        ("valid", (RUN, (HERE,) * 4, RUN, (UNSAID,) * 4, RUN), 2, 2, 2),
        # Friday's absence was unexcused, Wednesday's was not.
        ("invalid", (*WEEK[:3], (AWAY, SURE, AWAY, SURE), (AWAY, SURE, AWAY, AWAY)), 2, 3, 3),
        ("unexplained", (*WEEK[:3], (AWAY, SURE, AWAY, AWAY), (AWAY,) * 4), 1, 4, 3),
        ("total", ((AWAY,) * 4, RUN, (SURE,) * 4, WEEK[2], RUN), 5, 0, 5),
        ("total", (*WEEK[:4], (SURE, ILL, AWAY, ILL)), 2, 2, 2),
    ],
)
def test_a_run_begins_with_its_first_day(
    metric: str, week: tuple[tuple[Marks, ...], ...], value: int, first: int, run: int
) -> None:
    content = told("run_days", "", f">= {value}", metric=metric).replace(b"window = \n", b"")
    episode = warned(content, week)
    assert episode.level_day == DAYS[4]
    assert episode.figures.value == value
    assert episode.figures.window_first_day == DAYS[first]
    assert episode.figures.window_last_day == DAYS[4]
    assert episode.figures.run_days == run


def test_where_everything_is_reported_no_timetable_is_known() -> None:
    pupil = Pupil(told("minutes", "{ school_days = 1 }", ">= 60"))
    pupil.lived(DAYS[0], (AWAY, HERE, HERE, HERE))
    found = pupil.warned()
    assert found is not None
    assert not found.figures.reporting_rate_known
    pupil = Pupil(told("minutes", "{ school_days = 1 }", ">= 60"))
    pupil.lived(DAYS[0], (AWAY, HERE, HERE, UNSAID))
    found = pupil.warned()
    assert found is not None
    assert found.figures.reporting_rate_known


@pytest.mark.parametrize(
    ("flags", "later", "minutes"),
    [
        (REPORTED, False, (20, 40, 0)),
        (REPORTED, True, (20, 40, 0)),
        # What a teacher said explicitly, or confirmed, after the notice came stands.
        (REPORTED | EXPLICIT, True, (0, 60, 0)),
        (REPORTED | CONFIRMED, True, (0, 0, 60)),
        (REPORTED | CONFIRMED, False, (20, 0, 40)),
    ],
)
def test_the_lessons_are_told_after_the_notices(
    flags: int, later: bool, minutes: tuple[int, int, int]
) -> None:
    pupil = Pupil(told("minutes", "{ school_days = 1 }", ">= 1", metric="total"))
    school, at = pupil.school, DAYS[0]
    start = calendar.local_instant(at, 490)
    notice = school.notice(0, start + 40 * 60, start + 75 * 60, version=school.version(5_000))
    mark = (0, 60, 0, flags, 60)
    modified = 6_000 if later else 4_000
    pupil.harness.apply(
        notice,
        school.register(at, 490, {0: mark}, version=school.version(modified)),
        # A lesson away from which nothing is told: withdrawn, or not yet reported.
        school.register(at, 560, {0: (0, 60, 0, REPORTED | WITHDRAWN, 60)}),
        school.register(at, 640, {0: (0, 60, 0, 0, 60)}),
        school.closed(at),
    )
    found = pupil.warned()
    assert found is not None
    (lesson,) = found.lessons
    assert (lesson.valid, lesson.invalid_unexplained, lesson.invalid_confirmed) == minutes
    assert (found.figures.valid, found.figures.invalid_unexplained) == minutes[:2]


def test_of_many_lessons_the_newest_sixty_are_told() -> None:
    pupil = Pupil(told("days", '"term"', ">= 17"))
    days = weekdays(17)
    for at in days:
        pupil.lived(at, (AWAY,) * 4)
    found = pupil.warned()
    assert found is not None
    times = [(one.epoch_day, one.start_minute) for one in found.lessons]
    assert times == sorted(((at, start) for at in days for start in STARTS), reverse=True)[:60]


def test_leave_tells_the_lessons_of_its_days_only() -> None:
    pupil = Pupil(told("leave_days", '"school_year"', ">= 2"))
    for at, marks in zip(DAYS, ((AWAY,) * 4, (ILL,) * 4, (HERE,) * 4, RUN, RUN), strict=True):
        pupil.lived(at, marks)
    start, end = calendar.local_midnight(DAYS[1]), calendar.local_midnight(DAYS[3])
    pupil.harness.apply(pupil.school.notice(0, start, end, kind=f.NOTICE_KIND_LEAVE))
    found = pupil.warned()
    assert found is not None
    assert (found.level_day, found.figures.value) == (DAYS[2], 2)
    assert {one.epoch_day for one in found.lessons} == {DAYS[1]}
    assert found.figures.window_first_day == DAYS[0]


def test_what_is_told_the_same_day_is_of_that_day_and_of_no_run() -> None:
    content = told("minutes", "", ">= 60", metric="invalid")
    content = content.replace(b"strofranvaro", b"ogiltig_idag").replace(b"window = \n", b"")
    content = content.replace(b"resolve = { below = 1, school_days = 1 }\n", b"")
    pupil = Pupil(content)
    pupil.lived(DAYS[0], (AWAY,) * 4)
    pupil.lived(DAYS[1], (SURE, ILL, AWAY, SURE))
    found = pupil.warned()
    assert found is not None
    assert figures(found) == {
        "window_first_day": DAYS[1],
        "window_last_day": DAYS[1],
        "offered": 240,
        "reported": 240,
        "valid": 60,
        "invalid_unexplained": 60,
        "invalid_confirmed": 120,
        "absence_occasions": 2,
        "absence_days": 1,
        "reporting_rate_known": False,
        "value": 180,
        "threshold": 60,
        "shared": 0,
    }
    assert [one.start_minute for one in found.lessons] == [780, 640, 490]
