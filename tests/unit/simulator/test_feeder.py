"""The feeder loses nothing and repeats only what it may."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.simulator import ledger as ledgers
from bench.simulator.client import GaveUpError, IngestClient, RefusedError, is_local, retry_after
from bench.simulator.config import SimulatorConfig
from bench.simulator.events import RegisterEvent
from bench.simulator.feeder import Feeder, FeedOptions, FeedStats
from bench.simulator.ledger import Ledger
from bench.simulator.rates import Rates
from bench.simulator.stream import Simulation
from services.common.clock import FixedClock, local_instant
from tests.unit.simulator.fake_ingest import FakeIngest

TODAY = date(2026, 11, 24)
OPTIONS = FeedOptions(first=date(2026, 11, 16), last=TODAY, concurrency=3, batch=40)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation.of(SimulatorConfig(seed=5, pupils=150, today=TODAY))


def feed(
    simulation: Simulation,
    ingest: FakeIngest,
    ledger: Path | None = None,
    *,
    options: FeedOptions = OPTIONS,
    now: datetime | None = None,
    patience: float = 60.0,
) -> tuple[FeedStats, list[float]]:
    """One run; returns its statistics and the pauses it made."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def run() -> FeedStats:
        client = IngestClient(
            "http://ingest.test",
            "secret",
            concurrency=options.concurrency,
            patience=patience,
            jitter=random.Random(1),
            transport=ingest.transport(),
            sleep=pause,
        )
        clock = FixedClock(now or local_instant(TODAY, 24 * 60 - 1))
        try:
            with Ledger(ledger) as book:
                return await Feeder(simulation, client, book, clock=clock, options=options).run()
        finally:
            await client.close()

    return asyncio.run(run()), pauses


def expected(simulation: Simulation, options: FeedOptions, until: datetime) -> set[str]:
    millis = until.timestamp() * 1000
    return {
        f"{event.id}"
        for event in simulation.messages(
            options.first, options.last, timetable=options.timetable, all_from=TODAY
        )
        if event.arrival <= millis
    }


def test_everything_due_is_acknowledged_once_and_duplicates_are_extra(
    simulation: Simulation,
) -> None:
    ingest = FakeIngest()
    options = replace(OPTIONS, duplicates=0.2)
    stats, _ = feed(simulation, ingest, options=options)
    wanted = expected(simulation, options, local_instant(TODAY, 24 * 60 - 1))
    assert {item["id"] for item in ingest.taken.values()} == wanted
    assert stats.registers + stats.notices == len(ingest.taken)
    assert stats.duplicates_sent > 20
    assert stats.late_facts > 10
    assert stats.corrections > 10
    assert stats.refused == 0
    assert stats.marks == sum(len(i["marks"]) for i in ingest.taken.values() if "marks" in i)


def test_nothing_from_the_future_is_sent(simulation: Simulation) -> None:
    ingest = FakeIngest()
    now = local_instant(TODAY, 7 * 60 + 30)
    feed(simulation, ingest, now=now)
    assert ingest.taken
    assert all(datetime.fromisoformat(i["modified"]) <= now for i in ingest.taken.values())
    assert not any(
        item["state"] == "reported"
        for item in ingest.taken.values()
        if "start" in item and "state" in item and item["start"].startswith(TODAY.isoformat())
    )


def test_lost_answers_busy_answers_and_broken_connections_lose_nothing(
    simulation: Simulation, tmp_path: Path
) -> None:
    ingest = FakeIngest(lose_answers=0.3)
    ingest.failures = [
        lambda: httpx.ConnectError("nobody listens"),
        lambda: httpx.Response(503, headers={"Retry-After": "7"}),
        lambda: httpx.Response(429, headers={"Retry-After": "3"}),
        lambda: httpx.Response(500, text="broken"),
        lambda: httpx.ReadTimeout("slow"),
    ]
    path = tmp_path / "ledger.jsonl"
    stats, pauses = feed(simulation, ingest, path)
    wanted = expected(simulation, OPTIONS, local_instant(TODAY, 24 * 60 - 1))
    assert {item["id"] for item in ingest.taken.values()} == wanted
    assert 7.0 in pauses
    assert 3.0 in pauses
    assert stats.retries >= 5
    kept = [line for line in ledgers.read(path) if line["kind"] != "roster"]
    assert {line["key"] for line in kept} == set(ingest.taken)
    assert all(line["pupils"] for line in kept)


