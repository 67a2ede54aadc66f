"""What the phases of a run share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from bench.simulator.client import IngestClient
from bench.simulator.events import Event
from bench.simulator.ledger import Ledger
from bench.simulator.stream import Simulation
from deploy.check.days import Days
from deploy.check.receiver import WebhookReceiver
from deploy.check.say import Diary
from deploy.check.stack import CheckStack
from deploy.check.watch import CheckpointWatch
from services.common.clock import Clock


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for. ``rate`` is registers a second of the live traffic."""

    seed: int
    days: Days
    folder: Path
    pupils: int = 1200
    rate: float = 200.0
    live_seconds: float = 210.0


@dataclass(frozen=True, slots=True)
class Run:
    """One run under way."""

    options: Options
    diary: Diary
    stack: CheckStack
    receiver: WebhookReceiver
    simulation: Simulation
    events: list[Event]
    """Everything that is said about the eight weeks, by arrival."""
    organiser: UUID
    source: UUID
    token: str
    client: IngestClient
    ledger: Ledger
    clock: Clock
    watch: CheckpointWatch
