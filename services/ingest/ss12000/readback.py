"""What a source has sent, given back to it in the standard's form; nobody else's data."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.common.clock import STOCKHOLM
from services.ingest.ss12000.filters import NO_FILTERS, SORTS, FilterError, conditions
from services.ingest.ss12000.reading import instant_of, uuid_of
from services.ingest.ss12000.stock import table_of
from services.ingest.ss12000.vocabulary import DELETED_KEY, TAKEN, Resource

if TYPE_CHECKING:
    from services.common.pg import Connection
    from services.ingest.store.sources import Source

MOST = 5000
"""Entities in one answer; a larger limit is taken as this one."""
USUAL = 1000
Entity = dict[str, Any]
Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Page:
    data: list[Entity]
    token: str | None


def _table(resource: Resource) -> tuple[str, str]:
    if resource is Resource.ATTENDANCE:
        return "ingest.ss12000_attendances", "true"
    if resource is Resource.CALENDAR_EVENT:
        return "ingest.ss12000_events", "true"
    if resource is Resource.PERSON:
        return table_of(resource), "true"
    return table_of(resource), f"resource = '{resource.value}'"


class ReadBack:
    """One source's own entities, inside a transaction of its organiser."""

    def __init__(self, connection: Connection, source: Source) -> None:
        self._connection = connection
        self._source = source

    async def page(self, resource: Resource, query: Query) -> Page:
        """One page of a list; raises FilterError."""
        limit = limit_of(query)
        token = next((text for name, text in query if name == "pageToken"), None)
        last: tuple[str | None, str] | None = None
        if token is not None:
            if extra := sorted({name for name, _ in query} - NO_FILTERS):
                raise FilterError(f"{extra[0]}: no filter may stand beside a pageToken")
            query, last = _unpacked(resource, token)
        sort = next((text for name, text in query if name == "sortkey"), None)
        if sort is not None and sort not in SORTS[resource]:
            raise FilterError(f"sortkey: must be one of {', '.join(SORTS[resource])}")
        column, way = SORTS[resource][sort] if sort else ("id", "ASC")
        clauses, values = conditions(resource, query, 2)
        if last is not None:
            clauses.append(_beyond(column, way, len(values) + 2))
            values += [last[1]] if column == "id" else [last[0], last[1]]
        table, which = _table(resource)
        rows = await self._connection.fetch(
            f"SELECT *, ({column})::text AS sort_key FROM {table} WHERE source_id = $1 "
            f"AND NOT deleted AND {which} {''.join(f'AND {one} ' for one in clauses)}"
            f"ORDER BY {column} {way}, id {way} LIMIT {limit + 1}",
            self._source.source_id,
            *values,
        )
        more = None
        if len(rows) > limit:
            row = rows[limit - 1]
            more = _packed(resource, query, (row["sort_key"], str(row["id"])))
        return Page([render(resource, row) for row in rows[:limit]], more)

    async def some(
        self, resource: Resource, wanted: Collection[Any], *, by: str = "id"
    ) -> list[Entity]:
        """Entities by id, or by another expression of the program's own."""
        table, which = _table(resource)
        rows = await self._connection.fetch(
            f"SELECT * FROM {table} WHERE source_id = $1 AND NOT deleted AND {which} "
            f"AND {by} = ANY($2) ORDER BY id LIMIT {MOST + 1}",
            self._source.source_id,
            list(wanted),
        )
        return [render(resource, row) for row in rows]

    async def waits(self, identity: UUID) -> bool:
        """Whether an attendance is kept and not said yet."""
        return bool(
            await self._connection.fetchval(
                "SELECT said_ms IS NULL FROM ingest.ss12000_attendances "
                "WHERE source_id = $1 AND id = $2",
                self._source.source_id,
                identity,
            )
        )

    async def deleted(self, query: Query) -> tuple[dict[str, list[str]], str | None]:
        """Ids by the standard's keys of what was deleted after an instant; raises FilterError."""
        limit, at, wanted, last = _deleted_query(query)
        parts = []
        for resource in wanted:
            table, which = _table(resource)
            parts.append(
                f"SELECT '{resource.value}' AS resource, id, modified FROM {table} "
                f"WHERE source_id = $1 AND deleted AND {which} AND modified > $2"
            )
        rows = await self._connection.fetch(
            f"SELECT * FROM ({' UNION ALL '.join(parts)}) d "
            f"WHERE $3::uuid IS NULL OR id > $3 ORDER BY id, resource LIMIT {limit + 1}",
            self._source.source_id,
            at,
            last,
        )
        found: dict[str, list[str]] = {DELETED_KEY[one]: [] for one in wanted}
        for row in rows[:limit]:
            found[DELETED_KEY[Resource(row["resource"])]].append(str(row["id"]))
        more = None
        if len(rows) > limit:
            kept = [
                ("after", at.isoformat()), *(("entities", one.value) for one in wanted),
            ]  # fmt: skip
            more = _token({"r": "deleted", "q": kept, "i": str(rows[limit - 1]["id"])})
        return found, more


