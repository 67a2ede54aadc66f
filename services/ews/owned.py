"""A restored partition and what is going on with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from services.ews.partition import PartitionRunner


@dataclass(slots=True)
class Owned:
    """One of the worker's partitions, shared by everything that looks after it."""

    runner: PartitionRunner
    producer: AIOKafkaProducer
    checkpointed_at: float
    dirty_since: float | None = None
    """When facts were first seen that no checkpoint holds."""
    waits: bool = False
    """Its checkpoint is due and waits for its turn: others are being written."""
    turn_at: float = 0.0
    """When its turn last came."""
    settled: bool = False
    """Everything that was restored has been judged."""
    writing: asyncio.Task[None] | None = None
