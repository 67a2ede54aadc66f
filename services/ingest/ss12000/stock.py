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


def rows_of(resource: Resource) -> str:
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
        which = "true" if resource is None else rows_of(resource)
        await connection.execute(
            f"UPDATE {table} t SET modified = w.modified "
            "FROM unnest($2::uuid[], $3::timestamptz[]) AS w (id, modified) "
            f"WHERE t.source_id = $1 AND t.id = w.id AND {which}",
            source.source_id,
            list(modified),
            list(modified.values()),
        )


class Stock:
    """One source's entities, inside a transaction of its organiser."""

    def __init__(self, connection: Connection, source: Source) -> None:
        self._connection = connection
        self._source = source

    async def get(
        self,
        resource: Resource,
        ids: Collection[UUID] | None = None,
        *,
        only: str = "true",
        without: str | None = None,
        limit: int | None = None,
    ) -> dict[UUID, Staged]:
        """Entities by id, deleted ones too; all of the resource without ``ids``.

        ``only`` is a condition of the program's own, such as ``dirty``; ``without`` a field of the
        bodies that is not wanted.
        """
        wanted = "" if ids is None else "AND id = ANY($2) "
        most = "" if limit is None else f" LIMIT {limit}"
        body = "body" if without is None else f"body - '{without}' AS body"
        rows = await self._connection.fetch(
            f"SELECT id, created, modified, deleted, {body}, said FROM {table_of(resource)} "
            f"WHERE source_id = $1 AND {rows_of(resource)} {wanted}AND {only} ORDER BY id{most}",
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
            f"WHERE source_id = $1 AND {rows_of(resource)} AND id = ANY($2) AND NOT seen",
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
            f"WHERE source_id = $1 AND {rows_of(resource)} AND NOT seen AND NOT deleted",
            self._source.source_id,
        )
        await self._connection.execute(
            f"UPDATE {table_of(resource)} SET seen = false "
            f"WHERE source_id = $1 AND {rows_of(resource)} AND seen",
            self._source.source_id,
        )
        return [row["id"] for row in rows]

    async def any_gone(self, resource: Resource) -> bool:
        """Whether anything of it was deleted."""
        return bool(
            await self._connection.fetchval(
                f"SELECT EXISTS (SELECT 1 FROM {table_of(resource)} "
                f"WHERE source_id = $1 AND {rows_of(resource)} AND deleted)",
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

    async def say(self, said: Iterable[tuple[UUID, str]]) -> None:
        """Note who was told to have reported an absence."""
        await self._connection.executemany(
            "UPDATE ingest.ss12000_entities SET said = $3 "
            "WHERE source_id = $1 AND resource = 'Absence' AND id = $2",
            [(self._source.source_id, identity, text) for identity, text in said],
        )
