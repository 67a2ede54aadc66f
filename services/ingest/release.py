"""Sends parked facts when the roster has caught up (design D10)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from forvarning.facts.v1 import facts_pb2 as facts
from services.common.clock import from_epoch_day
from services.common.pg import tenant
from services.ingest import facts_out, metrics
from services.ingest.publisher import Outgoing, Publisher
from services.ingest.store.directory import Home
from services.ingest.store.lessons import LessonBook, Seen
from services.ingest.store.parked import Parked, releasable, released
from services.ingest.store.wake import WakeBook, latest

if TYPE_CHECKING:
    from services.common.pg import Pool

_CHUNK = 1000


class Releaser:
    """Goes through what is parked and sends what can be addressed now."""

    def __init__(
        self, *, pool: Pool, publisher: Publisher, book: LessonBook, wake: WakeBook
    ) -> None:
        self._pool = pool
        self._publisher = publisher
        self._book = book
        self._wake = wake

    async def run(self, organiser_id: UUID) -> int:
        """Returns how many facts were sent and acknowledged.

        Raises :class:`services.ingest.errors.NotWrittenError`; what was not
        acknowledged stays parked.
        """
        total = 0
        while True:
            async with tenant(self._pool, organiser_id) as connection:
                found = await releasable(connection, _CHUNK)
                seen = _lessons(found)
                wake = latest(
                    (home.pupil_id, parked.wake_from)
                    for parked, home in found
                    if parked.wake_from is not None
                )
                await self._wake.record(connection, organiser_id, wake)
                told = await self._book.record(connection, organiser_id, seen.values())
            self._book.committed(seen.values())
            self._wake.committed(organiser_id, wake)
            if not found:
                return total
            records = [_addressed(parked, home) for parked, home in found]
            for cancellation in told:
                body = seen_register(found, cancellation.lesson_id)
                body.version.CopyFrom(cancellation.version)
                body.state = facts.LESSON_STATE_CANCELLED
                facts_out.to_home(body, *cancellation.target)
                fact = facts.Fact()
                fact.CopyFrom(found[0][0].fact)
                fact.register.CopyFrom(body)
                records.append(facts_out.record(fact, cancellation.partition))
            await self._publisher.publish(records)
            async with tenant(self._pool, organiser_id) as connection:
                await released(connection, [parked for parked, _ in found])
            metrics.RELEASED.inc(len(found))
            total += len(found)
            if len(found) < _CHUNK:
                return total


def _addressed(parked: Parked, home: Home) -> Outgoing:
    fact = facts.Fact()
    fact.CopyFrom(parked.fact)
    if fact.HasField("register"):
        fact.register.pupil_ids = home.pupil_id.bytes
        facts_out.to_home(fact.register, home.home_id, home.bucket)
    else:
        fact.notice.pupil_id = home.pupil_id.bytes
        facts_out.to_home(fact.notice, home.home_id, home.bucket)
    return facts_out.record(fact, home.partition)


def _lessons(found: list[tuple[Parked, Home]]) -> dict[UUID, Seen]:
    seen: dict[UUID, Seen] = {}
    for parked, home in found:
        if not parked.fact.HasField("register"):
            continue
        register = parked.fact.register
        lesson = UUID(bytes=register.lesson_id)
        entry = seen.setdefault(
            lesson,
            Seen(
                lesson,
                UUID(bytes=register.school_unit_id),
                from_epoch_day(register.epoch_day),
            ),
        )
        entry.targets.add((home.home_id, home.bucket))
    return seen


def seen_register(found: list[tuple[Parked, Home]], lesson: UUID) -> facts.Register:
    """A register of ``lesson`` without marks, from the parked one."""
    parked = next(one for one, _ in found if one.about == lesson)
    register = facts.Register()
    register.CopyFrom(parked.fact.register)
    for name in (
        "offered_minutes",
        "valid_minutes",
        "invalid_minutes",
        "other_minutes",
        "flags",
        "arrived_late_minutes",
        "left_early_minutes",
    ):
        register.ClearField(name)
    register.pupil_ids = b""
    return register
