"""Faust as the shell: consumer group, topic, agent. Its tables, commits and acks are not used.

What is overridden, and why:

- ``Consumer.commit`` does nothing: offsets are committed in our transactions (design D3).
- ``Consumer.seek_to_committed`` goes where the checkpoint rows say, not where the group's offsets
  say.
- ``Consumer.getmany`` hands out runs of records, each as one message of Faust's: what Faust does
  for a message costs as much as a whole register does (docs/decisions/0001-runs-of-records.md).
- the rebalance listener keeps the newest assignment's token, in the consumer's own thread, before
  anything else hears of a rebalance.
- the monitor is a silent one: its bookkeeping costs more than the facts do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any, Protocol, cast

import faust
from aiokafka.errors import IllegalStateError
from aiokafka.helpers import create_ssl_context
from aiokafka.structs import TopicPartition
from faust.auth import SASLCredentials, SSLCredentials
from faust.exceptions import ConsumerNotStarted
from faust.sensors import Monitor
from faust.tables.recovery import RebalanceAgain
from faust.transport.drivers.aiokafka import (
    AIOKafkaConsumerThread,
    Consumer,
    ConsumerRebalanceListener,
    Transport,
)
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from services.common.settings import EwsSettings
from services.ews.partition import Record
from services.ews.topology import Topology

_NEVER = 10.0**9
RUN = 50
"""Records that are applied without giving anything else a turn."""
_BUFFERED_RUNS = 32
_FETCH_WAIT_MS = 50


class Members(Protocol):
    """What the consumer group's events are told to."""

    def feed(self, partition: int, record: Record) -> None:
        """Apply one record, without awaiting."""

    def positions(self) -> dict[int, int]:
        """The next offset of each owned partition."""

    async def assigned(
        self, partitions: Iterable[int], token: object, moved_on: Callable[[], bool]
    ) -> None:
        """Own the partitions from now on."""

    async def revoked(self) -> None:
        """Give everything up."""


class RebalanceCounter:
    """Counts what the group does, in the order in which the consumer's thread sees it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._token = 0
        self._partitions: frozenset[TP] = frozenset()

    def revoked(self) -> None:
        """A rebalance begins: whatever was assigned is no longer ours to start on."""
        with self._lock:
            self._count += 1

    def assigned(self, partitions: Iterable[TP]) -> None:
        """The group has given us exactly these."""
        with self._lock:
            self._count += 1
            self._token = self._count
            self._partitions = frozenset(partitions)

    def newest(self) -> tuple[int, frozenset[TP]]:
        """The newest assignment and its token."""
        with self._lock:
            return self._token, self._partitions

    def moved_on(self, token: int) -> bool:
        """Whether anything has happened since the assignment of ``token``."""
        with self._lock:
            return self._count != token


class EwsListener(ConsumerRebalanceListener):
    """Notes each rebalance in the consumer's thread before Faust's own listener runs."""

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> Awaitable[None]:
        """Call when a rebalance begins."""
        _ours(self._thread.app).rebalances.revoked()
        outcome: Awaitable[None] = super().on_partitions_revoked(revoked)
        return outcome

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Call when the group has decided."""
        counter = _ours(self._thread.app).rebalances
        counter.assigned(TP(tp.topic, tp.partition) for tp in assigned)
        await super().on_partitions_assigned(assigned)


class EwsThread(AIOKafkaConsumerThread):
    """Asks the broker again soon.

    A broker answers a fetch for all its partitions at once, and aiokafka has one under way at a
    time: what is written to a busy partition would wait for the quiet ones, 1.5 s by Faust.
    """

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS  # noqa: SLF001 - Faust has no setting for it
        return consumer


