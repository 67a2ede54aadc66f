"""What a register may say: the checks that need no database (issue "Bad input")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.common.clock import STOCKHOLM, school_year
from services.ingest.calendars import UnitCalendar
from services.ingest.model.answers import Note
from services.ingest.model.fields import offset_is_swedish
from services.ingest.model.lessons import AnyMark, AnyRegister, NoticeIn

EARLY = timedelta(minutes=15)
"""A register may be reported this long before its lesson begins."""
HORIZON = timedelta(days=400)
"""A timetable may reach this far ahead."""
GRACE = timedelta(days=60)
"""Without a calendar, last school year is taken this long: the registers' retention (D11)."""
LONGEST_NOTICE = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class LocalStart:
    """A lesson's start by the wall clock in Sweden."""

    day: date
    minute: int

    @classmethod
    def of(cls, instant: datetime) -> LocalStart:
        local = instant.astimezone(STOCKHOLM)
        return cls(local.date(), local.hour * 60 + local.minute)


def _zone(pointer: str, instant: datetime) -> list[Note]:
    if offset_is_swedish(instant):
        return []
    expected = instant.astimezone(STOCKHOLM).strftime("%z")
    detail = (
        f"{pointer}: the offset is neither UTC nor Sweden's at that moment "
        f"({expected[:3]}:{expected[3:]}); correct the source's time zone"
    )
    return [Note("wrong_time_zone", pointer, detail)]


def _minutes(index: int, mark: AnyMark, length: int) -> list[Note]:
    """What is wrong with the minutes of a mark that is not plainly right."""
    offered = length if mark.offered is None else mark.offered
    problems = []

    def impossible(name: str, detail: str) -> None:
        pointer = f"/marks/{index}/{name}"
        problems.append(Note("impossible_minutes", pointer, f"{pointer}: {detail}"))

    if offered > length:
        impossible("offered", f"{offered} minutes offered in a lesson of {length}")
    absent = mark.valid + mark.invalid + mark.other
    if absent > offered:
        worst = max(("valid", "invalid", "other"), key=lambda name: int(getattr(mark, name)))
        impossible(worst, f"valid + invalid + other is {absent}, more than the {offered} offered")
    if mark.arrived_late is not None and mark.arrived_late > length:
        impossible("arrived_late", f"later than the lesson's end ({length} minutes)")
    if mark.left_early is not None and mark.left_early > length:
        impossible("left_early", f"before the lesson's start ({length} minutes)")
    return problems


def check_register(register: AnyRegister, unit: UnitCalendar, now: datetime) -> list[Note]:
    """Every reason to refuse ``register``; empty when there is none."""
    problems = _zone("/start", register.start)
    if register.moved_from is not None:
        problems += _zone("/moved_from", register.moved_from)
        if register.moved_from == register.start:
            problems.append(
                Note("not_moved", "/moved_from", "/moved_from: is the same moment as /start")
            )
    length = register.length_minutes
    marks: Sequence[AnyMark] = register.marks
    for index, mark in enumerate(marks):
        offered = length if mark.offered is None else mark.offered
        if (
            offered > length
            or mark.valid + mark.invalid + mark.other > offered
            or mark.arrived_late is not None
            or mark.left_early is not None
        ):
            problems += _minutes(index, mark, length)
    if len({mark.pupil for mark in marks}) < len(marks):
        problems += _repeated(marks)
    problems += _when(register, unit, now)
    return problems


def _repeated(marks: Sequence[AnyMark]) -> list[Note]:
    problems = []
    seen: dict[str, int] = {}
    for index, mark in enumerate(marks):
        if seen.setdefault(mark.pupil, index) != index:
            pointer = f"/marks/{index}/pupil"
            detail = f"{pointer}: the same pupil as in /marks/{seen[mark.pupil]}"
            problems.append(Note("duplicate_mark", pointer, detail))
    return problems


def _when(register: AnyRegister, unit: UnitCalendar, now: datetime) -> list[Note]:
    def refused(code: str, detail: str) -> list[Note]:
        return [Note(code, "/start", f"/start: {detail}")]

    if register.start > now + HORIZON:
        return refused("in_the_future", "is more than 400 days ahead; check the source's clock")
    if register.state == "reported" and register.start > now + EARLY:
        begins = register.start.astimezone(STOCKHOLM)
        return refused(
            "reported_ahead",
            f"the lesson begins at {begins:%H:%M on %Y-%m-%d}, more than 15 minutes from now: send "
            "it as scheduled, and report it when it is held; a leave or sick note is a notice",
        )
    day = LocalStart.of(register.start).day
    year = school_year(day)
    calendar = unit.years.get(year)
    if calendar is not None:
        if day < calendar.span.first:
            detail = f"is before the school year {year}/{year + 1}, which begins "
            return refused("before_school_year", f"{detail}{calendar.span.first}")
        if day > calendar.span.last:
            detail = f"is after the school year {year}/{year + 1}, which ends "
            return refused("after_school_year", f"{detail}{calendar.span.last}")
        return []
    if unit.years:
        if year < min(unit.years):
            return refused(
                "before_school_year", f"the unit's first known school year is {min(unit.years)}"
            )
        if year > school_year(now.astimezone(STOCKHOLM).date()):
            return refused(
                "after_school_year",
                f"the unit's calendar of {year}/{year + 1} is missing: send it with the roster",
            )
    if year < school_year((now - GRACE).astimezone(STOCKHOLM).date()):
        return refused("before_school_year", "is before the present school year")
    return []


def check_notice(notice: NoticeIn) -> list[Note]:
    """Every reason to refuse ``notice``."""
    problems = _zone("/start", notice.start) + _zone("/end", notice.end)
    if notice.end <= notice.start:
        problems.append(Note("empty_interval", "/end", "/end: is not after /start"))
    elif notice.end - notice.start > LONGEST_NOTICE:
        problems.append(Note("too_long", "/end", "/end: more than 400 days after /start"))
    return problems


def notice_years(notice: NoticeIn) -> list[int]:
    """The school years that a notice touches: its pupil may have a home in each."""
    first = school_year(notice.start.astimezone(STOCKHOLM).date())
    return list(range(first, school_year(last_day(notice)) + 1))


def last_day(notice: NoticeIn) -> date:
    """The last school day that a notice touches."""
    return (notice.end - timedelta(seconds=1)).astimezone(STOCKHOLM).date()
