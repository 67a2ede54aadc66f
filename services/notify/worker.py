"""Due work: obligations, messages and the outbox, one organiser after another."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.common import pg
from services.common.clock import Clock
from services.common.logging import get_logger
from services.notify import arrange, metrics, outbox, sending
from services.notify.backoff import Backoff
from services.notify.consumer import UNAVAILABLE
from services.notify.mail import Mail, MailChannel
from services.notify.model import Kind, SendError
from services.notify.policy import Policy
from services.notify.sending import Parcel
from services.notify.webhook import WebhookChannel

_log = get_logger(__name__)

# A notice to a home is for now or never; a case's mail may wait.
BACKOFFS = {
    Kind.SAME_DAY: Backoff(timedelta(seconds=5), timedelta(minutes=5)),
    Kind.CASE: Backoff(timedelta(seconds=10), timedelta(hours=2)),
}


class Worker:
    """Does what is due. Any number of them may run: each row is claimed by one."""

    def __init__(
        self,
        pool: pg.Pool,
        clock: Clock,
        policy: Policy,
        *,
        mail: MailChannel,
        webhook: WebhookChannel,
        lease: timedelta,
        parallel: int,
        login_url: str,
        backoffs: dict[Kind, Backoff] | None = None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._policy = policy
        self._mail = mail
        self._webhook = webhook
        self._lease = lease
        self._parallel = parallel
        self._login_url = login_url
        self._backoffs = backoffs or BACKOFFS

    async def round(self) -> int:
        """One round over every organiser; returns how much was done."""
        done = 0
        oldest = 0.0
        for organiser_id in await pg.organiser_ids(self._pool):
            done += await self.arrange(organiser_id)
            done += await self.send(organiser_id)
            oldest = max(oldest, await self._oldest_due(organiser_id))
        metrics.DUE_AGE.set(oldest)
        return done

    async def arrange(self, organiser_id: UUID) -> int:
        """Settle every due obligation of one organiser, each in its own transaction."""
        done = 0
        while True:
            async with pg.tenant(self._pool, organiser_id) as connection:
                if not await arrange.next_due(connection, self._policy, self._clock.now()):
                    return done
            done += 1

    async def send(self, organiser_id: UUID) -> int:
        """Send one batch of due messages of one organiser."""
        async with pg.tenant(self._pool, organiser_id) as connection:
            parcels = await sending.claim(
                connection, self._clock.now(), self._lease, self._parallel, self._login_url
            )
        await asyncio.gather(*(self._deliver(parcel) for parcel in parcels))
        return len(parcels)

    async def _deliver(self, parcel: Parcel) -> None:
        message, content = parcel.message, parcel.content
        started = time.monotonic()
        error: SendError | None = None
        try:
            if isinstance(content, Mail):
                await self._mail.send(content)
            else:
                await self._webhook.send(content)
        except SendError as problem:
            error = problem
        except Exception as surprise:  # noqa: BLE001 - one message must not stop the others
            # Nobody knows whether it went out: the next attempt carries the same id.
            _log.exception("attempt broke", channel=message.channel)
            error = SendError("broke", type(surprise).__name__)
        metrics.SEND_SECONDS.labels(message.channel).observe(time.monotonic() - started)
        now: datetime = self._clock.now()
        async with pg.tenant(self._pool, message.organiser_id) as connection:
            if error is None:
                await sending.succeeded(connection, message, now)
                return
            url = None if isinstance(content, Mail) else content.url
            await sending.failed(
                connection, message, error, self._backoffs[message.kind], now, url=url
            )
        _log.info("attempt failed", channel=message.channel, outcome=error.outcome)

    async def _oldest_due(self, organiser_id: UUID) -> float:
        now = self._clock.now()
        async with pg.tenant(self._pool, organiser_id) as connection:
            oldest: datetime | None = await connection.fetchval(
                "SELECT least((SELECT min(due_at) FROM notify.obligations WHERE state = 'waiting'),"
                " (SELECT min(due_at) FROM notify.messages WHERE state = 'queued'))"
            )
        return max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


class Publisher:
    """Carries the outbox to Kafka."""

    def __init__(self, pool: pg.Pool, producer: AIOKafkaProducer) -> None:
        self._pool = pool
        self._producer = producer

    async def round(self) -> int:
        """Publish what is unpublished, of every organiser; returns how many rows."""
        done = 0
        for organiser_id in await pg.organiser_ids(self._pool):
            while sent := await outbox.publish(self._pool, self._producer, organiser_id):
                done += sent
        return done


class Loop:
    """Runs rounds for ever; a database or broker that is away is waited for."""

    def __init__(self, name: str, work: Worker | Publisher, pause: float) -> None:
        self.name = name
        self._work = work
        self._pause = pause
        self.trouble: str | None = "has not run yet"
        """What keeps it from working, in one sentence; None when well."""
        self.last_round = time.monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        """Round after round until told to stop; at once again while there is work."""
        while not stop.is_set():
            done = 0
            try:
                done = await self._work.round()
                self.trouble = None
            except (*UNAVAILABLE, KafkaError) as error:
                self.trouble = f"{self.name}: {type(error).__name__}"
                _log.warning("round failed, trying again", loop=self.name, error=str(type(error)))
            self.last_round = time.monotonic()
            if not done:
                try:
                    await asyncio.wait_for(stop.wait(), self._pause)
                except TimeoutError:
                    continue
