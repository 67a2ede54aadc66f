"""Reading a case outside one's duties: for a reason, for an hour, and never in silence.

Emergencies come: somebody stands in at another school, a colleague rings about a pupil. Whoever
works with pupils may then read a case of the same organiser. The reason stands in the case's
history, the unit's rektor sees it in today's list and the officer at the huvudman in a list of
all. A pupil with skyddade personuppgifter stays closed until a second person has said yes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.domain.assignment import Place, holder
from services.cases.domain.decisions import MAX_TEXT
from services.cases.store import audit, cases, openings, outbox, people, reading
from services.cases.store.cases import Happened
from services.cases.store.outbox import Told
from services.cases.store.scope import Database, Viewer, as_system
from services.common.problem import Problem
from services.common.roles import MAY_OPEN

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection

LASTS = timedelta(hours=1)
"""The table refuses more, too."""
WAITS = timedelta(hours=24)
"""So long a second person may say yes."""
SHORTEST_REASON = 10


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of it."""

    opening_id: UUID
    number: str
    pending: bool
    """A second person has to say yes first."""


class Openings:
    """Ask, and say yes as the second person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, viewer: Viewer, number: str, reason: str) -> Opened:
        """Open a case by its number.

        Problem 422 without a reason, 404 where there is no such case of the viewer's organiser or
        the viewer may open none, 409 where it stands open already.
        """
        number, why = number.strip().upper(), check_reason(reason)
        now, opening_id = self._database.now(), self._database.new_id()
        found: Record | None = None
        async with self._database.person(viewer) as connection:
            own = await reading.one_case(connection, number)
            if own is not None and own["known"]:
                raise _open_already()
            found = await openings.to_open(connection, number)
            if found is not None:
                usual = await openings.has_role(connection, sorted(MAY_OPEN))
                kind = "break_glass" if usual else "drill_down"
                until = None if found["protected"] else now + LASTS
                await openings.ask(
                    connection, opening_id, found, kind=kind, reason=why, at=now, until=until
                )
                if until is not None:
                    await self._tell(connection, viewer, found["case_id"], kind, why)
                    await self._tell_principal(connection, found["case_id"])
            await audit.write(
                connection,
                viewer.organiser_id,
                now,
                viewer.staff_id,
                _action(found),
                case_id=found["case_id"] if found else None,
                reason=why,
            )
        if found is None:
            raise no_case_to_open()
        return Opened(opening_id, number, pending=found["protected"])

    async def approve(self, viewer: Viewer, opening_id: UUID) -> None:
        """Say yes as the second person. Problem 404 where there is nothing to say yes to: it is
        the viewer's own, somebody else's to decide, decided, or older than a day."""
        now = self._database.now()
        async with self._database.person(viewer) as connection:
            row = await openings.approve(connection, opening_id, now, now + LASTS, now - WAITS)
            if row is None:
                raise Problem(
                    404,
                    "no_such_opening",
                    "Det finns ingen begäran att godkänna. Den kan vara din egen, redan avgjord "
                    "eller för gammal.",
                )
            async with as_system(connection):
                asker = Viewer(viewer.organiser_id, row["staff_id"])
                await self._tell(connection, asker, row["case_id"], row["kind"], row["reason"])
            await self._tell_principal(connection, row["case_id"])
            await audit.write(
                connection,
                viewer.organiser_id,
                now,
                viewer.staff_id,
                "case.opening_approved",
                case_id=row["case_id"],
                opening=str(opening_id),
            )

    async def _tell(
        self, connection: Connection, reader: Viewer, case_id: UUID, kind: str, reason: str
    ) -> None:
        """The line in the case's history."""
        line = Happened(
            event_id=self._database.new_id(),
            case_id=case_id,
            at=self._database.now(),
            kind="read_outside",
            actor_staff_id=reader.staff_id,
            detail={"how": kind, "reason": reason},
        )
        await cases.history(connection, reader.organiser_id, [line])

    async def _tell_principal(self, connection: Connection, case_id: UUID) -> None:
        """The unit's rektor gets to know of it beside today's list: the event says which case."""
        today = self._database.today()
        async with as_system(connection):
            [case] = await cases.by_ids(connection, [case_id])
            areas = await people.areas(connection)
            place = Place(case.school_unit_id, case.class_id, None, areas.get(case.school_unit_id))
            principal = holder(await people.duties(connection), "principal", place, today)
            if principal is None:
                return
            told = Told.of(
                case, "read_with_reason", event_id=self._database.new_id(), at=self._database.now()
            )
            # It is about today, whatever day the case is about.
            told = replace(told, assigned_staff_id=principal.staff_id, school_date=today)
            await outbox.put(connection, [told])


def check_reason(reason: str) -> str:
    """The reason, trimmed; 422 where it says nothing."""
    why = reason.strip()
    if not SHORTEST_REASON <= len(why) <= MAX_TEXT:
        raise Problem(
            422,
            "reason_needed",
            "Skriv varför du behöver läsa ärendet, så att den som granskar förstår. "
            "Skriv inte elevens namn.",
        )
    return why


def _action(found: Record | None) -> str:
    if found is None:
        return "case.opening_refused"
    return "case.opening_asked" if found["protected"] else "case.opened_outside"


def no_case_to_open() -> Problem:
    """No such case, or none that the viewer may open."""
    return Problem(
        404,
        "no_case_to_open",
        "Det finns inget ärende med det numret som du kan öppna. Kontrollera numret, "
        "eller fråga elevens skola.",
    )


def _open_already() -> Problem:
    return Problem(
        409, "open_already", "Du kan redan läsa det här ärendet. Gå direkt till det i listan."
    )