class EwsConsumer(Consumer):
    """Faust's consumer without commits, positioned by the checkpoint rows."""

    RebalanceListener = EwsListener

    async def commit(self, *_: Any, **__: Any) -> bool:
        """Commit nothing; the partitions' own transactions do."""
        return False

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 - Faust's own signature
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Fetch, and hand out each partition's records in runs, the partitions taking turns."""
        records, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if records is None or self.should_stop:
            return
        for tp, some in runs(records):
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return
            if active is None or tp in active or tp in self._buffered_partitions:
                yield tp, self._message_of(tp, some)

    def _message_of(self, tp: TP, some: Sequence[Any]) -> ConsumerMessage:
        # Faust drops a message whose offset is below the last one it read: a run that begins
        # there must still bring what is new in it.
        last = some[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            None,
            None,
            cast("Any", some),
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    def _new_consumer_thread(self) -> EwsThread:
        return EwsThread(self, loop=self.loop, beacon=self.beacon)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to the next offset that each owned partition wants; others stay where they are."""
        assigned = self.assignment()
        app = _ours(self.app)
        topic = app.facts_topic
        offsets = {
            TP(topic, partition): offset
            for partition, offset in app.members.positions().items()
            if TP(topic, partition) in assigned
        }
        await self._thread.seek_wait(offsets)
        return offsets

    def pause_fetching(self, partition: int) -> None:
        """Fetch no more of a partition; what Faust has in hand still arrives."""
        self._in_thread("pause", partition)

    def resume_fetching(self, partition: int) -> None:
        """Go on where the fetching was paused, with nothing lost."""
        self._in_thread("resume", partition)

    def _in_thread(self, what: str, partition: int) -> None:
        # Faust's own pause_partitions drops what is left of the batch in hand; aiokafka's does not.
        consumer = self._thread._ensure_consumer()  # noqa: SLF001 - Faust offers no way to pause without loss
        # aiokafka refuses Faust's own kind of pair.
        tp = TopicPartition(_ours(self.app).facts_topic, partition)

        def act() -> None:
            # Revoked meanwhile: an assignment begins unpaused.
            with contextlib.suppress(IllegalStateError):
                getattr(consumer, what)(tp)

        self._thread.thread_loop.call_soon_threadsafe(act)


def runs(records: Mapping[TP, Sequence[Any]]) -> Iterator[tuple[TP, Sequence[Any]]]:
    """Each partition's records in order, at most RUN at a time, one partition after the other."""
    longest = max(map(len, records.values()), default=0)
    for start in range(0, longest, RUN):
        for tp, some in records.items():
            if start < len(some):
                yield tp, some[start : start + RUN]


class RunSchema(faust.Schema[Any, Any]):
    """A message's value is a run of records, and stays what it is."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        """Return nothing: a run has no key."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002 - Faust's own
        """Return the records."""
        return message.value


class EwsTransport(Transport):
    """Makes our consumer."""

    Consumer = EwsConsumer


class SilentMonitor(Monitor):
    """Keeps nothing: Faust asks for a monitor with every message."""

    def track_tp_end_offset(self, tp: TP, offset: int) -> None:
        """Keep nothing."""

    def on_message_in(self, tp: TP, offset: int, message: Any) -> None:
        """Keep nothing."""

    def on_stream_event_in(self, tp: TP, offset: int, stream: Any, event: Any) -> None:
        """Keep nothing."""

    def on_stream_event_out(
        self, tp: TP, offset: int, stream: Any, event: Any, state: Any = None
    ) -> None:
        """Keep nothing."""

    def on_message_out(self, tp: TP, offset: int, message: Any) -> None:
        """Keep nothing."""


class EwsApp(faust.App):
    """The Faust app; ``members`` is set before it starts."""

    members: Members
    facts_topic: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.rebalances = RebalanceCounter()
        super().__init__(*args, **kwargs)

    async def on_first_start(self) -> None:
        """Create no data directory: nothing is kept on disk."""

    def _new_transport(self) -> EwsTransport:
        return EwsTransport(self.conf.broker_consumer, self)

    def pause(self, partition: int) -> None:
        """See :class:`services.ews.shell.Flow`."""
        cast("EwsConsumer", self.consumer).pause_fetching(partition)

    def resume(self, partition: int) -> None:
        """See :class:`services.ews.shell.Flow`."""
        cast("EwsConsumer", self.consumer).resume_fetching(partition)

    def end(self, partition: int) -> int | None:
        """See :class:`services.ews.shell.Flow`."""
        try:
            return cast("int | None", self.consumer.highwater(TP(self.facts_topic, partition)))
        except (IllegalStateError, ConsumerNotStarted):
            return None


def _ours(app: Any) -> EwsApp:
    """Faust's classes know only their own app type."""
    return cast("EwsApp", app)


def _credentials(settings: EwsSettings) -> Any:
    protocol = settings.kafka_security_protocol
    context = None
    if protocol.endswith("SSL"):
        cafile = str(settings.kafka_ca_file) if settings.kafka_ca_file else None
        context = create_ssl_context(cafile=cafile)
    if protocol.startswith("SASL"):
        password = settings.kafka_sasl_password
        return SASLCredentials(
            username=settings.kafka_sasl_username,
            password=password.get_secret_value() if password else None,
            mechanism=settings.kafka_sasl_mechanism,
            ssl_context=context,
        )
    return SSLCredentials(context) if context is not None else None


def build(settings: EwsSettings, topology: Topology) -> EwsApp:
    """The app with its one agent; call it inside the running loop. Settings: stack.md 1.12."""
    # Faust logs its services under the modules that their classes stand in: ours too.
    for noisy in ("faust", "mode", "aiokafka", __name__):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    servers = settings.kafka_bootstrap.split(",")
    session = settings.ews_session_timeout_seconds
    app = EwsApp(
        settings.ews_group,
        broker=[f"kafka://{server.strip()}" for server in servers],
        broker_credentials=_credentials(settings),
        broker_session_timeout=session,
        broker_rebalance_timeout=session,
        broker_heartbeat_interval=min(3.0, session / 3),
        broker_commit_interval=_NEVER,
        broker_commit_every=None,
        consumer_auto_offset_reset="earliest",
        # How soon a topic that was deleted and created anew is noticed.
        consumer_metadata_max_age_ms=int(settings.ews_verify_seconds * 500),
        consumer_group_instance_id=settings.ews_instance_id,
        stream_wait_empty=False,
        # Of runs: what waits here is a few thousand records, so that no partition waits long.
        stream_buffer_maxsize=_BUFFERED_RUNS,
        table_standby_replicas=0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        Monitor=SilentMonitor,
        loop=asyncio.get_running_loop(),
    )
    app.facts_topic = topology.facts
    # Acks would be kept for ever, since nothing commits them.
    topic = app.topic(topology.facts, schema=RunSchema(), acks=False, internal=False)

    @app.agent(topic, name="facts", concurrency=1)
    async def facts(stream: Any) -> None:
        feed = app.members.feed
        events: AsyncIterable[Any] = stream.events()
        async for event in events:
            # No await here, ever: an event that is being awaited over is lost at a rebalance.
            partition = event.message.partition
            for one in event.value:
                feed(
                    partition,
                    Record(one.offset, one.key, one.value, one.headers, one.timestamp / 1000.0),
                )

    async def on_rebalance_complete(*_: Any, **__: Any) -> None:
        token, partitions = app.rebalances.newest()
        ours = [tp.partition for tp in partitions if tp.topic == topology.facts]
        await app.members.assigned(ours, token, lambda: app.rebalances.moved_on(token))
        if app.rebalances.moved_on(token):
            # Otherwise Faust would let the facts flow in the middle of the newer rebalance.
            raise RebalanceAgain

    async def on_partitions_revoked(*_: Any, **__: Any) -> None:
        await app.members.revoked()

    app.on_rebalance_complete.connect(on_rebalance_complete)
    app.on_partitions_revoked.connect(on_partitions_revoked)
    return app
