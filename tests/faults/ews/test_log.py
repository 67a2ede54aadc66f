"""A log that is not what the checkpoint row says: dropped, cut off, created anew, overtaken."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from services.common.kafka import committed_reader
from services.ews.core import days
from services.ews.core.rows import decode
from services.ews.mend import mend
from tests.support_ews import school
from tests.support_ews.facts import stream
from tests.support_ews.harness import Stream, run
from tests.trial import TRIAL_KEY

pytestmark = pytest.mark.fault

OPERATOR = 78


def test_a_dropped_event_ends_the_worker(make_stream: Callable[..., Stream], seed: int) -> None:
    rng = random.Random(seed)
    s = make_stream(partitions=2)

    async def scenario() -> None:
        await s.create()
        await s.send(stream(rng, s.partitions, 40))
        worker = s.start(drop=7)
        assert await s.ended(worker) == 70
        gap = re.search(r"expected the record at offset (\d+), got (\d+)", worker.last_words())
        assert gap is not None
        assert int(gap[1]) <= 7 < int(gap[2])
        s.start()
        await s.caught_up()
        await s.assert_true()

    run(scenario())


@pytest.mark.parametrize("length", [5, 60])
def test_a_topic_created_anew_stops_the_worker(
    make_stream: Callable[..., Stream], seed: int, length: int
) -> None:
    """Shorter than the checkpoint, and longer: then only the record's CRC tells."""
    rng = random.Random(seed)
    s = make_stream(partitions=2)

    async def scenario() -> None:
        await s.worked_through(stream(rng, s.partitions, 20))
        published = len(await s.read(s.topology.warnings))
        await s.create_anew(s.topology.facts)
        await s.send(stream(rng, s.partitions, length))
        stopped = s.start()
        assert await s.ended(stopped) == OPERATOR
        assert "created anew" in stopped.last_words()
        assert "forvarning ews mend --partition" in stopped.last_words()
        assert len(await s.read(s.topology.warnings)) == published
        for partition in range(s.partitions):
            await mend(s.settings, s.topology, partition, rebuild=False, by="test")
        s.start()
        await s.caught_up()
        await s.assert_true()

    run(scenario())


