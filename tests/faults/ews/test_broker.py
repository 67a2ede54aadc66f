"""A broker that dies under load, one that never comes back, and everything at once."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from services.common import topics
from tests.support.stack import NewKafka
from tests.support_ews import school
from tests.support_ews.facts import stream
from tests.support_ews.harness import Stream, run
from tests.support_ews.process import Worker
from tests.trial import TRIAL_KEY

pytestmark = pytest.mark.fault

_SETTINGS = {"group.min.session.timeout.ms": "1000"}


def test_a_broker_killed_under_load(
    make_stream: Callable[..., Stream], new_kafka: NewKafka, seed: int
) -> None:
    rng = random.Random(seed)
    broker = new_kafka(settings=_SETTINGS)
    s = make_stream(bootstrap=broker.bootstrap, session_seconds=6.0)

    async def scenario() -> None:
        await s.create()
        workers = [s.start(), s.start()]
        for worker in workers:
            await s.said(worker, '"restored"')
        async with s.load(stream(rng, s.partitions, 10**6), a_second=60):
            for _ in range(2):
                await asyncio.sleep(rng.uniform(1, 2))
                broker.kill()
                await asyncio.sleep(rng.uniform(1, 3))
                await asyncio.to_thread(broker.start)
                await asyncio.sleep(2)
        # A worker that gave up starts again, as its supervisor would let it.
        _revive(s)
        await s.caught_up()
        await s.assert_true()

    run(scenario())


def test_sigterm_without_a_broker_is_obeyed_in_time(
    make_stream: Callable[..., Stream], new_kafka: NewKafka, seed: int
) -> None:
    broker = new_kafka(settings=_SETTINGS)
    s = make_stream(
        partitions=2, bootstrap=broker.bootstrap, extra={"FORVARNING_EWS_STOP_SECONDS": "4"}
    )

    async def scenario() -> None:
        await s.create()
        worker = s.start()
        await s.said(worker, '"restored"')
        await s.send(stream(random.Random(seed), s.partitions, 5))
        await s.caught_up()
        broker.kill()
        worker.signal(signal.SIGTERM)
        asked = time.monotonic()
        assert await s.ended(worker) in (0, 75)
        assert time.monotonic() - asked < 8

    run(scenario())


@pytest.mark.parametrize("core", ["counting", "real"])
def test_everything_at_once(make_stream: Callable[..., Stream], seed: int, core: str) -> None:
    """Workers are killed, asked to stop, frozen and thawed at random while facts arrive."""
    rng = random.Random(seed)
    s = make_stream(core=core)

    async def scenario() -> None:
        await s.create()
        items: Iterable[tuple[int, Any]]
        if core == "real":
            await s.send_raw(0, school.profile_record(), topic=s.topology.profiles, key=TRIAL_KEY)
            items = school.facts(random.Random(seed + 1), s.partitions, 60)
        else:
            items = stream(random.Random(seed + 1), s.partitions, 10**6)
        s.start()
        s.start()
        async with s.load(items, a_second=40):
            for _ in range(6):
                await asyncio.sleep(rng.uniform(1, 3))
                victim = rng.choice([w for w in s.workers if w.running])
                fault = rng.choice(["kill", "term", "freeze"])
                print(fault, victim.log.name)
                await _strike(victim, fault, rng)
                _revive(s)
        _revive(s)
        await s.caught_up()
        if core == "real":
            assert await s.assert_replay() > 10
        else:
            await s.assert_true()

    run(scenario())


async def _strike(victim: Worker, fault: str, rng: random.Random) -> None:
    if fault == "freeze":
        victim.signal(signal.SIGSTOP)
        await asyncio.sleep(rng.uniform(0.5, 5))
        victim.signal(signal.SIGCONT)
    else:
        victim.signal(signal.SIGKILL if fault == "kill" else signal.SIGTERM)


def _revive(s: Stream) -> None:
    while sum(worker.running for worker in s.workers) < 2:
        s.start()


def test_the_registry_declares_what_the_fences_rest_on() -> None:
    """Every topic of a checkpoint is as wide as the input log, and the log is not compacted."""
    written = (
        topics.STATE,
        topics.WARNINGS,
        topics.ABSENCE_DAYS,
        topics.GROUP_DAYS,
        topics.DEAD_LETTERS,
    )
    assert all(topic.partitions is None and topic.transactional for topic in written)
    assert (topics.FACTS.partitions, topics.FACTS.transactional) == (None, False)
    assert topics.FACTS.cleanup == "delete"
