"""The stream's own warnings about a simulated municipality, evening by evening.

The same core that the worker runs takes the input log in its order of arrival and
decides once a day, when the last of the day's facts are in: a warning that a late
register or a later correction brings comes on the day on which somebody could first
have read it, not on the school date that it is about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from bench.eval.feed import Feed
from bench.eval.score import Spell
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.ews.core.api import Batch, UndigestibleError
from services.ews.core.core import Core
from services.ews.core.profile import parse_profile
from services.ews.core.replay import activation
from services.ews.waves.inprocess import GroupStep

FAMILIES = {
    pb.FAMILY_SPORADIC: "strofranvaro",
    pb.FAMILY_LONG_TERM: "langvarig",
    pb.FAMILY_ESCALATION: "eskalering",
    pb.FAMILY_UNEXCUSED_TODAY: "ogiltig_idag",
    pb.FAMILY_UNREPORTED: "orapporterat",
}
CHANGES = {
    pb.CHANGE_KIND_RAISED: "raised",
    pb.CHANGE_KIND_ESCALATED: "escalated",
    pb.CHANGE_KIND_RESOLVED: "resolved",
    pb.CHANGE_KIND_WITHDRAWN: "withdrawn",
}
Standing = dict[bytes, tuple[str, str, date]]
"""By episode: pupil, family and the day on which it was raised."""


@dataclass(slots=True)
class Told:
    """What was published: spells by pupil, and the days of every change of state."""

    spells: dict[str, list[Spell]] = field(default_factory=lambda: defaultdict(list))
    changes: dict[str, list[tuple[str, date, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """By pupil: family, day and what came to be."""
    refused: int = 0
    """Facts that the core refused, and decisions that failed. Both leave a pupil unjudged."""


def warn(feed: Feed, content: bytes) -> Told:
    """Judge every evening with the profile of this content, the group step included.

    Every evening the core decides on what came in; then the units' sums go to the group
    step that finds waves, and the Waves back to the core, as in production.
    """
    profile = parse_profile(content)
    core, step = Core(state=False), GroupStep()
    core.learn_profile(profile.profile_id, profile.version, content)
    told, standing = Told(), Standing()
    offset = 0

    def apply(value: bytes) -> None:
        nonlocal offset
        try:
            core.apply(value, offset, partition=0)
        except UndigestibleError:
            told.refused += 1
        offset += 1

    apply(activation(feed.organiser, content))
    for evening in feed.evenings():
        for value, _ in evening.facts:
            apply(value)
        batch = core.collect()
        _note(batch, evening.day, feed.pupils, told, standing)
        waves = step.waves_of(batch.group_days)
        for wave in waves:
            apply(wave)
        if waves:
            _note(core.collect(), evening.day, feed.pupils, told, standing)
    for pupil, family, raised in standing.values():
        told.spells[pupil].append(Spell(family, raised))
    return told


def _note(
    batch: Batch, today: date, names: Mapping[bytes, str], told: Told, standing: Standing
) -> None:
    """Take down what one evening's events changed."""
    told.refused += len(batch.failed_folds)
    for row in batch.warnings:
        if row.value is None:
            continue
        event = pb.WarningEvent.FromString(row.value)
        family, pupil = FAMILIES.get(event.family, "other"), names[event.pupil_id]
        told.changes[pupil] += [
            (family, today, CHANGES[one.kind]) for one in event.changes if one.kind in CHANGES
        ]
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
