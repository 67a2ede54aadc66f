"""The benchmark's input log is what ingest and its day closer would have written."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path

import pytest

from bench.ews.ground import keeping, single_marks
from bench.ews.workload import Record, Workload
from bench.simulator.config import SimulatorConfig
from bench.simulator.rates import Rates
from bench.simulator.stream import Simulation
from forvarning.facts.v1 import facts_pb2 as facts
from services.common.clock import epoch_day
from services.ews.core.core import Core

PARTITIONS = 5
FIRST, LAST = date(2026, 8, 18), date(2026, 9, 18)
PROFILE = Path("services/ews/profiles/standard.toml").read_bytes()


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation.of(SimulatorConfig(seed=6, pupils=600, rates=Rates(movers=0.2, joiners=0.1)))


def workload(simulation: Simulation) -> Workload:
    return Workload(simulation, PARTITIONS, FIRST, LAST, PROFILE)


@pytest.fixture(scope="module")
def records(simulation: Simulation) -> list[Record]:
    return list(workload(simulation).records())


@pytest.fixture(scope="module")
def read(records: list[Record]) -> list[tuple[int, facts.Fact]]:
    return [(record.partition, facts.Fact.FromString(record.value)) for record in records]


def test_the_same_municipality_gives_the_same_bytes(
    simulation: Simulation, records: list[Record]
) -> None:
    assert list(workload(simulation).records()) == records


def test_every_partition_is_in_order_of_arrival(read: list[tuple[int, facts.Fact]]) -> None:
    """From the first lesson on; leave is granted before it and stands first."""
    latest: dict[int, int] = defaultdict(int)
    for partition, fact in read:
        if fact.WhichOneof("body") in ("register", "day_closed", "notice"):
            assert fact.accepted_unix_ms >= latest[partition]
            latest[partition] = fact.accepted_unix_ms
    assert len(latest) == PARTITIONS


def test_a_pupil_never_leaves_their_partition_and_bucket(
    read: list[tuple[int, facts.Fact]],
) -> None:
    places: dict[bytes, set[tuple[int, bytes, int]]] = defaultdict(set)
    for partition, fact in read:
        body = fact.WhichOneof("body")
        if body == "register":
            ids = fact.register.pupil_ids
            pupils = [ids[i : i + 16] for i in range(0, len(ids), 16)]
            own = (partition, fact.register.home_id, fact.register.bucket)
        elif body in ("placement", "notice"):
            item = getattr(fact, body)
            pupils, own = [item.pupil_id], (partition, item.home_id, item.bucket)
        else:
            continue
        for pupil in pupils:
            places[pupil].add(own)
    assert len(places) > 500
    assert all(len(own) == 1 for own in places.values())


def test_registers_are_whole_and_marks_are_counted(
    records: list[Record], read: list[tuple[int, facts.Fact]]
) -> None:
    for record, (_, fact) in zip(records, read, strict=True):
        if fact.WhichOneof("body") != "register":
            assert record.marks == 0
            continue
        register = fact.register
        lists = (register.offered_minutes, register.valid_minutes, register.invalid_minutes,
                 register.other_minutes, register.flags)  # fmt: skip
        assert {len(one) for one in lists} == {record.marks} == {len(register.pupil_ids) // 16}
        assert len(register.arrived_late_minutes) in (0, record.marks)


def test_every_date_is_closed_for_every_unit_in_every_partition(
    simulation: Simulation, read: list[tuple[int, facts.Fact]]
) -> None:
    kinds: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    for partition, fact in read:
        if fact.WhichOneof("body") == "day_closed":
            kinds[partition, fact.day_closed.epoch_day][fact.day_closed.kind] += 1
    dates = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    assert set(kinds) == {(p, epoch_day(d)) for p in range(PARTITIONS) for d in dates}
    assert all(sum(own.values()) == len(simulation.world.units) for own in kinds.values())
    saturday = kinds[0, epoch_day(date(2026, 8, 22))]
    assert saturday == {facts.DAY_KIND_FREE: len(simulation.world.units)}


def test_it_has_what_makes_the_work_hard(read: list[tuple[int, facts.Fact]]) -> None:
    bodies = Counter(fact.WhichOneof("body") for _, fact in read)
    assert bodies["profile_activated"] == PARTITIONS
    assert bodies["notice"] > 50
    placed = Counter(f.placement.pupil_id for _, f in read if f.HasField("placement"))
    assert len(placed) > 500
    assert max(placed.values()) == 3, "who moves is placed, ended there and placed again"
    patches = sum(len(f.register.pupil_ids) == 16 for _, f in read if f.HasField("register"))
    assert patches / bodies["register"] > 0.05
    states = {f.register.state for _, f in read if f.HasField("register")}
    assert len(states) == 3


def test_the_core_digests_all_of_it(records: list[Record]) -> None:
    core = Core()
    core.learn_profile("standard", 1, PROFILE)
    offset = 0
    for record in records:
        if record.partition == 0:
            core.apply(record.value, offset, partition=0)
            offset += 1
    assert core.collect().warnings


def test_the_naive_app_gets_the_same_marks(records: list[Record]) -> None:
    """Of one partition's pupils, over days, in the log's order; each pupil in one partition."""
    kept: list[Record] = []
    assert list(keeping(records, 5000, kept)) == records
    some = list(single_marks(kept, 5000, 32))
    assert len(some) == 5000
    register = facts.Fact.FromString(kept[0].value).register
    first = [json.loads(mark.value) for mark in some[: kept[0].marks]]
    assert [one["pupil"] for one in first] == [
        register.pupil_ids[i : i + 16].hex() for i in range(0, len(register.pupil_ids), 16)
    ]
    assert {record.partition for record in kept} == {0}
    assert len({json.loads(mark.value)["day"] for mark in some}) > 2
    by_key = defaultdict(set)
    for mark in some:
        by_key[mark.key].add(mark.partition)
    assert all(len(own) == 1 for own in by_key.values())
