"""The switches for noise and waves, and what the two costs are made of."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from bench.eval.feed import Simulated
from bench.eval.score import Spell
from bench.eval.years import Wave, noise_cost, simulation_of, truth_of, wave_extra
from bench.simulator.attendance import Cause
from bench.simulator.events import Reason, RegisterEvent
from bench.simulator.rates import Rates, without_noise, without_waves
from bench.simulator.stream import Simulation
from forvarning.facts.v1.facts_pb2 import Fact

PUPILS = 60


@pytest.fixture(scope="module")
def plain() -> Simulation:
    return simulation_of(5, PUPILS)


def test_without_noise_the_attendance_is_the_same_and_told_at_once(plain: Simulation) -> None:
    clean = simulation_of(5, PUPILS, without_noise(Rates()))
    assert (clean.truth.absent == plain.truth.absent).all()
    assert (clean.truth.cause == plain.truth.cause).all()
    assert [year.missed.tolist() for year in truth_of(clean)] == [
        year.missed.tolist() for year in truth_of(plain)
    ]
    first, last = clean.world.days[0], clean.world.days[40]
    for simulation, noise in ((clean, False), (plain, True)):
        events = [
            event
            for event in simulation.messages(first, last, timetable="needed")
            if isinstance(event, RegisterEvent)
        ]
        reasons = {event.reason for event in events}
        wanted = {Reason.LATE_REPORT, Reason.CORRECTION, Reason.TIMETABLE}
        assert (reasons & wanted == wanted) is noise
        assert bool(reasons & wanted) is noise
        assert Reason.CANCELLATION in reasons


def test_without_waves_only_those_whom_a_wave_took_are_away_less(plain: Simulation) -> None:
    calm = simulation_of(5, PUPILS, without_waves(Rates()))
    assert calm.truth.waves == plain.truth.waves
    assert any(plain.truth.waves.values())
    gone = plain.truth.cause != Cause.PRESENT
    less = gone & (calm.truth.cause == Cause.PRESENT)
    assert less.any()
    assert not ((calm.truth.cause != Cause.PRESENT) & ~gone).any()
    pupils = np.flatnonzero((plain.truth.absent != calm.truth.absent).any(axis=(1, 2)))
    assert 0 < len(pupils) < 0.8 * PUPILS


def test_the_cancelled_lessons_are_those_of_the_messages(plain: Simulation) -> None:
    days = range(30)
    first, last = plain.world.days[0], plain.world.days[29]
    sent = {
        (event.lesson, event.day, tuple(event.pupils.tolist()))
        for event in plain.messages(first, last, timetable="none")
        if isinstance(event, RegisterEvent) and event.state == "cancelled"
    }
    asked = {
        (lesson.number, day, tuple(pupils.tolist()))
        for unit in plain.world.units
        for day in days
        for lesson, pupils in plain.reporter.cancelled(unit.index, day)
        if len(pupils)
    }
    assert sent
    assert asked == sent


def test_a_feed_of_some_pupils_tells_the_same_of_them(plain: Simulation) -> None:
    only = [3, 17, 40]
    last = plain.world.days[15]
    whole, part = (Simulated(plain, last=last, only=some) for some in (None, only))
    ids = set(part.pupils)
    assert {plain.world.pupils[one].id for one in only} == set(part.pupils.values())

    def marks(feed: Simulated) -> set[tuple[object, ...]]:
        found: set[tuple[object, ...]] = set()
        for evening in feed.evenings():
            for _, fact in evening.facts:
                found |= set(_marks(evening.day, fact, ids))
        return found

    assert marks(part) == marks(whole)
    assert len(marks(part)) > 100


def _marks(day: date, fact: Fact, ids: set[bytes]) -> list[tuple[object, ...]]:
    said = fact.register
    return [
        (day, said.lesson_id, pupil, said.valid_minutes[at], said.invalid_minutes[at])
        for at in range(len(said.offered_minutes))
        if (pupil := said.pupil_ids[16 * at : 16 * at + 16]) in ids
    ]


def test_extra_pupils_are_those_warned_with_the_wave_only() -> None:
    wave = Wave(date(2027, 2, 1), date(2027, 2, 26), date(2027, 3, 12), frozenset("abcdefghij"))
    inside = Spell("strofranvaro", date(2027, 2, 10))
    passed = {
        "a": [inside],
        "b": [inside],
        "c": [Spell("strofranvaro", date(2027, 1, 29))],
        "d": [Spell("ogiltig_idag", date(2027, 2, 10))],
        "f": [Spell("langvarig", date(2027, 3, 1))],
        "x": [inside],
    }
    without = {"b": [Spell("langvarig", date(2027, 2, 26))], "e": [inside]}
    assert wave_extra([wave], passed, without) == (1, 1, 10)
    assert wave_extra([wave], passed, without, later=True) == (2, 1, 10)


def test_noise_costs_the_worst_relative_loss() -> None:
    clean = {"share_recall": 1.0, "share_lead_days": 30.0, "share_false_alarms": 5.0}
    noise = {"share_recall": 0.95, "share_lead_days": 33.0, "share_false_alarms": 5.5}
    assert noise_cost(clean, noise) == pytest.approx(
        {"recall": 5.0, "lead": -10.0, "false_alarms": 10.0}
    )
    nothing = noise_cost(clean | {"share_false_alarms": 0.0}, noise | {"share_false_alarms": 0.0})
    assert nothing["false_alarms"] == 0
    assert np.isnan(noise_cost(clean | {"share_false_alarms": 0.0}, noise)["false_alarms"])
