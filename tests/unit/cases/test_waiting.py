"""What the background work of the case service waits for, and what it does not."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError
from asyncpg.exceptions import _base

from services.cases.publisher import OutboxPublisher
from services.cases.sweep import Sweep


def _work(kind: str, error: Exception) -> Any:
    """A sweep or a publisher whose every round fails with ``error``."""

    async def once(_self: Any) -> NoReturn:
        raise error

    nothing: Any = object()
    made = {
        "sweep": lambda: type("Failing", (Sweep,), {"once": once})(nothing),
        "publisher": lambda: type("Failing", (OutboxPublisher,), {"once": once})(nothing, nothing),
    }
    return made[kind]()


def _run(work: Any, seconds: float) -> None:
    async def run() -> None:
        await asyncio.wait_for(work.run(), seconds)

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["sweep", "publisher"])
@pytest.mark.parametrize(
    "error", [_base.DataError("value out of int32 range"), asyncpg.UndefinedTableError("no")]
)
def test_what_will_never_fit_is_not_tried_for_ever(kind: str, error: Exception) -> None:
    with pytest.raises(type(error)):
        _run(_work(kind, error), seconds=5)


@pytest.mark.parametrize("kind", ["sweep", "publisher"])
def test_a_database_that_is_away_is_waited_for(kind: str) -> None:
    work = _work(kind, ConnectionRefusedError())
    began = work.progress
    with pytest.raises(TimeoutError):
        _run(work, seconds=0.2)
    # Who waits is not stuck: the process has pages to show meanwhile.
    assert work.progress > began


class _Unreachable:
    """A producer whose broker cannot be reached, neither to begin nor to end."""

    def __init__(self) -> None:
        self.stopped = False

    async def start(self) -> None:
        raise KafkaConnectionError

    async def stop(self) -> None:
        self.stopped = True
        raise KafkaTimeoutError


def test_a_producer_that_could_not_start_is_let_go_of_however_it_ends() -> None:
    made: list[_Unreachable] = []

    def make() -> Any:
        made.append(_Unreachable())
        return made[-1]

    async def once(work: Any) -> None:
        await work._ready_producer()

    nothing: Any = object()
    work = type("Starting", (OutboxPublisher,), {"once": once})(nothing, make)
    with pytest.raises(TimeoutError):
        _run(work, seconds=1.5)
    assert len(made) > 1
    assert all(one.stopped for one in made)
