"""When which fault comes, from the seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.ews.hooks import Step as WorkerStep

Action = Literal["kill", "terminate", "freeze", "kill_broker"]

WORKERS = ("ews-1", "ews-2")
FREEZABLE = "ews-2"
"""The worker that runs under deploy.check.worker."""
OTHERS = ("ingest", "waves", "cases", "notify")
INSIDE: tuple[WorkerStep, ...] = ("begun", "sent", "delivered", "offsets")
"""The steps of a checkpoint between the beginning of its transaction and the commit."""

_Planned = tuple[Action, str, WorkerStep | None]


@dataclass(frozen=True, slots=True)
class Step:
    """One fault: ``at`` seconds after the live traffic began."""

    at: float
    action: Action
    target: str
    inside: WorkerStep | None = None
    """The step of a transaction at which a worker is frozen."""


def schedule(seed: int, seconds: float) -> list[Step]:
    """The faults of a live run of ``seconds``, in order, with room between them.

    A worker is killed and the other one stopped; one is frozen inside a
    transaction; the broker is killed; each other service is restarted, one of
    them at least by SIGKILL. Order, moments and kinds follow from the seed.
    """
    dice = random.Random(seed)  # noqa: S311 - reproducible on purpose
    killed, stopped = dice.sample(WORKERS, 2)
    hard = dice.sample(OTHERS, dice.randint(1, len(OTHERS)))
    heavy: list[_Planned] = [
        ("kill", killed, None),
        ("terminate", stopped, None),
        ("freeze", FREEZABLE, dice.choice(INSIDE)),
        ("kill_broker", "kafka", None),
    ]
    light: list[_Planned] = [
        ("kill" if name in hard else "terminate", name, None) for name in OTHERS
    ]
    order = _interleaved(dice, heavy, light)
    # Each fault has a slot; it comes within the slot's first tenth, so that what it does is over
    # before the next.
    slot = seconds / (len(order) + 1)
    return [
        Step(slot * (index + 0.5 + 0.1 * dice.random()), action, target, inside)
        for index, (action, target, inside) in enumerate(order)
    ]


def _interleaved(
    dice: random.Random, heavy: Sequence[_Planned], light: Sequence[_Planned]
) -> list[_Planned]:
    """Heavy and light ones in turn, each kind in the seed's order."""
    first, second = dice.sample(heavy, len(heavy)), dice.sample(light, len(light))
    order: list[_Planned] = []
    for index, step in enumerate(first):
        order.append(step)
        order += second[index : index + 1]
    return order
