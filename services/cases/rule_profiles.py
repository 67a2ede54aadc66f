"""rules.profiles.v1: the contents that the ladders are read from, kept in the database."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from time import monotonic

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from google.protobuf.message import DecodeError

from forvarning.rules.v1.rules_pb2 import RuleProfile
from services.cases.store.scope import Database
from services.common import pg
from services.common.logging import get_logger

_log = get_logger(__name__)


def decode(value: bytes | None) -> RuleProfile | None:
    """A content that has its digest; anything else is said and not used."""
    try:
        profile = RuleProfile.FromString(value or b"")
    except DecodeError:
        _log.error("a record of the profile topic cannot be read")
        return None
    if not profile.content or hashlib.sha256(profile.content).digest() != profile.digest:
        _log.error(
            "a profile's content does not have its digest and is not used",
            profile=f"{profile.profile_id}@{profile.profile_version}",
        )
        return None
    return profile


async def keep(database: Database, profile: RuleProfile) -> bool:
    """Keep a content; whether it is new. Cases that waited for it are settled again."""
    async with database.nobody() as connection:
        new = await connection.fetchval(
            """
            INSERT INTO cases.profile_contents (profile_id, profile_version, digest, content)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (profile_id, profile_version) DO UPDATE SET
                digest = excluded.digest, content = excluded.content
            WHERE profile_contents.digest <> excluded.digest
            RETURNING true
            """,
            profile.profile_id,
            profile.profile_version,
            profile.digest,
            profile.content,
        )
    if not new:
        return False
    for organiser_id in await pg.organiser_ids(database.pool):
        async with database.system(organiser_id) as connection:
            await connection.execute(
                """
                UPDATE cases.settled SET next_at = $2
                WHERE organiser_id = cases.organiser() AND next_at > $2 AND EXISTS (
                    SELECT FROM people_v1.profile_activations WHERE profile_id = $1)
                """,
                profile.profile_id,
                database.now(),
            )
    return True


class RuleProfiles:
    """Reads the topic from its beginning at every start: it is compacted and small."""

    def __init__(
        self, database: Database, make_reader: Callable[[], Awaitable[AIOKafkaConsumer]]
    ) -> None:
        self._database = database
        self._make_reader = make_reader
        self.progress = monotonic()

    async def run(self) -> None:
        """Read until cancelled; a broker that is away is waited for."""
        while True:
            try:
                consumer = await self._make_reader()
                try:
                    await self._read(consumer)
                finally:
                    await consumer.stop()
            except Exception as error:
                if not (isinstance(error, KafkaError) or pg.is_away(error)):
                    raise
                _log.warning("rule profiles wait", error=type(error).__name__)
            self.progress = monotonic()
            await asyncio.sleep(1.0)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            self.progress = monotonic()
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    profile = decode(record.value)
                    if profile is not None:
                        await keep(self._database, profile)
