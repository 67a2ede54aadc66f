"""What a warning says of one episode: the figures, the lessons, the sentence.

All of it is about the day on which the present level was reached and the days
its rule looked back on then, so it stays as it is while days pass and changes
only where something about those days does: a published warning is not amended
for growing older.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forvarning.warnings.v1.warnings_pb2 import Episode, Figures, LessonGround
from services.ews.core import calendar, days, lessons, look, shared
from services.ews.core.bucket import Bucket, Year
from services.ews.core.fold import Spell
from services.ews.core.notices import explained_minutes
from services.ews.core.pupils import Content
from services.ews.core.rule import TODAY, Measure, Metric, Rule, Span
from services.ews.core.sentences import sentence

_MOST_LESSONS = 60


def _of_metric(metric: Metric, valid: int, unexplained: int, confirmed: int) -> int:
    match metric:
        case Metric.TOTAL:
            return valid + unexplained + confirmed
        case Metric.VALID:
            return valid
        case Metric.INVALID:
            return unexplained + confirmed
        case Metric.UNEXPLAINED:
            return unexplained


def content(  # noqa: PLR0917  # whose it is, of what, and seen how
    bucket: Bucket,
    year: Year,
    row: int,
    axis: Sequence[int],
    spell: Spell,
    waved: days.Mask | None = None,
) -> Content:
    """The episode as the facts have it now.

    ``axis`` are the pupil's school days up to and with ``spell.level_day``;
    ``waved`` tells the ones of whose valid absence the rule was judged without.
    """
    rule = spell.rule
    sums = year.of(np.array(axis, np.int64))[:, :, row].astype(np.int64)
    last = len(axis) - 1
    run = _run(sums, Metric.TOTAL) if rule.family != TODAY else (0, last)
    if rule.measure is Measure.RUN_DAYS:
        value_run, first = run if rule.metric is Metric.TOTAL else _run(sums, rule.metric)
    else:
        value_run, first = 0, _first(rule, axis)
    out = 0
    if waved is not None and waved[first:].any():
        out = int(sums[first:][waved[first:], days.VALID].sum())
        sums = shared.without(sums, waved)
    window = sums[first:]
    total = window.sum(axis=0).tolist()
    by_metric = [
        _of_metric(rule.metric, *one) for one in window[:, days.VALID : days.CONFIRMED + 1].tolist()
    ]
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
    match rule.measure:
        case Measure.SHARE:
            figures.value = 100.0 * sum(by_metric) / figures.reported
        case Measure.MINUTES:
            figures.value = sum(by_metric)
        case Measure.OCCASIONS:
            figures.value = figures.absence_occasions
        case Measure.DAYS:
            figures.value = figures.absence_days
        case Measure.RUN_DAYS:
            figures.value = value_run
    grounds = _grounds(
        bucket,
        row,
        rule,
        [day for day, minutes in zip(axis[first:], by_metric, strict=True) if minutes],
        frozenset(np.array(axis)[waved].tolist()) if out else frozenset(),
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


def _first(rule: Rule, axis: Sequence[int]) -> int:
    if rule.window.span is Span.DAY:
        return len(axis) - 1
    at = np.array([len(axis) - 1], np.int64)
    return int(look.first_in_window(rule.window, np.array(axis, np.int64), at)[0])


def _run(sums: look.Ints, metric: Metric) -> tuple[int, int]:
    """The run's length up to the last day, and the place of its first day."""
    length, first = 0, len(sums) - 1
    for place in range(len(sums) - 1, -1, -1):
        day = sums[place].tolist()
        said = day[days.REPORTED]
        if not said:
            continue
        absent = day[days.VALID] + day[days.UNEXPLAINED] + day[days.CONFIRMED]
        of_metric = _of_metric(metric, *day[days.VALID : days.CONFIRMED + 1])
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


def _grounds(
    bucket: Bucket, row: int, rule: Rule, absent_days: list[int], waved: frozenset[int]
) -> list[LessonGround]:
    """The lessons that made the rule fire, newest first: reported marks, after the notices.

    Of the days ``waved`` those with valid absence only are left out.
    """
    found: list[LessonGround] = []
    notices = bucket.notices.get(row)
    for day in reversed(absent_days):
        for lesson in reversed(bucket.order(day)):
            place = lesson.place_of(row)
            if place is None:
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
            if not _of_metric(rule.metric, 0 if day in waved else valid, invalid - sure, sure):
                continue
            found.append(
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
        if len(found) >= _MOST_LESSONS:
            break
    return found[:_MOST_LESSONS]
