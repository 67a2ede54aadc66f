"""What the roster is on roster.v1 and in the input log: ids, placements, duties, protection."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from forvarning.facts.v1 import facts_pb2 as facts
from forvarning.roster.v1 import roster_pb2 as roster
from services.common.clock import epoch_day

if TYPE_CHECKING:
    from services.common.pg import Connection

PROTECTION = {
    "none": facts.PROTECTION_NONE,
    "confidential": facts.PROTECTION_CONFIDENTIAL,
    "protected_registration": facts.PROTECTION_PROTECTED_REGISTRATION,
}
SCHOOL_FORMS = {
    "FKLASS": facts.SCHOOL_FORM_PRESCHOOL_CLASS,
    "GR": facts.SCHOOL_FORM_COMPULSORY,
    "GRS": facts.SCHOOL_FORM_ADAPTED_COMPULSORY,
    "SP": facts.SCHOOL_FORM_SPECIAL,
    "SAM": facts.SCHOOL_FORM_SAMI,
    "GY": facts.SCHOOL_FORM_UPPER_SECONDARY,
    "GYS": facts.SCHOOL_FORM_ADAPTED_UPPER_SECONDARY,
}
_ROLES = {
    "mentor": roster.ROLE_MENTOR,
    "attendance_officer": roster.ROLE_ATTENDANCE_OFFICER,
    "principal": roster.ROLE_PRINCIPAL,
    "student_health": roster.ROLE_STUDENT_HEALTH,
    "coordinator": roster.ROLE_COORDINATOR,
    "team_leader": roster.ROLE_TEAM_LEADER,
    "area_manager": roster.ROLE_AREA_MANAGER,
    "organiser_officer": roster.ROLE_ORGANISER_OFFICER,
    "compulsory_officer": roster.ROLE_COMPULSORY_OFFICER,
    "board": roster.ROLE_BOARD,
    "operations": roster.ROLE_OPERATIONS,
}
_KINDS = {
    "municipal": roster.ORGANISER_KIND_MUNICIPAL,
    "independent": roster.ORGANISER_KIND_INDEPENDENT,
}
_GROUPS = {
    "class": roster.GROUP_KIND_CLASS,
    "mentor": roster.GROUP_KIND_MENTOR,
    "teaching": roster.GROUP_KIND_TEACHING,
}


def _id(value: UUID | None) -> bytes:
    return b"" if value is None else value.bytes


def _span(first: str, last: str) -> roster.DaySpan:
    return roster.DaySpan(
        first_day=epoch_day(date.fromisoformat(first)), last_day=epoch_day(date.fromisoformat(last))
    )


async def roster_records(
    connection: Connection, organiser_id: UUID, today: date
) -> dict[bytes, bytes]:
    """Every record of roster.v1 for the organiser as it is now, by key."""
    records: dict[bytes, bytes] = {}

    def put(
        kind: str,
        entity: bytes,
        *,
        organiser: roster.Organiser | None = None,
        school_unit: roster.SchoolUnit | None = None,
        group: roster.Group | None = None,
        pupil: roster.Pupil | None = None,
        duty: roster.Duty | None = None,
    ) -> None:
        record = roster.RosterRecord(
            organiser_id=organiser_id.bytes,
            organiser=organiser,
            school_unit=school_unit,
            group=group,
            pupil=pupil,
            duty=duty,
        )
        key = f"{kind}:{UUID(bytes=entity)}".encode()
        records[key] = record.SerializeToString(deterministic=True)

    row = await connection.fetchrow("SELECT kind, municipality_code FROM people.organisers")
    if row is not None:
        put(
            "organiser",
            organiser_id.bytes,
            organiser=roster.Organiser(
                organiser_id=organiser_id.bytes,
                kind=_KINDS[row["kind"]],
                municipality_code=row["municipality_code"],
            ),
        )
    for unit in await _units(connection):
        put("school_unit", unit.school_unit_id, school_unit=unit)
    for row in await connection.fetch(
        "SELECT group_id, school_unit_id, kind, grade FROM people.groups WHERE NOT removed"
    ):
        put(
            "group",
            row["group_id"].bytes,
            group=roster.Group(
                group_id=row["group_id"].bytes,
                school_unit_id=row["school_unit_id"].bytes,
                kind=_GROUPS[row["kind"]],
                grade=row["grade"] or 0,
            ),
        )
    for pupil in await _pupils(connection, today):
        put("pupil", pupil.pupil_id, pupil=pupil)
    for duty in await _duties(connection):
        put("duty", duty.duty_id, duty=duty)
    return records


async def _units(connection: Connection) -> list[roster.SchoolUnit]:
    calendars: dict[UUID, list[roster.Calendar]] = defaultdict(list)
    for row in await connection.fetch(
        "SELECT school_unit_id, school_year, terms, free FROM people.calendars ORDER BY school_year"
    ):
        calendars[row["school_unit_id"]].append(
            roster.Calendar(
                school_year=row["school_year"],
                terms=[
                    roster.Term(name=term["name"], span=_span(term["first"], term["last"]))
                    for term in json.loads(row["terms"])
                ],
                free=[_span(span["first"], span["last"]) for span in json.loads(row["free"])],
            )
        )
    return [
        roster.SchoolUnit(
            school_unit_id=row["school_unit_id"].bytes,
            school_unit_code=row["school_unit_code"] or "",
            school_forms=[SCHOOL_FORMS[form] for form in row["school_forms"]],
            area_id=_id(row["area_id"]),
            calendars=calendars[row["school_unit_id"]],
        )
        for row in await connection.fetch(
            "SELECT school_unit_id, school_unit_code, school_forms, area_id "
            "FROM people.school_units WHERE NOT removed"
        )
    ]


async def _pupils(connection: Connection, today: date) -> list[roster.Pupil]:
    """Each pupil at the placement that holds today, else the next one, else the last."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (p.pupil_id) p.pupil_id, p.protection, l.school_unit_id, l.class_id,
               l.school_form, l.grade, h.home_id, h.bucket
        FROM people.pupils p
        JOIN people.placements l USING (organiser_id, pupil_id)
        JOIN ingest.pupil_homes h USING (organiser_id, pupil_id, school_year)
        WHERE NOT p.removed
        ORDER BY p.pupil_id,
                 (l.valid_from <= $1 AND (l.valid_to IS NULL OR l.valid_to > $1)) DESC,
                 (l.valid_from > $1) DESC,
                 CASE WHEN l.valid_from > $1 THEN l.valid_from END,
                 l.valid_from DESC, l.placement_id
        """,
        today,
    )
    return [
        roster.Pupil(
            pupil_id=row["pupil_id"].bytes,
            home_id=row["home_id"].bytes,
            bucket=row["bucket"],
            school_unit_id=row["school_unit_id"].bytes,
            class_id=_id(row["class_id"]),
            protection=PROTECTION[row["protection"]],
            school_form=SCHOOL_FORMS[row["school_form"]],
            grade=row["grade"],
        )
        for row in rows
    ]


async def _duties(connection: Connection) -> list[roster.Duty]:
    return [
        roster.Duty(
            duty_id=row["duty_id"].bytes,
            staff_id=row["staff_id"].bytes,
            role=_ROLES[row["role"]],
            area_id=_id(row["area_id"]),
            school_unit_id=_id(row["school_unit_id"]),
            group_id=_id(row["group_id"]),
            grades=row["grades"],
            substitute=row["substitute"],
            # The contract's span includes its last day; 0 is an open end.
            span=roster.DaySpan(
                first_day=epoch_day(row["valid_from"]),
                last_day=epoch_day(row["valid_to"]) - 1 if row["valid_to"] else 0,
            ),
        )
        for row in await connection.fetch("SELECT * FROM people_v1.duties")
    ]


async def placement_facts(connection: Connection) -> dict[bytes, tuple[int, facts.Placement]]:
    """Every placement with a home: (partition, fact without version), by placement id."""
    rows = await connection.fetch(
        """
        SELECT l.*, p.protection, h.home_id, h.bucket, hm.partition
        FROM people.placements l
        JOIN people.pupils p USING (organiser_id, pupil_id)
        JOIN ingest.pupil_homes h USING (organiser_id, pupil_id, school_year)
        JOIN ingest.homes hm USING (organiser_id, home_id)
        """
    )
    return {
        row["placement_id"].bytes: (
            row["partition"],
            facts.Placement(
                home_id=row["home_id"].bytes,
                bucket=row["bucket"],
                pupil_id=row["pupil_id"].bytes,
                school_unit_id=row["school_unit_id"].bytes,
                class_id=_id(row["class_id"]),
                school_year=row["school_year"],
                member_from_day=epoch_day(row["valid_from"]),
                member_to_day=epoch_day(row["valid_to"]) if row["valid_to"] else 0,
                school_form=SCHOOL_FORMS[row["school_form"]],
                grade=row["grade"],
                protection=PROTECTION[row["protection"]],
                placement_id=row["placement_id"].bytes,
            ),
        )
        for row in rows
    }
