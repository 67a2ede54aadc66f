"""What follows from a step, in its own transaction: duties, effects, history, outbox, audit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from services.cases.chain.context import Context, audited
from services.cases.domain.entries.registry import KINDS
from services.cases.domain.law.step import Step
from services.cases.store import cases, dated_duties, duties, telling
from services.cases.store.cases import Case
from services.cases.store.entries import Entry
from services.cases.store.scope import as_system

Effect = Callable[[Context, Entry], Awaitable[None]]

#: What else a step does, by its name.
EFFECTS: dict[str, Effect] = {}
#: What a step does last of all, by its name: it may end the person's own part in the case.
LAST: dict[str, Effect] = {}
#: What is done after every step and every revision, whatever it was.
ALWAYS: list[Effect] = []


async def follow(context: Context, step: Step, entry: Entry) -> None:
    """Everything that follows from a step that has been written."""
    if effect := EFFECTS.get(step.name):
        await effect(context, entry)
    else:
        await take_on(context)
    await after(context, entry)
    await tell(context, "step", _shown(entry) | {"step": step.name})
    await audited(context, f"step.{step.name}", entry=str(entry.entry_id), version=entry.version)
    if last := LAST.get(step.name):
        await last(context, entry)


async def revised(context: Context, entry: Entry, fields: list[str]) -> None:
    """Everything that follows from a text written anew."""
    await after(context, entry)
    await tell(context, "entry_revised", _shown(entry) | {"fields": fields})
    await audited(context, "entry.revised", entry=str(entry.entry_id), version=entry.version)


async def save_case(context: Context, case: Case) -> None:
    """Write the case's own row: the person has been judged to. Its open duties go along when it
    stands with somebody else."""
    changed = replace(case, version=case.version + 1, updated_at=context.now)
    async with as_system(context.connection):
        if not await cases.update(context.connection, changed):
            # A warning came in between: its intake locks the row, not the case's steps.
            raise cases.changed_meanwhile()
        if changed.stands != context.case.stands:
            await duties.follow_case(context.connection, changed)


async def take_on(context: Context) -> None:
    """Whoever begins to work in a new case, and may decide in it, has taken it on."""
    if context.case.state != "new" or not context.can_decide:
        return
    await save_case(context, context.case.acknowledged(context.viewer.staff_id, context.now))
    await tell(context, "acknowledged", {})
    await looked_at(context)


async def looked_at(context: Context) -> None:
    """Nobody has to look at the case for the first time any more."""
    async with as_system(context.connection):
        await duties.finish_acknowledge(
            context.connection,
            context.case.case_id,
            context.now,
            context.viewer.staff_id,
            "acknowledged",
        )


async def after(context: Context, entry: Entry) -> None:
    """The duties on the days that are written in the entry, and what is always done."""
    wanted = KINDS[entry.kind].due(entry.body, entry.status)
    async with as_system(context.connection):
        await dated_duties.keep(context.connection, context.case, entry, wanted)
    for always in ALWAYS:
        await always(context, entry)


def _shown(entry: Entry) -> dict[str, object]:
    """What the history says of an entry: of a protected one, only that there is one."""
    if entry.sensitivity != "ordinary":
        return {"sensitivity": entry.sensitivity, "entry_id": str(entry.entry_id)}
    return {"kind": entry.kind, "status": entry.status, "entry_id": str(entry.entry_id)}


async def tell(context: Context, kind: str, detail: Mapping[str, object]) -> None:
    """A line in the case's history, and an event for the others."""
    await telling.tell(
        context.connection,
        context.database,
        context.viewer,
        context.case,
        kind,
        detail=detail,
        at=context.now,
    )
