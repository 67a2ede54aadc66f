"""Which histories of a thread are legal: what every consumer may rely on.

Revisions go up by one. An episode is there from its RAISED change on and never
disappears. ACTIVE and RESOLVED may follow one another in both directions (a
correction reopens); WITHDRAWN is the end of an episode, and what it said stays
as it was. Every difference between two revisions is named by a change, and
every change is about a difference, except that ``incomplete`` may flip alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from forvarning.warnings.v1 import warnings_pb2
from forvarning.warnings.v1.warnings_pb2 import Episode, WarningEvent

_ACTIVE = warnings_pb2.EPISODE_STATE_ACTIVE
_RESOLVED = warnings_pb2.EPISODE_STATE_RESOLVED
_WITHDRAWN = warnings_pb2.EPISODE_STATE_WITHDRAWN
_RAISED = warnings_pb2.CHANGE_KIND_RAISED
_IDENTITY = ("organiser_id", "thread_id", "pupil_id", "family", "school_year")


def illegal_history(events: Iterable[WarningEvent]) -> list[str]:
    """What is wrong with a thread's events in the order of their offsets; empty if nothing."""
    found: list[str] = []
    before: WarningEvent | None = None
    for event in events:
        found.extend(f"revision {event.revision}: {one}" for one in illegal_step(before, event))
        before = event
    return found


def illegal_step(before: WarningEvent | None, after: WarningEvent) -> list[str]:
    """What is wrong with ``after`` as the event that follows ``before`` (None: the first)."""
    found: list[str] = []
    expected = before.revision + 1 if before is not None else 1
    if after.revision != expected:
        found.append(f"expected revision {expected}")
    if before is not None:
        found.extend(
            f"{name} changed" for name in _IDENTITY if getattr(before, name) != getattr(after, name)
        )
    old = {one.episode_id: one for one in before.episodes} if before is not None else {}
    new = {one.episode_id: one for one in after.episodes}
    kinds: dict[bytes, set[int]] = {}
    for change in after.changes:
        kinds.setdefault(change.episode_id, set()).add(change.kind)
    if len(new) != len(after.episodes):
        found.append("an episode stands twice")
    found.extend(f"episode {name.hex()} disappeared" for name in old if name not in new)
    found.extend(f"a change names no episode: {name.hex()}" for name in kinds if name not in new)
    for name, episode in new.items():
        found.extend(_illegal_episode(old.get(name), episode, kinds.get(name, set())))
    days = [one.raised_day for one in after.episodes]
    if days != sorted(days):
        found.append("the episodes are not oldest first")
    if not after.changes and (before is None or before.incomplete == after.incomplete):
        found.append("nothing changed")
    return found


def _illegal_episode(old: Episode | None, new: Episode, kinds: set[int]) -> list[str]:
    name = new.episode_id.hex()
    found: list[str] = []
    if (new.resolved_day != 0) != (new.state == _RESOLVED) and new.state != _WITHDRAWN:
        found.append(f"episode {name} has the resolved day of another state")
    if old is None:
        if _RAISED not in kinds:
            found.append(f"episode {name} was never raised")
        if new.state == _WITHDRAWN:
            found.append(f"episode {name} was withdrawn before it was told of")
        return found
    if _RAISED in kinds:
        found.append(f"episode {name} was raised twice")
    if old.state == _WITHDRAWN and new != old:
        found.append(f"episode {name} came back from its withdrawal")
    if (old == new) != (not kinds):
        found.append(f"episode {name}: changes and differences do not agree")
    expected = {
        warnings_pb2.CHANGE_KIND_ESCALATED: new.level > old.level,
        warnings_pb2.CHANGE_KIND_RESOLVED: old.state == _ACTIVE and new.state == _RESOLVED,
        warnings_pb2.CHANGE_KIND_WITHDRAWN: old.state != _WITHDRAWN and new.state == _WITHDRAWN,
    }
    for kind, due in expected.items():
        if (kind in kinds) != due:
            label = warnings_pb2.ChangeKind.Name(kind)
            found.append(f"episode {name}: {label} {'is missing' if due else 'is not due'}")
    return found
