"""One case with everything that is known about it, and one call home."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.domain import calendar, text, threads
from services.cases.domain.chain import age
from services.cases.domain.decisions import CALL_OUTCOMES
from services.cases.domain.entries.closing import CLOSE_REASONS
from services.cases.store import audit, people, reading
from services.cases.store.scope import Database, Viewer
from services.cases.views import history, rows
from services.cases.views.models import (
    CallShown,
    CaseLine,
    CaseShown,
    CommentShown,
    ContactShown,
    DayShown,
    FiguresShown,
    LessonDay,
    LessonShown,
    PatternShown,
    WarningShown,
    WeekShown,
)
from services.cases.views.openings import open_until
from services.common.problem import Problem

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection


async def read_case(database: Database, viewer: Viewer, case: UUID | str) -> CaseShown:
    """The whole case; every reading is audited, a refused one too.

    Problem 404 where there is none or it is out of the viewer's scope (which are not told
    apart), 403 where the pupil has skyddade personuppgifter and the viewer may not know.
    """
    async with reading_case(database, viewer, case) as (connection, row):
        return await case_of(database, connection, viewer, row)


async def read_line(database: Database, viewer: Viewer, case: UUID | str) -> CaseLine:
    """The case as a list shows it, for a page about one thing in it; audited and refused alike."""
    async with reading_case(database, viewer, case) as (_, row):
        return rows.case_line(row, viewer.staff_id, database.now())


@asynccontextmanager
async def reading_case(
    database: Database, viewer: Viewer, case: UUID | str
) -> AsyncIterator[tuple[Connection, Record]]:
    """The case's row in the viewer's transaction, with the audit as its last statement."""
    async with database.person(viewer) as connection:
        row = await reading.one_case(connection, case)
        if row is None:
            raise not_found()
        if row["known"]:
            yield connection, row
        await audit.write(
            connection,
            viewer.organiser_id,
            database.now(),
            viewer.staff_id,
            "case.read" if row["known"] else "case.read_refused",
            case_id=row["case_id"],
            protected=row["protected"],
        )
    if not row["known"]:
        raise protected()


def not_found() -> Problem:
    """No such case, or none of the viewer's."""
    return Problem(
        404,
        "no_such_case",
        "Det finns inget sådant ärende, eller så ingår det inte i ditt uppdrag.",
    )


def protected() -> Problem:
    """The pupil is known only to whom the case stands with and to the rektor."""
    return Problem(
        403,
        "protected_pupil",
        "Eleven har skyddade personuppgifter. Bara den som har ärendet och rektorn kan öppna det.",
    )


async def case_of(
    database: Database, connection: Connection, viewer: Viewer, row: Record
) -> CaseShown:
    """The whole case, within a transaction that has its audit elsewhere."""
    case_id: UUID = row["case_id"]
    held = [threads.decode(raw) for raw in await reading.snapshots(connection, case_id)]
    events = await reading.history(connection, case_id)
    written = await reading.comments(connection, case_id)
    calls = await reading.calls_of(connection, case_id)
    wanted = {row["acknowledged_by"], row["closed_by"]}
    wanted |= {event["actor_staff_id"] for event in events}
    wanted |= {comment["author_staff_id"] for comment in written}
    for event in events:
        if staff := json.loads(event["detail"]).get("staff_id"):
            wanted.add(UUID(staff))
    names = await reading.staff_names(connection, [staff for staff in wanted if staff])
    reason = row["close_reason"]
    return CaseShown(
        case=rows.case_line(row, viewer.staff_id, database.now()),
        can_decide=row["can_decide"],
        open_until=await open_until(connection, case_id),
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=_name(names, row["acknowledged_by"]),
        closed_at=row["closed_at"],
        closed_by=_name(names, row["closed_by"]),
        close_reason=CLOSE_REASONS.get(reason, reason) if reason else None,
        close_note=row["close_note"],
        warnings=_warnings(held),
        calendar=[] if row["outside"] else await _calendar(database, connection, row),
        history=history.lines(events, names),
        comments=[
            CommentShown(
                at=comment["at"],
                author=names.get(comment["author_staff_id"], text.FORMER),
                text=comment["body"],
            )
            for comment in written
        ],
        calls=[rows.call_line(call, viewer.staff_id) for call in calls if call["done_at"] is None],
    )


def _name(names: dict[UUID, str], staff_id: UUID | None) -> str | None:
    return names.get(staff_id, text.FORMER) if staff_id else None


def _warnings(held: list[threads.Thread]) -> list[WarningShown]:
    """Every episode: active ones first, then the newest; what was taken back comes last."""
    order = {"active": 0, "resolved": 1, "withdrawn": 2}
    pairs = [(thread, episode) for thread in held for episode in thread.episodes]
    pairs.sort(
        key=lambda pair: (
            order[pair[1].state],
            pair[0].family == "unexcused_today",
            -pair[1].level_day.toordinal(),
        )
    )
    return [
        WarningShown(
            family=thread.family,
            state=episode.state,
            level=episode.level,
            raised_day=episode.raised_day,
            resolved_day=episode.resolved_day,
            sentence=episode.sentence,
            rule=episode.rule,
            profile=episode.profile,
            relapse=episode.relapse,
            incomplete=thread.incomplete,
            figures=_figures(episode.figures),
            days=_days(episode.lessons),
        )
        for thread, episode in pairs
    ]


