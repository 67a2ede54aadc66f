"""What a rule says of a pupil up to a school day: its windows, its value and its verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from functools import cache

from forvarning.facts.v1 import facts_pb2 as f
from services.ews.core.profile import Measure, Rule, Span
from tests.model import signals
from tests.model.record import EPOCH, STOCKHOLM, Record, Seen, as_date, year_of

STRENGTH = {None: 0, "calm": 1, "between": 2, "fires": 3}
NOTED = (Measure.LEAVE_DAYS, Measure.UNUSUAL_REPORTS)


@dataclass
class Upto:
    """A pupil's school days up to one, with the day on which windows end."""

    record: Record
    pupil: bytes
    days: list[int]
    end: int
    seen: dict[int, list[Seen]]
    fired: dict[int, dict[int, dict[str, tuple[int, str | None]]]]
    """By family and day, the level and verdict of each rule."""
    marks: dict[int, list[Seen]]
    """The marks as they are, waves and all."""


def window_of(rule: Rule, upto: Upto) -> list[int]:
    """The school days that the rule looks back on."""
    if rule.window.within_term:
        # The same window over the term's days alone.
        own = [day for day in upto.days if term(day) == term(upto.end)]
        bare = replace(rule, window=replace(rule.window, within_term=False))
        return window_of(bare, replace(upto, days=own)) if own else []
    days, last = upto.days, as_date(upto.end)
    match rule.window.span:
        case Span.SCHOOL_DAYS:
            return days[-rule.window.length :]
        case Span.CALENDAR_MONTH:
            return [d for d in days if as_date(d).replace(day=1) == last.replace(day=1)]
        case Span.TERM:
            return [d for d in days if term(d) == term(upto.end)]
        case Span.CALENDAR_DAYS:
            return [d for d in days if upto.end - d < rule.window.length]
        case Span.SCHOOL_YEAR:
            return [d for d in days if year_of(d) == year_of(upto.end)]
        case Span.DAY:
            return days[-1:]
        case Span.RUN:
            run = run_of(rule.metric.value, days, upto.seen)
            return [d for d in days if d >= run[0]] if run else days[-1:]


@cache
def term(day: int) -> tuple[int, bool]:
    return as_date(day).year, as_date(day).month >= 7


def ends(rule: Rule, upto: Upto) -> list[int]:
    """The days with which the rule's windows end when it is judged on the last school day."""
    if rule.judged is None:
        return [upto.end]
    found = []
    today = upto.days[-1]
    before = upto.days[-2] if len(upto.days) > 1 else -1
    for day in range(max(before + 1, today - 366), today + 1):
        when = as_date(day)
        if year_of(day) == year_of(today) and (when.month, when.day) in rule.judged:
            found.append(day)
        if rule.judged == () and when.day == 1 and year_of(day - 1) == year_of(today):
            found.append(day - 1)
    return found


def at(rule: Rule, upto: Upto) -> list[tuple[str | None, Upto]]:
    """The verdict for each of the ends, with the days up to it."""
    found = []
    for end in ends(rule, upto):
        days = [day for day in upto.days if day <= end]
        ending = replace(upto, days=days, end=end)
        found.append((verdict(rule, ending), ending))
    return found


def strongest(rule: Rule, upto: Upto) -> tuple[str | None, Upto]:
    """The last of the strongest verdicts."""
    best: tuple[str | None, Upto] = (None, upto)
    for verdict, ending in at(rule, upto):
        if STRENGTH[verdict] >= STRENGTH[best[0]]:
            best = (verdict, ending)
    return best


def run_of(metric: str, days: list[int], seen: dict[int, list[Seen]]) -> list[int]:
    """The absent days of the run that reaches the last of ``days``, oldest first."""
    run: list[int] = []
    for day in reversed(days):
        said = [one for one in seen.get(day, []) if one.reported]
        if not said:
            continue
        there = any(one.offered - one.of("total") > 0 for one in said)
        if there or any(one.of(metric) != one.of("total") for one in said):
            break
        run.insert(0, day)
    return run


def occasions(metric: str, window: list[int], seen: dict[int, list[Seen]]) -> int:
    """Unbroken stretches: the window's reported lessons in a row, present ones dividing.

    Lessons that begin together are one, with the absence of any of them.
    """
    stretches, away = 0, False
    for day in window:
        said = [one for one in seen.get(day, []) if one.reported]
        for start in sorted({one.lesson.start_minute for one in said}):
            together = [one for one in said if one.lesson.start_minute == start]
            absent = any(one.of(metric) for one in together)
            if absent and not away:
                stretches += 1
            away = absent
    return stretches


def value_of(rule: Rule, upto: Upto) -> Fraction | None:
    metric = rule.metric.value
    days, seen = upto.days, upto.seen
    window = window_of(rule, upto)
    said = [one for day in window for one in seen.get(day, []) if one.reported]
    offered = sum(one.offered for one in said)
    absent = sum(one.of(metric) for one in said)
    match rule.measure:
        case Measure.SHARE:
            if not offered:
                return None
            # A prior is so much more teaching, of which a share was missed; what was before
            # the window counts in part.
            before_said, before_absent = baseline_of(rule, upto)
            part = Fraction(rule.earlier_weight, 100)
            away = absent + rule.prior_absent + part * before_absent
            return 100 * away / (offered + rule.prior_minutes + part * before_said)
        case Measure.MINUTES:
            return Fraction(absent)
        case Measure.OCCASIONS:
            return Fraction(occasions(metric, window, seen))
        case Measure.RUN_DAYS:
            return Fraction(len(run_of(metric, days, seen)))
        case Measure.CHANGE:
            before_said, before_absent = baseline_of(rule, upto)
            if not before_said or not offered:
                return None
            baseline = Fraction(before_absent + rule.prior_absent, before_said + rule.prior_minutes)
            return Fraction(absent, offered) / baseline
        case Measure.TURNING:
            return turned(rule, upto)
        case Measure.LEAVE_DAYS | Measure.UNUSUAL_REPORTS:
            return Fraction(sum(noted(rule, upto, day) for day in window))
        case _:
            return signals.value(rule, window, seen)


