"""What a warning says of one episode: the figures, the lessons, the sentence.

All of it is about the day on which the present level was reached and the days
its rule looked back on then, so it stays as it is while days pass and changes
only where something about those days does: a published warning is not amended
for growing older.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from forvarning.warnings.v1.warnings_pb2 import Episode, Figures, LessonGround
from services.ews.core import calendar, days, lessons, look, marks, patterns, shared, values
from services.ews.core.bucket import Bucket
from services.ews.core.fold import Spell
from services.ews.core.marks import gather
from services.ews.core.notices import explained_minutes
from services.ews.core.pupils import Content
from services.ews.core.rule import PATTERNS, TODAY, Measure, Metric, Rule, Span
from services.ews.core.sentences import sentence
from services.ews.core.year import Year

_MOST_LESSONS = 60


def content(  # noqa: PLR0917  # whose it is, of what, and seen how
    bucket: Bucket,
    year: Year,
    row: int,
    axis: Sequence[int],
    spell: Spell,
    waved: days.Mask | None = None,
    turned: int = 0,
) -> Content:
    """The episode as the facts have it now.

    ``axis`` are the pupil's school days up to and with ``spell.level_day``;
    ``waved`` tells the ones of whose valid absence the rule was judged without.
    ``turned`` is the value of a turning, which no sum holds.
    """
    rule = spell.rule
    end = axis[-1]
    sums = year.of(np.array(axis, np.int64))[:, :, row].astype(np.int64)
    if rule.judged is not None:
        calm = sums if waved is None else shared.without(sums, waved)
        end = values.end(bucket, row, calm, axis, rule)
        axis = [day for day in axis if day <= end]
        sums, waved = sums[: len(axis)], None if waved is None else waved[: len(axis)]
    last = len(axis) - 1
    run = _run(sums, Metric.TOTAL) if rule.family != TODAY else (0, last)
    if rule.measure is Measure.RUN_DAYS:
        value_run, first = run if rule.metric is Metric.TOTAL else _run(sums, rule.metric)
    else:
        value_run, first = 0, _first(rule, axis, end)
    out = 0
    if waved is not None and waved.any():
        out = int(sums[first:][waved[first:], days.VALID].sum())
        sums = shared.without(sums, waved)
    window = sums[first:]
    total = window.sum(axis=0).tolist()
    by_metric = [
        look.of_metric(rule.metric, *one)
        for one in window[:, days.VALID : days.CONFIRMED + 1].tolist()
    ]
    counts: Counts = _any
    figures = Figures(
        window_first_day=axis[first],
        window_last_day=axis[last],
        offered=total[days.OFFERED],
        reported=total[days.REPORTED],
        valid=total[days.VALID],
        invalid_unexplained=total[days.UNEXPLAINED],
        invalid_confirmed=total[days.CONFIRMED],
        other=total[days.OTHER],
        absence_occasions=_occasions(window, rule.metric),
        absence_days=sum(1 for minutes in by_metric if minutes),
        run_days=run[0],
        reporting_rate_known=total[days.TIMETABLED] > 0,
        threshold=float(rule.threshold),
        shared=out,
    )
    touched = by_metric
    match rule.measure:
        case Measure.CHANGE:
            values.change_against(figures, rule, sums[:first], sum(by_metric))
        case Measure.TURNING:
            figures.value = turned
        case Measure.LEAVE_DAYS | Measure.UNUSUAL_REPORTS:
            touched = values.noted(bucket.pupils[row], axis, first, rule)
            figures.value = sum(touched)
        case Measure.SHARE:
            figures.value = 100.0 * sum(by_metric) / figures.reported
            values.weigh(figures, rule, sums[:first], sum(by_metric))
        case Measure.MINUTES:
            figures.value = sum(by_metric)
        case Measure.OCCASIONS:
            figures.value = figures.absence_occasions
        case Measure.RUN_DAYS:
            figures.value = value_run
        case _:
            figures.value, counts = _counted(bucket, row, rule, axis[first:], window, figures)
    grounds = _grounds(
        bucket,
        row,
        rule,
        [
            day
            for day, minutes, one in zip(axis[first:], by_metric, touched, strict=True)
            if minutes and one
        ],
        frozenset(np.array(axis)[waved].tolist()) if out else frozenset(),
        counts,
    )
    episode = Episode(
        level=spell.level,
        level_day=spell.level_day,
        rule_id=rule.rule_id,
        profile_id=spell.profile.profile_id,
        profile_version=spell.profile.version,
        figures=figures,
        lessons=grounds,
        sentence=sentence(rule, figures, len(grounds), len(window)),
    )
    return Content(
        spell.level_day,
        spell.level,
        rule.rule_id,
        (spell.profile.profile_id, spell.profile.version),
        episode,
    )


Counts = Callable[[int, int], bool]
"""Whether a lesson with absence is one of those that count, by its day and its place in it."""


def _any(_day: int, _place: int) -> bool:
    return True


def _counted(  # noqa: PLR0917  # one step of content, split off for reading
    bucket: Bucket,
    row: int,
    rule: Rule,
    axis: Sequence[int],
    window: look.Ints,
    figures: Figures,
) -> tuple[float, Counts]:
    """The value of a measure that counts days or lessons, and which of them count.

    A pattern is added to the figures.
    """
    rows = np.array([row], np.intp)
    if rule.measure in PATTERNS:
        held = gather([(day, bucket.marks(day)) for day in axis], rows)
        found = patterns.strongest(rule, held)
        assert found is not None  # noqa: S101  # the rule fired, so there is a cell
        figures.pattern.CopyFrom(found)

        def in_cell(day: int, place: int) -> bool:
            some = bucket.marks(day)
            bits = int(some.bits[place, row])
            return patterns.inside(found, day, some.subjects[place], bits)

        return found.share, in_cell
    if rule.measure is Measure.LATE_ARRIVALS:

        def late(day: int, place: int) -> bool:
            return bool(bucket.marks(day).bits[place, row] & marks.PART)

        bits = gather([(day, bucket.marks(day)) for day in axis], rows).bits
        of_metric = (bits & marks.OF_METRIC[rule.metric]) != 0
        return float((of_metric & ((bits & marks.PART) != 0)).sum()), late
    sums = window[:, :, None]
    counting = look.Counting(rule.measure, rule.metric, rule.day_ratio)
    mask = look.days_counted(sums, counting)
    counting_days = {day for day, yes in zip(axis, mask[:, 0].tolist(), strict=True) if yes}
    value = len(counting_days)
    if rule.measure is Measure.DISPERSED_DAYS:
        away = look.away_all_day(sums, rule.metric)
        value -= int(look.joins(away, away, sums[:, days.REPORTED] > 0)[0].sum())
    return float(value), lambda day, _place: day in counting_days


def _first(rule: Rule, axis: Sequence[int], end: int) -> int:
    if rule.window.span is Span.DAY:
        return len(axis) - 1
    ends = np.array([end], np.int64)
    return int(look.first_in_window(rule.window, np.array(axis, np.int64), ends)[0])


def _run(sums: look.Ints, metric: Metric) -> tuple[int, int]:
    """The run's length up to the last day, and the place of its first day."""
    length, first = 0, len(sums) - 1
    for place in range(len(sums) - 1, -1, -1):
        day = sums[place].tolist()
        said = day[days.REPORTED]
        if not said:
            continue
        absent = day[days.VALID] + day[days.UNEXPLAINED] + day[days.CONFIRMED]
        of_metric = look.of_metric(metric, *day[days.VALID : days.CONFIRMED + 1])
        if absent < said or of_metric != absent:
            break
        length, first = length + 1, place
    return length, first


