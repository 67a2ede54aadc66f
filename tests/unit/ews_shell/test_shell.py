"""Who owns what, when a checkpoint is due, and what ends the process; no broker."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from forvarning.facts.v1.facts_pb2 import Fact, ProfileActivated
from services.common.settings import EwsSettings
from services.ews.checkpoint import Checkpointer, decode_checkpoint, encode_checkpoint
from services.ews.core.core import Core
from services.ews.errors import TransactionError
from services.ews.faust_app import EwsConsumer, RebalanceCounter
from services.ews.hooks import NO_HOOK
from services.ews.owned import Owned
from services.ews.partition import PartitionRunner, Position, Record, Snapshot
from services.ews.profiles import ProfileStore
from services.ews.restore import Restored
from services.ews.shell import Shell, _all_or_none
from services.ews.topology import Topology, transactional_id
from services.ews.watchdog import ExitCode
from tests.support_ews.counting import CountingCore
from tests.support_ews.facts import fact, register
from tests.trial import TRIAL, TRIAL_ID


class Ended(BaseException):
    """What die() does here."""


def _die(code: ExitCode, reason: str) -> NoReturn:
    raise Ended(code, reason)


@dataclass
class FakeFlow:
    ends: dict[int, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def pause(self, partition: int) -> None:
        self.said.append(f"pause {partition}")

    def resume(self, partition: int) -> None:
        self.said.append(f"resume {partition}")

    def end(self, partition: int) -> int | None:
        return self.ends.get(partition)


@dataclass
class FakeCheckpointer:
    """Takes snapshots; ``gate`` holds a transaction open."""

    written: list[tuple[int, Snapshot]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    fails: bool = False
    strays: bool = False
    at_once: int = 0
    most_at_once: int = 0

    async def write(self, _: object, partition: int, snapshot: Snapshot) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
            if self.fails:
                raise TransactionError("planted")
            if self.strays:
                raise asyncio.CancelledError
            self.written.append((partition, snapshot))
        finally:
            self.at_once -= 1


class FakeProducer:
    def __init__(self) -> None:
        self.stopped = False

    async def stop(self) -> None:
        self.stopped = True


class Scene:
    def __init__(self, **settings: Any) -> None:
        self.now = 1000.0
        self.flow = FakeFlow()
        self.checkpointer = FakeCheckpointer()
        self.settings = EwsSettings(**settings)
        self.shell = Shell(
            settings=self.settings,
            topology=Topology(),
            make_core=CountingCore,
            profiles=ProfileStore(self.settings, "rules"),
            checkpointer=cast("Checkpointer", self.checkpointer),
            hook=NO_HOOK,
            die=_die,
            flow=self.flow,
            clock=lambda: self.now,
        )

    def own(self, partition: int, **position: int) -> Owned:
        runner = PartitionRunner(
            partition,
            CountingCore(),
            Position(**({"next_offset": 0} | position)),
            self.shell._events,
            100,
        )
        owned = Owned(runner, cast("Any", FakeProducer()), self.now)
        self.shell.owned[partition] = owned
        return owned

    def feed(self, partition: int, offset: int) -> None:
        made = register(random.Random(offset), partition, offset, offset + 1)
        self.shell.feed(partition, Record(offset, b"home", fact(made)))

    async def tick(self, seconds: float) -> None:
        """Let the checkpoint loop look once, ``seconds`` later."""
        self.now += seconds
        for partition, entry in list(self.shell.owned.items()):
            if entry.writing is None and self.shell.schedule.due(partition, entry, self.now):
                self.shell.schedule.begin(partition, entry)
        for _ in range(5):
            await asyncio.sleep(0)


def test_facts_of_partitions_that_are_not_owned_are_left_alone() -> None:
    Scene().feed(3, 0)


def test_a_gap_and_anything_else_of_the_shell_end_the_process() -> None:
    scene = Scene()
    scene.own(0)
    with pytest.raises(Ended, match="expected the record at offset 0, got 4"):
        scene.feed(0, 4)


def test_poison_asks_for_the_operator() -> None:
    scene = Scene()
    scene.own(0).runner.max_undigested_in_a_row = 0
    with pytest.raises(Ended) as ended:
        scene.shell.feed(0, Record(0, b"", b"\xff"))
    assert ended.value.args[0] is ExitCode.OPERATOR


def test_a_checkpoint_comes_each_interval_and_sooner_when_a_warning_may_be_due() -> None:
    async def scenario() -> None:
        scene = Scene(ews_checkpoint_seconds=1.0, ews_flush_seconds=0.2, ews_catch_up_seconds=15.0)
        entry = scene.own(0)
        await scene.tick(5)
        assert not scene.checkpointer.written  # nothing new, nothing written
        entry.checkpointed_at = scene.now
        scene.feed(0, 0)
        await scene.tick(0.05)
        assert not scene.checkpointer.written
        await scene.tick(0.2)
        assert [p for p, _ in scene.checkpointer.written] == [0]
        assert entry.runner.committed.next_offset == 1
        # Behind the log it waits for the whole interval.
        scene.flow.ends[0] = 1_000
        scene.feed(0, 1)
        await scene.tick(0.1)
        await scene.tick(0.5)
        assert len(scene.checkpointer.written) == 1
        await scene.tick(0.5)
        assert len(scene.checkpointer.written) == 2
        # Far behind it for a longer one: nobody waits for what is decided on the way.
        scene.flow.ends[0] = 100_000
        scene.feed(0, 2)
        await scene.tick(0.1)
        await scene.tick(14.8)
        assert len(scene.checkpointer.written) == 2
        await scene.tick(0.2)
        assert len(scene.checkpointer.written) == 3

    asyncio.run(scenario())


def test_only_so_many_checkpoints_at_a_time() -> None:
    async def scenario() -> None:
        scene = Scene(ews_parallel_checkpoints=3)
        for partition in range(10):
            scene.own(partition)
            scene.feed(partition, 0)
        await scene.tick(2)
        await scene.tick(2)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(scene.checkpointer.written) == 10
        assert scene.checkpointer.most_at_once == 3

    asyncio.run(scenario())


def test_facts_of_a_running_checkpoint_belong_to_the_next() -> None:
    async def scenario() -> None:
        scene = Scene()
        entry = scene.own(0)
        scene.checkpointer.gate = asyncio.Event()
        scene.feed(0, 0)
        await scene.tick(2)
        scene.feed(0, 1)
        await scene.tick(2)
        assert entry.runner.committed.next_offset == 0
        scene.checkpointer.gate.set()
        await scene.tick(0)
        assert entry.runner.committed.next_offset == 1
        await scene.tick(2)
        assert entry.runner.committed.next_offset == 2
        assert [s.facts for _, s in scene.checkpointer.written] == [1, 1]

    asyncio.run(scenario())


def test_a_failed_checkpoint_ends_the_process() -> None:
    async def scenario() -> None:
        scene = Scene()
        entry = scene.own(0)
        scene.checkpointer.fails = True
        scene.feed(0, 0)
        scene.shell.schedule.begin(0, entry)
        assert entry.writing is not None
        with pytest.raises(Ended, match="planted"):
            await entry.writing

    asyncio.run(scenario())


def test_a_checkpoint_that_nobody_cancelled_but_was_cancelled_ends_the_process() -> None:
    """Its rows were handed out once: to go on without them would lose what they say."""

    async def scenario() -> None:
        scene = Scene()
        entry = scene.own(0)
        scene.checkpointer.strays = True
        scene.feed(0, 0)
        scene.shell.schedule.begin(0, entry)
        assert entry.writing is not None
        with pytest.raises(Ended, match="cancelled by nobody"):
            await entry.writing

    asyncio.run(scenario())


def test_revoked_partitions_finish_their_checkpoint_and_are_dropped() -> None:
    async def scenario() -> None:
        scene = Scene(ews_session_timeout_seconds=10)
        entry = scene.own(0)
        gate = scene.checkpointer.gate = asyncio.Event()
        scene.feed(0, 0)
        await scene.tick(2)
        asyncio.get_running_loop().call_later(0.1, gate.set)
        await scene.shell.revoked()
        assert [p for p, _ in scene.checkpointer.written] == [0]
        assert scene.shell.owned == {}
        await asyncio.sleep(0)
        assert cast("FakeProducer", entry.producer).stopped
        scene.feed(0, 17)  # too late, and no gap

    asyncio.run(scenario())


def test_a_checkpoint_that_takes_too_long_is_abandoned_at_a_revocation() -> None:
    async def scenario() -> None:
        scene = Scene(ews_session_timeout_seconds=0.2)
        scene.own(0)
        scene.checkpointer.gate = asyncio.Event()
        scene.feed(0, 0)
        await scene.tick(2)
        await scene.shell.revoked()
        await asyncio.sleep(0)
        assert scene.checkpointer.written == []

    asyncio.run(scenario())


def test_a_stop_writes_what_is_not_yet_written() -> None:
    async def scenario() -> None:
        scene = Scene()
        scene.own(0)
        scene.own(1)
        scene.feed(1, 0)
        await scene.shell.stop()
        assert [p for p, _ in scene.checkpointer.written] == [1]

    asyncio.run(scenario())


def test_a_newer_rebalance_stops_a_restore_before_it_fences_anybody() -> None:
    async def scenario() -> None:
        scene = Scene(kafka_bootstrap="127.0.0.1:1")
        await scene.shell.assigned([0, 1], 1, lambda: True)
        assert scene.shell.owned == {}
        assert not scene.shell.assigned_once

    asyncio.run(scenario())


def test_when_one_fence_fails_no_other_goes_on() -> None:
    done = []

    async def slow() -> None:
        await asyncio.sleep(0.05)
        done.append("fenced somebody")

    async def fails() -> None:
        raise TransactionError("planted")

    async def scenario() -> None:
        with pytest.raises(TransactionError):
            await _all_or_none([slow(), fails(), slow()])
        await asyncio.sleep(0.1)

    asyncio.run(scenario())
    assert not done


def test_a_restore_that_cannot_reach_the_broker_ends_the_process() -> None:
    async def scenario() -> None:
        scene = Scene(kafka_bootstrap="127.0.0.1:1")
        with pytest.raises(Ended, match="restoring failed"):
            await scene.shell.assigned([0], 1, lambda: False)

    asyncio.run(scenario())


def test_no_partitions_is_a_good_answer() -> None:
    async def scenario() -> None:
        scene = Scene()
        await scene.shell.assigned([], 1, lambda: False)
        assert scene.shell.assigned_once

    asyncio.run(scenario())


def test_a_worker_that_reads_nothing_although_there_is_something_is_stuck() -> None:
    scene = Scene(ews_stuck_seconds=60)
    scene.own(0)
    assert scene.shell.inspector.stuck() is None
    scene.now += 1000
    assert scene.shell.inspector.stuck() is None  # nothing to read
    scene.shell.inspector._ends[0] = 5
    said = scene.shell.inspector.stuck()
    assert said is not None
    assert "partition 0 has 5 fact(s) to read" in said
    scene.feed(0, 0)
    assert scene.shell.inspector.stuck() is None


def test_a_worker_that_writes_no_checkpoint_is_stuck() -> None:
    scene = Scene(ews_stuck_seconds=60)
    entry = scene.own(0)
    scene.feed(0, 0)
    assert scene.shell.inspector.stuck() is None
    entry.dirty_since = scene.now
    scene.now += 61
    assert "no checkpoint" in (scene.shell.inspector.stuck() or "")


def test_waiting_for_ones_turn_is_not_being_stuck_while_others_write() -> None:
    scene = Scene(ews_stuck_seconds=60)
    waiting, writing = scene.own(0), scene.own(1)
    for partition, entry in ((0, waiting), (1, writing)):
        scene.feed(partition, 0)
        entry.dirty_since = scene.now
    assert scene.shell.inspector.stuck() is None
    waiting.waits = True
    for _ in range(5):
        scene.now += 40
        writing.checkpointed_at = writing.dirty_since = scene.now
        assert scene.shell.inspector.stuck() is None
    # Its turn has come: from now on it has as long as anybody.
    waiting.waits, waiting.turn_at = False, scene.now
    scene.now += 59
    writing.dirty_since = None
    assert scene.shell.inspector.stuck() is None
    scene.now += 2
    assert "partition 0 has written no checkpoint" in (scene.shell.inspector.stuck() or "")


def test_where_nobody_writes_whoever_waits_is_stuck_too() -> None:
    scene = Scene(ews_stuck_seconds=60)
    entry = scene.own(0)
    scene.feed(0, 0)
    assert scene.shell.inspector.stuck() is None
    entry.dirty_since, entry.waits = scene.now, True
    scene.now += 61
    assert "no checkpoint" in (scene.shell.inspector.stuck() or "")


def test_a_checkpoint_says_when_it_waits_and_when_its_turn_came() -> None:
    async def scenario() -> None:
        scene = Scene(ews_parallel_checkpoints=1)
        first, second = scene.own(0), scene.own(1)
        for partition in (0, 1):
            scene.feed(partition, 0)
        scene.shell.schedule._under_way = 1  # somebody else's
        await scene.tick(100)
        assert (first.waits, second.waits) == (True, True)
        scene.now += 7
        scene.shell.schedule._under_way = 0
        scene.shell.schedule._freed.set()
        for _ in range(20):
            await asyncio.sleep(0)
        assert (first.waits, second.waits) == (False, False)
        assert first.turn_at == second.turn_at == scene.now

    asyncio.run(scenario())


def test_waiting_for_a_profile_is_not_being_stuck() -> None:
    scene = Scene(ews_stuck_seconds=60)
    scene.own(0)
    activation = Fact()
    activation.profile_activated.profile_id = "made-up"
    scene.shell.feed(0, Record(0, b"", activation.SerializeToString()))
    assert scene.shell.waiting() == ["made-up@0"]
    assert scene.flow.said == ["pause 0"]
    scene.shell.inspector._ends[0] = 50
    scene.shell.inspector.stuck()
    scene.now += 1000
    assert scene.shell.inspector.stuck() is None


def test_the_newest_assignment_and_what_has_moved_on() -> None:
    counter = RebalanceCounter()
    counter.revoked()
    counter.assigned([("facts", 1)])  # type: ignore[list-item]  # any hashable does
    token, partitions = counter.newest()
    assert partitions == {("facts", 1)}
    assert not counter.moved_on(token)
    counter.revoked()
    assert counter.moved_on(token)
    counter.assigned([])
    assert counter.moved_on(token)
    assert counter.newest()[0] != token


def test_the_checkpoint_row_says_exactly_what_it_was_given() -> None:
    position = Position(2**40, 0xFFFF_FFFF, 2**40 + 7, 99)
    assert decode_checkpoint(encode_checkpoint(position, "me")) == position
    assert transactional_id("forvarning-ews", 7) == "forvarning-ews-7"


def test_a_profile_published_during_a_restore_is_known_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody owns the partition yet when it is learned: its facts would be held back for ever."""
    content = TRIAL

    class Producer(FakeProducer):
        async def start(self) -> None:
            pass

    async def scenario() -> None:
        scene = Scene()
        shell = scene.shell
        shell.make_core = Core

        async def restoring(
            _: object, __: object, partitions: list[int], new_core: Callable[[], Core], ___: object
        ) -> dict[int, Restored]:
            found = {
                number: Restored(core=new_core(), position=Position(next_offset=0))
                for number in partitions
            }
            shell.profiles._contents[TRIAL_ID, 1] = content
            shell.profile_learned((TRIAL_ID, 1))
            return found

        monkeypatch.setattr("services.ews.shell.restore", restoring)
        monkeypatch.setattr("services.ews.shell.transactional_producer", lambda *_: Producer())
        await shell.assigned([0], 1, lambda: False)
        activated = ProfileActivated(
            profile_id=TRIAL_ID,
            profile_version=1,
            digest=hashlib.sha256(content).digest(),
            valid_from_day=20_000,
        )
        value = Fact(organiser_id=b"o" * 16, profile_activated=activated).SerializeToString()
        shell.feed(0, Record(0, b"", value))
        assert shell.waiting() == []
        assert shell.owned[0].runner.applied == 1

    asyncio.run(scenario())


def test_pausing_and_resuming_reach_aiokafkas_consumer() -> None:
    async def scenario() -> None:
        consumer = AIOKafkaConsumer()
        tp = TopicPartition("facts", 0)
        consumer._subscription.assign_from_user([tp])

        @dataclass
        class App:
            facts_topic: str = "facts"

        @dataclass
        class Thread:
            thread_loop: asyncio.AbstractEventLoop

            def _ensure_consumer(self) -> AIOKafkaConsumer:
                return consumer

        ours = EwsConsumer.__new__(EwsConsumer)
        ours.app = cast("Any", App())
        ours._thread = cast("Any", Thread(asyncio.get_running_loop()))
        ours.pause_fetching(0)
        await asyncio.sleep(0)
        assert consumer.paused() == {tp}
        ours.resume_fetching(0)
        await asyncio.sleep(0)
        assert consumer.paused() == set()
        consumer._subscription.unsubscribe()
        # Revoked meanwhile: nothing to do, and no harm done.
        ours.pause_fetching(0)
        await asyncio.sleep(0)
        await consumer.stop()

    asyncio.run(scenario())
