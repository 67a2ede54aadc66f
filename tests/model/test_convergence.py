"""The core against the brute-force model: any order, repetition, split, restart and loss."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, given, settings

from forvarning.facts.v1.facts_pb2 import Fact
from forvarning.warnings.v1.warnings_pb2 import AbsenceDay, WarningEvent
from services.ews.core.api import Batch, PartitionCore
from services.ews.core.core import Core
from services.ews.core.legal import illegal_history
from tests.model.model import Model, told_by, truth_of
from tests.model.world import CONTENTS, PROFILES, World, worlds

EXAMPLES = int(os.environ.get("FORVARNING_MODEL_EXAMPLES", "2000"))


class Harness:
    """A core with the topics around it: a compacted changelog and what was published."""

    def __init__(self) -> None:
        self.log: list[bytes] = []
        self.changelog: dict[bytes, bytes] = {}
        self.history: dict[bytes, list[WarningEvent]] = {}
        self.latest: dict[bytes, bytes] = {}
        self.absence: dict[bytes, bytes] = {}
        self.groups: dict[bytes, bytes] = {}
        self.core: PartitionCore = self._new()

    @staticmethod
    def _new() -> PartitionCore:
        core = Core()
        for content in CONTENTS:
            core.learn_profile(*content)
        return core

    def apply(self, fact: bytes) -> None:
        self.core.apply(fact, len(self.log), partition=0)
        self.log.append(fact)

    def collect(self) -> Batch:
        batch = self.core.collect()
        assert not batch.failed_folds
        for rows, topic in (
            (batch.state, self.changelog),
            (batch.warnings, self.latest),
            (batch.absence_days, self.absence),
            (batch.group_days, self.groups),
        ):
            for row in rows:
                if row.value is None:
                    topic.pop(row.key, None)
                else:
                    topic[row.key] = row.value
        for row in batch.warnings:
            if row.value is None:
                self.history.pop(row.key, None)
            else:
                event = WarningEvent.FromString(row.value)
                assert event.thread_id == row.key
                self.history.setdefault(row.key, []).append(event)
        return batch

    def restart(self) -> None:
        """Go on from the changelog, in any order of its rows."""
        self.collect()
        self.core = self._new()
        rows = list(self.changelog.items())
        random.Random(len(rows)).shuffle(rows)
        for key, value in rows:
            self.core.restore(key, value)

    def lose(self) -> None:
        """The changelog is gone: rebuild from the log; nothing of it may be told again."""
        self.collect()
        self.core = self._new()
        self.changelog.clear()
        for key, value in self.latest.items():
            self.core.restore_published(key, value)
        for key, value in self.absence.items():
            self.core.restore_absence_day(key, value)
        for key, value in self.groups.items():
            self.core.restore_group_day(key, value)
        self.core.begin_rebuild()
        log, self.log = self.log, []
        for i, fact in enumerate(log):
            self.apply(fact)
            if i % 7 == 3:
                batch = self.collect()
                assert not batch.warnings
                assert not batch.absence_days
                assert not batch.group_days
        self.core.end_rebuild()
        batch = self.collect()
        assert not batch.warnings
        assert not batch.absence_days
        assert not batch.group_days


def disordered(world: World) -> list[bytes]:
    chance = random.Random(world.seed)
    facts = world.facts + chance.choices(world.facts, k=world.repeats)
    if world.seed:
        chance.shuffle(facts)
    return facts


def check(world: World) -> None:
    harness = Harness()
    stops = dict(world.stops)
    facts = disordered(world)
    for i, fact in enumerate(facts):
        harness.apply(fact)
        what = stops.get(len(facts) - i)
        if what is not None:
            getattr(harness, what)()
    harness.collect()
    assert not harness.collect().warnings
    found = told_by(WarningEvent.FromString(value) for value in harness.latest.values())
    expected = truth_of(facts, PROFILES)
    assert found == expected
    for events in harness.history.values():
        assert illegal_history(events) == []
    model = Model(PROFILES)
    for fact in facts:
        model.take(Fact.FromString(fact))
    _check_absence(harness, model)


def _check_absence(harness: Harness, model: Model) -> None:
    """Each published absence day says what the model says, and no absence is left out."""
    told: dict[tuple[bytes, int], AbsenceDay | None] = {}
    for value in harness.absence.values():
        day_told = AbsenceDay.FromString(value)
        told[day_told.pupil_id, day_told.epoch_day] = day_told
    for organiser, pupil in model.pupils():
        if pupil in model.erased:
            assert not [key for key in told if key[0] == pupil]
            continue
        for day, seen in model.seen(organiser, pupil).items():
            event = told.pop((pupil, day), None)
            absent = sum(one.of("total") for one in seen)
            if event is None:
                assert not absent
                continue
            assert (
                event.offered,
                event.reported,
                event.valid,
                event.invalid_unexplained,
                event.invalid_confirmed,
                event.other,
                event.lessons,
                event.lessons_reported,
                event.lessons_absent,
                event.school_unit_id,
            ) == (
                sum(one.offered for one in seen),
                sum(one.offered for one in seen if one.reported),
                sum(one.valid for one in seen),
                sum(one.unexplained for one in seen),
                sum(one.confirmed for one in seen),
                sum(one.other for one in seen),
                len(seen),
                sum(one.reported for one in seen),
                sum(1 for one in seen if one.of("total")),
                model.place(pupil, day, model.seen(organiser, pupil))[0],
            )
    for left in told.values():
        assert left is not None
        assert left.offered == 0  # every lesson of the day was taken back


@given(worlds())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_any_history_of_the_same_facts_ends_in_the_same_warnings(world: World) -> None:
    check(world)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@given(worlds())
@settings(
    max_examples=50_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_any_history_at_length(world: World) -> None:
    check(world)