def test_what_was_acknowledged_before_is_not_sent_again(
    simulation: Simulation, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.jsonl"
    early, late = local_instant(date(2026, 11, 19), 720), local_instant(TODAY, 24 * 60 - 1)
    plain = replace(OPTIONS, duplicates=0.0, timetable="all")
    feed(simulation, first := FakeIngest(), path, options=plain, now=early)
    # A crash in the middle of a line: that batch was never acknowledged to us.
    with path.open("ab") as file:
        file.write(b'{"kind": "register", "key": "cut o')
    stats, _ = feed(simulation, second := FakeIngest(), path, options=plain, now=late)
    assert stats.skipped == len(first.taken)
    assert not set(first.taken) & set(second.taken)
    assert {i["id"] for i in (first.taken | second.taken).values()} >= expected(
        simulation, plain, early
    )
    assert all(line["key"] for line in ledgers.read(path))


def test_the_roster_comes_first_and_again_when_somebody_joins(simulation: Simulation) -> None:
    config = SimulatorConfig(seed=5, pupils=150, today=TODAY, rates=Rates(joiners=0.5))
    joining = Simulation.of(config)
    ingest = FakeIngest()
    wide = replace(OPTIONS, first=date(2026, 9, 1))
    stats, _ = feed(joining, ingest, options=wide)
    assert ingest.requests[0][0] == "/v1/roster"
    assert stats.rosters == len(ingest.rosters) > 3
    sizes = [len(roster["pupils"]) for roster in ingest.rosters]
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]


def test_a_refused_item_is_counted_and_kept_with_its_reason(
    simulation: Simulation, tmp_path: Path
) -> None:
    ingest = FakeIngest()
    ingest.refuse = lambda item: (
        {"code": "unknown_unit", "field": "/school_unit", "detail": "…"}
        if item.get("school_unit") == "u2"
        else None
    )
    path = tmp_path / "ledger.jsonl"
    stats, _ = feed(simulation, ingest, path)
    assert stats.refused > 0
    assert stats.refusals == {"unknown_unit": stats.refused}
    assert any(
        line["status"] == "refused" and line["problem"]["field"] == "/school_unit"
        for line in ledgers.read(path)
    )


def test_a_wrong_token_stops_the_feed_at_once(simulation: Simulation) -> None:
    ingest = FakeIngest()
    ingest.failures = [lambda: httpx.Response(401, text="no such token")] * 2
    with pytest.raises(RefusedError, match="401"):
        feed(simulation, ingest)
    assert not ingest.taken


def test_it_gives_up_when_nothing_is_acknowledged_for_too_long(simulation: Simulation) -> None:
    ingest = FakeIngest()
    ingest.failures = [lambda: httpx.ConnectError("nobody listens")] * 1000
    with pytest.raises(GaveUpError, match="nothing acknowledged"):
        feed(simulation, ingest, patience=0.01)


def test_live_mode_follows_the_clock(simulation: Simulation) -> None:
    """History at once; then each message when the clock comes to it, never earlier."""
    ingest = FakeIngest()
    clock = FixedClock(local_instant(TODAY, 8 * 60))
    options = replace(OPTIONS, first=TODAY, live=True, duplicates=0.0)
    seen: list[tuple[datetime, str]] = []

    async def run() -> None:
        client = IngestClient(
            "http://ingest.test", "secret", concurrency=2, transport=ingest.transport()
        )

        def observe(event: RegisterEvent, took: float) -> None:
            seen.append((clock.now(), event.id))
            assert event.arrival <= clock.now().timestamp() * 1000
            assert took >= 0

        with Ledger(None) as book:
            feeder = Feeder(simulation, client, book, clock=clock, options=options, observe=observe)
            task = asyncio.create_task(feeder.run())
            for _ in range(40):
                await asyncio.sleep(0.12)
                clock.advance(timedelta(minutes=30))
                if task.done():
                    break
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await client.close()

    asyncio.run(run())
    assert len({moment for moment, _ in seen}) > 5
    assert any("/report" in name for _, name in seen)


def test_no_proxy_stands_before_the_own_machine() -> None:
    assert is_local("http://127.0.0.1:8081")
    assert is_local("http://[::1]:8081")
    assert not is_local("https://ingest.example.org")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("12", 12.0),
        ("Tue, 24 Nov 2026 06:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 05:00:00 GMT", 0.0),
        ("soon", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, datetime(2026, 11, 24, 6, 0, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    ("change", "field"),
    [({"batch": 0}, "batch"), ({"batch": 501}, "batch"), ({"concurrency": 0}, "concurrency"),
     ({"duplicates": 1.0}, "duplicates"), ({"rate": 0.0}, "rate")],
)  # fmt: skip
def test_impossible_options_name_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        replace(OPTIONS, **change)
