"""Avslut: the outcome from the data, and what ends with it."""

from __future__ import annotations

from typing import Any

from services.cases import metrics
from services.cases.chain import attendance, consequences, sharing
from services.cases.chain.consequences import EFFECTS, LAST
from services.cases.chain.context import Context
from services.cases.chain.preparing import PREPARE
from services.cases.domain.entries.closing import Closure
from services.cases.store import duties
from services.cases.store.entries import Entry
from services.cases.store.scope import as_system


async def compute(
    context: Context,
    raw: dict[str, Any],
    parent: Entry | None,  # noqa: ARG001 - a case's outcome is of the pupil, whatever it hangs on
) -> dict[str, Any]:
    """The newest twenty school days that are over."""
    if context.case.outside:
        # Attendance never crosses between organisers: the outcome is not known here.
        return raw | {"presence": None, "low": None, "high": None, "days": 0, "band": None}
    found = await attendance.now(context)
    low, share, high = found.limits or (None, None, None)
    return raw | {
        "presence": attendance.per_cent(share),
        "low": attendance.per_cent(low),
        "high": attendance.per_cent(high),
        "days": found.days,
        "band": found.band,
    }


async def closed(context: Context, entry: Entry) -> None:
    """The case is closed; what the law still asks for stays in the list (domain/clocks.py)."""
    assert isinstance(entry.body, Closure)  # noqa: S101 - the step's kind
    body = entry.body
    await close(context, body.reason, body.note or body.below_reason, band=body.band)


async def close(context: Context, reason: str, note: str, **more: object) -> None:
    """The case's own row, its history, its duties, and the count.

    What was agreed on rests until the case opens again (duty_kinds.RESTING): a follow-up, a start,
    a new contact, a koordinator to name, a register to correct. No step can do it in a closed case,
    and it has not been done. What survives is what others go on waiting for whatever the school
    decides: the call home of its day, what the law's clocks ask for, the result that the huvudman's
    form asks for.
    """
    after = context.case.closed(
        context.viewer.staff_id, context.now, reason=reason, note=note or None
    )
    await consequences.save_case(context, after)
    await consequences.tell(context, "closed", {"reason": reason, "note": note, **more})
    await consequences.looked_at(context)
    async with as_system(context.connection):
        await duties.rest(context.connection, context.case.case_id, context.now)
    metrics.CASE_CHANGES.labels("closed").inc()


async def unqueued(context: Context, entry: Entry) -> None:
    """A closed case waits for no koordinator."""
    del entry
    await sharing.leave_queue(context)


def install() -> None:
    """Into the registries of the chain."""
    for step in ("close_case", "close_below", "end_coordination", "end_coordination_below"):
        PREPARE[step] = compute
    EFFECTS["close_case"] = EFFECTS["close_below"] = closed
    LAST["close_case"] = LAST["close_below"] = unqueued
