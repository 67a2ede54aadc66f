"""One organiser with pupils, guardians and staff in a real database; notify around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from pydantic import SecretStr

from forvarning.cases.v1 import cases_pb2
from forvarning.warnings.v1 import warnings_pb2
from services.common import pg, topics
from services.common.backoff import Backoff
from services.common.clock import STOCKHOLM, FixedClock, epoch_day, school_year
from services.common.settings import NotifySettings
from services.notify.consumer import Intake
from services.notify.mail import MailChannel
from services.notify.model import Kind
from services.notify.policy import Policy
from services.notify.sending import Terms
from services.notify.webhook import WebhookChannel
from services.notify.worker import Worker

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TUESDAY = date(2026, 11, 24)
BACKOFF = Backoff(timedelta(seconds=10), timedelta(minutes=5), uniform=lambda _, high: high)


@dataclass
class Record:
    """What of a Kafka record the intake reads."""

    topic: str
    value: bytes | None
    offset: int = 0
    partition: int = 0


@dataclass
class World:
    """Notify's parts on a real database; the clock moves only when told."""

    pool: pg.Pool
    admin: asyncpg.Connection[asyncpg.Record]
    clock: FixedClock
    settings: NotifySettings
    organiser: UUID = field(default_factory=uuid4)
    unit: UUID = field(default_factory=uuid4)
    area: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        policy = Policy.from_settings(self.settings)
        self.webhook = WebhookChannel(self.settings)
        self.intake = Intake(self.pool, self.clock, policy)
        self.worker = Worker(
            self.pool,
            self.clock,
            policy,
            mail=MailChannel(self.settings),
            webhook=self.webhook,
            terms=Terms(
                timedelta(seconds=self.settings.notify_lease_seconds),
                4,
                "https://narvaro.example/",
            ),
            backoffs=dict.fromkeys(Kind, BACKOFF),
        )
        self._revisions: dict[UUID, int] = {}

    async def settle(self, phone: str = "010-000 00 00") -> None:
        """Write the organiser and its unit."""
        await self.admin.execute(
            "INSERT INTO people.organisers (organiser_id, name, kind, phone) "
            "VALUES ($1, 'Testköpings kommun', 'municipal', $2)",
            self.organiser,
            phone,
        )
        await self.admin.execute(
            "INSERT INTO people.school_units (organiser_id, school_unit_id, name) "
            "VALUES ($1, $2, 'Björkskolan')",
            self.organiser,
            self.unit,
        )

    async def open_for_business(self) -> None:
        """Let notify meet the organiser today, so that today's facts are no history."""
        await self.intake.take([self.case_event(uuid4(), uuid4(), kind="COMMENTED")])

    async def pupil(
        self,
        *guardians: UUID,
        birth_date: date = date(2013, 4, 5),
        protection: str = "none",
        email: str | None = None,
    ) -> UUID:
        """A new pupil with these guardians."""
        pupil_id = uuid4()
        await self.admin.execute(
            "INSERT INTO people.pupils (organiser_id, pupil_id, given_name, family_name, "
            "birth_date, sex, protection, email) "
            "VALUES ($1, $2, 'Påhittad', 'Elevsson', $3, 'unknown', $4, $5)",
            self.organiser,
            pupil_id,
            birth_date,
            protection,
            email,
        )
        for guardian in guardians:
            await self.relate(pupil_id, guardian)
        return pupil_id

    async def relate(self, pupil_id: UUID, guardian: UUID, relation: str = "guardian") -> None:
        await self.admin.execute(
            "INSERT INTO people.guardian_relations VALUES ($1, $2, $3, $4)",
            self.organiser,
            pupil_id,
            guardian,
            relation,
        )

    async def guardian(self, email: str | None = "hem@example.org") -> UUID:
        guardian_id = uuid4()
        await self.admin.execute(
            "INSERT INTO people.guardians VALUES ($1, $2, 'Påhittad', 'Vuxensson', $3, NULL)",
            self.organiser,
            guardian_id,
            email,
        )
        return guardian_id

    async def staff(
        self, email: str | None = "karin@example.org", webhook_url: str | None = None
    ) -> UUID:
        staff_id = uuid4()
        await self.admin.execute(
            "INSERT INTO people.staff (organiser_id, staff_id, given_name, family_name, email, "
            "webhook_url, webhook_secret) VALUES ($1, $2, 'Påhittad', 'Lärarsson', $3, $4, $5)",
            self.organiser,
            staff_id,
            email,
            webhook_url,
            SECRET if webhook_url else None,
        )
        return staff_id

    async def suppress(self, pupil_id: UUID, since: date) -> None:
        await self.admin.execute(
            "INSERT INTO people.notice_suppressions VALUES ($1, $2, 'särskilda skäl', $3, NULL)",
            self.organiser,
            pupil_id,
            since,
        )

    async def wake_from(self, pupil_id: UUID, day: date) -> None:
        """As ingest does when a source tells of a day before its cut-over."""
        await self.admin.execute(
            "INSERT INTO people.wake_from (organiser_id, pupil_id, wake_from) VALUES ($1, $2, $3)",
            self.organiser,
            pupil_id,
            day,
        )

    async def protect(self, pupil_id: UUID) -> None:
        await self.admin.execute(
            "UPDATE people.pupils SET protection = 'confidential' WHERE pupil_id = $1", pupil_id
        )

    def warning(
        self,
        pupil_id: UUID,
        *days: date,
        withdrawn: tuple[date, ...] = (),
        reported: datetime | None = None,
        revision: int | None = None,
        family: int = warnings_pb2.FAMILY_UNEXCUSED_TODAY,
    ) -> Record:
        """The thread's next revision: unexplained absence on ``days``."""
        if revision is None:
            revision = self._revisions.get(pupil_id, 0) + 1
            self._revisions[pupil_id] = revision
        known = sorted([*days, *withdrawn])
        event = warnings_pb2.WarningEvent(
            organiser_id=self.organiser.bytes,
            thread_id=pupil_id.bytes,
            revision=revision,
            pupil_id=pupil_id.bytes,
            family=family,  # type: ignore[arg-type]  # an enum's number
            school_year=school_year(known[0]),
            school_unit_id=self.unit.bytes,
            epoch_day=epoch_day(known[-1]),
            caused_by_unix_ms=int((reported or self.clock.now()).timestamp() * 1000),
            episodes=[
                warnings_pb2.Episode(
                    episode_id=uuid4().bytes,
                    raised_day=epoch_day(day),
                    state=(
                        warnings_pb2.EPISODE_STATE_WITHDRAWN
                        if day in withdrawn
                        else warnings_pb2.EPISODE_STATE_ACTIVE
                    ),
                )
                for day in known
            ],
        )
        return Record(topics.WARNINGS.name, event.SerializeToString())

    def case_event(
        self,
        case_id: UUID,
        pupil_id: UUID,
        *,
        kind: str = "OPENED",
        staff_id: UUID | None = None,
        day: date | None = None,
        event_id: UUID | None = None,
    ) -> Record:
        event = cases_pb2.CaseEvent(
            event_id=(event_id or uuid4()).bytes,
            organiser_id=self.organiser.bytes,
            case_id=case_id.bytes,
            case_number="F-2026-00042",
            pupil_id=pupil_id.bytes,
            school_unit_id=self.unit.bytes,
            kind=f"CASE_EVENT_KIND_{kind}",
            assigned_staff_id=staff_id.bytes if staff_id else b"",
            occurred_unix_ms=int(self.clock.now().timestamp() * 1000),
            epoch_day=epoch_day(day or self.clock.now().astimezone(STOCKHOLM).date()),
        )
        return Record(topics.CASE_EVENTS.name, event.SerializeToString())

    async def take(self, *records: Record) -> None:
        await self.intake.take(records)

    async def rounds(self, count: int = 3) -> None:
        """Let the worker do everything that is due now."""
        for _ in range(count):
            await self.round()

    async def round(self) -> None:
        """One round of each kind."""
        await self.worker.arrange()
        await self.worker.send_mails()
        await self.worker.send_webhooks()

    def at(self, hour: int, minute: int = 0, day: date = TUESDAY) -> None:
        """Set the clock to a wall time in Sweden."""
        wall = datetime(day.year, day.month, day.day, hour, minute, tzinfo=STOCKHOLM)
        self.clock.at = wall.astimezone(UTC)

    def pass_minutes(self, minutes: float) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    async def rows(self, table: str, *, columns: str = "*") -> list[dict[str, Any]]:
        found = await self.admin.fetch(
            f"SELECT {columns} FROM notify.{table} WHERE organiser_id = $1", self.organiser
        )
        return [dict(row) for row in found]

    async def ends(self, pupil_id: UUID) -> list[tuple[str, str]]:
        """State and reason of every delivery about a pupil, sorted."""
        found = await self.admin.fetch(
            "SELECT state, reason FROM notify.deliveries WHERE pupil_id = $1", pupil_id
        )
        return sorted((row["state"], row["reason"]) for row in found)


def settings_for(dsn: str, smtp_port: int, **changes: Any) -> NotifySettings:
    """Settings of a local stack, without reading this machine's environment."""
    values: dict[str, Any] = {
        "environment": "local",
        "notify_database_url": SecretStr(dsn),
        "notify_ops_token": SecretStr("ops-token"),
        "notify_smtp_host": "127.0.0.1",
        "notify_smtp_port": smtp_port,
        "notify_smtp_starttls": False,
        "notify_smtp_timeout_seconds": 5.0,
        "notify_webhook_timeout_seconds": 5.0,
    }
    return NotifySettings(**(values | changes))
