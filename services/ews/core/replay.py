"""The decisions that a partition's log leads to, without Kafka: for the oracle and what-if."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from forvarning.warnings.v1 import warnings_pb2
from forvarning.warnings.v1.warnings_pb2 import WarningEvent
from services.ews.core.api import UndigestibleError
from services.ews.core.core import Core

Comparable = tuple[object, ...]


@dataclass(slots=True)
class Replay:
    """``threads`` are the final snapshots that still say something, by thread id.

    ``undigested`` are the offsets of the facts that the core refused, each with
    its reason.
    """

    threads: dict[bytes, WarningEvent] = field(default_factory=dict)
    undigested: dict[int, str] = field(default_factory=dict)


def replay(
    facts: Iterable[tuple[int, bytes]],
    profiles: Iterable[tuple[str, int, bytes]],
    *,
    partition: int = 0,
    replays: dict[int, int] | None = None,
) -> Replay:
    """Decide once on all of a partition's facts: (offset, bytes), in the order of the log.

    ``profiles`` are (id, version, content) of all that the facts may activate;
    a fact that activates another one raises UnknownProfileError. ``replays``
    tells of facts that restate a dead letter: offset to the dead letter's.
    """
    core = Core()
    for profile_id, version, content in profiles:
        core.learn_profile(profile_id, version, content)
    found = Replay()
    for offset, value in facts:
        replay_of = replays.get(offset) if replays else None
        try:
            core.apply(value, offset, partition=partition, replay_of=replay_of)
        except UndigestibleError as error:
            found.undigested[offset] = error.reason
            core.mark_undigested(error.pupil_ids, offset)
    for row in core.collect().warnings:
        if row.value is None:
            found.threads.pop(row.key, None)
        else:
            event = WarningEvent.FromString(row.value)
            if comparable(event):
                found.threads[row.key] = event
    return found


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
            if name in {"episode_id", "relapse_of"}:
                same = bool(one.relapse_of) == bool(other.relapse_of)
                if name == "relapse_of" and not same:
                    told.append(f"episode {i}, relapse_of: one names an episode, one does not")
            elif getattr(one, name) != getattr(other, name):
                told.append(
                    f"episode {i}, {name}: {getattr(one, name)!s} expected, "
                    f"{getattr(other, name)!s} found"
                )
    if expected.incomplete != found.incomplete:
        told.append(f"incomplete: {expected.incomplete} expected, {found.incomplete} found")
    return told
