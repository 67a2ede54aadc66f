"""Registerutdrag (dataskyddsförordningen art. 15): everything that is kept about one pupil.

What belongs to it is decided by the retention registry alone (records.extract), so that a new
table is in it as soon as its row says how a pupil's rows are found.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from google.protobuf.json_format import MessageToDict

from forvarning.facts.v1 import facts_pb2
from forvarning.warnings.v1 import warnings_pb2
from services.cases.documents.render import Field, Sheet
from services.cases.domain import text
from services.cases.store import audit
from services.cases.store.scope import Database, Viewer
from services.cases.views.columns import COLUMNS
from services.common.problem import Problem
from services.common.retention import registry

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from services.common.pg import Connection

#: Columns whose bytes are a message of ours: shown as what they say.
_MESSAGES: dict[tuple[str, str], type[Message]] = {
    ("cases.warnings", "snapshot"): warnings_pb2.WarningEvent,
    ("ingest.parked", "fact"): facts_pb2.Fact,
}
_REVIEW = (
    "Utdraget innehåller allt. Före utlämnandet prövas sekretess (offentlighets- och "
    "sekretesslagen 21 och 23 kap.): uppgifter om vårdnadshavare, anteckningar som nämner andra, "
    "och uppgifter från elevhälsan."
)
_ELSEWHERE = (
    "Dessutom finns elevens slumpmässiga id, med närvaro och varningar men utan namn, i systemets "
    "meddelandeflöde till dess gallring."
)


NOBODY = UUID(int=0)
"""The operator, who is no member of staff."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one table holds about the pupil."""

    store: str
    what: str
    rows: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Extract:
    """Everything, as it stood at an instant."""

    pupil_id: UUID
    organiser: str
    made_at: datetime
    reference: str
    parts: list[Part]

    def as_json(self) -> dict[str, Any]:
        """The whole for a machine, every table named also where it holds nothing."""
        known = registry()
        return {
            "format": "forvarning.registerutdrag/1",
            "organiser": self.organiser,
            "pupil_id": str(self.pupil_id),
            "made_at": self.made_at.isoformat(),
            "reference": self.reference,
            "review": _REVIEW,
            "stores": [
                {
                    "store": part.store,
                    "what": part.what,
                    "kept": known.groups[known.stores[part.store].group].title,
                    "rows": part.rows,
                }
                for part in self.parts
            ],
            "elsewhere": [
                {"store": store.store, "what": store.what}
                for store in known.stores.values()
                if store.kind != "table" and store.personal in {"surrogate", "identity"}
            ],
        }

    def sheet(self) -> Sheet:
        """The whole for a person, on paper."""
        fields = [
            Field(part.store, part.what, "\n\n".join(_told(row) for row in part.rows))
            for part in self.parts
            if part.rows
        ]
        return Sheet(
            kind="registerutdrag",
            title="Registerutdrag",
            sender=self.organiser,
            recipient="den som har begärt det",
            date=text.full_date(self.made_at.date()),
            basis="Lämnas enligt artikel 15 i dataskyddsförordningen.",
            fields=fields,
            closing=f"{_ELSEWHERE} {_REVIEW}",
            reference=f"Registerutdrag {self.reference}",
        )

    @property
    def rows(self) -> int:
        return sum(len(part.rows) for part in self.parts)


async def extract_for(database: Database, viewer: Viewer, wanted: str, reference: str) -> Extract:
    """The registerutdrag that the huvudman's officer asks for; audited, a refusal too.

    403 for everybody else, and for a pupil with skyddade personuppgifter unless the officer is
    named on the case; 404 where there is no such pupil.
    """
    said = check_reference(reference)
    async with database.person(viewer) as connection:
        if not await connection.fetchval("SELECT cases.has_role('{organiser_officer}')"):
            raise Problem(
                403,
                "not_yours_to_extract",
                "Registerutdrag lämnas av handläggaren hos huvudmannen.",
            )
        known = await connection.fetchval("SELECT cases.known_protected()")
    async with database.system(viewer.organiser_id) as connection:
        pupil_id = await _find(connection, wanted)
        hidden = await _is_protected(connection, pupil_id) and pupil_id not in known
        found = None if hidden else await read_extract(database, connection, pupil_id, said)
        await _audit(database, connection, viewer, pupil_id, found, reference=said)
    if found is None:
        raise _protected()
    return found


