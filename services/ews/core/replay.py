"""The decisions that a partition's log leads to, without Kafka: for the oracle and what-if."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from forvarning.facts.v1 import facts_pb2
from forvarning.warnings.v1 import warnings_pb2
from forvarning.warnings.v1.warnings_pb2 import WarningEvent
from services.ews.core import fold
from services.ews.core.api import Batch, FailedFold, Row, UndigestibleError
from services.ews.core.core import Core
from services.ews.core.profile import parse_profile

Comparable = tuple[object, ...]
Content = tuple[str, int, bytes]
"""A profile's id, version and content."""
WavesOf = Callable[[Iterable[Row]], Iterable[bytes]]
"""The group step: from the sums that a collect hands out to the Wave facts that are due."""
EpisodeKey = tuple[bytes, int, int]
"""Pupil, family and the day on which the episode was raised."""

NO_OFFSET = -1
"""Of a fact that is in no log."""
_ALONE = 0
"""The number of the partition; only sums that are published would tell it."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A level of an episode: the school date on which it was reached, and by which rule."""

    day: int
    level: int
    rule_id: str


@dataclass(slots=True)
class Replay:
    """``threads`` are the final snapshots that still say something, by thread id.

    ``undigested`` are the offsets of the facts that the core refused, each with
    its reason; ``failed`` the pupils whose decision raised. ``levels`` are the
    levels of each episode of a folded family, lowest first: a snapshot knows
    the highest only.
    """

    threads: dict[bytes, WarningEvent] = field(default_factory=dict)
    undigested: dict[int, str] = field(default_factory=dict)
    failed: list[FailedFold] = field(default_factory=list)
    levels: dict[EpisodeKey, list[Reached]] = field(default_factory=dict)


class Replayer:
    """One partition's facts, taken in the order of its log and decided on once, at the end.

    ``profiles`` are the contents of all that the facts may activate; ``waves``
    announces that :meth:`finish` will be asked to recognise them.
    """

    def __init__(self, profiles: Iterable[Content], *, waves: bool = False) -> None:
        self._found = Replay()
        self._waves = waves
        self._core = Core(self._fold, state=False, daily=waves)
        for profile_id, version, content in profiles:
            self._core.learn_profile(profile_id, version, content)

    def take(self, offset: int, value: bytes, replay_of: int | None = None) -> bool:
        """Apply one fact; False where the core refuses it.

        ``replay_of`` is the offset of the dead letter that the fact restates.
        Raises UnknownProfileError for a fact that activates another profile.
        """
        try:
            self._core.apply(value, offset, partition=_ALONE, replay_of=replay_of)
        except UndigestibleError as error:
            self._found.undigested[offset] = error.reason
            self._core.mark_undigested(error.pupil_ids, offset)
            return False
        return True

    def finish(self, waves_of: WavesOf | None = None) -> Replay:
        """What all facts taken so far lead to.

        ``waves_of``: this partition is all there is, its facts tell of no Waves, and
        they are recognised in its own sums.
        """
        if waves_of is not None and not self._waves:
            raise ValueError("the sums in which waves are recognised were not announced")
        batch = self._core.collect()
        self._note(batch)
        if waves_of is not None:
            for fact in waves_of(batch.group_days):
                self._core.apply(fact, NO_OFFSET, partition=_ALONE)
            self._note(self._core.collect())
        return self._found

    def _note(self, batch: Batch) -> None:
        self._found.failed.extend(batch.failed_folds)
        for row in batch.warnings:
            event = WarningEvent.FromString(row.value or b"")
            if comparable(event):
                self._found.threads[row.key] = event
            else:
                self._found.threads.pop(row.key, None)

    def _fold(
        self, pupil_id: bytes, family: int, track: fold.Track, steps: Sequence[fold.Step]
    ) -> None:
        """Fold day by day, and note the levels on the way."""
        levels = self._found.levels
        for step in steps:
            fold.fold(pupil_id, family, track, [step])
            if not track.spells:
                continue
            spell = track.spells[-1]
            if spell.level_day != step.day:
                continue
            key = (pupil_id, family, spell.raised_day)
            if spell.raised_day == step.day:
                levels[key] = []
            levels[key].append(Reached(spell.level_day, spell.level, spell.rule.rule_id))


def activation(organiser_id: bytes, content: bytes) -> bytes:
    """A fact by which a profile holds for all of an organiser, whatever the day.

    Raises ProfileError where the content cannot be used.
    """
    profile = parse_profile(content)
    return facts_pb2.Fact(
        organiser_id=organiser_id,
        profile_activated=facts_pb2.ProfileActivated(
            profile_id=profile.profile_id,
            profile_version=profile.version,
            digest=hashlib.sha256(content).digest(),
            version=facts_pb2.Version(priority=1),
        ),
    ).SerializeToString()


def comparable(event: WarningEvent) -> Comparable:
    """What two snapshots of a thread must agree on, whatever history led to them.

    Withdrawn episodes, identifiers given on the way, revisions and changes are
    left out, and so is what the event says of its newest change. Empty where
    nothing is left.
    """
    episodes = []
    for episode in event.episodes:
        if episode.state == warnings_pb2.EPISODE_STATE_WITHDRAWN:
            continue
        plain = warnings_pb2.Episode()
        plain.CopyFrom(episode)
        plain.ClearField("episode_id")
        plain.relapse_of = b"1" if episode.relapse_of else b""
        episodes.append(plain.SerializeToString(deterministic=True))
    if not episodes:
        return ()
    return (
        event.organiser_id,
        event.thread_id,
        event.pupil_id,
        event.family,
        event.school_year,
        event.incomplete,
        tuple(episodes),
    )


def explain_difference(expected: WarningEvent, found: WarningEvent) -> list[str]:
    """Which fields of which episode differ, for people; empty where nothing does."""
    if comparable(expected) == comparable(found):
        return []
    told: list[str] = []
    live = [
        [one for one in event.episodes if one.state != warnings_pb2.EPISODE_STATE_WITHDRAWN]
        for event in (expected, found)
    ]
    if len(live[0]) != len(live[1]):
        told.append(f"{len(live[0])} episodes expected, {len(live[1])} found")
    for i, (one, other) in enumerate(zip(*live, strict=False)):
        for name in one.DESCRIPTOR.fields_by_name:
            wanted, is_told = getattr(one, name), getattr(other, name)
            if name == "relapse_of":
                if bool(wanted) != bool(is_told):
                    told.append(f"episode {i}, relapse_of: one names an episode, one does not")
            elif name != "episode_id" and wanted != is_told:
                told.append(f"episode {i}, {name}: {wanted!s} expected, {is_told!s} found")
    if expected.incomplete != found.incomplete:
        told.append(f"incomplete: {expected.incomplete} expected, {found.incomplete} found")
    return told
