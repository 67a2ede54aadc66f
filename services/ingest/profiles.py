"""Puts rule profiles into force: content first, then a fact in every partition (design D5)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from forvarning.facts.v1 import facts_pb2 as facts
from forvarning.rules.v1 import rules_pb2 as rules
from services.common import topics
from services.common.clock import Clock, epoch_day, school_date, school_year
from services.common.pg import tenant
from services.ingest.errors import ProfileError
from services.ingest.publisher import Outgoing
from services.ingest.roster.records import SCHOOL_FORMS
from services.ingest.store import outbox
from services.ingest.versions import OWN_PRIORITY, number_on, version
from services.rules.reading import RefusedError, read_profile

if TYPE_CHECKING:
    from services.common.pg import Connection, Pool


@dataclass(frozen=True, slots=True)
class Content:
    """A profile's file, to the byte."""

    profile_id: str
    profile_version: int
    content: bytes

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.content).digest()


@dataclass(frozen=True, slots=True)
class Activation:
    """A profile for a scope from a date on; empty lists mean every unit and school form."""

    content: Content
    valid_from: date
    school_unit_ids: tuple[UUID, ...] = ()
    school_forms: tuple[str, ...] = ()


def read_content(content: bytes) -> Content:
    """Name a profile's content.

    Raises :class:`ProfileError` unless both its parts can be used: once it is in force
    the workers wait for a content that they can read, so it must not get that far.
    """
    try:
        signals = read_profile(content).signals
    except RefusedError as error:
        raise ProfileError(
            "malformed_profile", f"/content: {error}", findings=error.findings
        ) from error
    return Content(signals.profile_id, signals.version, content)


class Profiles:
    """Activates profiles. The caller drains the organiser's outbox afterwards."""

    def __init__(
        self,
        *,
        pool: Pool,
        clock: Clock,
        partitions: int,
        standard: Callable[[], bytes],
        new_id: Callable[[], UUID],
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._partitions = partitions
        self._standard = standard
        self._new_id = new_id

    async def activate(self, organiser_id: UUID, activation: Activation) -> None:
        """Put ``activation`` into force.

        Raises :class:`ProfileError`: an organiser's first profile may be valid
        from any date, later ones from tomorrow at the earliest (design D5);
        and a version once published never changes its content.
        """
        now = self._clock.now()
        async with tenant(self._pool, organiser_id) as connection:
            known = await connection.fetchval(
                "SELECT organiser_id FROM people.organisers WHERE organiser_id = $1 FOR UPDATE",
                organiser_id,
            )
            if known is None:
                raise ProfileError("unknown_organiser", "/organiser_id: is not known")
            first = not await connection.fetchval("SELECT count(*) FROM ingest.profile_activations")
            tomorrow = school_date(now) + timedelta(days=1)
            if not first and activation.valid_from < tomorrow:
                raise ProfileError(
                    "too_early",
                    f"/valid_from: a later profile may hold from {tomorrow} at the earliest",
                )
            units = await connection.fetchval(
                "SELECT count(*) FROM people.school_units WHERE school_unit_id = ANY($1)",
                list(activation.school_unit_ids),
            )
            if units != len(set(activation.school_unit_ids)):
                raise ProfileError("unknown_unit", "/school_unit_ids: not all are this organiser's")
            await self._enqueue(connection, organiser_id, activation, now)

    async def activate_standard(
        self, connection: Connection, organiser_id: UUID, now: datetime
    ) -> bool:
        """Give an organiser without any profile the standard one, from its first known school year.

        Works in the caller's transaction; false where there is a profile already.
        """
        if await connection.fetchval("SELECT count(*) FROM ingest.profile_activations"):
            return False
        first_year = await connection.fetchval("SELECT min(school_year) FROM people.calendars")
        year = min(first_year or school_year(school_date(now)), school_year(school_date(now)))
        activation = Activation(read_content(self._standard()), date(year, 7, 1))
        await self._enqueue(connection, organiser_id, activation, now)
        return True

    async def _enqueue(
        self,
        connection: Connection,
        organiser_id: UUID,
        activation: Activation,
        now: datetime,
    ) -> None:
        content = activation.content
        stored = await connection.fetchval(
            "INSERT INTO ingest.profile_contents AS c (profile_id, profile_version, digest) "
            "VALUES ($1, $2, $3) ON CONFLICT (profile_id, profile_version) "
            "DO UPDATE SET digest = c.digest RETURNING digest",
            content.profile_id,
            content.profile_version,
            content.digest,
        )
        if bytes(stored) != content.digest:
            raise ProfileError(
                "content_changed",
                f"/content: {content.profile_id} version {content.profile_version} was published "
                "with other content; give the changed profile a new version",
            )
        await connection.execute(
            "INSERT INTO ingest.profile_activations (organiser_id, activation_id, profile_id, "
            "profile_version, digest, valid_from, school_unit_ids, school_forms, activated_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            organiser_id,
            self._new_id(),
            content.profile_id,
            content.profile_version,
            content.digest,
            activation.valid_from,
            list(activation.school_unit_ids),
            list(activation.school_forms),
            now,
        )
        [number] = await number_on(connection)
        await outbox.enqueue(
            connection, organiser_id, self._records(organiser_id, activation, number, now)
        )

    def _records(
        self, organiser_id: UUID, activation: Activation, number: int, now: datetime
    ) -> Sequence[outbox.Waiting]:
        content = activation.content
        profile = rules.RuleProfile(
            profile_id=content.profile_id,
            profile_version=content.profile_version,
            content=content.content,
            digest=content.digest,
        )
        key = f"{content.profile_id}@{content.profile_version}".encode()
        now_ms = int(now.timestamp() * 1000)
        fact = facts.Fact(
            organiser_id=organiser_id.bytes,
            accepted_unix_ms=now_ms,
            profile_activated=facts.ProfileActivated(
                profile_id=content.profile_id,
                profile_version=content.profile_version,
                digest=content.digest,
                valid_from_day=epoch_day(activation.valid_from),
                school_unit_ids=[unit.bytes for unit in activation.school_unit_ids],
                school_forms=[SCHOOL_FORMS[form] for form in activation.school_forms],
                version=version(OWN_PRIORITY, now_ms, number),
            ),
        ).SerializeToString()
        return [
            outbox.Waiting(
                outbox.CONTENT,
                Outgoing(topics.PROFILES.name, 0, key, profile.SerializeToString()),
            ),
            *(
                outbox.Waiting(
                    outbox.FACTS, Outgoing(topics.FACTS.name, partition, organiser_id.bytes, fact)
                )
                for partition in range(self._partitions)
            ),
        ]