def baseline_of(rule: Rule, upto: Upto) -> tuple[int, int]:
    """Minutes reported and absent on the school days before the window."""
    window = window_of(rule, upto)
    said = [
        one
        for day in upto.days
        if day not in window
        for one in upto.seen.get(day, [])
        if one.reported
    ]
    return sum(one.offered for one in said), sum(one.of(rule.metric.value) for one in said)


def turned(rule: Rule, upto: Upto) -> Fraction | None:
    into = {
        name: told
        for name, told in upto.fired[rule.turns_into].get(upto.end, {}).items()
        if not rule.into_rules or name in rule.into_rules
    }
    if all(verdict is None for _, verdict in into.values()):
        return None
    before = any(
        verdict == "fires"
        for day in window_of(rule, upto)
        if day < upto.end
        for name, (_, verdict) in upto.fired[rule.turns_from].get(day, {}).items()
        if rule.turns_from != rule.turns_into or name not in rule.into_rules
    )
    levels = [level for level, verdict in into.values() if verdict == "fires"]
    return Fraction(max(levels, default=0) if before else 0)


@cache
def local(seconds: int) -> int:
    """The day it is in Stockholm in that second."""
    return (datetime.fromtimestamp(seconds, STOCKHOLM).date() - EPOCH).days


def noted(rule: Rule, upto: Upto, day: int) -> int:
    """What the notices tell of one school day."""
    mine = [one for one, _ in upto.record.notices_of(upto.pupil)]
    if rule.measure is Measure.LEAVE_DAYS:
        return int(
            any(
                one.kind == f.NOTICE_KIND_LEAVE
                and local(one.start_unix_s) <= day <= local(one.end_unix_s - 1)
                for one in mine
            )
        )
    reports = [
        one
        for one in mine
        if one.kind == f.NOTICE_KIND_ABSENCE_REPORT and one.reported_by != f.REPORTED_BY_STAFF
    ]
    count = 0
    for one in reports:
        start = local(one.start_unix_s)
        if (
            year_of(start) != year_of(day)
            or min((d for d in upto.days if d >= start), default=-1) != day
        ):
            continue
        accounts = [
            other.reporter_id
            for other in reports
            if other.reporter_id
            and other.start_unix_s < one.start_unix_s
            and year_of(local(other.start_unix_s)) == year_of(start)
        ]
        placed = upto.record.placement(upto.pupil, start)
        by_itself = (
            one.reported_by == f.REPORTED_BY_PUPIL
            and placed is not None
            and placed.school_form in (1, 2, 3, 4, 5)
        )
        strange = one.reporter_id != b"" and len(accounts) >= 3 and one.reporter_id not in accounts
        count += by_itself or strange
    return count


def verdict(rule: Rule, upto: Upto) -> str | None:
    days, seen = upto.days, upto.seen
    if not days or len(days) < rule.min_membership_days:
        return None
    window = window_of(rule, upto)
    every = [one for day in window for one in seen.get(day, [])]
    said = [one for one in every if one.reported]
    reported = sum(one.offered for one in said)
    daily = rule.judged is None and rule.measure not in (*NOTED, Measure.TURNING)
    if daily and not any(one.reported for one in seen.get(days[-1], [])):
        return None
    value = value_of(rule, upto)
    if value is None:
        return None
    guarded = rule.measure not in (*NOTED, Measure.TURNING, Measure.RUN_DAYS)
    if guarded:
        if reported < max(rule.min_offered_minutes, 1):
            return None
        rate_known = any(one.timetabled for one in every)
        offered = sum(one.offered for one in every)
        if rate_known and Fraction(100 * reported, offered) < Fraction(rule.min_reporting_rate):
            return None
    threshold = Fraction(rule.threshold)
    fires = value >= threshold if rule.inclusive else value > threshold
    metric = rule.metric.value
    if guarded:
        absent = [day for day in window if any(one.of(metric) for one in seen.get(day, []))]
        minutes = sum(one.of(metric) for one in said)
        fires = (
            fires
            and minutes >= rule.min_absence_minutes
            and len(absent) >= rule.min_absence_days
            and occasions(metric, window, seen) >= rule.min_occasions
        )
        if rule.min_days_since_first:
            fires = fires and any(
                any(one.of(metric) for one in seen.get(day, []))
                for day in days
                if term(day) == term(upto.end) and day <= upto.end - rule.min_days_since_first
            )
        if rule.measure is Measure.CHANGE:
            before_said, before_absent = baseline_of(rule, upto)
            fires = fires and Fraction(minutes, reported) > Fraction(before_absent, before_said)
    if fires:
        return "fires"
    return "calm" if value < Fraction(rule.resolve_below) else "between"
