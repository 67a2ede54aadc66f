"""The oracle on a real log and a real worker: quiet when all is well, loud when it is not."""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import Callable, Iterable
from datetime import date
from itertools import chain
from typing import Any

import pytest

from forvarning.rules.v1.rules_pb2 import RuleProfile
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common.settings import OracleSettings
from services.ews.oracle.findings import Kind, OracleError, Report
from services.ews.oracle.run import Oracle
from services.ews.oracle.snapshots import standing
from tests.integration.oracle.municipality import Municipality, school_days
from tests.support_ews.harness import Stream, run
from tests.trial import TRIAL, TRIAL_ID, TRIAL_KEY

LAST = date(2026, 11, 24)


async def publish_profile(s: Stream) -> None:
    content = RuleProfile(
        profile_id=TRIAL_ID,
        profile_version=1,
        content=TRIAL,
        digest=hashlib.sha256(TRIAL).digest(),
    )
    await s.send_raw(0, content.SerializeToString(), topic=s.topology.profiles, key=TRIAL_KEY)


async def write(s: Stream, facts: Iterable[tuple[int, bytes]]) -> None:
    producer = s.producer()
    await producer.start()
    try:
        sent = [
            await producer.send(s.topology.facts, value, key=b"home", partition=partition)
            for partition, value in facts
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def oracle(s: Stream, **options: Any) -> Oracle:
    settings = OracleSettings(**s.settings.model_dump())
    return Oracle(settings, s.topology, **options)


async def some_weeks(s: Stream, municipality: Municipality, days: int = 45) -> None:
    await s.create()
    await publish_profile(s)
    weeks = chain.from_iterable(municipality.day(day) for day in school_days(days, LAST))
    await write(s, chain(municipality.start(), weeks))


def kinds(report: Report) -> dict[str, int]:
    return {name: count for name, count in report.counts().items() if count}


def test_a_log_worked_through_with_kills_has_nothing_wrong_and_a_removed_register_shows(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    s, municipality = make_stream(), Municipality(seed)

    async def scenario() -> None:
        await s.create()
        await publish_profile(s)
        await write(s, municipality.start())
        first = s.start()
        days = school_days(45, LAST)
        for day in days[:20]:
            await write(s, municipality.day(day))

        async def has_begun() -> bool:
            return any(p.next_offset for p in (await s.positions()).values())

        await s.until(has_begun, 60, "a first checkpoint")
        first.signal(signal.SIGKILL)
        s.start()
        for day in days[20:]:
            await write(s, municipality.day(day))
        await s.caught_up(120)
        report = await oracle(s).run()
        assert kinds(report) == {}, "\n".join(map(str, report.findings[:10]))
        assert report.scope.lag == 0
        assert report.scope.registers >= 45 * 4 * 4
        assert report.scope.marks == report.scope.registers * 12
        assert report.scope.organisers == 1
        assert report.scope.episodes >= 20
        assert report.scope.revisions > report.scope.threads
        for number in (0, 7, 1000):
            removed = await oracle(s).run(without_register=number)
            assert not removed.well
            assert kinds(removed).keys() <= {"missing", "extra", "differing"}
            assert removed.scope.registers == report.scope.registers - 1
            assert removed.scope.removed_register

    run(scenario())


def test_every_kind_of_wrong_is_found(make_stream: Callable[..., Stream], seed: int) -> None:
    s, municipality = make_stream(), Municipality(seed)

    async def tamper(event: pb.WarningEvent) -> None:
        await s.send_raw(
            0, event.SerializeToString(), topic=s.topology.warnings, key=event.thread_id
        )

    async def scenario() -> None:
        await some_weeks(s, municipality)
        worker = s.start()
        await s.caught_up(120)
        worker.signal(signal.SIGTERM)
        worker.wait()
        assert (await oracle(s).run()).well
        newest = {
            record.key: pb.WarningEvent.FromString(record.value)
            for record in await s.read(s.topology.warnings)
            if record.value and record.partition == 0
        }
        whole = [event for event in newest.values() if standing(event)]
        assert len(whole) >= 4
        withdrawn, amended, doubled, back = whole[:4]

        stranger = pb.WarningEvent()
        stranger.CopyFrom(withdrawn)
        stranger.thread_id, stranger.revision = b"s" * 16, 1
        del stranger.changes[:]
        for one in stranger.episodes:
            kind = pb.CHANGE_KIND_RAISED
            stranger.changes.add(kind=kind, episode_id=one.episode_id, epoch_day=one.raised_day)
        await tamper(stranger)
        report = await oracle(s).run()
        assert report.counts()["extra"] == 1

        withdrawn.revision += 1
        del withdrawn.changes[:]
        for one in standing(withdrawn):
            one.state = pb.EPISODE_STATE_WITHDRAWN
            kind = pb.CHANGE_KIND_WITHDRAWN
            withdrawn.changes.add(kind=kind, episode_id=one.episode_id, epoch_day=one.raised_day)
        await tamper(withdrawn)
        report = await oracle(s).run()
        assert report.counts()["missing"] == 1
        assert withdrawn.thread_id.hex() in {f.subject for f in report.findings}

        amended.revision += 1
        del amended.changes[:]
        last = standing(amended)[-1]
        last.sentence += " Och lite till."
        kind = pb.CHANGE_KIND_AMENDED
        amended.changes.add(kind=kind, episode_id=last.episode_id, epoch_day=last.level_day)
        await tamper(amended)
        report = await oracle(s).run()
        assert report.counts()["differing"] == 1
        (finding,) = [f for f in report.findings if f.kind is Kind.DIFFERING]
        assert finding.subject == amended.thread_id.hex()
        assert "sentence" in finding.detail

        key, value = next(
            (record.key, record.value)
            for record in await s.read(s.topology.absence_days)
            if record.partition == 0 and pb.AbsenceDay.FromString(record.value).valid
        )
        day = pb.AbsenceDay.FromString(value)
        day.valid += 1
        await s.send_raw(0, day.SerializeToString(), topic=s.topology.absence_days, key=key)
        report = await oracle(s).run()
        assert report.counts()["differing"] == 2
        assert key.decode() in {f.subject for f in report.findings}

        before = report.counts()["illegal"]
        await tamper(doubled)
        back.revision -= 1 if back.revision > 1 else 0
        await tamper(back)
        await s.send_raw(0, b"\xff\xff", topic=s.topology.warnings, key=b"x" * 16)
        report = await oracle(s).run()
        illegal = {f.subject for f in report.findings if f.kind is Kind.ILLEGAL}
        assert {doubled.thread_id.hex(), back.thread_id.hex()} <= illegal
        assert any(subject.startswith("partition 0") for subject in illegal)
        assert report.counts()["illegal"] >= before + 3

    run(scenario())


def test_facts_the_stream_has_not_taken_are_missing_and_said_to_be_behind(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    s, municipality = make_stream(), Municipality(seed)

    async def scenario() -> None:
        await some_weeks(s, municipality)
        report = await oracle(s).run()
        assert report.scope.lag == report.scope.facts
        assert report.counts()["missing"] >= 4
        assert set(kinds(report)) == {"missing"}

    run(scenario())


def test_nothing_to_remove_and_no_topic_are_said_plainly(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    s, municipality = make_stream(), Municipality(seed)

    async def scenario() -> None:
        with pytest.raises(OracleError, match="does not have the topics"):
            await oracle(s).run()
        await s.create()
        with pytest.raises(OracleError, match="No register can be left out"):
            await oracle(s).run(without_register=0)
        await write(s, municipality.start())
        with pytest.raises(OracleError, match="profile provprofil@1 is not known"):
            await oracle(s).run()
        await publish_profile(s)
        report = await oracle(s).run()
        assert report.well
        assert report.scope.facts == 4 * 13

    run(scenario())


def test_what_the_core_refuses_counts_nowhere_and_is_told(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    s, municipality = make_stream(), Municipality(seed)

    async def scenario() -> None:
        await some_weeks(s, municipality, days=10)
        await s.send_raw(0, b"\xff\xff\xff")
        s.start()
        await s.caught_up(120)
        report = await oracle(s).run()
        assert kinds(report) == {}, "\n".join(map(str, report.findings[:10]))
        assert report.scope.undigested == 1

    run(scenario())
