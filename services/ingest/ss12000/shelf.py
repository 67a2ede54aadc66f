"""Where entities are kept until they are used: persons in schema people, all others in ingest."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.ingest.ss12000.vocabulary import Resource
from services.ingest.store.bulk import insert, upsert

if TYPE_CHECKING:
    from services.common.pg import Connection
    from services.ingest.store.sources import Source

_COLUMNS = {
    "organiser_id": "uuid", "source_id": "uuid", "id": "uuid", "created": "timestamptz",
    "modified": "timestamptz", "deleted": "bool", "dirty": "bool", "stuck": "bool", "seen": "bool",
    "body": "jsonb",
}  # fmt: skip

#: A change of the first is a reason to look at the others that name it again.
NAMED_BY: dict[Resource, tuple[Resource, ...]] = {
    Resource.ORGANISATION: (
        Resource.ORGANISATION, Resource.GROUP, Resource.PERSON, Resource.DUTY,
    ),
    Resource.PERSON: (Resource.PERSON, Resource.DUTY, Resource.ABSENCE),
    Resource.GROUP: (Resource.DUTY,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Staged:
    """An entity as it lies on the shelf."""

    id: UUID
    created: datetime
    modified: datetime
    body: dict[str, Any]
    refs: tuple[UUID, ...] = ()
    deleted: bool = False
    said: str | None = None


def table_of(resource: Resource) -> str:
    return "people.ss12000_persons" if resource is Resource.PERSON else "ingest.ss12000_entities"


def _of(resource: Resource) -> str:
    """A condition that leaves one resource's rows."""
    return "true" if resource is Resource.PERSON else f"resource = '{resource.value}'"


async def touch(
    connection: Connection,
    source: Source,
    table: str,
    modified: Mapping[UUID, datetime],
    resource: Resource | None = None,
) -> None:
    """They said the same again, later."""
    if modified:
        which = "true" if resource is None else _of(resource)
        await connection.execute(
            f"UPDATE {table} t SET modified = w.modified "
            "FROM unnest($2::uuid[], $3::timestamptz[]) AS w (id, modified) "
            f"WHERE t.source_id = $1 AND t.id = w.id AND {which}",
            source.source_id,
            list(modified),
            list(modified.values()),
        )


