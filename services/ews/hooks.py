"""Named points between the steps of a restore and a checkpoint.

Production runs with :data:`NO_HOOK`. The fault tests start the same worker
with an object that ends, stops or fails it at one of these points.
"""

from __future__ import annotations

from typing import Literal, Protocol

Step = Literal[
    # restore, in order
    "assigned",
    "fenced",
    "restored",
    "verified",
    # checkpoint, in order
    "snapshot",
    "begun",
    "sent",
    "delivered",
    "offsets",
    "committed",
]


class Hook(Protocol):
    """Told of every step that has just been taken."""

    async def reached(self, step: Step, partition: int) -> None:
        """``step`` is done for ``partition`` (-1: for all partitions of an assignment)."""


class _NoHook:
    async def reached(self, step: Step, partition: int) -> None:
        """Do nothing."""


NO_HOOK: Hook = _NoHook()