def _occasions(window: look.Ints, metric: Metric) -> int:
    """Unbroken stretches within the window; see :data:`services.ews.core.days.RUNS`."""
    place = look.METRICS.index(metric)
    count, open_end = 0, False
    for day in window.tolist():
        if not day[days.REPORTED]:
            continue
        count += day[days.RUNS + place]
        if open_end and day[days.EDGES] & (1 << place):
            count -= 1
        open_end = bool(day[days.EDGES] & (16 << place))
    return count


def _grounds(  # noqa: PLR0917  # one step of content, split off for reading
    bucket: Bucket,
    row: int,
    rule: Rule,
    absent_days: list[int],
    waved: frozenset[int],
    counts: Counts,
) -> list[LessonGround]:
    """The lessons that made the rule fire, newest first: reported marks, after the notices.

    Of the days ``waved`` those with valid absence only are left out.
    """
    found: list[LessonGround] = []
    notices = bucket.notices(row)
    for day in reversed(absent_days):
        of_day: list[LessonGround] = []
        for nth, lesson in enumerate(bucket.order(day)):
            place = lesson.place_of(row)
            if place is None or not counts(day, nth):
                continue
            offered, valid, invalid, _, flags = lesson.marks[:5, place].tolist()
            if not (valid or invalid) or flags & lessons.WITHDRAWN or not flags & lessons.REPORTED:
                continue
            if invalid and notices:
                begin = calendar.local_instant(day, lesson.start)
                span = (begin, begin + 60 * lesson.length)
                explained = explained_minutes(notices, flags, lesson.modified(place), invalid, span)
                valid, invalid = valid + explained, invalid - explained
            sure = invalid if flags & lessons.CONFIRMED else 0
            left = 0 if day in waved else valid
            if not look.of_metric(rule.metric, left, invalid - sure, sure):
                continue
            of_day.append(
                LessonGround(
                    lesson_id=lesson.lesson_id,
                    epoch_day=day,
                    start_minute=lesson.start,
                    length_minutes=lesson.length,
                    subject=lesson.subject,
                    offered=offered,
                    valid=valid,
                    invalid_unexplained=invalid - sure,
                    invalid_confirmed=sure,
                )
            )
        found.extend(sorted(of_day, key=_in_day, reverse=True))
        if len(found) >= _MOST_LESSONS:
            break
    return found[:_MOST_LESSONS]


def _in_day(one: LessonGround) -> tuple[int, int, str, int, int, int, int, bytes]:
    """The order of a day's lessons: by what is told of them, so that identifiers come last."""
    return (
        one.start_minute,
        one.length_minutes,
        one.subject,
        one.offered,
        one.valid,
        one.invalid_unexplained,
        one.invalid_confirmed,
        one.lesson_id,
    )
