"""Reads whole topics, once everything has settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiokafka.structs import ConsumerRecord, TopicPartition

from deploy.check.acknowledged import LogIndex
from forvarning.cases.v1 import cases_pb2 as cases
from forvarning.facts.v1 import facts_pb2 as facts
from forvarning.warnings.v1 import warnings_pb2 as warnings
from services.common import topics
from services.common.kafka import committed_reader
from services.common.settings import CommonSettings
from services.ews.logreader import read_to_end

_FETCH_BYTES = 4 * 1024 * 1024

FAMILY = {
    warnings.FAMILY_SPORADIC: "strofranvaro",
    warnings.FAMILY_LONG_TERM: "langvarig",
    warnings.FAMILY_UNEXCUSED_TODAY: "ogiltig_idag",
}
_CHANGE = {
    warnings.CHANGE_KIND_RAISED: "raised",
    warnings.CHANGE_KIND_ESCALATED: "escalated",
    warnings.CHANGE_KIND_AMENDED: "amended",
    warnings.CHANGE_KIND_RESOLVED: "resolved",
    warnings.CHANGE_KIND_WITHDRAWN: "withdrawn",
}


@dataclass(slots=True)
class Published:
    """What ews.warnings.v1 holds."""

    events: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    """By kind of change; ``raised_<family>`` besides."""
    threads: set[bytes] = field(default_factory=set)

    def add(self, event: warnings.WarningEvent) -> None:
        """Count one event."""
        self.events += 1
        self.threads.add(bytes(event.thread_id))
        for change in event.changes:
            kind = _CHANGE.get(change.kind)
            if kind is None:
                continue
            self.changes[kind] += 1
            if kind == "raised" and event.family in FAMILY:
                self.changes[f"raised_{FAMILY[event.family]}"] += 1


async def records(settings: CommonSettings, topic: topics.Topic) -> AsyncIterator[ConsumerRecord]:
    """Every committed record of a topic, up to its end as it is now."""
    consumer = committed_reader(
        settings, group=None, max_partition_fetch_bytes=_FETCH_BYTES, fetch_max_wait_ms=100
    )
    await consumer.start()
    try:
        count = topic.partitions or settings.fact_partitions
        names = [TopicPartition(topic.name, number) for number in range(count)]
        async for record in read_to_end(consumer, names):
            yield record
    finally:
        await consumer.stop()


async def published(settings: CommonSettings) -> Published:
    """Every warning event that is in its topic."""
    found = Published()
    async for record in records(settings, topics.WARNINGS):
        if record.value:
            found.add(warnings.WarningEvent.FromString(record.value))
    return found


async def input_log(settings: CommonSettings) -> LogIndex:
    """The statements of the input log."""
    index = LogIndex()
    async for record in records(settings, topics.FACTS):
        if record.value:
            index.add(facts.Fact.FromString(record.value))
    return index


async def case_events(settings: CommonSettings) -> list[cases.CaseEvent]:
    """Every case event."""
    return [
        cases.CaseEvent.FromString(record.value)
        async for record in records(settings, topics.CASE_EVENTS)
        if record.value
    ]
