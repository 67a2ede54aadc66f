"""Which staged entities are to be looked at, and why: what has changed makes others dirty."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any
from uuid import UUID

from services.ingest.ss12000.stock import Stock, rows_of, table_of
from services.ingest.ss12000.vocabulary import Resource

#: A change of the first is a reason to look at the others that name it again.
NAMED_BY: dict[Resource, tuple[Resource, ...]] = {
    Resource.ORGANISATION: (
        Resource.ORGANISATION, Resource.GROUP, Resource.PERSON, Resource.DUTY,
    ),
    Resource.PERSON: (Resource.PERSON, Resource.DUTY, Resource.ABSENCE),
    Resource.GROUP: (Resource.DUTY,),
}  # fmt: skip


class Shelf(Stock):
    """One source's shelf, inside a transaction of its organiser."""

    async def look_again(self, resource: Resource, ids: Collection[UUID]) -> None:
        """What they stand on has changed."""
        if ids:
            await self._connection.execute(
                f"UPDATE {table_of(resource)} SET dirty = true, stuck = false "
                f"WHERE source_id = $1 AND {rows_of(resource)} AND id = ANY($2) AND NOT dirty",
                self._source.source_id,
                list(ids),
            )

    async def dirty(self, resource: Resource) -> dict[UUID, bool]:
        """What is to be looked at, in the order of ids; True = deleted."""
        rows = await self._connection.fetch(
            f"SELECT id, deleted FROM {table_of(resource)} "
            f"WHERE source_id = $1 AND {rows_of(resource)} AND dirty ORDER BY id",
            self._source.source_id,
        )
        return {row["id"]: row["deleted"] for row in rows}

    async def done(
        self, resource: Resource, ids: Collection[UUID], *, stuck: Collection[UUID] = ()
    ) -> None:
        """They were looked at; ``stuck`` of them wait for something."""
        await self._connection.execute(
            f"UPDATE {table_of(resource)} SET dirty = false, stuck = (id = ANY($3)) "
            f"WHERE source_id = $1 AND {rows_of(resource)} AND id = ANY($2)",
            self._source.source_id,
            list(ids),
            list(stuck),
        )

    async def doubt(self, persons: Collection[UUID], doubted: Collection[UUID]) -> None:
        """They were looked at; ``doubted`` of them are perhaps another source's pupils."""
        await self._connection.execute(
            "UPDATE people.ss12000_persons SET in_doubt = (id = ANY($3)) "
            "WHERE source_id = $1 AND id = ANY($2) AND in_doubt <> (id = ANY($3))",
            self._source.source_id,
            list(persons),
            list(doubted),
        )

    async def named_elsewhere(
        self, persons: Collection[UUID]
    ) -> list[tuple[UUID, tuple[UUID, UUID], dict[str, Any]]]:
        """Under which other ids, here or with another source, persons are the same pupils.

        As (person, (source, person there), body); where that is at a unit of the roster only.
        """
        rows = await self._connection.fetch(
            """
            SELECT a.external_id::uuid AS gone, p.source_id, p.id, p.body
            FROM people.external_ids a
            JOIN people.external_ids b ON b.organiser_id = a.organiser_id AND b.kind = 'pupil'
                AND b.entity_id = a.entity_id
            JOIN ingest.sources s ON s.organiser_id = b.organiser_id
                AND s.namespace = b.namespace AND s.revoked_at IS NULL
            JOIN people.ss12000_persons p ON p.organiser_id = s.organiser_id
                AND p.source_id = s.source_id AND NOT p.deleted
                -- Other kinds of sources call pupils whatever they like.
                AND p.id = CASE WHEN b.external_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                    THEN b.external_id::uuid END
            WHERE a.namespace = $2 AND a.kind = 'pupil' AND a.external_id = ANY($3)
                AND (p.source_id, b.external_id) <> ($1, a.external_id)
                -- What is read no more cannot let go.
                AND NOT EXISTS (SELECT FROM ingest.pulls r WHERE r.organiser_id = s.organiser_id
                    AND r.source_id = s.source_id AND r.paused)
                AND EXISTS (
                    SELECT FROM jsonb_array_elements(p.body->'enrolments') o
                    JOIN people.external_ids w ON w.namespace = b.namespace
                        AND w.kind = 'school_unit' AND w.external_id = o#>>'{enroledAt,id}'
                    JOIN people.school_units u ON u.school_unit_id = w.entity_id
                        AND NOT u.removed)
            """,
            self._source.source_id,
            self._source.namespace,
            [str(one) for one in persons],
        )
        return [
            (row["gone"], (row["source_id"], row["id"]), json.loads(row["body"])) for row in rows
        ]

    async def say_again(self, persons: Collection[tuple[UUID, UUID]]) -> None:
        """These persons, by source, are to be looked at, as they are."""
        await self._connection.execute(
            "UPDATE people.ss12000_persons p SET dirty = true, stuck = false "
            "FROM unnest($1::uuid[], $2::uuid[]) AS w (source_id, id) "
            "WHERE p.source_id = w.source_id AND p.id = w.id AND NOT p.dirty",
            [source for source, _ in persons],
            [one for _, one in persons],
        )

    async def stuck(self, resource: Resource) -> set[UUID]:
        """Those that wait for something."""
        rows = await self._connection.fetch(
            f"SELECT id FROM {table_of(resource)} "
            f"WHERE source_id = $1 AND {rows_of(resource)} AND stuck",
            self._source.source_id,
        )
        return {row["id"] for row in rows}

    async def waiting(self, resource: Resource) -> int:
        """How many wait for others."""
        return int(
            await self._connection.fetchval(
                f"SELECT count(*) FROM {table_of(resource)} "
                f"WHERE source_id = $1 AND {rows_of(resource)} AND stuck",
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
