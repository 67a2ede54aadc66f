"""Kafka's input log as a source: read committed, a partition at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from google.protobuf.message import DecodeError

from forvarning.roster.v1.roster_pb2 import RosterRecord
from services.common import topics
from services.common.settings import OracleSettings
from services.ews.errors import EwsError
from services.ews.logreader import read_to_end, reader
from services.ews.oracle.findings import OracleError
from services.ews.oracle.log import Log
from services.ews.topology import Topology
from services.ews.whatif.errors import WhatIfError
from services.ews.whatif.source import BadLine, Fact, Unit


class InputLog:
    """Implements :class:`services.ews.whatif.source.Source`. A part is a partition."""

    has_waves = True

    def __init__(self, settings: OracleSettings, topology: Topology | None = None) -> None:
        self._settings = settings
        self._log = Log(settings, topology or Topology())
        self.title = f"the input log of {settings.kafka_bootstrap}"
        self.bad_lines: list[BadLine] = []
        self._codes: dict[bytes, str] = {}

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[list[int]]:
        with self._told():
            partitions = await self._log.partitions()
            self._codes = await self._unit_codes()
            yield partitions

    async def contents(self) -> dict[tuple[str, int], bytes]:
        """Every profile that was ever published, by id and version."""
        with self._told():
            await self._log.partitions()  # so that a wrong broker is said at once
            return await self._log.profiles()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what Kafka raises into a sentence for the one who asked."""
        try:
            yield
        except KafkaError as error:
            raise WhatIfError(
                f"Kafka at {self._settings.kafka_bootstrap} does not answer. "
                "FORVARNING_KAFKA_BOOTSTRAP says where it is; a folder with facts.jsonl will "
                f"do instead. ({error})"
            ) from error
        except (OracleError, EwsError) as error:
            raise WhatIfError(str(error)) from error

    async def facts(self, part: int) -> AsyncIterator[Fact]:
        async for fact in self._log.facts(part):
            yield Fact(fact.offset, fact.value, fact.replay_of)

    def pupil(self, pupil_id: bytes) -> str:
        return str(UUID(bytes=pupil_id))

    def unit(self, unit_id: bytes) -> Unit:
        return Unit(str(UUID(bytes=unit_id)), self._codes.get(unit_id, ""))

    async def _unit_codes(self) -> dict[bytes, str]:
        """Skolenhetskoder of the units in the roster; a broker without a roster has none."""
        found: dict[bytes, str] = {}
        async with reader(self._settings) as consumer:
            if topics.ROSTER.name not in await consumer.topics():
                return found
            async for record in read_to_end(consumer, [TopicPartition(topics.ROSTER.name, 0)]):
                try:
                    said = RosterRecord.FromString(record.value or b"")
                except DecodeError:
                    continue
                if said.WhichOneof("body") == "school_unit":
                    unit = said.school_unit
                    found[unit.school_unit_id] = unit.school_unit_code
        return found