def limit_of(query: Query) -> int:
    text = next((value for name, value in query if name == "limit"), None)
    if text is None:
        return USUAL
    if not text.isdecimal() or int(text) < 1:
        raise FilterError("limit: must be a whole number of at least 1")
    return min(int(text), MOST)


def _beyond(column: str, way: str, at: int) -> str:
    sign = ">" if way == "ASC" else "<"
    if column == "id":
        return f"id {sign} (${at}::text)::uuid"
    kind = (
        "timestamptz" if column in ("modified", "starts") or "::timestamptz" in column else "text"
    )
    return f"({column}, id) {sign} ((${at}::text)::{kind}, (${at + 1}::text)::uuid)"


def _token(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode("ascii").rstrip("=")


def _read_token(token: str) -> dict[str, Any]:
    try:
        value = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        ordered = [(str(name), str(text)) for name, text in value["q"]]
        return {**value, "q": ordered, "i": str(uuid_of(value["i"]) or value["missing"])}
    except (ValueError, TypeError, KeyError) as error:
        raise FilterError("pageToken: is none that this server gave") from error


def _packed(resource: Resource, query: Query, last: tuple[str | None, str]) -> str:
    kept = [(name, text) for name, text in query if name not in NO_FILTERS]
    return _token({"r": resource.value, "q": kept, "k": last[0], "i": last[1]})


def _unpacked(resource: Resource, token: str) -> tuple[Query, tuple[str | None, str]]:
    value = _read_token(token)
    key = value.get("k")
    if value.get("r") != resource.value or not isinstance(key, str | None):
        raise FilterError("pageToken: is one of another resource")
    return value["q"], (key, value["i"])


def _deleted_query(query: Query) -> tuple[int, datetime, list[Resource], UUID | None]:
    limit = limit_of(query)
    last = None
    token = next((text for name, text in query if name == "pageToken"), None)
    if token is not None:
        if extra := sorted({name for name, _ in query} - NO_FILTERS):
            raise FilterError(f"{extra[0]}: no filter may stand beside a pageToken")
        value = _read_token(token)
        query, last = value["q"], UUID(value["i"])
    after = datetime(1970, 1, 1, tzinfo=UTC)
    wanted: list[Resource] = []
    for name, text in query:
        if name in ("after", "meta.modified.after"):
            found = instant_of(text.replace(" ", "+"))
            if found is None:
                raise FilterError(f"{name}: must be an instant such as 2026-11-24T08:10:00Z")
            after = found
        elif name == "entities":
            for one in text.split(","):
                if one not in set(Resource):
                    raise FilterError(f"entities: must be of {', '.join(Resource)}")
                wanted.append(Resource(one))
        elif name not in NO_FILTERS:
            raise FilterError(f"{name}: is no filter here; known are after, entities")
    kept = [one for one in TAKEN if one in wanted] if wanted else list(TAKEN)
    return limit, after, kept or [Resource.ATTENDANCE], last


def _at(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def render(resource: Resource, row: Any) -> Entity:
    """A staged row as the standard writes the entity."""
    entity: Entity = {
        "id": str(row["id"]),
        "meta": {"created": _at(row["created"]), "modified": _at(row["modified"])},
    }
    if resource is Resource.ATTENDANCE:
        entity |= {
            "calendarEvent": {"id": str(row["calendar_event"])},
            "student": {"id": str(row["student"])},
            "isReported": row["reported"],
            "attendanceMinutes": row["present"],
            "validAbsenceMinutes": row["valid"],
            "invalidAbsenceMinutes": row["invalid"],
            "otherAttendanceMinutes": row["other"],
        }
        if row["reported_at"] is not None:
            entity["reportedTimestamp"] = _at(row["reported_at"])
        return entity
    if resource is Resource.CALENDAR_EVENT:
        entity |= {
            "activity": {"id": str(row["activity"])},
            "startTime": row["starts"].astimezone(STOCKHOLM).isoformat(),
            "endTime": row["ends"].astimezone(STOCKHOLM).isoformat(),
            "cancelled": row["cancelled"],
        }
        if row["teaching_minutes"] is not None:
            entity["teachingLengthStudent"] = row["teaching_minutes"]
        if row["exceptions"] is not None:
            entity["studentExceptions"] = [
                {
                    "student": {"id": pupil},
                    "participates": part,
                    **({} if minutes is None else {"teachingLength": minutes}),
                }
                for pupil, (part, minutes) in json.loads(row["exceptions"]).items()
            ]
        return entity
    body: Entity = json.loads(row["body"])
    return entity | body