class Shelf:
    """One source's shelf, inside a transaction of its organiser."""

    def __init__(self, connection: Connection, source: Source) -> None:
        self._connection = connection
        self._source = source

    async def get(
        self,
        resource: Resource,
        ids: Collection[UUID] | None = None,
        *,
        only: str = "true",
        limit: int | None = None,
    ) -> dict[UUID, Staged]:
        """Entities by id, deleted ones too; all of the resource without ``ids``.

        ``only`` is a condition of the program's own, such as ``dirty``.
        """
        wanted = "" if ids is None else "AND id = ANY($2) "
        most = "" if limit is None else f" LIMIT {limit}"
        rows = await self._connection.fetch(
            f"SELECT id, created, modified, deleted, body, said FROM {table_of(resource)} "
            f"WHERE source_id = $1 AND {_of(resource)} {wanted}AND {only} ORDER BY id{most}",
            self._source.source_id,
            *(() if ids is None else (list(ids),)),
        )
        return {
            row["id"]: Staged(
                row["id"],
                row["created"],
                row["modified"],
                json.loads(row["body"]),
                deleted=row["deleted"],
                said=row["said"],
            )
            for row in rows
        }

    async def put(self, resource: Resource, staged: Sequence[Staged]) -> None:
        """Lay entities on the shelf, to be looked at."""
        if not staged:
            return
        source = self._source
        columns = dict(_COLUMNS)
        # Activities and syllabuses make calendar events dirty, not themselves.
        looked_at = resource not in (Resource.ACTIVITY, Resource.SYLLABUS)
        if resource is not Resource.PERSON:
            columns["resource"] = "text"
        await upsert(
            self._connection,
            table_of(resource),
            columns,
            [
                (
                    source.organiser_id, source.source_id, one.id, one.created, one.modified,
                    one.deleted, looked_at, False, True, json.dumps(one.body, ensure_ascii=False),
                    *(() if resource is Resource.PERSON else (resource.value,)),
                )
                for one in staged
            ],
            key=("organiser_id", "source_id", "id")
            if resource is Resource.PERSON
            else ("organiser_id", "source_id", "resource", "id"),
        )  # fmt: skip
        await self._connection.execute(
            "DELETE FROM ingest.ss12000_refs WHERE source_id = $1 AND resource = $2 "
            "AND id = ANY($3)",
            source.source_id,
            resource.value,
            [one.id for one in staged],
        )
        await insert(
            self._connection,
            "ingest.ss12000_refs",
            {"organiser_id": "uuid", "source_id": "uuid", "resource": "text", "id": "uuid",
             "target": "uuid"},
            [
                (source.organiser_id, source.source_id, resource.value, one.id, target)
                for one in staged
                for target in one.refs
            ],
        )  # fmt: skip

    async def see(self, resource: Resource, ids: Collection[UUID]) -> None:
        """They were among what was read, though nothing about them is new."""
        await self._connection.execute(
            f"UPDATE {table_of(resource)} SET seen = true "
            f"WHERE source_id = $1 AND {_of(resource)} AND id = ANY($2) AND NOT seen",
            self._source.source_id,
            list(ids),
        )

    async def close(self, resource: Resource, reading: str) -> bool:
        """Whether this reading of the resource is judged now, for the first time."""
        done = await self._connection.fetchval(
            "INSERT INTO ingest.ss12000_state AS s (organiser_id, source_id, closed) "
            "VALUES ($1, $2, jsonb_build_object($3::text, $4::text)) "
            "ON CONFLICT (organiser_id, source_id) DO UPDATE "
            "SET closed = s.closed || EXCLUDED.closed "
            "WHERE s.closed ->> $3 IS DISTINCT FROM $4 RETURNING true",
            self._source.organiser_id,
            self._source.source_id,
            resource.value,
            reading,
        )
        return bool(done)

    async def unseen(self, resource: Resource) -> list[UUID]:
        """What a whole reading of the resource lacked; begins the next one."""
        rows = await self._connection.fetch(
            f"SELECT id FROM {table_of(resource)} "
            f"WHERE source_id = $1 AND {_of(resource)} AND NOT seen AND NOT deleted",
            self._source.source_id,
        )
        await self._connection.execute(
            f"UPDATE {table_of(resource)} SET seen = false "
            f"WHERE source_id = $1 AND {_of(resource)} AND seen",
            self._source.source_id,
        )
        return [row["id"] for row in rows]

    async def stuck(self, resource: Resource) -> set[UUID]:
        """Those that wait for something."""
        rows = await self._connection.fetch(
            f"SELECT id FROM {table_of(resource)} "
            f"WHERE source_id = $1 AND {_of(resource)} AND stuck",
            self._source.source_id,
        )
        return {row["id"] for row in rows}

    async def any_gone(self, resource: Resource) -> bool:
        """Whether anything of it was deleted."""
        return bool(
            await self._connection.fetchval(
                f"SELECT EXISTS (SELECT 1 FROM {table_of(resource)} "
                f"WHERE source_id = $1 AND {_of(resource)} AND deleted)",
                self._source.source_id,
            )
        )

    async def targets(self, resource: Resource, ids: Collection[UUID]) -> set[UUID]:
        """Everything that these entities name."""
        rows = await self._connection.fetch(
            "SELECT DISTINCT target FROM ingest.ss12000_refs "
            "WHERE source_id = $1 AND resource = $2 AND id = ANY($3)",
            self._source.source_id,
            resource.value,
            list(ids),
        )
        return {row["target"] for row in rows}

    async def naming(self, resource: Resource, targets: Collection[UUID]) -> set[UUID]:
        """The entities of a resource that name one of ``targets``."""
        rows = await self._connection.fetch(
            "SELECT DISTINCT id FROM ingest.ss12000_refs "
            "WHERE source_id = $1 AND target = ANY($2) AND resource = $3",
            self._source.source_id,
            list(targets),
            resource.value,
        )
        return {row["id"] for row in rows}

    async def look_again(self, resource: Resource, ids: Collection[UUID]) -> None:
        """What they stand on has changed."""
        if ids:
            await self._connection.execute(
                f"UPDATE {table_of(resource)} SET dirty = true, stuck = false "
                f"WHERE source_id = $1 AND {_of(resource)} AND id = ANY($2) AND NOT dirty",
                self._source.source_id,
                list(ids),
            )

    async def done(
        self, resource: Resource, ids: Collection[UUID], *, stuck: Collection[UUID] = ()
    ) -> None:
        """They were looked at; ``stuck`` of them wait for something."""
        await self._connection.execute(
            f"UPDATE {table_of(resource)} SET dirty = false, stuck = (id = ANY($3)) "
            f"WHERE source_id = $1 AND {_of(resource)} AND id = ANY($2)",
            self._source.source_id,
            list(ids),
            list(stuck),
        )

    async def duty_names(self, namespace: str, prefix: str) -> list[str]:
        """The names of the duties in the roster that begin with ``prefix``."""
        rows = await self._connection.fetch(
            "SELECT external_id FROM people.external_ids "
            "WHERE namespace = $1 AND kind = 'duty' AND starts_with(external_id, $2)",
            namespace,
            prefix,
        )
        return [row["external_id"] for row in rows]

    async def own_logins(self, namespace: str, staff: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The staff, without logins that the roster has for somebody else."""
        rows = await self._connection.fetch(
            "SELECT s.login, e.external_id FROM people.staff s "
            "LEFT JOIN people.external_ids e ON e.organiser_id = s.organiser_id "
            "AND e.entity_id = s.staff_id AND e.kind = 'staff' AND e.namespace = $1 "
            "WHERE s.login = ANY($2) AND NOT s.removed",
            namespace,
            [one["login"] for one in staff if one["login"] is not None],
        )
        owners: dict[str, set[str | None]] = {}
        for row in rows:
            owners.setdefault(row["login"], set()).add(row["external_id"])
        return [
            {**one, "login": one["login"] if one["id"] in owners.get(one["login"], {one["id"]})
             else None}
            for one in staff
        ]  # fmt: skip

    async def say(self, said: Iterable[tuple[UUID, str]]) -> None:
        """Note who was told to have reported an absence."""
        await self._connection.executemany(
            "UPDATE ingest.ss12000_entities SET said = $3 "
            "WHERE source_id = $1 AND resource = 'Absence' AND id = $2",
            [(self._source.source_id, identity, text) for identity, text in said],
        )

    async def waiting(self, resource: Resource) -> int:
        """How many wait for others."""
        return int(
            await self._connection.fetchval(
                f"SELECT count(*) FROM {table_of(resource)} "
                f"WHERE source_id = $1 AND {_of(resource)} AND stuck",
                self._source.source_id,
            )
        )

    async def changed(self, resource: Resource, ids: set[UUID], before: set[UUID]) -> None:
        """Entities have changed: mark everything that stands on them.

        ``before`` is what groups among them named until now: their former members.
        """
        if not ids:
            return
        for other in NAMED_BY.get(resource, ()):
            await self.look_again(other, await self.naming(other, ids))
        if resource is Resource.GROUP:
            members = before | await self.targets(resource, ids)
            await self.look_again(Resource.PERSON, members)
        if resource is Resource.DUTY:
            people = before | await self.targets(resource, ids)
            await self.look_again(Resource.ABSENCE, await self.naming(Resource.ABSENCE, people))
        activities = set(ids) if resource is Resource.ACTIVITY else set()
        if resource in (Resource.ORGANISATION, Resource.GROUP, Resource.SYLLABUS):
            activities = await self.naming(Resource.ACTIVITY, ids)
        if resource in (
            Resource.ORGANISATION, Resource.GROUP, Resource.SYLLABUS, Resource.ACTIVITY,
        ):  # fmt: skip
            await self._new_version()
        if activities:
            await self._connection.execute(
                "UPDATE ingest.ss12000_events SET dirty = true, stuck = false "
                "WHERE source_id = $1 AND activity = ANY($2) AND NOT dirty",
                self._source.source_id,
                list(activities),
            )

    async def release_held(self) -> None:
        """The roster has changed: what was held is judged anew."""
        await self._connection.execute(
            "UPDATE ingest.ss12000_state SET held = NULL WHERE source_id = $1 AND held IS NOT NULL",
            self._source.source_id,
        )

    async def _new_version(self) -> None:
        await self._connection.execute(
            "INSERT INTO ingest.ss12000_state AS s (organiser_id, source_id, version) "
            "VALUES ($1, $2, 1) ON CONFLICT (organiser_id, source_id) "
            "DO UPDATE SET version = s.version + 1",
            self._source.organiser_id,
            self._source.source_id,
        )

    async def version(self) -> int:
        """The state of organisations, groups, activities and syllabuses."""
        found = await self._connection.fetchval(
            "SELECT version FROM ingest.ss12000_state WHERE source_id = $1",
            self._source.source_id,
        )
        return int(found or 0)
