"""The real worker on the topics that FORVARNING_BENCH_TOPOLOGY names, one JSON object.

It says on its standard output when it first reached each step, as :func:`steps_in` reads it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from typing import Literal

from services.common.settings import EwsSettings
from services.ews.app import run
from services.ews.core.core import Core
from services.ews.hooks import Step
from services.ews.topology import Topology

_MARK = "bench-step"
BEGUN: Literal["loaded"] = "loaded"
"""Python runs and everything is imported."""


def say_step(step: str) -> None:
    """Say that the step was reached now, by the clock that every process of a machine shares."""
    os.write(1, f"{_MARK} {step} {time.monotonic():.6f}\n".encode())


def steps_in(log: Iterable[str], since: float) -> dict[str, float]:
    """When the worker first reached each step after ``since``."""
    found: dict[str, float] = {}
    for line in log:
        words = line.split()
        if len(words) == 3 and words[0] == _MARK and float(words[2]) >= since:
            found.setdefault(words[1], float(words[2]))
    return found


class FirstSteps:
    """A hook that says each step once."""

    def __init__(self) -> None:
        self._seen: set[Step] = set()

    async def reached(self, step: Step, partition: int) -> None:  # noqa: ARG002  # any of them
        """See :class:`services.ews.hooks.Hook`."""
        if step not in self._seen:
            self._seen.add(step)
            say_step(step)


if __name__ == "__main__":
    say_step(BEGUN)
    run(
        EwsSettings(),
        Core,
        topology=Topology(**json.loads(os.environ["FORVARNING_BENCH_TOPOLOGY"])),
        hook=FirstSteps(),
    )
