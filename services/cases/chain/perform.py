"""Taking a step: read the case, judge, write. Entry, its version, duties, the case's history, the
outbox and the audit are one transaction under the person's own row-level security."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from services.cases import metrics
from services.cases.chain import consequences, preparing
from services.cases.chain.context import Context, load
from services.cases.domain import refusals
from services.cases.domain.entries.base import Body, Sensitivity
from services.cases.domain.entries.registry import KINDS, invalid, label, parse
from services.cases.domain.law.judging import judge
from services.cases.domain.law.step import Asked, Refused, Step, Verdict
from services.cases.domain.law.table import BY_NAME, STEPS
from services.cases.domain.merging import changed, differences
from services.cases.store import entries
from services.cases.store.entries import Entry
from services.cases.store.scope import Database, Viewer
from services.common.problem import Problem


async def perform(
    database: Database,
    viewer: Viewer,
    case: UUID | str,
    step_name: str,
    body: Mapping[str, Any],
    *,
    target: UUID | None = None,
    version: int | None = None,
    sensitivity: Sensitivity | None = None,
    named: Sequence[UUID] = (),
) -> Entry:
    """Take a step of the chain in a case.

    ``target`` is the entry that it moves on or hangs on, ``version`` the one of it that the person
    saw. Problem 403 or 409 with the paragraph where the law refuses, 422 with what is wrong in
    each field, 409 with both texts where somebody else has saved meanwhile: nothing is written.
    """
    step = BY_NAME.get(step_name)
    if step is None:
        raise refusals.no_such_step()
    async with database.person(viewer) as connection:
        context = await load(connection, database, viewer, case, lock=True)
        return await take(
            context, step, body, target=target, version=version,
            sensitivity=sensitivity, named=named,
        )  # fmt: skip


async def take(
    context: Context,
    step: Step,
    body: Mapping[str, Any],
    *,
    target: UUID | None = None,
    version: int | None = None,
    sensitivity: Sensitivity | None = None,
    named: Sequence[UUID] = (),
) -> Entry:
    """Take a step in a case that is read and locked; also one that follows from another."""
    _check(judge(context.chain, step, context.roles, None))
    held = await _target(context, step, target)
    moving = held if step.means == "move" else None
    _check_fields(step, body)
    raw = await preparing.prepare(context, step, body, held)
    kind = KINDS[step.kind]
    before = moving.body.model_dump(mode="json") if moving else {}
    wanted = parse(kind, step.to, before | raw)
    if moving and version is not None and version != moving.version:
        raise await _conflict(context, moving, version, wanted)
    asked = Asked(wanted, held.fact if held else None)
    _check(judge(context.chain, step, context.roles, asked))
    if moving:
        entry = await _revise(context, moving, wanted, step.to)
    else:
        entry = await create(context, step, wanted, held, sensitivity=sensitivity, named=named)
    await consequences.follow(context, step, entry)
    metrics.CASE_CHANGES.labels("step").inc()
    return entry


async def revise(
    database: Database,
    viewer: Viewer,
    case: UUID | str,
    entry_id: UUID,
    body: Mapping[str, Any],
    *,
    version: int,
) -> Entry:
    """Write an entry anew, from the version that the person saw; its status stays.

    The same people may who may take its steps, and nothing that a step needed may go missing.
    """
    async with database.person(viewer) as connection:
        context = await load(connection, database, viewer, case, lock=True)
        held = await entries.one(connection, entry_id, lock=True)
        if held is None or held.case_id != context.case.case_id:
            raise refusals.no_such_entry()
        kind = KINDS[held.kind]
        if kind.sealed:
            raise refusals.sealed(kind)
        present = held.body.model_dump(mode="json")
        given = {name: value for name, value in body.items() if name not in kind.computed}
        wanted = parse(kind, held.status, present | given)
        _check_revision(context, held, wanted)
        if version != held.version:
            raise await _conflict(context, held, version, wanted)
        if wanted == held.body:
            return held
        entry = await _revise(context, held, wanted, held.status)
        await consequences.revised(context, entry, changed(kind, held.body, wanted))
    metrics.CASE_CHANGES.labels("revised").inc()
    return entry


def _check(verdict: Verdict) -> None:
    if isinstance(verdict, Refused):
        raise refusals.refused(verdict)


def _check_fields(step: Step, body: Mapping[str, Any]) -> None:
    """What belongs to another step is told, never taken in silence."""
    kind = KINDS[step.kind]
    known = {*step.fields, *kind.computed}
    strange = [name for name in body if name not in known] if step.fields else []
    if strange:
        raise invalid(
            [
                {
                    "field": f"/{name}",
                    "detail": f"{label(kind, name)} hör inte till det här steget.",
                }
                for name in strange
            ]
        )


def _check_revision(context: Context, held: Entry, wanted: Body) -> None:
    """By the steps that lead to where the entry is: who may, and what must not go missing."""
    leading = [step for step in STEPS if step.kind == held.kind]
    here = [step for step in leading if step.to == held.status] or leading
    if not any(step.roles & context.roles for step in leading):
        _check(judge(context.chain, here[0], context.roles, None))
    if context.chain.state == "closed" and not any(step.closed_too for step in leading):
        _check(judge(context.chain, here[0], here[0].roles, None))
    before, after = Asked(held.body, held.fact), Asked(wanted, held.fact)
    # The entry itself does not stand in its own way.
    others = tuple(f for f in context.chain.facts if f.entry_id != held.entry_id)
    chain = replace(context.chain, facts=others)
    for step in here:
        for need in step.needs:
            if need.holds(chain, before) and not need.holds(chain, after):
                paragraph = need.paragraph or next(iter(step.paragraphs.values()))
                raise refusals.refused(Refused(paragraph, need.sentence, "need", need.name))


async def _target(context: Context, step: Step, target: UUID | None) -> Entry | None:
    if step.means == "create" and step.on is None:
        return None
    found = await entries.one(context.connection, target, lock=True) if target else None
    if target is not None and (found is None or found.case_id != context.case.case_id):
        raise refusals.no_such_entry()
    return found


async def _conflict(context: Context, held: Entry, version: int, wanted: Body) -> Problem:
    kind = KINDS[held.kind]
    kept = await entries.revisions(context.connection, [held.entry_id])
    seen = next((r.body for r in kept[held.entry_id] if r.version == version), None)
    if seen is None:
        return refusals.no_such_entry()
    found = differences(kind, seen, held.body, wanted)
    return refusals.merge_needed(held.entry_id, held.version, found)


async def create(
    context: Context,
    step: Step,
    body: Body,
    parent: Entry | None,
    *,
    sensitivity: Sensitivity | None = None,
    named: Sequence[UUID] = (),
) -> Entry:
    """The step's entry, written down; the step has been judged."""
    kind, case, by = KINDS[step.kind], context.case, context.viewer.staff_id
    entry = Entry(
        organiser_id=case.organiser_id,
        entry_id=context.database.new_id(),
        case_id=case.case_id,
        school_unit_id=case.school_unit_id,
        class_id=case.class_id,
        parent_id=parent.entry_id if parent else None,
        kind=step.kind,
        status=step.to,
        body=body,
        # What is sensitive by its kind stays so, whatever somebody asks for.
        sensitivity=sensitivity
        if sensitivity and kind.sensitivity == "ordinary"
        else kind.sensitivity,
        named=tuple(named),
        school_date=context.today,
        created_at=context.now,
        created_by=by,
        updated_at=context.now,
        updated_by=by,
    )
    return await entries.create(context.connection, entry)


async def _revise(context: Context, held: Entry, body: Body, status: str) -> Entry:
    after = await entries.revise(
        context.connection,
        held,
        body=body,
        status=status,
        at=context.now,
        by=context.viewer.staff_id,
    )
    if after is None:
        # The row is locked, so this is row-level security saying no.
        raise refusals.no_such_entry()
    return after
