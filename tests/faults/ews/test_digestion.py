"""Facts that the core cannot digest, decisions that raise, profiles that are not there."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable

import pytest

from forvarning.facts.v1.facts_pb2 import Fact
from forvarning.rules.v1.rules_pb2 import RuleProfile
from services.ews.dlq import Outcome, open_letters, replay
from tests.support_ews.facts import fact, pupil_id, register, stream
from tests.support_ews.harness import Stream, run
from tests.support_ews.process import Worker

pytestmark = pytest.mark.fault


async def _replay_all(s: Stream) -> list[Outcome]:
    outcomes: list[Outcome] = []
    letters = await open_letters(s.settings, s.topology)
    await replay(s.settings, s.topology, letters, by="test", a_second=1000, told=outcomes.append)
    return outcomes


async def _restart(s: Stream, worker: Worker, **test: object) -> Worker:
    await s.stopped(worker)
    return s.start(**test)


def test_malformed_bytes_go_to_the_dead_letters_and_the_stream_goes_on(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    rng = random.Random(seed)
    s = make_stream(partitions=2)

    async def scenario() -> None:
        await s.create()
        await s.send(stream(rng, s.partitions, 5))
        offset = await s.send_raw(1, b"\xff\xff\xff", key=b"odd")
        s.start()
        await s.send(stream(rng, s.partitions, 5))
        await s.caught_up()
        await s.assert_true()
        [letter] = await s.read(s.topology.dead_letters)
        headers = dict(letter.headers)
        assert (letter.partition, letter.key, letter.value) == (1, b"odd", b"\xff\xff\xff")
        assert headers["dlq-reason"] == b"malformed"
        assert headers["dlq-origin-topic"] == s.topology.facts.encode()
        assert (headers["dlq-origin-partition"], headers["dlq-origin-offset"]) == (
            b"1",
            str(offset).encode(),
        )

    run(scenario())


@pytest.mark.parametrize("kind", ["refused", "raised"])
def test_a_register_that_the_core_cannot_digest_until_it_is_replayed(
    make_stream: Callable[..., Stream], seed: int, kind: str
) -> None:
    rng = random.Random(seed)
    s = make_stream(partitions=2)
    bad = register(rng, 0, 900, 10**6, subject="undigestible" if kind == "refused" else "Ma")

    async def scenario() -> None:
        await s.create()
        await s.send(stream(rng, s.partitions, 20))
        offset = await s.send_raw(0, fact(bad))
        faults = {"apply_at": [[0, offset]]} if kind == "raised" else {}
        worker = s.start(core_faults=faults)
        await s.send(stream(rng, s.partitions, 20))
        await s.caught_up()
        [letter] = await open_letters(s.settings, s.topology)
        assert (letter.partition, letter.origin, letter.pupils) == (0, offset, 25)
        assert letter.reason == ("planted" if kind == "refused" else "core")
        shown = {
            r.key: json.loads(r.value)["incomplete"]
            for r in await s.read(s.topology.warnings)
            if r.value
        }
        assert {key for key, incomplete in shown.items() if incomplete} == {
            pupil_id(0, n) for n in range(25)
        }
        # Replayed before anything is mended: it comes back as the same letter.
        if kind == "refused":
            await _replay_all(s)
            await s.caught_up()
            [again] = await open_letters(s.settings, s.topology)
            assert again.origin == offset
        # The next version digests it.
        await _restart(s, worker, core_faults={"mended": True})
        [outcome] = await _replay_all(s)
        assert outcome.sent_offset is not None
        s.sent.append(bad)
        await s.caught_up()
        await s.assert_true()
        assert not await open_letters(s.settings, s.topology)

    run(scenario())


def test_a_decision_that_raises_for_one_pupil(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    rng = random.Random(seed)
    s = make_stream(partitions=2)
    pupil = pupil_id(1, 3)

    async def scenario() -> None:
        await s.create()
        worker = s.start(core_faults={"fold_pupils": [pupil.hex()]})
        await s.send(stream(rng, s.partitions, 60))
        await s.caught_up()
        published = {r.key for r in await s.read(s.topology.warnings)}
        assert pupil not in published
        assert published
        letters = await open_letters(s.settings, s.topology)
        assert {(x.kind, x.reason, x.partition) for x in letters} == {("fold", "planted", 1)}
        assert all(x.value for x in letters)
        await _restart(s, worker)
        await _replay_all(s)
        await s.caught_up()
        await s.assert_true()

    run(scenario())


def test_too_many_in_a_row_stop_the_worker_before_the_log_is_drained(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    rng = random.Random(seed)
    s = make_stream(
        partitions=1,
        extra={
            "FORVARNING_EWS_MAX_UNDIGESTIBLE_IN_ROW": "10",
            "FORVARNING_EWS_INSTANCE_ID": "one",
        },
    )

    async def scenario() -> None:
        await s.create()
        await s.send(stream(rng, 1, 10))
        for number in range(9):
            await s.send_raw(0, b"\xff" + bytes([number]))
        await s.send(stream(rng, 1, 3))  # nine in a row are borne
        poison = [
            (0, register(rng, 0, 500 + n, 10**6 + n, subject="undigestible")) for n in range(40)
        ]
        known = list(s.sent)
        await s.send(poison)
        await s.send(stream(rng, 1, 5))
        rest = s.sent[len(known) :]
        for _ in range(3):
            worker = s.start()
            assert await s.ended(worker) == 78
            assert "in a row" in worker.last_words()
        # Restarts do not drain it a little at a time either.
        assert len(await s.read(s.topology.dead_letters)) <= 9 + 10
        s.start(core_faults={"mended": True})
        await s.caught_up()
        s.sent = known + rest
        assert len(await _replay_all(s)) >= 9
        await s.caught_up()
        letters = await open_letters(s.settings, s.topology)
        assert {letter.reason for letter in letters} == {"malformed"}
        await s.assert_true()

    run(scenario())


def test_facts_wait_for_the_content_of_a_profile(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    rng = random.Random(seed)
    s = make_stream(partitions=2)
    content = b"title = 'made up'\n"
    digest = hashlib.sha256(content).digest()
    activation = Fact(accepted_unix_ms=1)
    activation.profile_activated.profile_id = "made-up"
    activation.profile_activated.profile_version = 3
    activation.profile_activated.digest = digest

    async def scenario() -> None:
        await s.create()
        await s.send(stream(rng, s.partitions, 5))
        held_at = await s.send_raw(0, activation.SerializeToString())
        await s.send(stream(rng, s.partitions, 50))
        worker = s.start()
        await s.said(worker, "made-up@3")

        async def other_done() -> bool:
            positions, ends = await s.positions(), await s.ends()
            return 1 in positions and positions[1].next_offset == ends[1]

        await s.until(other_done, 120, "the other partition goes on")
        # A wrong content is not used.
        wrong = RuleProfile(profile_id="made-up", profile_version=3, content=b"x", digest=digest)
        await s.send_raw(0, wrong.SerializeToString(), topic=s.topology.profiles, key=b"made-up@3")
        await s.said(worker, "does not have its digest")
        assert (await s.positions())[0].next_offset == held_at
        # A restart while waiting changes nothing.
        worker = await _restart(s, worker)
        await s.said(worker, "made-up@3")
        right = RuleProfile(profile_id="made-up", profile_version=3, content=content, digest=digest)
        await s.send_raw(0, right.SerializeToString(), topic=s.topology.profiles, key=b"made-up@3")
        await s.caught_up()
        await s.assert_true()

    run(scenario())
