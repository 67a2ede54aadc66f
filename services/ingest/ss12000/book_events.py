"""Calendar events as they are staged."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.ingest.ss12000.staged import Event
from services.ingest.store.aliases import activity_aliases
from services.ingest.store.bulk import upsert

if TYPE_CHECKING:
    from services.common.pg import Connection
    from services.ingest.store.sources import Source

Slots = dict[tuple[UUID, datetime], list[tuple[UUID, bool]]]
"""The events at each (activity, start), and whether each takes place."""

NOBODY = UUID(int=0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_EVENT = {
    "organiser_id": "uuid", "source_id": "uuid", "id": "uuid", "created": "timestamptz",
    "modified": "timestamptz", "deleted": "bool", "dirty": "bool", "stuck": "bool",
    "activity": "uuid", "starts": "timestamptz", "ends": "timestamptz", "cancelled": "bool",
    "teaching_minutes": "int", "exceptions": "jsonb",
}  # fmt: skip


class EventBook:
    """One source's events, inside a transaction of its organiser."""

    def __init__(self, connection: Connection, source: Source) -> None:
        self._connection = connection
        self._source = source

    async def events(self, ids: Collection[UUID]) -> dict[UUID, Event]:
        """Events by id, deleted ones too."""
        rows = await self._connection.fetch(
            "SELECT * FROM ingest.ss12000_events WHERE source_id = $1 AND id = ANY($2)",
            self._source.source_id,
            list(ids),
        )
        return {row["id"]: event_of(row) for row in rows}

    async def dirty_events(self, first: UUID, limit: int) -> list[Event]:
        """Events to be looked at, in the order of their ids, from this one on.

        Each round begins where the one before it ended: at the beginning of the index lies what
        was looked at, and is in the way until the next vacuum.
        """
        rows = await self._connection.fetch(
            "SELECT * FROM ingest.ss12000_events WHERE source_id = $1 AND dirty AND id >= $2 "
            "ORDER BY id LIMIT $3",
            self._source.source_id,
            first,
            limit,
        )
        return [event_of(row) for row in rows]

    async def slots(self, wanted: Collection[tuple[UUID, datetime]]) -> Slots:
        """Every event at the slots wanted, whatever name its activity goes by."""
        if not wanted:
            return {}
        aliases = await activity_aliases(self._connection, self._source.namespace)
        family: dict[UUID, set[UUID]] = {}
        for other, first in aliases.items():
            family.setdefault(first, {first}).add(other)
        mine = {pair: family.get(aliases.get(pair[0], pair[0]), {pair[0]}) for pair in wanted}
        pairs = list({(name, starts) for (_, starts), names in mine.items() for name in names})
        rows = await self._connection.fetch(
            "SELECT e.id, e.activity, e.starts, NOT e.deleted AND NOT e.cancelled AS takes_place "
            "FROM unnest($2::uuid[], $3::timestamptz[]) AS w (activity, starts) "
            "JOIN ingest.ss12000_events e ON e.activity = w.activity AND e.starts = w.starts "
            "WHERE e.source_id = $1",
            self._source.source_id,
            [activity for activity, _ in pairs],
            [starts for _, starts in pairs],
        )
        at: Slots = {}
        for row in rows:
            slot = at.setdefault((row["activity"], row["starts"]), [])
            slot.append((row["id"], row["takes_place"]))
        return {
            (activity, starts): [one for name in names for one in at.get((name, starts), ())]
            for (activity, starts), names in mine.items()
        }

    async def starts(
        self, activities: Collection[UUID], *, live: bool = False
    ) -> dict[UUID, frozenset[datetime]]:
        """When lessons of activities begin; ``live``: only those that take place."""
        if not activities:
            return {}
        which = "AND NOT deleted AND NOT cancelled " if live else ""
        rows = await self._connection.fetch(
            "SELECT activity, array_agg(DISTINCT starts) AS starts FROM ingest.ss12000_events "
            f"WHERE source_id = $1 AND activity = ANY($2) {which}GROUP BY activity",
            self._source.source_id,
            list(activities),
        )
        return {row["activity"]: frozenset(row["starts"]) for row in rows}

    async def said_of(self, activities: Collection[UUID]) -> list[Event]:
        """Events of activities of which something was said."""
        if not activities:
            return []
        rows = await self._connection.fetch(
            "SELECT * FROM ingest.ss12000_events "
            "WHERE source_id = $1 AND activity = ANY($2) AND said_starts IS NOT NULL",
            self._source.source_id,
            list(activities),
        )
        return [event_of(row) for row in rows]

    async def say_anew(self, activities: Collection[UUID]) -> None:
        """Lessons of activities have another name from here on: nothing was said of them."""
        await self._connection.execute(
            "UPDATE ingest.ss12000_attendances a SET said_ms = NULL FROM ingest.ss12000_events e "
            "WHERE a.source_id = $1 AND e.source_id = $1 AND a.calendar_event = e.id "
            "AND e.activity = ANY($2) AND e.said_starts IS NOT NULL AND NOT a.deleted",
            self._source.source_id,
            list(activities),
        )
        await self._connection.execute(
            "UPDATE ingest.ss12000_events SET dirty = true, stuck = false, said_activity = NULL, "
            "said_starts = NULL, said_digest = NULL, said_pupils = '{}' "
            "WHERE source_id = $1 AND activity = ANY($2)",
            self._source.source_id,
            list(activities),
        )

    async def put_events(self, events: Sequence[Event]) -> None:
        """Stage events, to be looked at; what was said of them stays."""
        source = self._source
        await upsert(
            self._connection,
            "ingest.ss12000_events",
            _EVENT,
            [
                (
                    source.organiser_id, source.source_id, one.id, one.created, one.modified,
                    one.deleted, True, False, one.activity, one.starts, one.ends, one.cancelled,
                    one.teaching, _packed(one.exceptions),
                )
                for one in events
            ],
            key=("organiser_id", "source_id", "id"),
        )  # fmt: skip

    async def said_events(self, events: Sequence[Event]) -> None:
        """Note what was said of events that were looked at."""
        if not events:
            return
        await self._connection.execute(
            "UPDATE ingest.ss12000_events e SET dirty = false, stuck = false, "
            "said_activity = w.activity, said_starts = w.starts, said_digest = w.digest, "
            "said_ms = w.ms, said_pupils = coalesce((SELECT array_agg(x::uuid) "
            "FROM unnest(string_to_array(w.pupils, ' ')) AS x WHERE x <> ''), '{}') "
            "FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::bytea[], $6::bigint[], "
            "$7::text[]) AS w (id, activity, starts, digest, ms, pupils) "
            "WHERE e.source_id = $1 AND e.id = w.id",
            self._source.source_id,
            [one.id for one in events],
            [one.said_activity for one in events],
            [one.said_starts for one in events],
            [one.said_digest for one in events],
            [one.said_ms for one in events],
            # A list of lists must not be ragged in PostgreSQL.
            [" ".join(map(str, sorted(one.said_pupils))) for one in events],
        )

    async def begun(self, events: Sequence[Event]) -> None:
        """An attendance spoke of events that nothing was said of before."""
        if not events:
            return
        await self._connection.execute(
            "UPDATE ingest.ss12000_events e SET said_activity = w.activity, "
            "said_starts = w.starts, said_digest = w.digest "
            "FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::bytea[]) "
            "AS w (id, activity, starts, digest) "
            "WHERE e.source_id = $1 AND e.id = w.id AND e.said_starts IS NULL",
            self._source.source_id,
            [one.id for one in events],
            [one.said_activity for one in events],
            [one.said_starts for one in events],
            [one.said_digest for one in events],
        )

    async def not_said(self, ids: Collection[UUID], stuck: Collection[UUID]) -> None:
        """Nothing could be said of these events; ``stuck`` of them wait for something."""
        await self._connection.execute(
            "UPDATE ingest.ss12000_events SET dirty = false, stuck = (id = ANY($3)) "
            "WHERE source_id = $1 AND id = ANY($2)",
            self._source.source_id,
            list(ids),
            list(stuck),
        )

    async def wait_until(self, due: Mapping[UUID, datetime]) -> None:
        """These events are to be looked at again at a time."""
        if due:
            await self._connection.execute(
                "UPDATE ingest.ss12000_events e SET due = w.due "
                "FROM unnest($2::uuid[], $3::timestamptz[]) AS w (id, due) "
                "WHERE e.source_id = $1 AND e.id = w.id",
                self._source.source_id,
                list(due),
                list(due.values()),
            )

    async def come_due(self, now: datetime) -> None:
        """The time has come of what waited for it."""
        await self._connection.execute(
            "UPDATE ingest.ss12000_events SET dirty = true, stuck = false, due = NULL "
            "WHERE source_id = $1 AND due <= $2",
            self._source.source_id,
            now,
        )

    async def look_again(self, ids: Collection[UUID]) -> None:
        """Something about these events has changed."""
        if not ids:
            return
        await self._connection.execute(
            "UPDATE ingest.ss12000_events SET dirty = true, stuck = false "
            "WHERE source_id = $1 AND id = ANY($2) AND NOT dirty",
            self._source.source_id,
            list(ids),
        )

    async def unstick(self) -> None:
        """The roster has changed: what waited may find what it waits for."""
        await self._connection.execute(
            "UPDATE ingest.ss12000_events SET dirty = true, stuck = false "
            "WHERE source_id = $1 AND stuck",
            self._source.source_id,
        )

    async def waiting_events(self) -> int:
        return int(
            await self._connection.fetchval(
                "SELECT count(*) FROM ingest.ss12000_events WHERE source_id = $1 AND stuck",
                self._source.source_id,
            )
        )