def test_a_topic_created_anew_under_a_running_worker(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    rng = random.Random(seed)
    s = make_stream(partitions=2)

    async def scenario() -> None:
        await s.create()
        await s.send(stream(rng, s.partitions, 20))
        worker = s.start()
        await s.caught_up()
        await s.create_anew(s.topology.facts)
        await s.send(stream(rng, s.partitions, 5))
        assert await s.ended(worker) == OPERATOR
        for partition in range(s.partitions):
            await mend(s.settings, s.topology, partition, rebuild=False, by="test")
        s.start()
        await s.caught_up()
        await s.assert_true()

    run(scenario())


def test_retention_that_overtakes_the_worker_stops_it(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    rng = random.Random(seed)
    s = make_stream(partitions=2)

    async def scenario() -> None:
        await s.worked_through(stream(rng, s.partitions, 10))
        missed = list(stream(rng, s.partitions, 20))
        await s.send(missed)
        ends = await s.ends()
        await s.delete_before({partition: end - 3 for partition, end in ends.items()})
        stopped = s.start()
        assert await s.ended(stopped) == OPERATOR
        assert "retention has removed" in stopped.last_words()
        for partition in range(s.partitions):
            await mend(s.settings, s.topology, partition, rebuild=False, by="test")
        s.start()
        await s.send(missed)  # the source sends again what was lost
        await s.caught_up()
        await s.assert_true()

    run(scenario())


def test_group_offsets_are_not_believed(make_stream: Callable[..., Stream], seed: int) -> None:
    """Expired, and pointing elsewhere: the checkpoint row is what counts."""
    rng = random.Random(seed)
    s = make_stream(partitions=2)

    async def scenario() -> None:
        await s.create()
        await s.send(stream(rng, s.partitions, 20))
        for lie in (None, 0, 1):
            worker = s.start()
            await s.send(stream(rng, s.partitions, 5))
            await s.caught_up()
            await s.stopped(worker)
            if lie is None:
                await s.forget_group()
            else:
                await _commit(s, lie)
            await s.send(stream(rng, s.partitions, 5))
        s.start()
        await s.caught_up()
        await s.assert_true()

    async def _commit(s: Stream, lie: int) -> None:
        consumer = committed_reader(s.settings, group=s.group)
        await consumer.start()
        try:
            ends = await s.ends()
            tps = {TopicPartition(s.topology.facts, p): end for p, end in ends.items()}
            consumer.assign(list(tps))
            await consumer.commit(
                {tp: OffsetAndMetadata(end if lie else 0, "") for tp, end in tps.items()}
            )
        finally:
            await consumer.stop()

    run(scenario())


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_deleted_changelog_is_rebuilt_and_nothing_is_sent(
    make_stream: Callable[..., Stream], seed: int, interrupted: bool
) -> None:
    rng = random.Random(seed)
    s = make_stream(partitions=2)

    async def scenario() -> None:
        await s.worked_through(*(stream(rng, s.partitions, 30) for _ in range(4)))
        await s.assert_true()
        warnings = await s.read(s.topology.warnings)
        days = await s.read(s.topology.absence_days)
        await s.create_anew(s.topology.state)
        if interrupted:
            # Ended in the middle of the rebuild, after some of its checkpoints.
            half = s.start(plan=[{"step": "committed", "nth": 3, "action": "kill"}], slow=True)
            await s.ended(half)
            positions = await s.positions()
            assert any(p.rebuild_until > p.next_offset for p in positions.values()), positions
        s.start()
        await s.caught_up()
        await s.assert_true()
        assert len(await s.read(s.topology.warnings)) == len(warnings)
        assert len(await s.read(s.topology.absence_days)) == len(days)
        await s.send(stream(rng, s.partitions, 40))
        await s.caught_up()
        await s.assert_true()

    run(scenario())


def test_lost_warnings_stop_the_worker(make_stream: Callable[..., Stream], seed: int) -> None:
    """Their revisions would begin anew, and no consumer would listen."""
    rng = random.Random(seed)
    s = make_stream(partitions=2)

    async def scenario() -> None:
        await s.worked_through(stream(rng, s.partitions, 40))
        assert await s.read(s.topology.warnings)
        await s.create_anew(s.topology.warnings)
        stopped = s.start()
        assert await s.ended(stopped) == OPERATOR
        assert "created anew, cut off or" in stopped.last_words()
        assert "--rebuild" in stopped.last_words()
        assert not await s.read(s.topology.warnings)

    run(scenario())


def test_a_rebuild_on_request_goes_by_the_log_alone(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    rng = random.Random(seed)
    s = make_stream(partitions=2)

    async def scenario() -> None:
        await s.worked_through(stream(rng, s.partitions, 40))
        published = len(await s.read(s.topology.warnings))
        for partition in range(s.partitions):
            done = await mend(s.settings, s.topology, partition, rebuild=True, by="test")
            assert done.removed_rows == 25
        s.start()
        await s.caught_up()
        await s.assert_true()
        assert len(await s.read(s.topology.warnings)) == published

    run(scenario())


def test_state_that_another_version_wrote_is_removed_and_made_anew(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    """The rows that the rebuild took back still lie in the changelog, before their tombstones."""
    s = make_stream(partitions=2, core="real")

    async def scenario() -> None:
        await s.create()
        await s.send_raw(0, school.profile_record(), topic=s.topology.profiles, key=TRIAL_KEY)
        facts = list(school.facts(random.Random(seed), s.partitions, 12))
        await s.send(facts[:-100])
        worker = s.start()
        await s.caught_up()
        await s.stopped(worker)
        assert await _laid_out_otherwise(s) == s.partitions
        refused = s.start()
        assert await s.ended(refused) == OPERATOR
        assert f"the state has layout {days.LAYOUT - 1}" in refused.last_words()
        published = len(await s.read(s.topology.warnings))
        for partition in range(s.partitions):
            await mend(s.settings, s.topology, partition, rebuild=True, by="test")
        worker = s.start()
        await s.caught_up()
        assert len(await s.read(s.topology.warnings)) == published
        # Who comes back later reads all of it again.
        await s.stopped(worker)
        await s.send(facts[-100:])
        s.start()
        await s.caught_up()
        assert await s.assert_replay() > 2

    async def _laid_out_otherwise(s: Stream) -> int:
        buckets = [r for r in await s.read(s.topology.state) if (r.key or b"").startswith(b"b:")]
        rows = {(record.partition, record.key): record.value for record in buckets}
        for (partition, key), row in rows.items():
            value = decode(row)
            value.bucket.layout = days.LAYOUT - 1
            told = value.SerializeToString()
            await s.send_raw(partition, told, topic=s.topology.state, key=key)
        return len(rows)

    run(scenario())
