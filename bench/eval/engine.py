"""The stream's own warnings about a simulated municipality, evening by evening.

The same core that the worker runs takes the input log in its order of arrival and
decides once a day, when the last of the day's facts are in: a warning that a late
register or a later correction brings comes on the day on which somebody could first
have read it, not on the school date that it is about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from bench.eval.score import Spell
from bench.ews.workload import Workload
from bench.simulator.stream import Simulation
from forvarning.facts.v1.facts_pb2 import Fact
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common.clock import local_instant
from services.ews.core.api import Row
from services.ews.core.core import Core

FAMILIES = {
    pb.FAMILY_SPORADIC: "strofranvaro",
    pb.FAMILY_LONG_TERM: "langvarig",
    pb.FAMILY_ESCALATION: "eskalering",
    pb.FAMILY_UNEXCUSED_TODAY: "ogiltig_idag",
    pb.FAMILY_UNREPORTED: "orapporterat",
}
_CHANGES = (
    pb.CHANGE_KIND_RAISED,
    pb.CHANGE_KIND_ESCALATED,
    pb.CHANGE_KIND_RESOLVED,
    pb.CHANGE_KIND_WITHDRAWN,
)
Standing = dict[bytes, tuple[str, str, date]]
"""By episode: pupil, family and the day on which it was raised."""


@dataclass(slots=True)
class Told:
    """What was published: spells by pupil, and the days of every change of state."""

    spells: dict[str, list[Spell]] = field(default_factory=lambda: defaultdict(list))
    changes: dict[str, list[tuple[str, date]]] = field(default_factory=lambda: defaultdict(list))
    """By pupil: family and day."""


def warn(simulation: Simulation, content: bytes, first: date, last: date) -> Told:
    """Judge the days from ``first`` to ``last`` with the profile of this content."""
    workload = Workload(simulation, 1, first, last, content)
    names = {surrogate: name for name, surrogate in workload.pupil_ids().items()}
    core = Core()
    profile_id, version, _, _ = workload.profile()
    core.learn_profile(profile_id, version, content)
    told, standing = Told(), Standing()
    today, ends_at = first, _midnight_after(first)
    for offset, record in enumerate(workload.records()):
        at = Fact.FromString(record.value).accepted_unix_ms
        while at >= ends_at:
            _note(core.collect().warnings, today, names, told, standing)
            today += timedelta(days=1)
            ends_at = _midnight_after(today)
        core.apply(record.value, offset, partition=0)
    _note(core.collect().warnings, today, names, told, standing)
    for pupil, family, raised in standing.values():
        told.spells[pupil].append(Spell(family, raised))
    return told


def _midnight_after(day: date) -> int:
    return round(local_instant(day + timedelta(days=1), 0).timestamp() * 1000)


def _note(
    rows: Iterable[Row], today: date, names: dict[bytes, str], told: Told, standing: Standing
) -> None:
    """Take down what one evening's events changed."""
    for row in rows:
        if row.value is None:
            continue
        event = pb.WarningEvent.FromString(row.value)
        family, pupil = FAMILIES[event.family], names[event.pupil_id]
        told.changes[pupil] += [(family, today) for one in event.changes if one.kind in _CHANGES]
        new = {one.episode_id for one in event.changes if one.kind == pb.CHANGE_KIND_RAISED}
        for episode in event.episodes:
            stands = episode.state == pb.EPISODE_STATE_ACTIVE
            held = standing.pop(episode.episode_id, None)
            if held is None and (stands or episode.episode_id in new):
                held = (pupil, family, today)
            if held is not None and stands:
                standing[episode.episode_id] = held
            elif held is not None:
                told.spells[pupil].append(Spell(family, held[2], today))