def _packed(exceptions: dict[UUID, tuple[bool, int | None]]) -> str | None:
    if not exceptions:
        return None
    return json.dumps({str(pupil): list(value) for pupil, value in sorted(exceptions.items())})


def _unpacked(text: str | None) -> dict[UUID, tuple[bool, int | None]]:
    if text is None:
        return {}
    return {UUID(pupil): (part, minutes) for pupil, (part, minutes) in json.loads(text).items()}


def event_of(row: Any) -> Event:
    return Event(
        id=row["id"],
        activity=row["activity"],
        starts=row["starts"],
        ends=row["ends"],
        cancelled=row["cancelled"],
        teaching=row["teaching_minutes"],
        exceptions=_unpacked(row["exceptions"]),
        created=row["created"],
        modified=row["modified"],
        deleted=row["deleted"],
        said_activity=row["said_activity"],
        said_starts=row["said_starts"],
        said_digest=None if row["said_digest"] is None else bytes(row["said_digest"]),
        said_pupils=frozenset(row["said_pupils"]),
        said_ms=row["said_ms"],
    )


def gone_event(identity: UUID, at: datetime) -> Event:
    """The memory of an event that was deleted before it ever came."""
    return Event(
        identity, NOBODY, _EPOCH, _EPOCH, cancelled=True, teaching=None, exceptions={},
        created=at, modified=at, deleted=True,
    )  # fmt: skip