async def extract_by_operator(
    database: Database, organiser_id: UUID, wanted: str, reference: str, approved_by: str
) -> Extract:
    """The same at the operator's hand, on somebody's request; audited without a member of staff.

    For a pupil with skyddade personuppgifter it is told who, named on the case, has approved it.
    """
    said = check_reference(reference)
    async with database.system(organiser_id) as connection:
        pupil_id = await _find(connection, wanted)
        hidden = await _is_protected(connection, pupil_id) and not approved_by.strip()
        found = None if hidden else await read_extract(database, connection, pupil_id, said)
        nobody = Viewer(organiser_id, NOBODY)
        more = {"reference": said, "approved_by": approved_by.strip()}
        await _audit(database, connection, nobody, pupil_id, found, **more)
    if found is None:
        raise _protected()
    return found


async def _find(connection: Connection, wanted: str) -> UUID:
    pupil_id: UUID | None = await connection.fetchval("SELECT records.find_pupil($1)", wanted)
    if pupil_id is None:
        raise Problem(
            404,
            "no_such_pupil",
            "Det finns ingen sådan elev. Skriv tolv siffror i personnumret, eller ärendets nummer.",
            field="/wanted",
        )
    return pupil_id


async def _audit(
    database: Database,
    connection: Connection,
    viewer: Viewer,
    pupil_id: UUID,
    found: Extract | None,
    **more: object,
) -> None:
    await audit.write(
        connection,
        viewer.organiser_id,
        database.now(),
        None if viewer.staff_id == NOBODY else viewer.staff_id,
        "extract.made" if found else "extract.refused",
        case_id=None,
        pupil=str(pupil_id),
        rows=found.rows if found else 0,
        **more,
    )


def _protected() -> Problem:
    return Problem(
        403,
        "protected_pupil",
        "Eleven har skyddade personuppgifter. Utdraget lämnas bara av den som är namngiven i "
        "ärendet.",
    )


async def _is_protected(connection: Connection, pupil_id: UUID) -> bool:
    protection = await connection.fetchval(
        "SELECT protection FROM people_v1.pupils WHERE pupil_id = $1", pupil_id
    )
    return protection not in {None, "none"}


def check_reference(reference: str) -> str:
    """By which request the extract is made; Problem where nothing is said."""
    said = reference.strip()
    if not said:
        raise Problem(
            422,
            "no_reference",
            "Skriv diarienumret eller vem som har begärt utdraget och när.",
            field="/reference",
        )
    return said[:200]


async def read_extract(
    database: Database, connection: Connection, pupil_id: UUID, reference: str
) -> Extract:
    """Everything about the pupil, in the organiser's transaction of the service's own work."""
    rows = await connection.fetch("SELECT store, what, held FROM records.extract($1)", pupil_id)
    organiser = await connection.fetchval("SELECT name FROM people_v1.organisers")
    return Extract(
        pupil_id=pupil_id,
        organiser=organiser,
        made_at=database.now(),
        reference=reference,
        parts=[
            Part(
                row["store"],
                row["what"],
                [_readable(row["store"], one) for one in json.loads(row["held"])],
            )
            for row in rows
        ],
    )


def _readable(store: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row with its messages read; other bytes stay as PostgreSQL writes them."""
    shown = dict(row)
    for (table, column), kind in _MESSAGES.items():
        if table == store and isinstance(raw := row.get(column), str):
            message = kind.FromString(bytes.fromhex(raw.removeprefix("\\x")))
            shown[column] = MessageToDict(message, preserving_proto_field_name=True)
    return shown


def _told(row: dict[str, Any]) -> str:
    """One row in lines; what is empty is left out."""
    lines = [
        f"{COLUMNS.get(name, name)}: {_value(value)}"
        for name, value in row.items()
        if value not in (None, "", [], {})
    ]
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "ja" if value else "nej"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
