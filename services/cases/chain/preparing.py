"""What the system fills in before a step is judged: figures and facts that nobody should type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from services.cases.chain.context import Context
from services.cases.domain.entries.registry import KINDS
from services.cases.domain.law.step import Step
from services.cases.store.entries import Entry

#: The third is the entry that the step moves on or hangs on.
Prepare = Callable[[Context, dict[str, Any], Entry | None], Awaitable[dict[str, Any]]]

#: By step.
PREPARE: dict[str, Prepare] = {}


async def prepare(
    context: Context, step: Step, raw: Mapping[str, Any], target: Entry | None
) -> dict[str, Any]:
    """The body as sent, without what is computed, and then with it."""
    computed = KINDS[step.kind].computed
    given = {name: value for name, value in raw.items() if name not in computed}
    filled = PREPARE.get(step.name)
    return await filled(context, given, target) if filled else given
