"""What the background work of the case service waits for, and what it does not."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import asyncpg
import pytest
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
    with pytest.raises(TimeoutError):
        _run(_work(kind, ConnectionRefusedError()), seconds=0.2)
