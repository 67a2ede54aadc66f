"""The group step's loop: read, wait until it is quiet, write what is due."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from forvarning.facts.v1.facts_pb2 import Fact
from forvarning.school.v1.school_pb2 import SchoolSignal, SignalKind
from forvarning.warnings.v1.warnings_pb2 import GroupDay
from services.common.logging import get_logger
from services.common.settings import EwsSettings
from services.ews import metrics
from services.ews.logreader import read_to_end
from services.ews.topology import Topology
from services.ews.waves.board import Board
from services.ews.waves.signals import SignalBoard
from services.ews.waves.writing import BEGUN, STATE, Writer

log = get_logger(__name__)

_POLL_MS = 200
_KINDS = {number: name.removeprefix("SIGNAL_KIND_").lower() for name, number in SignalKind.items()}


class Step:
    """Reads `read_committed`, without a group, commits nothing; see the package."""

    def __init__(
        self,
        settings: EwsSettings,
        topology: Topology,
        consumer: AIOKafkaConsumer,
        writer: Writer,
        beat: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._topology = topology
        self._consumer = consumer
        self._writer = writer
        self._beat = beat
        self._board = Board(settings.fact_partitions)
        self._signals = SignalBoard(settings.fact_partitions)
        self._oldest: int | None = None
        """The broker's stamp on the oldest sum of which nothing is written yet, in milliseconds."""
        self._partitions = [
            *(TopicPartition(topology.group_days, p) for p in range(settings.fact_partitions)),
            TopicPartition(topology.waves, 0),
            TopicPartition(topology.school_signals, 0),
        ]
        self.caught_up = False

    async def run(self) -> None:
        """Catch up with all there is, then follow for ever."""
        rows = 0
        async for record in read_to_end(self._consumer, self._partitions):
            self._take(record, at_start=True)
            rows += 1
            if not rows % 10_000:
                self._beat()
        log.info("read", rows=rows)
        self._consumer.resume(*self._partitions)
        await self._write()
        self.caught_up = True
        log.info("caught up")
        since: float | None = None
        while True:
            self._beat()
            fetched = await self._consumer.getmany(timeout_ms=_POLL_MS)
            for records in fetched.values():
                for record in records:
                    self._take(record)
            if not (self._board.news or self._signals.news):
                continue
            since = since or time.monotonic()
            # The partitions close a day one after another; who waits a little writes once.
            if not fetched or time.monotonic() - since > self._settings.ews_waves_settle_seconds:
                await self._write()
                since = None

    def _take(self, record: ConsumerRecord, *, at_start: bool = False) -> None:
        if record.value is None:
            return
        if record.topic == self._topology.group_days:
            row = GroupDay.FromString(record.value)
            if self._board.take(row):
                self._signals.changed((row.organiser_id, row.school_unit_id), row.epoch_day)
                if not at_start and self._oldest is None:
                    self._oldest = record.timestamp
            return
        if record.topic == self._topology.school_signals:
            self._signals.take_note(SchoolSignal.FromString(record.value))
            return
        fact = Fact.FromString(record.value)
        begun = _header(record.headers, STATE) == BEGUN
        self._board.take_note(fact.organiser_id, fact.wave, unfinished=begun and at_start)

    async def _write(self) -> None:
        written = 0
        for due in self._board.due():
            self._beat()
            if due:
                await self._writer.write(due)
                for organiser_id, wave in due:
                    self._board.wrote(organiser_id, wave)
                written += len(due)
        if written:
            log.info("waves", written=written)
        metrics.WAVES.inc(written)
        await self._write_signals()
        if self._oldest is not None:
            metrics.GROUP_LAG_SECONDS.observe(max(0.0, time.time() - self._oldest / 1000))
            self._oldest = None
        metrics.WAVE_DAYS_INCOMPLETE.set(self._board.incomplete())

    async def _write_signals(self) -> None:
        written = 0
        for due in self._signals.due(self._board.units):
            self._beat()
            if due:
                await self._writer.write_signals(due)
                for signal in due:
                    self._signals.wrote(signal)
                    metrics.SCHOOL_SIGNALS.labels(_KINDS[signal.kind]).inc()
                written += len(due)
        if written:
            log.info("school signals", written=written)


def _header(headers: Sequence[tuple[str, Any]], name: str) -> bytes | None:
    return next((value for key, value in headers if key == name), None)