def _figures(figures: threads.Figures) -> FiguresShown:
    return FiguresShown(
        first_day=figures.first_day,
        last_day=figures.last_day,
        absence_rate=figures.absence_rate,
        reporting_rate=figures.reporting_rate,
        valid=figures.valid,
        unexplained=figures.unexplained,
        confirmed=figures.confirmed,
        offered=figures.offered,
        reported=figures.reported,
        occasions=figures.occasions,
        days=figures.days,
        run_days=figures.run_days,
        shared=figures.shared,
        baseline_rate=figures.baseline_rate,
        pattern=_pattern(figures.pattern) if figures.pattern else None,
    )


def _pattern(found: threads.Pattern) -> PatternShown:
    place, elsewhere = text.pattern_place(found.kind, found.cell)
    return PatternShown(
        kind=found.kind,
        place=place,
        elsewhere=elsewhere,
        absent=found.absent,
        reported=found.reported,
        elsewhere_absent=found.elsewhere_absent,
        elsewhere_reported=found.elsewhere_reported,
    )


def _days(lessons: Sequence[threads.Lesson]) -> list[LessonDay]:
    found: list[LessonDay] = []
    ordered = sorted(lessons, key=lambda lesson: (-lesson.day.toordinal(), lesson.start_minute))
    for day, group in groupby(ordered, key=lambda lesson: lesson.day):
        shown = [_lesson(lesson) for lesson in group]
        found.append(
            LessonDay(
                date=day,
                lessons=shown,
                absent=sum(lesson.absent for lesson in shown),
                length=sum(lesson.length_minutes for lesson in shown),
            )
        )
    return found


def _lesson(lesson: threads.Lesson) -> LessonShown:
    kinds = {
        "valid": lesson.valid,
        "unexplained": lesson.unexplained,
        "confirmed": lesson.confirmed,
    }
    present = [kind for kind, minutes in kinds.items() if minutes]
    return LessonShown.model_validate(
        {
            "date": lesson.day,
            "start_minute": lesson.start_minute,
            "length_minutes": lesson.length_minutes,
            "subject": lesson.subject,
            "absent": sum(kinds.values()),
            "kind": present[0] if len(present) == 1 else "mixed",
        }
    )


async def _calendar(database: Database, connection: Connection, row: Record) -> list[WeekShown]:
    year, unit = row["school_year"], row["school_unit_id"]
    first, last = date(year, 7, 1), min(database.today(), date(year + 1, 6, 30))
    sums = {
        day["day"]: calendar.DaySums(**dict(day))
        for day in await reading.absence_days(connection, row["pupil_id"], first, last)
    }
    free = await people.free_days(connection, unit, first - timedelta(days=1))
    terms = await people.terms(connection, unit, year)
    return [
        WeekShown(
            number=week.number,
            month=week.month,
            days=[
                DayShown.model_validate({"date": cell.day, "kind": cell.kind, "label": cell.label})
                for cell in week.cells
            ],
        )
        for week in calendar.strip(sums, free, terms, last)
    ]


async def read_call(database: Database, viewer: Viewer, duty_id: UUID) -> CallShown:
    """A call home with whom to ring; audited. 404 and 403 as for a case."""
    async with database.person(viewer) as connection:
        row = await reading.one_call(connection, duty_id)
        if row is None:
            raise Problem(
                404,
                "no_such_call",
                "Det finns ingen sådan uppgift, eller så ingår den inte i ditt uppdrag.",
            )
        shown = await _call(connection, viewer, row) if row["known"] else None
        await audit.write(
            connection,
            viewer.organiser_id,
            database.now(),
            viewer.staff_id,
            "call.read" if row["known"] else "call.read_refused",
            case_id=row["case_id"],
            duty=str(duty_id),
            protected=row["protected"],
        )
    if shown is None:
        raise protected()
    return shown


async def _call(connection: Connection, viewer: Viewer, row: Record) -> CallShown:
    adult = is_adult(row["birth_date"], row["school_date"])
    if adult:
        contacts = [
            ContactShown(
                name=row["pupil_name"] or "eleven", relation="eleven", phone=row["pupil_phone"]
            )
        ]
    else:
        contacts = [
            ContactShown(name=found["name"], relation=found["relation"], phone=found["phone"])
            for found in await reading.contacts(connection, row["pupil_id"])
        ]
    names = await reading.staff_names(connection, [row["done_by"]] if row["done_by"] else [])
    outcome = row["outcome"]
    return CallShown(
        call=rows.call_line(row, viewer.staff_id),
        case_number=row["case_number"],
        adult=adult,
        contacts=contacts,
        can_decide=row["can_decide"],
        done_at=row["done_at"],
        done_by=_name(names, row["done_by"]),
        outcome=CALL_OUTCOMES.get(outcome, outcome) if outcome else None,
        note=row["note"],
    )


def is_adult(born: date | None, day: date) -> bool:
    """Whether somebody is 18 on that day; who is born on 29 February comes of age on 1 March
    in a year without one."""
    years = age(born, day)
    return years is not None and years >= 18
