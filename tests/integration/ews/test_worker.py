"""One worker on a real broker: assign, restore, process, checkpoint, stop, go on."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable

import httpx

from tests.support_ews.facts import stream
from tests.support_ews.harness import Stream, run


def test_a_worker_reads_a_log_stops_in_order_and_goes_on(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    rng = random.Random(seed)
    s = make_stream()

    async def scenario() -> None:
        await s.create()
        await s.send(stream(rng, s.partitions, 40))
        first = s.start()
        await s.caught_up()
        await s.assert_true()
        await s.send(stream(rng, s.partitions, 5))
        first.signal(signal.SIGTERM)
        assert first.wait() == 0
        before = len(await s.read(s.topology.warnings))
        second = s.start()
        await s.send(stream(rng, s.partitions, 10))
        await s.caught_up()
        await s.assert_true()
        assert len(await s.read(s.topology.warnings)) >= before
        second.signal(signal.SIGTERM)
        assert second.wait() == 0

    run(scenario())


def test_health_and_metrics_answer(make_stream: Callable[..., Stream], seed: int) -> None:
    s = make_stream(partitions=2)

    async def scenario() -> None:
        await s.create()
        worker = s.start()
        await s.until(lambda: worker.says('"restored"'), 30, "restored")
        port = next(line["port"] for line in worker.lines() if line["event"] == "listening")
        await s.send(stream(random.Random(seed), s.partitions, 5))
        await s.caught_up()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/healthz")).json() == {"progress": "ok", "loop": "ok"}
            ready = await client.get("/readyz")
            assert ready.status_code == 200, ready.text
            text = (await client.get("/metrics")).text
        figures = dict(
            line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")
        )
        assert float(figures["forvarning_ews_facts_total"]) == sum((await s.ends()).values())
        assert float(figures["forvarning_ews_partitions"]) == 2
        assert float(figures["forvarning_ews_transaction_seconds_count"]) >= 2

    run(scenario())
