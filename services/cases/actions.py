"""What people do beside the chain: acknowledge, comment, ring home. Effect, history, outbox and
audit are one transaction under the viewer's own row-level security."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases import metrics
from services.cases.domain import decisions
from services.cases.store import audit, cases, duties, reading, shares
from services.cases.store.cases import Case, Happened, changed_meanwhile
from services.cases.store.scope import Database, Viewer
from services.cases.store.telling import tell
from services.cases.views.case import not_found, protected
from services.common.problem import Problem
from services.common.roles import DESK

if TYPE_CHECKING:
    from services.common.pg import Connection


class CaseActions:
    """Use cases of people. ``version`` is the one that the person saw: when somebody else has
    changed the case since, nothing is written and the answer says so (409)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acknowledge(self, viewer: Viewer, case_id: UUID, version: int) -> None:
        """Take a new case on. A change in one under way asks for a decision (the chain's step)."""
        async with self._database.person(viewer) as connection:
            case = await self._case(connection, case_id, version)
            decisions.check_acknowledge(case.state)
            now = self._database.now()
            taken = case.acknowledged(viewer.staff_id, now)
            after = replace(taken, version=case.version + 1, updated_at=now)
            if not await cases.update(connection, after):
                raise changed_meanwhile()
            await tell(connection, self._database, viewer, after, "acknowledged", detail={}, at=now)
            await duties.finish_acknowledge(
                connection, case_id, now, viewer.staff_id, "acknowledged"
            )
            await self._audit(connection, viewer, "case.acknowledged", case_id, now)
        metrics.CASE_CHANGES.labels("acknowledged").inc()

    async def comment(self, viewer: Viewer, case_id: UUID, text: str) -> None:
        """Write something in the case. Comments only come to: nobody's change is overwritten."""
        body = decisions.check_comment(text)
        async with self._database.person(viewer) as connection:
            case = await self._case(connection, case_id, None, deciding=False)
            now = self._database.now()
            await connection.execute(
                """
                INSERT INTO cases.comments
                    (organiser_id, comment_id, case_id, at, author_staff_id, body)
                VALUES ($1, $2, $3, $4, $5, $6)
                """,
                viewer.organiser_id,
                self._database.new_id(),
                case_id,
                now,
                viewer.staff_id,
                body,
            )
            await tell(connection, self._database, viewer, case, "commented", detail={}, at=now)
            await self._audit(connection, viewer, "case.commented", case_id, now)
        metrics.CASE_CHANGES.labels("commented").inc()

    async def call(
        self, viewer: Viewer, duty_id: UUID, version: int, outcome: str, note: str
    ) -> None:
        """Say how a call home went. Nobody reached: the try is kept and the duty stands."""
        decisions.check_call(outcome, note)
        async with self._database.person(viewer) as connection:
            row = await reading.one_call(connection, duty_id)
            if row is None:
                raise Problem(404, "no_such_call", "Det finns ingen sådan uppgift.")
            if not row["known"]:
                raise protected()
            if not row["can_decide"]:
                raise forbidden()
            if row["version"] != version or row["done_at"] is not None:
                raise changed_meanwhile(row["version"])
            now = self._database.now()
            tried = outcome == "not_reached"
            changed = await duties.called(
                connection,
                duty_id,
                version,
                at=now,
                by=None if tried else viewer.staff_id,
                outcome=None if tried else outcome,
                note=note.strip() or None,
            )
            if not changed:
                raise changed_meanwhile()
            if row["case_id"] is not None:
                line = Happened(
                    event_id=self._database.new_id(),
                    case_id=row["case_id"],
                    at=now,
                    kind="call_tried" if tried else "call_done",
                    actor_staff_id=viewer.staff_id,
                    school_date=row["school_date"],
                    detail={"outcome": outcome, "note": note.strip()},
                )
                await cases.history(connection, viewer.organiser_id, [line])
            await audit.write(
                connection,
                viewer.organiser_id,
                now,
                viewer.staff_id,
                "call.tried" if tried else "call.done",
                case_id=row["case_id"],
                duty=str(duty_id),
                outcome=outcome,
            )

    async def _case(
        self,
        connection: Connection,
        case_id: UUID,
        version: int | None,
        *,
        deciding: bool = True,
    ) -> Case:
        row = await reading.one_case(connection, case_id)
        if row is None:
            raise not_found()
        if not row["known"]:
            raise protected()
        if deciding and not row["can_decide"]:
            raise forbidden()
        if not await shares.roles_on(connection, row["case_id"]) - DESK:
            raise reading_only()
        case = cases.from_row(row)
        if version is not None and case.version != version:
            raise changed_meanwhile(case.version)
        return case

    async def _audit(
        self, connection: Connection, viewer: Viewer, action: str, case_id: UUID, now: datetime
    ) -> None:
        await audit.write(
            connection, viewer.organiser_id, now, viewer.staff_id, action, case_id=case_id
        )


def forbidden() -> Problem:
    """The viewer may read the case but not decide."""
    return Problem(
        403,
        "not_yours_to_decide",
        "Ärendet avgörs av den som har det, av skolans närvaroansvariga eller av rektorn.",
    )


def reading_only() -> Problem:
    """The viewer has merely opened the case, or receives its anmälan."""
    return Problem(
        403,
        "reading_only",
        "Du kan läsa det här men inte skriva i ärendet. Det gör elevens skola och koordinatorn.",
    )
