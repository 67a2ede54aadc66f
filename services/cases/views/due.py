"""The list of what is due: by the law, by the municipality's routine, by what was agreed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.domain.duty_kinds import DUTY_KINDS, STEPS
from services.cases.store import audit, cases, due_reading, settling
from services.cases.store.cases import Happened
from services.cases.store.scope import Database, Viewer, as_system
from services.cases.views import rows
from services.cases.views.case import protected
from services.cases.views.models import DutyLine, DutyState
from services.common.problem import Problem

if TYPE_CHECKING:
    from asyncpg import Record


def duty_line(row: Record, viewer: UUID, now: datetime) -> DutyLine:
    """A duty in a list. A ladder's step has its own words."""
    kind = DUTY_KINDS[row["kind"]]
    state: DutyState = "done" if row["done_at"] else "withdrawn" if row["withdrawn_at"] else "open"
    return DutyLine(
        duty_id=row["duty_id"],
        kind=row["kind"],
        title=row["title"] or kind.words,
        tasks=list(row["tasks"]),
        rule=row["rule"] or kind.rule,
        ours=row["ours"],
        pupil=rows.elsewhere() if row["outside"] else rows.pupil(row),
        case_number=row["case_number"],
        due_at=row["due_at"],
        state=state,
        overdue=state == "open" and row["due_at"] < now,
        at_once=row["kind"] == "concern_report",
        assigned_to=row["assigned_name"],
        assigned_as=row["assigned_as"],
        mine=row["assigned_staff_id"] == viewer,
        can_decide=row["can_decide"],
        step=STEPS.get(row["kind"]),
        version=row["version"],
    )


async def read_duty(database: Database, viewer: Viewer, duty_id: UUID) -> DutyLine:
    """One duty; audited."""
    async with database.person(viewer) as connection:
        row = await due_reading.one(connection, duty_id)
        if row is None:
            raise no_such_duty()
        await audit.write(
            connection,
            viewer.organiser_id,
            database.now(),
            viewer.staff_id,
            "duty.read",
            case_id=row["case_id"],
            duty=str(duty_id),
        )
    return duty_line(row, viewer.staff_id, database.now())


async def tick_off(
    database: Database, viewer: Viewer, duty_id: UUID, version: int, note: str
) -> str:
    """A step of the municipality's routine is done; returns the case's number.

    What the law asks for is not ticked off: the step of the chain does it.
    """
    async with database.person(viewer) as connection:
        row = await due_reading.one(connection, duty_id)
        if row is None:
            raise no_such_duty()
        if not row["known"]:
            raise protected()
        if row["kind"] != "ladder":
            raise Problem(
                409,
                "not_ticked_off",
                "Det här blir klart när steget i ärendet är taget. Öppna ärendet och ta steget.",
            )
        if not row["can_decide"]:
            raise Problem(
                403,
                "not_yours_to_decide",
                "Det här gör den som har uppgiften, skolans närvaroansvariga eller rektorn.",
            )
        now = database.now()
        done = (now, viewer.staff_id, note.strip() or None)
        if not await due_reading.tick_off(connection, duty_id, version, done):
            raise cases.changed_meanwhile(row["version"])
        line = Happened(
            event_id=database.new_id(),
            case_id=row["case_id"],
            at=now,
            kind="ladder_done",
            actor_staff_id=viewer.staff_id,
            detail={"title": row["title"], "note": note.strip()},
        )
        await cases.history(connection, viewer.organiser_id, [line])
        async with as_system(connection):
            # The next step may begin at once.
            held = await cases.by_ids(connection, [row["case_id"]])
            await settling.settle(connection, held, now, database.today())
        await audit.write(
            connection,
            viewer.organiser_id,
            now,
            viewer.staff_id,
            "duty.done",
            case_id=row["case_id"],
            duty=str(duty_id),
        )
    number: str = row["case_number"]
    return number


def no_such_duty() -> Problem:
    """None, or none of the viewer's."""
    return Problem(
        404,
        "no_such_duty",
        "Det finns ingen sådan uppgift, eller så ingår den inte i ditt uppdrag.",
    )
