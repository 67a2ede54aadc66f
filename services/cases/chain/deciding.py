"""A stand taken on a warning that was withdrawn, corrected or has grown worse."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid5

from services.cases.chain.consequences import EFFECTS, LAST, looked_at, save_case
from services.cases.chain.context import Context, load
from services.cases.chain.perform import take
from services.cases.domain.case import acknowledge_by
from services.cases.domain.entries.meeting import WarningDecision
from services.cases.domain.law.table import BY_NAME
from services.cases.store import duties, people
from services.cases.store.duties import NewDuty
from services.cases.store.entries import Entry
from services.cases.store.scope import as_system


async def decided(context: Context, entry: Entry) -> None:
    """Nothing asks for attention any more; a correction is somebody's duty."""
    body = entry.body
    assert isinstance(body, WarningDecision)  # noqa: S101 - the step's own kind
    case = replace(context.case, attention=None, attention_at=None)
    if case.state == "new":
        case = case.acknowledged(context.viewer.staff_id, context.now)
    await save_case(context, case)
    await looked_at(context)
    async with as_system(context.connection):
        # What was to be corrected has come, or is decided anew.
        await duties.finish(context.connection, case.case_id, "correct_register", entry)
        if body.decision == "correct":
            await _correct(context, entry)


async def closed(context: Context, entry: Entry) -> None:
    """A decision to close is followed by the step that closes, in the same transaction.

    There is one way to close a case: the outcome is computed, and what that step is refused for
    refuses the decision too.
    """
    body = entry.body
    assert isinstance(body, WarningDecision)  # noqa: S101 - the step's own kind
    if body.decision != "close":
        return
    # The stand has been taken, and the case's row is another.
    after = await load(
        context.connection, context.database, context.viewer, context.case.case_id, lock=False
    )
    closing = {"on": context.today.isoformat(), "reason": "withdrawn", "note": body.note}
    await take(after, BY_NAME["close_case"], closing)


async def _correct(context: Context, entry: Entry) -> None:
    case = context.case
    free = await people.free_days(context.connection, case.school_unit_id, context.today)
    due = acknowledge_by(context.today, free)
    duty = NewDuty.of(
        case,
        "correct_register",
        duty_id=uuid5(entry.entry_id, "correct_register"),
        school_date=context.today,
        due=due,
        at=context.now,
    )
    await duties.add(context.connection, case.organiser_id, [duty])


def install() -> None:
    """Into the registries of the chain."""
    EFFECTS["decide_change"] = decided
    LAST["decide_change"] = closed
