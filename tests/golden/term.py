"""The golden term as text: one line an episode, so that a change of warnings can be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bench.ews.workload import Workload
from bench.simulator.config import SimulatorConfig
from bench.simulator.stream import Simulation
from forvarning.facts.v1.facts_pb2 import Fact
from forvarning.warnings.v1 import warnings_pb2
from services.common.clock import from_epoch_day
from services.ews.core.api import Row
from services.ews.core.profile import parse_profile
from services.ews.core.replay import Reached, Replay, Replayer, activation
from services.ews.core.rule import FAMILIES
from services.ews.core.version import CORE_VERSION
from services.ews.waves.inprocess import GroupStep

KEPT = Path(__file__).with_name("term.txt")
PROFILE = Path(__file__).parents[2] / "services" / "ews" / "profiles" / "standard.toml"
SEED, PUPILS = 20_260_818, 400
FIRST, LAST = date(2026, 8, 18), date(2027, 1, 29)
_NAMES = {number: name for name, number in FAMILIES.items()}
_HEAD = """\
# The golden term: what the core made of a simulated autumn term and the first weeks of the
# next under the standard profile.
# `make golden` writes this file; do not edit it. Columns: pupil, family, raised, resolved (- while
# it lasts), then each level: number@day, rule. R: the episode relapses from the one before.
"""


@dataclass(frozen=True, slots=True)
class Term:
    """The kept text in its parts. What the episodes follow from stands in ``made_by``."""

    made_by: dict[str, str]
    episodes: list[str]

    def text(self) -> str:
        """As it is kept."""
        made_by = "".join(f"# {name}: {value}\n" for name, value in self.made_by.items())
        return _HEAD + made_by + "".join(f"{line}\n" for line in self.episodes)

    @classmethod
    def read(cls, text: str) -> Term:
        """The parts of :meth:`text`."""
        lines = text.splitlines()
        head = [line[2:] for line in lines if line.startswith("# ")][_HEAD.count("\n") :]
        made_by = dict(line.split(": ", 1) for line in head)
        return cls(made_by, [line for line in lines if not line.startswith("#")])


def judged_by() -> dict[str, str]:
    """The pair that decides what the facts lead to: the profile and the core's version."""
    content = PROFILE.read_bytes()
    profile = parse_profile(content)
    return {
        "profile": f"{profile.profile_id}@{profile.version}",
        "profile sha256": hashlib.sha256(content).hexdigest(),
        "core version": str(CORE_VERSION),
    }


def judge() -> Term:
    """Simulate the term and judge it. Raises ValueError where the core refuses any of it."""
    content = PROFILE.read_bytes()
    profile = parse_profile(content)
    replayer = Replayer([(profile.profile_id, profile.version, content)], waves=True)
    simulation = Simulation.of(SimulatorConfig(seed=SEED, pupils=PUPILS, today=LAST))
    workload = Workload(simulation, 1, FIRST, LAST, content)
    replayer.take(0, activation(workload.organiser.bytes, content))
    digest = hashlib.sha256()
    count = 0
    for record in workload.records():
        if Fact.FromString(record.value).HasField("profile_activated"):
            continue  # it holds from the first day on, whatever its version
        count += 1
        digest.update(record.value)
        replayer.take(count, record.value)
    waves: list[bytes] = []

    def waves_of(group_days: Iterable[Row]) -> list[bytes]:
        waves.extend(GroupStep().waves_of(group_days))
        return waves

    found = replayer.finish(waves_of)
    if found.undigested or found.failed:
        raise ValueError(f"not all could be judged: {found.undigested}, {found.failed}")
    ids = workload.pupil_ids()
    pupils = {ids[one.id]: (one.index, one.id) for one in simulation.world.pupils}
    made_by = judged_by() | {
        "simulator": f"seed {SEED}, {PUPILS} pupils, {FIRST} to {LAST}, {count} facts",
        "facts sha256": digest.hexdigest(),
        "waves": f"on {_with_a_wave(waves)} of {len(waves)} days of a unit",
    }
    return Term(made_by, _episodes(found, pupils))


def _with_a_wave(waves: Iterable[bytes]) -> int:
    return sum(bool(Fact.FromString(one).wave.classes) for one in waves)


def _episodes(found: Replay, pupils: dict[bytes, tuple[int, str]]) -> list[str]:
    rows: list[tuple[int, int, int, str]] = []
    for event in found.threads.values():
        # A thread that is not about a pupil is named by its subject's id, and comes last.
        index, name = pupils.get(event.pupil_id, (PUPILS, event.pupil_id.hex()))
        family = _NAMES[event.family]
        for one in event.episodes:
            if one.state == warnings_pb2.EPISODE_STATE_WITHDRAWN:
                continue  # what was judged before its Waves were in
            levels = found.levels.get((event.pupil_id, event.family, one.raised_day)) or [
                Reached(one.raised_day, one.level, one.rule_id)
            ]
            told = " ".join(f"{r.level}@{_date(r.day)} {r.rule_id}" for r in levels)
            resolved = _date(one.resolved_day) if one.resolved_day else "-"
            relapse = " R" if one.relapse_of else ""
            line = f"{name} {family} {_date(one.raised_day)} {resolved} {told}{relapse}"
            rows.append((index, event.family, one.raised_day, line))
    return [line for *_, line in sorted(rows)]


def _date(day: int) -> str:
    return from_epoch_day(day).isoformat()[5:]
