"""Writes pupils and guardians: the part of the roster that is about children."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from services.ingest.model.roster import GuardianIn, PupilIn, SuppressionIn
from services.ingest.roster.placements import Placement, Stay
from services.ingest.store.bulk import insert, upsert
from services.ingest.store.people import Ids

if TYPE_CHECKING:
    from services.common.pg import Connection

_PLACEMENT = {
    "organiser_id": "uuid",
    "placement_id": "uuid",
    "pupil_id": "uuid",
    "school_unit_id": "uuid",
    "class_id": "uuid",
    "school_form": "text",
    "grade": "int",
    "school_year": "int",
    "valid_from": "date",
    "valid_to": "date",
}


class PupilWriter:
    """Each method makes one list of the organiser what was sent, in the caller's transaction."""

    def __init__(
        self, connection: Connection, organiser_id: UUID, namespace: str, ids: Ids
    ) -> None:
        self._connection = connection
        self._organiser = organiser_id
        self._namespace = namespace
        self._ids = ids

    async def guardians(self, guardians: list[GuardianIn]) -> None:
        await upsert(
            self._connection,
            "people.guardians",
            {
                "organiser_id": "uuid",
                "guardian_id": "uuid",
                "given_name": "text",
                "family_name": "text",
                "email": "text",
                "phone": "text",
            },
            [
                (
                    self._organiser,
                    self._ids["guardian"][one.id],
                    one.given_name,
                    one.family_name,
                    one.email,
                    one.phone,
                )
                for one in guardians
            ],
            key=("organiser_id", "guardian_id"),
        )

    async def pupils(self, pupils: list[PupilIn]) -> None:
        ids = self._ids["pupil"]
        await upsert(
            self._connection,
            "people.pupils",
            {
                "organiser_id": "uuid",
                "pupil_id": "uuid",
                "given_name": "text",
                "family_name": "text",
                "birth_date": "date",
                "sex": "text",
                "home_municipality": "text",
                "protection": "text",
                "email": "text",
                "phone": "text",
                "removed": "bool",
            },
            [
                (
                    self._organiser,
                    ids[one.id],
                    one.given_name,
                    one.family_name,
                    one.birth_date,
                    one.sex,
                    # Where a protected pupil lives is not kept.
                    one.home_municipality if one.protection == "none" else None,
                    one.protection,
                    one.email,
                    one.phone,
                    False,
                )
                for one in pupils
            ],
            key=("organiser_id", "pupil_id"),
        )
        here = [ids[one.id] for one in pupils]
        # A source that has no personnummer does not take away what another one knows.
        await self._connection.execute(
            "DELETE FROM people.civic_numbers c "
            "WHERE c.pupil_id = ANY($1) AND (c.pupil_id = ANY($2) "
            "OR c.civic_no = ANY($4) OR NOT EXISTS ("
            "SELECT FROM people.external_ids e WHERE e.kind = 'pupil' "
            "AND e.organiser_id = c.organiser_id AND e.entity_id = c.pupil_id "
            "AND e.namespace <> $3))",
            here,
            [ids[one.id] for one in pupils if one.civic_no is not None],
            self._namespace,
            [one.civic_no for one in pupils if one.civic_no is not None],
        )
        await insert(
            self._connection,
            "people.civic_numbers",
            {"organiser_id": "uuid", "pupil_id": "uuid", "civic_no": "text"},
            [
                (self._organiser, ids[one.id], one.civic_no)
                for one in pupils
                if one.civic_no is not None
            ],
        )
        await self._connection.execute(
            "DELETE FROM people.memberships WHERE pupil_id = ANY($1)", here
        )
        await insert(
            self._connection,
            "people.memberships",
            {
                "organiser_id": "uuid",
                "pupil_id": "uuid",
                "group_id": "uuid",
                "valid_from": "date",
                "valid_to": "date",
            },
            [
                (self._organiser, ids[one.id], self._ids["group"][m.group], m.from_, m.to)
                for one in pupils
                for m in one.memberships
            ],
        )
        await self._connection.execute(
            "DELETE FROM people.guardian_relations WHERE pupil_id = ANY($1)", here
        )
        await insert(
            self._connection,
            "people.guardian_relations",
            {
                "organiser_id": "uuid",
                "pupil_id": "uuid",
                "guardian_id": "uuid",
                "relation": "text",
            },
            [
                (self._organiser, ids[one.id], self._ids["guardian"][r.person], r.relation)
                for one in pupils
                for r in one.guardians
            ],
        )

    async def placements(self, pupils: list[PupilIn], years: Collection[int]) -> None:
        """What was sent replaces what is stored, from each pupil's earliest school year sent on.

        A snapshot says nothing about school years before the first it names:
        many systems send only the present placement.
        """
        ids = self._ids["pupil"]
        wanted: dict[UUID, list[Placement]] = defaultdict(list)
        for one in pupils:
            for placement in one.placements:
                stay = Stay(
                    ids[one.id],
                    self._ids["school_unit"][placement.school_unit],
                    None if placement.class_ is None else self._ids["group"][placement.class_],
                    placement.school_form,
                    placement.grade,
                    placement.from_,
                    placement.to,
                )
                wanted[stay.pupil_id] += stay.cut(years)
        since = {
            pupil: min((row.school_year for row in rows), default=max(years))
            for pupil, rows in wanted.items()
        }
        for one in pupils:
            since.setdefault(ids[one.id], max(years))
        rows = [row for pupil in wanted.values() for row in pupil]
        await self._connection.execute(
            "DELETE FROM people.placements p "
            "USING unnest($1::uuid[], $2::int[]) AS s (pupil, year) "
            "WHERE p.pupil_id = s.pupil AND p.school_year >= s.year "
            "AND NOT p.placement_id = ANY($3)",
            list(since),
            list(since.values()),
            [row.placement_id for row in rows],
        )
        await upsert(
            self._connection,
            "people.placements",
            _PLACEMENT,
            [
                (
                    self._organiser,
                    row.placement_id,
                    row.pupil_id,
                    row.school_unit_id,
                    row.class_id,
                    row.school_form,
                    row.grade,
                    row.school_year,
                    row.valid_from,
                    row.valid_to,
                )
                for row in rows
            ],
            key=("organiser_id", "placement_id"),
        )

    async def gone(self, pupils: list[PupilIn], today: date, gone: list[UUID] | None = None) -> int:
        """End what is open of pupils who are gone; returns how many left.

        Without ``gone`` these are the namespace's whom the snapshot lacks.
        Their rows stay until they are erased by decision: a case may be open.
        """
        left = [
            row["pupil_id"]
            for row in await self._connection.fetch(
                "UPDATE people.pupils SET removed = true "
                "WHERE NOT removed AND NOT pupil_id = ANY($1) AND pupil_id IN (SELECT entity_id "
                "FROM people.external_ids WHERE namespace = $2 AND kind = 'pupil') "
                "AND ($3::uuid[] IS NULL OR pupil_id = ANY($3)) "
                "RETURNING pupil_id",
                [self._ids["pupil"][one.id] for one in pupils],
                self._namespace,
                gone,
            )
        ]
        for table in ("placements", "memberships"):
            await self._connection.execute(
                f"DELETE FROM people.{table} WHERE pupil_id = ANY($1) AND valid_from >= $2",
                left,
                today,
            )
            await self._connection.execute(
                f"UPDATE people.{table} SET valid_to = $2 WHERE pupil_id = ANY($1) "
                "AND (valid_to IS NULL OR valid_to > $2)",
                left,
                today,
            )
        return len(left)

    async def suppressions(self, suppressions: list[SuppressionIn]) -> None:
        await self._connection.execute(
            "DELETE FROM people.notice_suppressions WHERE pupil_id IN (SELECT entity_id "
            "FROM people.external_ids WHERE namespace = $1 AND kind = 'pupil')",
            self._namespace,
        )
        await insert(
            self._connection,
            "people.notice_suppressions",
            {
                "organiser_id": "uuid",
                "pupil_id": "uuid",
                "reason": "text",
                "valid_from": "date",
                "valid_to": "date",
            },
            [
                (self._organiser, self._ids["pupil"][one.pupil], one.reason, one.from_, one.to)
                for one in suppressions
            ],
        )
