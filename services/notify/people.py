"""What notify reads of people_v1: addresses, protection, ages. Read afresh, never kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.common import pg
from services.notify.model import RecipientKind

_GUARDIAN = "guardian"


@dataclass(frozen=True, slots=True)
class Pupil:
    """A pupil as far as telling somebody goes."""

    pupil_id: UUID
    birth_date: date | None
    protected: bool
    email: str | None


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of staff's channels."""

    staff_id: UUID
    email: str | None
    webhook_url: str | None
    webhook_secret: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be told; ``email`` is None where no address is known."""

    kind: RecipientKind
    person_id: UUID
    email: str | None


async def pupil(connection: pg.Connection, pupil_id: UUID) -> Pupil | None:
    """The pupil, or None where the roster does not know them."""
    row = await connection.fetchrow(
        "SELECT birth_date, protection, email FROM people_v1.pupils WHERE pupil_id = $1", pupil_id
    )
    if row is None:
        return None
    return Pupil(pupil_id, row["birth_date"], row["protection"] != "none", _address(row["email"]))


async def wake_from(connection: pg.Connection, pupil_ids: Sequence[UUID]) -> dict[UUID, date]:
    """The pupils whose earlier days a source told of before its cut-over, with that day (D8)."""
    rows = await connection.fetch(
        "SELECT pupil_id, wake_from FROM people_v1.wake_from WHERE pupil_id = ANY($1::uuid[])",
        list(pupil_ids),
    )
    return {UUID(bytes=row["pupil_id"].bytes): row["wake_from"] for row in rows}


async def guardians(connection: pg.Connection, pupil_id: UUID) -> list[Person]:
    """The pupil's vårdnadshavare; other relations are told nothing."""
    rows = await connection.fetch(
        "SELECT guardian_id, email FROM people_v1.guardians "
        "WHERE pupil_id = $1 AND relation = $2 ORDER BY guardian_id",
        pupil_id,
        _GUARDIAN,
    )
    return [
        Person(RecipientKind.GUARDIAN, row["guardian_id"], _address(row["email"])) for row in rows
    ]


async def suppressed(connection: pg.Connection, pupil_id: UUID, day: date) -> bool:
    """Whether särskilda skäl speak against telling anybody that day (7 kap. 17 §)."""
    found = await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM people_v1.notice_suppressions WHERE pupil_id = $1 "
        "AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2))",
        pupil_id,
        day,
    )
    return bool(found)


async def staff(connection: pg.Connection, staff_id: UUID) -> Staff | None:
    """A member of staff, or None where the roster does not know them."""
    row = await connection.fetchrow(
        "SELECT email, webhook_url, webhook_secret FROM people_v1.staff WHERE staff_id = $1",
        staff_id,
    )
    if row is None:
        return None
    return Staff(
        staff_id, _address(row["email"]), row["webhook_url"] or None, row["webhook_secret"] or None
    )


async def address(connection: pg.Connection, kind: RecipientKind, person_id: UUID) -> str | None:
    """The person's mail address now, or None."""
    source = {
        RecipientKind.GUARDIAN: (
            "SELECT email FROM people_v1.guardians WHERE guardian_id = $1 LIMIT 1"
        ),
        RecipientKind.PUPIL: "SELECT email FROM people_v1.pupils WHERE pupil_id = $1",
        RecipientKind.STAFF: "SELECT email FROM people_v1.staff WHERE staff_id = $1",
    }[kind]
    return _address(await connection.fetchval(source, person_id))


async def phone(connection: pg.Connection) -> str | None:
    """The number that mails give: the organiser's."""
    number: str | None = await connection.fetchval("SELECT phone FROM people_v1.organisers LIMIT 1")
    return number


def _address(value: str | None) -> str | None:
    return value.strip() or None if value else None
