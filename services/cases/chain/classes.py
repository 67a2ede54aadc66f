"""Mall A: a class is mapped twice a term by those who work with it. No pupil is named in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.cases.catalogue import CLASS
from services.cases.chain.assessing import check
from services.cases.chain.showing import EntryShown, entry_shown
from services.cases.domain import refusals
from services.cases.domain.chain import Chain
from services.cases.domain.entries.registry import KINDS, parse
from services.cases.domain.law.judging import judge
from services.cases.domain.law.step import Asked, Refused
from services.cases.domain.law.table import BY_NAME
from services.cases.store import audit, classes, entries, reading
from services.cases.store.entries import Entry
from services.cases.store.scope import Database, Viewer
from services.cases.views.models import Shown
from services.common.problem import Problem

if TYPE_CHECKING:
    from services.common.pg import Connection

_STEP = BY_NAME["assess_class"]


class ClassLine(Shown):
    """A class in the viewer's scope."""

    class_id: UUID
    name: str
    school_unit: str
    this_term: int
    """How many times it has been mapped this term; two is what is asked for."""


class ClassShown(Shown):
    """A class with its kartläggningar, the newest first."""

    line: ClassLine
    may: bool
    paragraph: str
    assessments: list[EntryShown]


async def read_classes(database: Database, viewer: Viewer) -> list[ClassLine]:
    """The classes that the viewer works with."""
    async with database.person(viewer) as connection:
        rows = await classes.mine(connection, database.today())
        await _audit(connection, database, viewer, "classes.read", classes=len(rows))
    return [ClassLine(**dict(row)) for row in rows]


async def read_class(database: Database, viewer: Viewer, class_id: UUID) -> ClassShown:
    """One class; 404 where it is none of the viewer's."""
    async with database.person(viewer) as connection:
        line, roles, chain = await _found(connection, database, class_id)
        held = await entries.of_class(connection, class_id, _STEP.kind)
        names = await reading.staff_names(
            connection, sorted({one.created_by for one in held} | {one.updated_by for one in held})
        )
        await _audit(connection, database, viewer, "class.read", class_id=str(class_id))
    verdict = judge(chain, _STEP, roles, None)
    return ClassShown(
        line=line,
        may=not isinstance(verdict, Refused),
        paragraph=verdict.paragraph,
        assessments=[entry_shown(one, names) for one in held],
    )


async def assess(
    database: Database, viewer: Viewer, class_id: UUID, body: Mapping[str, Any]
) -> Entry:
    """Write a kartläggning of a class; refusals as for a step of a case."""
    async with database.person(viewer) as connection:
        _, roles, chain = await _found(connection, database, class_id)
        wanted = parse(KINDS[_STEP.kind], _STEP.to, check(CLASS, body))
        verdict = judge(chain, _STEP, roles, Asked(wanted))
        if isinstance(verdict, Refused):
            raise refusals.refused(verdict)
        now = database.now()
        entry = Entry(
            organiser_id=viewer.organiser_id,
            entry_id=database.new_id(),
            case_id=None,
            school_unit_id=await classes.unit_of(connection, class_id),
            class_id=class_id,
            parent_id=None,
            kind=_STEP.kind,
            status=_STEP.to,
            body=wanted,
            sensitivity="ordinary",
            named=(),
            school_date=database.today(),
            created_at=now,
            created_by=viewer.staff_id,
            updated_at=now,
            updated_by=viewer.staff_id,
        )
        await entries.create(connection, entry)
        await _audit(connection, database, viewer, "step.assess_class", entry=str(entry.entry_id))
    return entry


async def _found(
    connection: Connection, database: Database, class_id: UUID
) -> tuple[ClassLine, frozenset[str], Chain]:
    rows = await classes.mine(connection, database.today(), class_id)
    if not rows:
        raise Problem(
            404,
            "no_such_class",
            "Det finns ingen sådan klass, eller så ingår den inte i ditt uppdrag.",
        )
    chain = Chain(
        today=database.today(),
        school_form=None,
        state="acknowledged",
        level=0,
        attention=None,
        age=None,
        independent=False,
        municipality="",
    )
    return ClassLine(**dict(rows[0])), await classes.roles_in(connection, class_id), chain


async def _audit(
    connection: Connection, database: Database, viewer: Viewer, action: str, **detail: str | int
) -> None:
    await audit.write(
        connection,
        viewer.organiser_id,
        database.now(),
        viewer.staff_id,
        action,
        case_id=None,
        **detail,
    )
