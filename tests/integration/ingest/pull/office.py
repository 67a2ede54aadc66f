"""A school system's double, ingest's runner and a database, for tests of reading."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import msgspec

from services.common.backoff import Backoff
from services.common.clock import FixedClock
from services.common.pg import tenant
from services.ingest.model.answers import ItemAnswer
from services.ingest.model.pulls import PullIn
from services.ingest.ss12000.results import InboxLike, Settled
from services.ingest.ss12000.vocabulary import TAKEN, Resource
from services.ingest.ss12000.wire import Entity, PlainAttendance
from services.ingest.store.sources import NewSource, Source, add_source
from services.ingest.sync.runner import PullRunner
from services.ingest.sync.secrets import PREFIX, Secrets
from services.ingest.sync.status import status
from services.ingest.sync.store import put_pull, want
from tests.support.ss12000.double import Double

if TYPE_CHECKING:
    from services.common.pg import Pool


NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
"""A school Tuesday."""


class KilledError(BaseException):
    """What a test throws to end a run as a kill would: nothing handles it."""


@dataclass
class Recorder:
    """Keeps the newest version of every entity, as the inbox promises, and what it was called with.

    ``kill_at``: raise in the middle of that many calls from now, before or after the work.
    """

    entities: dict[Resource, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    calls: list[tuple[str, Resource | None, int]] = field(default_factory=list)
    snapshots: list[frozenset[Resource]] = field(default_factory=list)
    kill_in: int = -1
    kill_after_work: bool = False
    taken: list[tuple[Resource, tuple[str, ...]]] = field(default_factory=list)
    on_take: Any = None

    async def begin_reading(self, source: Source) -> None:
        del source

    async def take(
        self, source: Source, resource: Resource, entities: Sequence[Entity]
    ) -> list[ItemAnswer]:
        del source
        self._maybe_kill(before=True)
        own = self.entities.setdefault(resource, {})
        answers = []
        found = [
            msgspec.to_builtins(one) if isinstance(one, PlainAttendance) else one
            for one in entities
        ]
        for index, entity in enumerate(found):
            answer = ItemAnswer(index)
            if own.get(entity["id"]) == entity:
                answer.status = "duplicate"
            own[entity["id"]] = entity
            answers.append(answer)
        self.calls.append(("take", resource, len(entities)))
        self.taken.append((resource, tuple(entity["id"] for entity in found)))
        if self.on_take is not None:
            self.on_take(resource)
        self._maybe_kill(before=False)
        return answers

    async def delete(
        self, source: Source, resource: Resource, ids: Sequence[UUID], at: datetime
    ) -> list[ItemAnswer]:
        del source, at
        self._maybe_kill(before=True)
        for id_ in ids:
            self.entities.get(resource, {}).pop(str(id_), None)
        self.calls.append(("delete", resource, len(ids)))
        self._maybe_kill(before=False)
        return [ItemAnswer(index) for index in range(len(ids))]

    async def settle(
        self,
        source: Source,
        *,
        snapshot: frozenset[Resource] = frozenset(),
        reading: str | None = None,
        accept_losses: bool = False,
    ) -> Settled:
        del source, reading, accept_losses
        self._maybe_kill(before=True)
        self.calls.append(("settle", None, len(snapshot)))
        self.snapshots.append(snapshot)
        self._maybe_kill(before=False)
        return Settled()

    def _maybe_kill(self, *, before: bool) -> None:
        if self.kill_in < 0 or before == self.kill_after_work:
            return
        self.kill_in -= 1
        if self.kill_in < 0:
            raise KilledError


@dataclass
class Office:
    """One pulled source and the runner that reads it. Waiting takes no time; it is written down."""

    pool: Pool
    double: Double
    inbox: InboxLike
    clock: FixedClock
    organiser: UUID
    source: UUID
    secrets: Secrets
    public_url: str | None = None
    waits: list[float] = field(default_factory=list)

    @property
    def runner(self) -> PullRunner:
        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        return PullRunner(
            pool=self.pool,
            inbox=self.inbox,
            clock=self.clock,
            secrets=self.secrets,
            public_url=self.public_url,
            parallel=2,
            every_seconds=1,
            backoff=Backoff(timedelta(seconds=1), timedelta(minutes=1), uniform=max),
            sleep=sleep,
        )

    async def configure(self, **changes: Any) -> None:
        body = {"base_url": self.double.url, "secret": "SCHOOL", "page_size": 60} | changes
        values = PullIn.model_validate(body).model_dump(mode="json")
        now = self.clock.now()
        values |= {"since": now, "next_at": now}
        await put_pull(self.pool, self.organiser, self.source, values)

    async def sync(self, *, full: bool = False) -> dict[str, Any]:
        """One run; returns what the operator sees of it."""
        await want(self.pool, self.organiser, self.source, "full" if full else "delta")
        assert await self.runner.once(self.organiser, self.source)
        run: dict[str, Any] = (await self.status())["runs"][0]
        return run

    async def status(self) -> dict[str, Any]:
        found = await status(self.pool, self.organiser, self.source)
        assert found is not None
        # As it goes over the wire.
        plain: dict[str, Any] = json.loads(json.dumps(found))
        return plain

    def pass_time(self, **span: float) -> None:
        """Both clocks go on."""
        self.clock.advance(timedelta(**span))
        self.double.advance(timedelta(**span))

    def theirs(self, resource: Resource) -> set[str]:
        return set(self.double.school.tables[resource.value])


async def open_office(
    pool: Pool, double: Double, inbox: InboxLike, clock: FixedClock, **changes: Any
) -> Office:
    """A new organiser with one source that is read from ``double``."""
    organiser, source = uuid4(), uuid4()
    await add_source(pool, NewSource(organiser, source, "Skolsystemet", "Testköpings kommun"))
    secrets = Secrets(None, {f"{PREFIX}SCHOOL": "school-token"})
    office = Office(pool, double, inbox, clock, organiser, source, secrets)
    await office.configure(**changes)
    return office


async def rows_of_another_tenant(pool: Pool, table: str) -> int:
    """What an organiser that has nothing sees of a table."""
    async with tenant(pool, uuid4()) as connection:
        found: int = await connection.fetchval(f"SELECT count(*) FROM ingest.{table}")
        return found


def same(office: Office, inbox: Recorder, *resources: Resource) -> None:
    """What the inbox was given last is what the school has."""
    for resource in resources or TAKEN:
        ours = {id_: stamps(one) for id_, one in inbox.entities.get(resource, {}).items()}
        table = office.double.school.tables[resource.value]
        assert ours == {id_: stamps(row.entity) for id_, row in table.items()}, resource


def stamps(entity: Mapping[str, Any]) -> dict[str, datetime]:
    """``meta``, however its instants are spelt."""
    return {name: datetime.fromisoformat(text) for name, text in entity["meta"].items()}
