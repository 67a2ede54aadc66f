"""The core against the brute-force model: any order, repetition, split, restart and loss."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, given, settings

from forvarning.warnings.v1.warnings_pb2 import AbsenceDay, WarningEvent
from services.ews.core.legal import illegal_history
from tests.model.model import Model, model_of
from tests.model.profiles import CONTENTS, PROFILES
from tests.model.shown import World
from tests.model.told import told_by
from tests.model.world import worlds
from tests.unit.ews.harness import Harness

EXAMPLES = int(os.environ.get("FORVARNING_MODEL_EXAMPLES", "2000"))
_PARTS = 4
"""Tests that share the examples, so that they can run side by side."""
_SOAK_PARTS = 10
"""The same of the long run, of which each is seen to have passed while the others go on."""


def disordered(world: World) -> list[bytes]:
    chance = random.Random(world.seed)
    facts = world.facts + chance.choices(world.facts, k=world.repeats)
    if world.seed:
        chance.shuffle(facts)
    return facts


def check(world: World) -> None:
    harness = Harness(CONTENTS)
    stops = dict(world.stops)
    facts = disordered(world)
    for i, fact in enumerate(facts):
        harness.apply(fact)
        what = stops.get(len(facts) - i)
        if what is not None:
            getattr(harness, what)()
    assert not harness.collect().failed_folds
    assert not harness.collect().warnings
    found = told_by(WarningEvent.FromString(value) for value in harness.latest.values())
    model = model_of(facts, PROFILES)
    assert found == model.truth()
    for events in harness.history.values():
        assert illegal_history(events) == []
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
                closed = model.is_school_day(organiser, pupil, day)
                assert not (absent and closed)
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
                model.place(organiser, pupil, day)[0],
            )
    for left in told.values():
        assert left is not None
        assert left.offered == 0  # every lesson of the day was taken back


@pytest.mark.parametrize("part", range(_PARTS))
@pytest.mark.timeout(1800)  # half a minute of work, on a machine that others may be using
@given(world=worlds())
@settings(
    max_examples=EXAMPLES // _PARTS,
    deadline=None,
    derandomize=False,  # other examples every time, in CI too
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_any_history_of_the_same_facts_ends_in_the_same_warnings(part: int, world: World) -> None:
    """``part`` tells nothing but which of the tests it is: each draws examples of its own."""
    check(world)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(_SOAK_PARTS))
@pytest.mark.timeout(7200)
@given(world=worlds())
@settings(
    max_examples=50_000 // _SOAK_PARTS,
    deadline=None,
    derandomize=False,  # other examples every time, in CI too
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_any_history_at_length(part: int, world: World) -> None:
    check(world)
