"""What a form begins with: dates, the writer's name, and what the stream and the chain know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.cases.chain.assessing import attendance
from services.cases.chain.context import Context, audited, load
from services.cases.chain.showing import EntryShown, FieldShown, fields_shown
from services.cases.domain import csn, threads
from services.cases.domain.entries.assessing import PupilAssessment
from services.cases.domain.entries.registry import KINDS
from services.cases.domain.law.step import Step
from services.cases.store import entries, reading
from services.cases.store.scope import Database, Viewer

#: Fields that are today unless somebody says otherwise.
_TODAY = frozenset(
    {
        "on",
        "opened_on",
        "finished_on",
        "waived_on",
        "worried_on",
        "made_on",
        "assessed_on",
        "answered_on",
        "received_on",
        "starts_on",
        "started_on",
        "ended_on",
        "resumed_on",
        "since",
    }
)
_ME = frozenset({"lead", "contact", "mappers"})
#: Steps that are about absence in figures, so that these stand beside the form.
_WITH_FIGURES = frozenset({"assess_pupil", "open_investigation", "make_plan", "report_csn"})


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a form begins with, and what is known of the absence."""

    values: dict[str, Any] = field(default_factory=dict)
    known: list[FieldShown] = field(default_factory=list)
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    """Choices by field that only the roster knows: guardians, coordinators."""


async def prefilled(
    database: Database,
    viewer: Viewer,
    case: UUID | str,
    step: Step,
    *,
    writer: str,
    target: EntryShown | None,
) -> Beginning:
    """The beginning of a step's form; audited, since it shows the pupil's absence."""
    model = KINDS[step.kind].model
    names = step.fields or tuple(model.model_fields)
    values: dict[str, Any] = {}
    for name in names:
        info = model.model_fields[name]
        if name in _TODAY:
            values[name] = database.today().isoformat()
        elif name in _ME:
            values[name] = writer
        elif not info.is_required():
            values[name] = info.get_default()
    if step.means == "move" and target is not None:
        values |= {name: target.body[name] for name in names if target.body.get(name)}
    about_people, about_home = {"guardian_id", "staff_id"} & set(names), "municipality" in names
    if not (about_people or about_home or step.name in _WITH_FIGURES):
        return Beginning(values)
    async with database.person(viewer) as connection:
        context = await load(connection, database, viewer, case, lock=False)
        if about_people:
            people = await _people(context)
            await audited(context, "guardians.read")
            return Beginning(values, people=people)
        if about_home:
            # Where the roster says it.
            home = {"municipality": context.chain.home} if context.chain.home else {}
            return Beginning(values | home)
        found = await attendance(
            connection, context.case.case_id, context.case.pupil_id, context.today
        )
        if step.name == "report_csn":
            values |= await _csn(context)
        if step.name == "make_plan":
            values |= await _urgent(context)
        await audited(context, "attendance.read")
    return Beginning(values, fields_shown(found))


async def _people(context: Context) -> dict[str, dict[str, str]]:
    """The pupil's guardians, and the koordinatorer of the roster."""
    guardians = await context.connection.fetch(
        "SELECT guardian_id, given_name || ' ' || family_name AS name "
        "FROM people_v1.guardians WHERE pupil_id = $1 ORDER BY name",
        context.case.pupil_id,
    )
    staff = await context.connection.fetch(
        """
        SELECT DISTINCT s.staff_id, s.given_name || ' ' || s.family_name AS name
        FROM people_v1.duties d JOIN people_v1.staff s USING (staff_id)
        WHERE d.role IN ('coordinator', 'team_leader') AND d.valid_from <= $1
          AND (d.valid_to IS NULL OR d.valid_to > $1)
        ORDER BY name
        """,
        context.today,
    )
    return {
        "guardian_id": {str(row["guardian_id"]): row["name"] for row in guardians},
        "staff_id": {str(row["staff_id"]): row["name"] for row in staff},
    }


async def _csn(context: Context) -> Mapping[str, Any]:
    """What the CSN warning counted: to be checked against the register before it is reported."""
    held = [
        threads.decode(raw)
        for raw in await reading.snapshots(context.connection, context.case.case_id)
    ]
    found = csn.propose(held)
    if found is None:
        return {}
    return {
        "hours": found.hours,
        "occasions": found.occasions,
        "first_day": found.first_day.isoformat(),
        "code": found.code,
    }


async def _urgent(context: Context) -> Mapping[str, Any]:
    """What the newest kartläggning found most urgent, for the plan to begin with."""
    held = await entries.of_case(context.connection, context.case.case_id)
    found = [one.body for one in held if isinstance(one.body, PupilAssessment)]
    factors = found[-1].urgent if found else ""
    return {"level": "pupil", "purposes": ["remedy"], "factors": factors}
