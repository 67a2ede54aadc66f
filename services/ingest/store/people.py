"""Writes units, groups, staff and duties: the part of the roster that is about the school."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Collection
from datetime import time
from typing import TYPE_CHECKING
from uuid import UUID

from services.ingest.model.roster import (
    AreaIn,
    DutyIn,
    GroupIn,
    OrganiserIn,
    SchoolUnitIn,
    StaffIn,
)
from services.ingest.store.bulk import upsert

if TYPE_CHECKING:
    from services.common.pg import Connection

Ids = dict[str, dict[str, UUID]]
"""Kind -> the source's id -> surrogate; holds every id that the roster refers to."""


class SchoolWriter:
    """Each method makes one list of the organiser what was sent, in the caller's transaction.

    ``gone`` are those that are no more; without it the list is a snapshot, and
    what the source's namespace knows besides is gone.
    """

    def __init__(
        self, connection: Connection, organiser_id: UUID, namespace: str, ids: Ids
    ) -> None:
        self._connection = connection
        self._organiser = organiser_id
        self._namespace = namespace
        self._ids = ids

    def _opt(self, kind: str, name: str | None) -> UUID | None:
        return None if name is None else self._ids[kind][name]

    async def organiser(self, organiser: OrganiserIn) -> None:
        await self._connection.execute(
            "UPDATE people.organisers SET name = $2, kind = $3, municipality_code = $4, phone = $5 "
            "WHERE organiser_id = $1",
            self._organiser,
            organiser.name,
            organiser.kind,
            organiser.municipality_code,
            organiser.phone,
        )

    async def areas(self, areas: list[AreaIn]) -> None:
        await upsert(
            self._connection,
            "people.areas",
            {"organiser_id": "uuid", "area_id": "uuid", "name": "text"},
            [(self._organiser, self._ids["area"][area.id], area.name) for area in areas],
            key=("organiser_id", "area_id"),
        )

    async def units(self, units: list[SchoolUnitIn], gone: list[UUID] | None = None) -> None:
        ids = self._ids["school_unit"]
        snapshot = gone is None
        # unnest() takes no arrays of arrays, so school forms travel as JSON.
        await self._connection.executemany(
            """
            INSERT INTO people.school_units (organiser_id, school_unit_id, school_unit_code, name,
                area_id, school_forms, closes_at, removed)
            VALUES ($1, $2, $3, $4, $5, $6, $7, false)
            ON CONFLICT (organiser_id, school_unit_id) DO UPDATE SET
                school_unit_code = EXCLUDED.school_unit_code, name = EXCLUDED.name,
                area_id = CASE WHEN $8 THEN EXCLUDED.area_id
                    ELSE coalesce(EXCLUDED.area_id, people.school_units.area_id) END,
                school_forms = EXCLUDED.school_forms,
                closes_at = CASE WHEN $8 THEN EXCLUDED.closes_at
                    ELSE people.school_units.closes_at END,
                removed = false
            """,
            [
                (
                    self._organiser,
                    ids[unit.id],
                    unit.school_unit_code,
                    unit.name,
                    self._opt("area", unit.area),
                    list(unit.school_forms),
                    time.fromisoformat(unit.closes_at),
                    snapshot or "closes_at" in unit.model_fields_set,
                )
                for unit in units
            ],
        )
        await self._gone("school_units", "school_unit", [ids[unit.id] for unit in units], gone)
        if snapshot:
            await self._connection.execute(
                "DELETE FROM people.school_unit_codes WHERE namespace = $1", self._namespace
            )
        # Otherwise a unit keeps the codes that it had, until another has them: lessons of before a
        # split still come under the old one.
        await upsert(
            self._connection,
            "people.school_unit_codes",
            {"organiser_id": "uuid", "namespace": "text", "code": "text", "school_unit_id": "uuid"},
            [
                (self._organiser, self._namespace, code, ids[unit.id])
                for unit in units
                for code in sorted(unit.all_codes)
            ],
            key=("organiser_id", "namespace", "code"),
        )
        await upsert(
            self._connection,
            "people.calendars",
            {
                "organiser_id": "uuid",
                "school_unit_id": "uuid",
                "school_year": "int",
                "terms": "jsonb",
                "free": "jsonb",
            },
            [
                (
                    self._organiser,
                    ids[unit.id],
                    calendar.school_year,
                    json.dumps([term.model_dump(mode="json") for term in calendar.terms]),
                    json.dumps([span.model_dump(mode="json") for span in calendar.free]),
                )
                for unit in units
                for calendar in unit.calendars
            ],
            key=("organiser_id", "school_unit_id", "school_year"),
        )

    async def groups(self, groups: list[GroupIn], gone: list[UUID] | None = None) -> None:
        ids = self._ids["group"]
        await upsert(
            self._connection,
            "people.groups",
            {
                "organiser_id": "uuid",
                "group_id": "uuid",
                "school_unit_id": "uuid",
                "kind": "text",
                "grade": "int",
                "name": "text",
                "removed": "bool",
            },
            [
                (
                    self._organiser,
                    ids[group.id],
                    self._ids["school_unit"][group.school_unit],
                    group.kind,
                    group.grade,
                    group.name,
                    False,
                )
                for group in groups
            ],
            key=("organiser_id", "group_id"),
        )
        await self._gone("groups", "group", [ids[group.id] for group in groups], gone)

    async def staff(self, staff: list[StaffIn], gone: list[UUID] | None = None) -> None:
        ids = self._ids["staff"]
        here = [ids[one.id] for one in staff]
        # Logins are unique: who left, and who swaps theirs, must not stand in the way.
        await self._gone("staff", "staff", here, gone)
        await self._connection.execute(
            "UPDATE people.staff SET login = NULL WHERE removed OR staff_id = ANY($1)", here
        )
        rows = await self._connection.fetch("SELECT staff_id, webhook_secret FROM people.staff")
        stored = {row["staff_id"]: row["webhook_secret"] for row in rows}
        await upsert(
            self._connection,
            "people.staff",
            {
                "organiser_id": "uuid",
                "staff_id": "uuid",
                "login": "text",
                "given_name": "text",
                "family_name": "text",
                "email": "text",
                "webhook_url": "text",
                "webhook_secret": "text",
                "removed": "bool",
            },
            [
                (
                    self._organiser,
                    ids[one.id],
                    one.login,
                    one.given_name,
                    one.family_name,
                    one.email,
                    one.webhook_url,
                    _secret(one, stored.get(ids[one.id])),
                    False,
                )
                for one in staff
            ],
            key=("organiser_id", "staff_id"),
        )

    async def duties(self, duties: list[DutyIn], gone: list[UUID] | None = None) -> None:
        await self._connection.execute(
            "DELETE FROM people.duties WHERE duty_id IN (SELECT entity_id "
            "FROM people.external_ids WHERE namespace = $1 AND kind = 'duty' "
            # A file of duties set by hand leaves those alone that a sync brought.
            "AND (NOT $2 OR external_id NOT LIKE 'ss12000|%')) "
            "AND ($2 OR duty_id = ANY($3))",
            self._namespace,
            gone is None,
            [*(self._ids["duty"][duty.id] for duty in duties), *(gone or ())],
        )
        await self._connection.executemany(
            "INSERT INTO people.duties (organiser_id, duty_id, staff_id, role, area_id, "
            "school_unit_id, group_id, grades, substitute, valid_from, valid_to) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            [
                (
                    self._organiser,
                    self._ids["duty"][duty.id],
                    self._ids["staff"][duty.staff],
                    duty.role,
                    self._opt("area", duty.area),
                    self._opt("school_unit", duty.school_unit),
                    self._opt("group", duty.class_),
                    sorted(set(duty.grades)),
                    duty.substitute,
                    duty.from_,
                    duty.to,
                )
                for duty in duties
            ],
        )

    async def _gone(
        self, table: str, kind: str, present: Collection[UUID], gone: list[UUID] | None
    ) -> None:
        """Mark what is gone: without ``gone``, what the namespace knows and the snapshot lacks."""
        column = f"{kind}_id"
        if gone is not None:
            await self._connection.execute(
                f"UPDATE people.{table} SET removed = true WHERE {column} = ANY($1)", gone
            )
            return
        await self._connection.execute(
            f"UPDATE people.{table} SET removed = true "
            f"WHERE NOT removed AND NOT {column} = ANY($1) AND {column} IN "
            "(SELECT entity_id FROM people.external_ids WHERE namespace = $2 AND kind = $3 "
            # Whom a sync brought is gone when the sync says so.
            "AND ($3 <> 'staff' OR external_id NOT IN (SELECT id::text FROM people.ss12000_persons "
            "WHERE NOT deleted)))",
            list(present),
            self._namespace,
            kind,
        )


def _secret(one: StaffIn, stored: str | None) -> str | None:
    """A webhook's secret: the one sent, else the one it has, else a new one."""
    if one.webhook_url is None:
        return None
    fresh = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")
    return one.webhook_secret or stored or fresh
