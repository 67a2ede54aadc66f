"""Due work: obligations, messages and the outbox, one organiser after another."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.common import pg
from services.common.backoff import Backoff
from services.common.clock import Clock
from services.common.logging import get_logger
from services.notify import arrange, metrics, outbox, sending
from services.notify.mail import Mail, MailChannel
from services.notify.model import Channel, Kind, SendError
from services.notify.policy import Policy
from services.notify.sending import Parcel, Terms
from services.notify.webhook import WebhookChannel

_log = get_logger(__name__)

Round = Callable[[], Awaitable[int]]

# A notice to a home is for now or never; a case's mail may wait.
BACKOFFS = {
    Kind.SAME_DAY: Backoff(timedelta(seconds=5), timedelta(minutes=5)),
    Kind.CASE: Backoff(timedelta(seconds=10), timedelta(hours=2)),
}
_PUBLISH_SECONDS = 15.0
_STOP_SECONDS = 10.0
_RECORD_PAUSES = (0.05, 0.2, 1.0, 3.0, 10.0)


async def each_organiser(pool: pg.Pool, work: Callable[[UUID], Awaitable[int]]) -> int:
    """Do ``work`` for every organiser; one whose work breaks holds up no other.

    Returns how much was done. Where the database is away the error is raised.
    """
    done = 0
    for organiser_id in await pg.organiser_ids(pool):
        try:
            done += await work(organiser_id)
        except Exception as error:
            if isinstance(error, KafkaError) or pg.is_away(error):
                raise
            # It is counted and shown, and the others go on.
            metrics.BROKEN_ROUNDS.labels(type(error).__name__).inc()
            _log.exception("work for one organiser broke off", organiser=str(organiser_id))
    return done


class Worker:
    """Does what is due. Any number of them may run: each row is claimed by one.

    Mails and webhooks are sent by rounds of their own, so that a receiver who
    does not answer delays nobody's mail.
    """

    def __init__(
        self,
        pool: pg.Pool,
        clock: Clock,
        policy: Policy,
        *,
        mail: MailChannel,
        webhook: WebhookChannel,
        terms: Terms,
        backoffs: dict[Kind, Backoff] | None = None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._policy = policy
        self._mail = mail
        self._webhook = webhook
        self._terms = terms
        self._backoffs = backoffs or BACKOFFS

    async def arrange(self) -> int:
        """Settle every due obligation, and give up what has been tried for too long."""
        return await each_organiser(self._pool, self._arrange)

    async def send_mails(self) -> int:
        """Send due mails, some of each organiser at a time."""
        return await each_organiser(self._pool, lambda one: self._send(one, Channel.MAIL))

    async def send_webhooks(self) -> int:
        """Call due webhooks, some of each organiser at a time."""
        return await each_organiser(self._pool, lambda one: self._send(one, Channel.WEBHOOK))

    async def _arrange(self, organiser_id: UUID) -> int:
        async with pg.tenant(self._pool, organiser_id) as connection:
            done = await sending.give_up(connection, self._clock.now())
        while True:
            # Each in a transaction of its own.
            async with pg.tenant(self._pool, organiser_id) as connection:
                if not await arrange.next_due(connection, self._policy, self._clock.now()):
                    return done
            done += 1

    async def _send(self, organiser_id: UUID, channel: Channel) -> int:
        async with pg.tenant(self._pool, organiser_id) as connection:
            parcels = await sending.claim(connection, channel, self._clock.now(), self._terms)
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
            _log.info("attempt failed", channel=message.channel, outcome=problem.outcome)
        except Exception as surprise:  # noqa: BLE001 - one message must not stop the others
            # Nobody knows whether it went out: the next attempt carries the same id.
            _log.exception("attempt broke", channel=message.channel)
            error = SendError("broke", type(surprise).__name__)
        metrics.SEND_SECONDS.labels(message.channel).observe(time.monotonic() - started)
        # What is not written down is sent again, so a database that blinks is waited for.
        for pause in _RECORD_PAUSES:
            try:
                return await self._record(parcel, error)
            except pg.AWAY:
                await asyncio.sleep(pause)
        return await self._record(parcel, error)

    async def _record(self, parcel: Parcel, error: SendError | None) -> None:
        message, content = parcel.message, parcel.content
        now: datetime = self._clock.now()
        async with pg.tenant(self._pool, message.organiser_id) as connection:
            if error is None:
                await sending.succeeded(connection, message, now)
                return
            url = None if isinstance(content, Mail) else content.url
            backoff = self._backoffs[message.kind]
            await sending.failed(connection, message, error, backoff, now, url=url)


class Publisher:
    """Carries the outbox to Kafka.

    After a failed delivery the producer is replaced: an expired batch leaves
    aiokafka's sequence numbers unfit for every later send (design D10).
    """

    def __init__(self, pool: pg.Pool, make_producer: Callable[[], AIOKafkaProducer]) -> None:
        self._pool = pool
        self._make_producer = make_producer
        self._producer: AIOKafkaProducer | None = None

    async def publish(self) -> int:
        """Publish what is unpublished, of every organiser; returns how many rows."""
        try:
            return await each_organiser(self._pool, self._publish)
        except (KafkaError, TimeoutError):
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of the producer; what it still holds is in the outbox too."""
        producer, self._producer = self._producer, None
        if producer is not None:
            # Stopping waits for what cannot be delivered any more.
            with contextlib.suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(producer.stop(), _STOP_SECONDS)

    async def _publish(self, organiser_id: UUID) -> int:
        if self._producer is None:
            producer = self._make_producer()
            self._producer = producer
            async with asyncio.timeout(_PUBLISH_SECONDS):
                await producer.start()
        done = 0
        while True:
            async with asyncio.timeout(_PUBLISH_SECONDS):
                sent = await outbox.publish(self._pool, self._producer, organiser_id)
            if not sent:
                return done
            done += sent


class Loop:
    """Runs rounds for ever; a database or broker that is away is waited for."""

    def __init__(self, name: str, work: Round, pause: float) -> None:
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
                done = await self._work()
                self.trouble = None
            except (*pg.AWAY, KafkaError) as error:
                self.trouble = f"{self.name}: {type(error).__name__}"
                _log.warning("round failed, trying again", loop=self.name, error=str(type(error)))
            self.last_round = time.monotonic()
            if not done:
                try:
                    await asyncio.wait_for(stop.wait(), self._pause)
                except TimeoutError:
                    continue
