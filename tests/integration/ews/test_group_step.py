"""The group step on a real broker: a wave warns nobody, and neither a kill nor a twin does harm."""

from __future__ import annotations

import asyncio
import hashlib
import random
import signal
from collections.abc import Callable, Iterator

from forvarning.facts.v1.facts_pb2 import Fact, Wave
from forvarning.rules.v1.rules_pb2 import RuleProfile
from forvarning.school.v1.school_pb2 import (
    SIGNAL_KIND_WAVE,
    SIGNAL_STATE_OVER,
    SchoolSignal,
    SignalEpisode,
)
from forvarning.warnings.v1.warnings_pb2 import GroupDay, WarningEvent
from services.ews.core.ids import school_signal_key
from services.ews.core.schoolsignals import SchoolSignals
from services.ews.core.unitdays import UnitDays
from services.ews.waves.board import Board
from tests.support_ews.harness import Stream, run
from tests.unit.ews.facts import ORGANISER, UNIT, School, name, weekdays
from tests.unit.ews.test_shared import RULE

PUPILS = 12
DAYS = weekdays(18)
WAVE_DAYS = DAYS[10:13]
ILL = range(6)


def municipality(partitions: int) -> list[School]:
    """One unit whose pupils have their homes in every partition: a class in each."""
    return [School(home=name(p, "home"), bucket=p) for p in range(partitions)]


def pupils(partition: int) -> list[int]:
    return [1000 * partition + number for number in range(PUPILS)]


def begin(schools: list[School]) -> Iterator[tuple[int, bytes]]:
    for partition, school in enumerate(schools):
        yield partition, school.profile(RULE, profile_id="delad")
        for pupil in pupils(partition):
            yield partition, school.placement(pupil, class_id=name(partition, "klass"))


def school_day(schools: list[School], at: int) -> Iterator[tuple[int, bytes]]:
    """Half a class is ill on the days of the wave; one of them goes on being away."""
    for partition, school in enumerate(schools):
        away = ILL if partition == 0 and at in WAVE_DAYS else range(0)
        if partition == 0 and at > WAVE_DAYS[-1]:
            away = range(1)
        absent = dict.fromkeys(away, "v")
        for fact in school.school_day(at, pupils(partition), absent):
            yield partition, fact


async def publish_profile(s: Stream) -> None:
    record = RuleProfile(
        profile_id="delad",
        profile_version=1,
        content=RULE,
        digest=hashlib.sha256(RULE).digest(),
    )
    await s.send_raw(0, record.SerializeToString(), topic=s.topology.profiles, key=b"delad@1")


async def truth(s: Stream) -> dict[int, Wave]:
    """The Wave of each day, from all sums as they are now."""
    board = Board(s.partitions)
    for record in await s.read(s.topology.group_days):
        board.take(GroupDay.FromString(record.value or b""))
    return {wave.epoch_day: wave for some in board.due() for _, wave in some}


async def held(s: Stream) -> list[dict[int, Wave]]:
    """For each partition of the input log the Wave that the core goes by, of each day."""
    found: list[dict[int, Wave]] = [{} for _ in range(s.partitions)]
    for record in await s.read(s.topology.facts):
        fact = Fact.FromString(record.value or b"")
        if not fact.HasField("wave"):
            continue
        assert (fact.organiser_id, fact.wave.school_unit_id) == (ORGANISER, UNIT)
        before = found[record.partition].get(fact.wave.epoch_day)
        if before is None or rank(before) < rank(fact.wave):
            found[record.partition][fact.wave.epoch_day] = fact.wave
    return found


def rank(wave: Wave) -> tuple[int, int, bytes]:
    return wave.partitions_closed, wave.revision_sum, wave.SerializeToString(deterministic=True)


def said(waves: dict[int, Wave]) -> dict[int, list[object]]:
    return {day: list(wave.classes) for day, wave in waves.items()}


async def all_waves(s: Stream, seconds: float = 90) -> None:
    """Wait until every day has in every partition the Wave that it should have."""

    async def reached() -> bool:
        wanted = said(await truth(s))
        return len(wanted) == len(DAYS) and all(said(one) == wanted for one in await held(s))

    await s.until(reached, seconds, "every day has its Wave in every partition")


async def signals(s: Stream) -> tuple[int, dict[bytes, SchoolSignal]]:
    """How many signals to schools were written, and how consumers hold them."""
    records = await s.read(s.topology.school_signals, partitions=1)
    found: dict[bytes, SchoolSignal] = {}
    for record in records:
        signal = SchoolSignal.FromString(record.value or b"")
        assert record.key == school_signal_key(UNIT, signal.signal_id)
        held = found.get(signal.signal_id)
        if held is None or held.revision <= signal.revision:
            found[signal.signal_id] = signal
    return len(records), found


