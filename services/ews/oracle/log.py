"""What the oracle reads of Kafka: read committed, to the end, without a group."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition
from google.protobuf.message import DecodeError

from forvarning.rules.v1.rules_pb2 import RuleProfile
from forvarning.school.v1.school_pb2 import SchoolSignal
from forvarning.warnings.v1.warnings_pb2 import WarningEvent
from services.common.clock import STOCKHOLM, school_year
from services.common.kafka import connection
from services.common.settings import OracleSettings
from services.ews.checkpoint import decode_checkpoint
from services.ews.deadletters import REPLAY_HEADER
from services.ews.logreader import ranges, read_to_end, reader, records_at
from services.ews.oracle import school
from services.ews.oracle.absences import plain
from services.ews.oracle.findings import Finding, Kind, OracleError, Store
from services.ews.oracle.recompute import ProfileKey
from services.ews.topology import CHECKPOINT_KEY, Topology


@dataclass(frozen=True, slots=True)
class LoggedFact:
    """One record of the input log."""

    offset: int
    value: bytes
    replay_of: int | None


@dataclass(slots=True)
class Published:
    """Everything on ews.warnings.v1: each thread's events in the order of their offsets."""

    threads: dict[bytes, list[WarningEvent]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def newest(self) -> dict[bytes, WarningEvent]:
        """The highest revision of each thread."""
        return {
            thread: max(events, key=lambda event: event.revision)
            for thread, events in self.threads.items()
        }


class Log:
    """The topics, as they are when asked."""

    def __init__(self, settings: OracleSettings, topology: Topology) -> None:
        self._settings = settings
        self._names = topology

    async def partitions(self) -> list[int]:
        """The input log's partitions; OracleError where one of the topics does not exist."""
        names = self._names
        wanted = {names.facts, names.profiles, names.state, names.warnings, names.absence_days}
        wanted.add(names.school_signals)
        admin = AIOKafkaAdminClient(**connection(self._settings))
        await admin.start()
        try:
            missing = sorted(wanted - set(await admin.list_topics()))
            if missing:
                raise OracleError(
                    f"This broker does not have the topics {', '.join(missing)}. Is it the right "
                    "one? `forvarning topics verify` tells what a broker should have."
                )
            (facts,) = await admin.describe_topics([self._names.facts])
        finally:
            await admin.close()
        return sorted(entry["partition"] for entry in facts["partitions"])

    async def profiles(self) -> dict[ProfileKey, bytes]:
        """Every content ever published, by profile and version."""
        found: dict[ProfileKey, bytes] = {}
        async with reader(self._settings) as consumer:
            topic = TopicPartition(self._names.profiles, 0)
            async for record in read_to_end(consumer, [topic]):
                try:
                    profile = RuleProfile.FromString(record.value or b"")
                except DecodeError:
                    continue
                if hashlib.sha256(profile.content).digest() == profile.digest:
                    found[profile.profile_id, profile.profile_version] = profile.content
        return found

    async def facts(self, partition: int) -> AsyncIterator[LoggedFact]:
        """Every fact of a partition that is still there, in order."""
        async with reader(self._settings) as consumer:
            topic = TopicPartition(self._names.facts, partition)
            async for record in read_to_end(consumer, [topic]):
                headers = dict(record.headers)
                replay = headers.get(REPLAY_HEADER)
                yield LoggedFact(
                    record.offset, record.value or b"", int(replay) if replay is not None else None
                )

    async def published(self, partition: int) -> Published:
        """The warnings of a partition, and what about them can be no event."""
        found = Published()
        async with reader(self._settings) as consumer:
            topic = TopicPartition(self._names.warnings, partition)
            async for record in read_to_end(consumer, [topic]):
                if record.value is None:
                    found.threads.pop(record.key, None)  # erased
                    continue
                try:
                    event = WarningEvent.FromString(record.value)
                except DecodeError:
                    found.findings.append(_unreadable(partition, record.offset, "is unreadable"))
                    continue
                if event.thread_id != record.key:
                    detail = f"carries thread {event.thread_id.hex()}, its key says another"
                    found.findings.append(_unreadable(partition, record.offset, detail))
                found.threads.setdefault(event.thread_id, []).append(event)
        return found

    async def absence_days(self, partition: int) -> dict[bytes, bytes]:
        """The newest of each pupil's day, without its revision."""
        found: dict[bytes, bytes] = {}
        async with reader(self._settings) as consumer:
            topic = TopicPartition(self._names.absence_days, partition)
            async for record in read_to_end(consumer, [topic]):
                if record.value is None:
                    found.pop(record.key, None)
                else:
                    found[record.key] = plain(record.value)
        return found

    async def school_signals(self) -> dict[bytes, SchoolSignal]:
        """What schools are told, as consumers hold it."""
        async with reader(self._settings) as consumer:
            topic = TopicPartition(self._names.school_signals, 0)
            records = [one async for one in read_to_end(consumer, [topic])]
        return school.published((record.key, record.value) for record in records)

    async def covered_from(self, partition: int) -> int:
        """The first school year whose facts are all still in the partition.

        Zero where nothing has been cut off. By Kafka's own time of the oldest
        record: retention goes by it too.
        """
        async with reader(self._settings, small=True) as consumer:
            topic = TopicPartition(self._names.facts, partition)
            limits = await ranges(consumer, [topic])
            beginning, end = limits[topic]
            if beginning == 0:
                return 0
            if beginning == end:
                return 1 << 30
            oldest = (await records_at(consumer, {topic: beginning}))[topic]
        day = datetime.fromtimestamp(oldest.timestamp / 1000, tz=STOCKHOLM).date()
        return school_year(day) + 1

    async def lag(self) -> int:
        """How many facts lie beyond the stream's checkpoints."""
        partitions = await self.partitions()
        async with reader(self._settings) as consumer:
            facts = [TopicPartition(self._names.facts, number) for number in partitions]
            limits = await ranges(consumer, facts)
            reached: dict[int, int] = {}
            state = [TopicPartition(self._names.state, number) for number in partitions]
            async for record in read_to_end(consumer, state):
                if record.key == CHECKPOINT_KEY and record.value is not None:
                    reached[record.partition] = decode_checkpoint(record.value).next_offset
        return sum(
            end - max(beginning, reached.get(topic.partition, 0))
            for topic, (beginning, end) in limits.items()
        )


def _unreadable(partition: int, offset: int, detail: str) -> Finding:
    subject = f"partition {partition}, offset {offset}"
    return Finding(Kind.ILLEGAL, Store.PUBLISHED, subject, detail)
