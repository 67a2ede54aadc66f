"""The live traffic against an ingest that answers as told."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import httpx
import pytest

from bench.simulator.client import IngestClient
from bench.simulator.config import SimulatorConfig
from bench.simulator.events import Event, NoticeEvent, RegisterEvent
from bench.simulator.ledger import Ledger
from bench.simulator.stream import Simulation
from deploy.check.days import evening, morning
from deploy.check.traffic import LiveTraffic, key_of
from services.common.clock import FixedClock

DAY = date(2026, 11, 24)


@lru_cache
def _simulation() -> tuple[Simulation, tuple[Event, ...]]:
    simulation = Simulation.of(SimulatorConfig(seed=3, pupils=100, today=DAY))
    return simulation, tuple(simulation.messages(DAY, DAY))


class _Ingest:
    """Answers 202 to everything, or 503 while ``away``."""

    def __init__(self) -> None:
        self.away = False
        self.batches: list[tuple[float, str, list[dict[str, Any]]]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            return httpx.Response(503, headers={"Retry-After": "0"})
        body = request.content
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        ((name, items),) = json.loads(body).items()
        self.batches.append((time.monotonic(), name, items))
        told = [{"index": i, "status": "accepted", "notes": []} for i in range(len(items))]
        return httpx.Response(202, json={"accepted": len(items), "refused": 0, "items": told})

    def registers(self) -> list[dict[str, Any]]:
        return [item for _, name, items in self.batches if name == "registers" for item in items]


class _Listener:
    def __init__(self) -> None:
        self.notices: list[NoticeEvent] = []
        self.registers: list[tuple[RegisterEvent, float]] = []

    def about_to_send_notice(self, event: NoticeEvent) -> None:
        self.notices.append(event)

    def acknowledged(self, event: RegisterEvent, at: float) -> None:
        self.registers.append((event, at))


class _Bench:
    def __init__(self, at: datetime, *, rate: float = 100.0) -> None:
        simulation, events = _simulation()
        self.ingest, self.listener, self.clock = _Ingest(), _Listener(), FixedClock(at)
        self.client = IngestClient(
            "http://ingest", "t", concurrency=8, transport=httpx.MockTransport(self.ingest)
        )
        self.ledger = Ledger(None)
        self.events = events
        self.traffic = LiveTraffic(
            simulation.world,
            iter(events),
            client=self.client,
            ledger=self.ledger,
            clock=self.clock,
            listener=self.listener,
            rate=rate,
        )

    def run(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        asyncio.run(self.traffic.run(lambda: time.monotonic() >= until))


@pytest.fixture
def noon() -> Iterator[_Bench]:
    bench = _Bench(morning(DAY).replace(hour=11))
    yield bench
    asyncio.run(bench.client.close())


def test_what_the_clock_has_come_to_is_sent_in_order_and_nothing_of_the_future(
    noon: _Bench,
) -> None:
    now = noon.clock.now().timestamp() * 1000
    due = [e for e in noon.events if e.arrival <= now]
    asyncio.run(noon.traffic.rest())
    registers = [e.id for e in due if isinstance(e, RegisterEvent)]
    assert [item["id"] for item in noon.ingest.registers()] == registers
    assert [n.id for n in noon.listener.notices] == [
        e.id for e in due if isinstance(e, NoticeEvent)
    ]
    assert noon.ledger.done == {key_of(event) for event in due}
    assert noon.traffic.stats.duplicates_sent == 0


def test_what_the_history_has_sent_is_not_sent_again(noon: _Bench) -> None:
    noon.ledger.done.update(key_of(event) for event in noon.events)
    asyncio.run(noon.traffic.rest())
    assert noon.ingest.batches == []


def test_repeats_fill_the_rate_and_a_batch_never_names_a_lesson_twice() -> None:
    bench = _Bench(evening(DAY), rate=200.0)
    asyncio.run(bench.traffic.rest())
    first = len(bench.ingest.registers())
    bench.run(2.0)
    asyncio.run(bench.client.close())
    sent = len(bench.ingest.registers()) - first
    # A busy machine may send less, never more.
    assert 100 <= sent <= 420
    stats = bench.traffic.stats
    assert stats.duplicates_sent == sent
    assert len(stats.accepted_at) == first + sent
    for _, name, items in bench.ingest.batches:
        if name == "registers" and len(bench.ingest.batches) > first:
            lessons = [(item["activity"], item["start"]) for item in items]
            repeated = [item["id"] for item in items]
            assert len(repeated) == len(set(repeated))
            assert lessons


def test_after_an_outage_the_rate_is_no_higher_than_before() -> None:
    bench = _Bench(evening(DAY), rate=100.0)
    asyncio.run(bench.traffic.rest())
    bench.ingest.away = True

    async def through_an_outage() -> None:
        begun = time.monotonic()
        running = asyncio.create_task(bench.traffic.run(lambda: time.monotonic() >= begun + 5.0))
        await asyncio.sleep(2.0)
        bench.ingest.away = False
        await running

    asyncio.run(through_an_outage())
    asyncio.run(bench.client.close())
    back = bench.ingest.batches[-1][0] - 2.0
    late = [len(items) for at, name, items in bench.ingest.batches if at > back]
    assert sum(late) <= 100.0 * 2.0 + 50
    # Everything that was acknowledged counts once.
    assert len(bench.traffic.stats.accepted_at) == len(bench.ingest.registers())


def test_the_listener_hears_the_moment_of_the_answer(noon: _Bench) -> None:
    before = time.monotonic()
    asyncio.run(noon.traffic.rest())
    assert len(noon.listener.registers) == len(noon.ingest.registers())
    assert all(before <= at <= time.monotonic() for _, at in noon.listener.registers)


def test_what_is_never_answered_for_good_is_said_and_ends_nothing() -> None:
    bench = _Bench(morning(DAY).replace(hour=11))
    said: list[str] = []
    refusing = IngestClient(
        "http://ingest",
        "t",
        concurrency=2,
        transport=httpx.MockTransport(lambda _: httpx.Response(403, text="no")),
    )
    simulation, events = _simulation()
    traffic = LiveTraffic(
        simulation.world,
        iter(events),
        client=refusing,
        ledger=bench.ledger,
        clock=bench.clock,
        listener=bench.listener,
        rate=100.0,
        say=said.append,
    )

    async def all_of_it() -> None:
        await traffic.roster(DAY)
        await traffic.rest()
        await refusing.close()
        await bench.client.close()

    asyncio.run(all_of_it())
    due = [e for e in events if e.arrival <= bench.clock.now().timestamp() * 1000]
    assert traffic.stats.given_up == len(due) + 1
    assert traffic.stats.accepted_at == []
    assert bench.ledger.done == set()
    assert all("403" in text for text in said)
