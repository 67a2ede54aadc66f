"""The reader of rules.profiles.v1: every content that was ever published, kept at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition
from google.protobuf.message import DecodeError

from forvarning.rules.v1.rules_pb2 import RuleProfile
from services.common.kafka import committed_reader
from services.common.logging import get_logger
from services.common.settings import EwsSettings
from services.ews.core.api import PartitionCore
from services.ews.logreader import read_to_end, reader

log = get_logger(__name__)

_Key = tuple[str, int]


class ProfileStore:
    """Contents by (profile, version). What is in force is the core's to know (design D5)."""

    def __init__(self, settings: EwsSettings, topic: str) -> None:
        self._settings = settings
        self._tp = TopicPartition(topic, 0)
        self._contents: dict[_Key, bytes] = {}
        self._next_offset = 0

    def __len__(self) -> int:
        return len(self._contents)

    def teach(self, core: PartitionCore, only: _Key | None = None) -> None:
        """Give a core what is known; one that it refuses is said and left out."""
        for (profile_id, version), content in self._contents.items():
            if only is not None and (profile_id, version) != only:
                continue
            try:
                core.learn_profile(profile_id, version, content)
            except Exception as error:  # noqa: BLE001 - a bad profile must not end the worker
                log.error(  # noqa: TRY400 - the reason is for an operator; a trace says no more
                    "a rule profile is refused; facts that activate it wait for a good version",
                    profile=f"{profile_id}@{version}",
                    why=str(error),
                )

    async def load(self) -> None:
        """Read what is there now."""
        async with reader(self._settings) as consumer:
            async for record in read_to_end(consumer, [self._tp]):
                self._take(record)

    async def follow(self, learned: Callable[[_Key], None]) -> None:
        """Read what comes from now on, for ever; ``learned`` is told of each new content."""
        consumer: AIOKafkaConsumer = committed_reader(self._settings, group=None)
        await consumer.start()
        try:
            consumer.assign([self._tp])
            consumer.seek(self._tp, self._next_offset)
            while True:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    for record in records:
                        key = self._take(record)
                        if key is not None:
                            learned(key)
        finally:
            await consumer.stop()

    def _take(self, record: ConsumerRecord) -> _Key | None:
        self._next_offset = record.offset + 1
        try:
            profile = RuleProfile.FromString(record.value or b"")
        except DecodeError:
            log.warning("a record of the profile topic cannot be read", offset=record.offset)
            return None
        if hashlib.sha256(profile.content).digest() != profile.digest:
            log.error(
                "a profile's content does not have its digest and is not used",
                profile=f"{profile.profile_id}@{profile.profile_version}",
            )
            return None
        key = (profile.profile_id, profile.profile_version)
        self._contents[key] = profile.content
        return key