async def told(s: Stream) -> dict[bytes, list[SignalEpisode]]:
    """The episodes of each signal, as they follow from all sums as they are now."""
    unit = UnitDays()
    for record in await s.read(s.topology.group_days):
        unit.take(GroupDay.FromString(record.value or b""))
    whole = SchoolSignals(ORGANISER, UNIT, s.partitions)
    whole.judge(unit, unit.days())
    return {key: list(one.episodes) for key, one in whole.snapshots(unit.known).items()}


async def all_signals(s: Stream, seconds: float = 60) -> None:
    """Wait until the school is told what it should be."""

    async def reached() -> bool:
        _, found = await signals(s)
        standing = {key: list(one.episodes) for key, one in found.items() if one.episodes}
        return standing == await told(s)

    await s.until(reached, seconds, "the school is told")


async def assert_no_marker(s: Stream) -> None:
    """Every offset of the input log is a record: no transaction left its marker."""
    records = await s.read(s.topology.facts)
    for partition, end in (await s.ends()).items():
        assert [r.offset for r in records if r.partition == partition] == list(range(end))


async def warned(s: Stream) -> set[bytes]:
    latest = await s.latest(s.topology.warnings)
    events = [WarningEvent.FromString(value) for value in latest.values() if value]
    return {e.pupil_id for e in events if any(one.state != 3 for one in e.episodes)}


def test_a_wave_warns_nobody_and_what_goes_on_after_it_does(
    make_stream: Callable[..., Stream],
) -> None:
    s = make_stream(core="real", partitions=2)

    async def scenario() -> None:
        await s.create()
        await publish_profile(s)
        s.start()
        step = s.start_waves()
        schools = municipality(s.partitions)
        await s.send(begin(schools))
        for at in DAYS:
            await s.send(school_day(schools, at))
        await all_waves(s)
        await s.caught_up()
        waves = (await held(s))[0]
        assert [day for day in DAYS if waves[day].classes] == WAVE_DAYS
        assert waves[WAVE_DAYS[0]].partitions_closed == 2
        # Six were away for three days; the one who is still away is warned about.
        assert await warned(s) == {name(0, "pupil")}
        assert await s.assert_replay() == 1
        await assert_no_marker(s)
        # The school is told of it once.
        await all_signals(s)
        written, found = await signals(s)
        (told_of,) = found.values()
        assert (told_of.kind, told_of.class_id) == (SIGNAL_KIND_WAVE, name(0, "klass"))
        (episode,) = told_of.episodes
        assert (episode.first_day, episode.last_day) == (WAVE_DAYS[0], WAVE_DAYS[-1])
        assert (episode.state, episode.over_day) == (SIGNAL_STATE_OVER, DAYS[14])
        assert (episode.figures.pupils, episode.figures.absent) == (PUPILS, len(ILL))
        # A Wave changes no sums: there is nothing to go round in a circle.
        before = await s.ends()
        rows = len(await s.read(s.topology.group_days))
        await asyncio.sleep(3)
        assert await s.ends() == before
        assert len(await s.read(s.topology.group_days)) == rows
        step.signal(signal.SIGTERM)
        assert step.wait() == 0
        # What it has written it knows from its notes: it writes nothing again.
        again = s.start_waves()
        await s.until(lambda: again.says("caught up"), 30, "caught up")
        await asyncio.sleep(2)
        assert await s.ends() == before
        assert (await signals(s))[0] == written

    run(scenario())


def test_killed_at_any_moment_and_two_at_once(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    rng = random.Random(seed)
    s = make_stream(core="real", partitions=2)

    async def scenario() -> None:
        await s.create()
        await publish_profile(s)
        s.start()
        schools = municipality(s.partitions)
        await s.send(begin(schools))
        steps = [s.start_waves(), s.start_waves()]
        for place, at in enumerate(DAYS):
            await s.send(school_day(schools, at))
            if place % 4 == 3:
                await asyncio.sleep(rng.random() * 2)
                which = rng.randrange(2)
                steps[which].signal(signal.SIGKILL)
                steps[which].wait()
                steps[which] = s.start_waves()
        # Corrections come while both run: the class was not ill after all on the first day.
        for start in (490, 560, 640, 780):
            correction = schools[0].register(WAVE_DAYS[0], start, dict.fromkeys(ILL, (0, 0, 0, 1)))
            await s.send([(0, correction)])
        await s.caught_up()
        await all_waves(s)
        await s.caught_up()
        waves = (await held(s))[0]
        assert [day for day in DAYS if waves[day].classes] == WAVE_DAYS[1:]
        assert await warned(s) == {name(0, "pupil")}
        await s.assert_replay()
        await assert_no_marker(s)
        await all_signals(s)
        (standing,) = [one for one in (await signals(s))[1].values() if one.episodes]
        assert [e.first_day for e in standing.episodes] == [WAVE_DAYS[1]]

    run(scenario())
