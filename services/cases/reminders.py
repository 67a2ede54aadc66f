"""Once a day: tells those with whom something stands that it is due today, or late.

An event for a case and person, whatever number of duties; notify makes one mail of a person's
events. Its id follows from case, person and day, so a second process or a restart tells nothing
twice.
"""

from __future__ import annotations

from datetime import date, timedelta
from time import monotonic
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from services.cases.domain.reminding import tells
from services.cases.domain.workdays import is_working_day
from services.cases.rounds import Rounds
from services.cases.store import outbox
from services.cases.store.outbox import Told
from services.cases.store.scope import Database
from services.common import pg
from services.common.clock import local_instant, school_date

if TYPE_CHECKING:
    from services.common.pg import Connection

_NAMES = UUID("2c9f2a7e-9f0f-5d5e-8f0d-6a3b7e0c4d11")
#: Before anybody's day begins, so that the mails wait for the morning.
_FROM_MINUTE = 6 * 60
_PORTION = 500


class Reminders(Rounds):
    """Goes through every organiser; one that has been told of today is left alone."""

    name = "the reminders"
    every_seconds = 60.0

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._told: dict[UUID, date] = {}

    async def once(self) -> int:
        """Tell of today where that has not been done; how many events."""
        today = self._database.today()
        early = self._database.now() < local_instant(today, _FROM_MINUTE)
        if early or not is_working_day(today):
            return 0
        total = 0
        for organiser_id in await pg.organiser_ids(self._database.pool):
            if self._told.get(organiser_id) == today:
                continue
            async with self._database.system(organiser_id) as connection:
                total += await self._tell(connection, organiser_id, today)
            self._told[organiser_id] = today
            self.progress = monotonic()
        return total

    async def _tell(self, connection: Connection, organiser_id: UUID, today: date) -> int:
        # A call home has its own alarm on its own day, and may have no case to point at.
        rows = await connection.fetch(
            """
            SELECT d.case_id, d.assigned_staff_id, max(d.due_at) AS due,
                   c.number, c.pupil_id, c.school_unit_id
            FROM cases.duties d JOIN cases.cases c USING (organiser_id, case_id)
            WHERE d.organiser_id = cases.organiser() AND d.done_at IS NULL
              AND d.withdrawn_at IS NULL AND d.assigned_staff_id IS NOT NULL
              AND d.kind <> 'call_home' AND d.due_at < $1
            GROUP BY d.case_id, d.assigned_staff_id, c.number, c.pupil_id, c.school_unit_id
            ORDER BY d.case_id, d.assigned_staff_id
            """,
            local_instant(today + timedelta(days=1), 0),
        )
        found = [
            Told(
                event_id=uuid5(
                    _NAMES, f"{row['case_id']}|{row['assigned_staff_id']}|{today.isoformat()}"
                ),
                kind="duty_due",
                organiser_id=organiser_id,
                case_id=row["case_id"],
                number=row["number"],
                pupil_id=row["pupil_id"],
                school_unit_id=row["school_unit_id"],
                assigned_staff_id=row["assigned_staff_id"],
                at=self._database.now(),
                school_date=today,
            )
            for row in rows
            # What is told of any of them is told of the newest.
            if tells(school_date(row["due"]), today)
        ]
        for start in range(0, len(found), _PORTION):
            await outbox.put(connection, found[start : start + _PORTION], outbox.ONCE)
        return len(found)
