"""Uppföljning: the computed attendance beside what people say, and what it does to the insats."""

from __future__ import annotations

from datetime import date
from typing import Any

from services.cases.chain import attendance, others
from services.cases.chain.consequences import EFFECTS
from services.cases.chain.context import Context
from services.cases.chain.preparing import PREPARE
from services.cases.domain.entries.closing import FollowUp, FollowUpPlan
from services.cases.domain.entries.planning import Intervention, Plan
from services.cases.store import entries
from services.cases.store.entries import Entry


async def compute(context: Context, raw: dict[str, Any], parent: Entry | None) -> dict[str, Any]:
    """The attendance before and after the insats, as it was known on this day."""
    if parent is None or not isinstance(parent.body, Intervention):
        return raw
    start: date = parent.body.started_on or parent.body.starts_on
    found = await attendance.around(context, start)
    before, after = found.before.limits, found.after.limits
    return raw | {
        "before": attendance.per_cent(before[1] if before else None),
        "after": attendance.per_cent(after[1] if after else None),
        "after_low": attendance.per_cent(after[0] if after else None),
        "after_high": attendance.per_cent(after[2] if after else None),
        "direction": found.direction,
    }


async def followed(context: Context, entry: Entry) -> None:
    """The insats is followed up, and again on the day that was agreed."""
    assert isinstance(entry.body, FollowUp)  # noqa: S101 - the step's kind
    assert entry.parent_id is not None  # noqa: S101 - it hangs on its insats
    await others.move(context, entry.parent_id, "followed_up", follow_up_on=entry.body.next_on)


async def plan_followed(context: Context, entry: Entry) -> None:
    """The plan goes on to its next uppföljning."""
    assert isinstance(entry.body, FollowUpPlan)  # noqa: S101 - the step's kind
    assert entry.parent_id is not None  # noqa: S101 - it hangs on its plan
    held = await entries.one(context.connection, entry.parent_id)
    if held is not None and isinstance(held.body, Plan):
        await others.move(context, entry.parent_id, held.status, follow_up_on=entry.body.next_on)


def install() -> None:
    """Into the registries of the chain."""
    PREPARE["follow_up"] = compute
    EFFECTS["follow_up"] = followed
    EFFECTS["follow_up_plan"] = plan_followed
