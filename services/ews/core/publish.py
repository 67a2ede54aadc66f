"""From what the fold holds and what was last published to the next revision, if any.

Episodes are matched by overlapping days: a published one that is not withdrawn
keeps its identifier for as long as the fold has an episode at some of its days.
What of the published ones finds no match is withdrawn, and stays in the
snapshot as such (design D6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from forvarning.warnings.v1 import warnings_pb2
from forvarning.warnings.v1.warnings_pb2 import Change, Episode
from services.ews.core import ids
from services.ews.core.fold import Spell
from services.ews.core.pupils import Content, Thread

_ACTIVE = warnings_pb2.EPISODE_STATE_ACTIVE
_RESOLVED = warnings_pb2.EPISODE_STATE_RESOLVED
_WITHDRAWN = warnings_pb2.EPISODE_STATE_WITHDRAWN
_FOREVER = 1 << 30


@dataclass(frozen=True, slots=True)
class Revision:
    """A thread's next revision."""

    thread: Thread
    changes: list[Change]

    @property
    def epoch_day(self) -> int:
        """The school date that the newest change is about, else the newest of any episode."""
        if self.changes:
            return max(change.epoch_day for change in self.changes)
        return max(
            max(one.raised_day, one.level_day, one.resolved_day) for one in self.thread.episodes
        )


def revise(
    thread_id: bytes,
    before: Thread | None,
    found: Sequence[tuple[Spell, Content]],
    *,
    incomplete: bool,
) -> Revision | None:
    """The next revision; None where the published one still tells the truth."""
    number = before.revision + 1 if before is not None else 1
    published = before.episodes if before is not None else []
    live = [one for one in published if one.state != _WITHDRAWN]
    episodes = [one for one in published if one.state == _WITHDRAWN]
    changes: list[Change] = []
    previous = b""
    at = 0
    for spell, content in found:
        old: Episode | None = None
        while at < len(live) and _end(live[at]) < spell.raised_day:
            _withdraw(live[at], episodes, changes)
            at += 1
        if at < len(live) and live[at].raised_day <= (spell.resolved_day or _FOREVER):
            old = live[at]
            at += 1
        name = old.episode_id if old else ids.episode_id(thread_id, spell.raised_day, number)
        relapse = previous if spell.relapse else b""
        if old is None or not _same(old, spell, content, relapse):
            new = _episode(name, spell, content, relapse)
            _compare(old, new, changes)
            if old is not None and new == old:
                new = old
        else:
            new = old
        content.episode = new
        episodes.append(new)
        previous = name
    for gone in live[at:]:
        _withdraw(gone, episodes, changes)
    flips = before is not None and before.incomplete != incomplete and bool(episodes)
    if not changes and not flips:
        return None
    episodes.sort(key=lambda one: (one.raised_day, one.state != _WITHDRAWN, one.episode_id))
    return Revision(Thread(thread_id, number, incomplete, episodes), changes)


def _end(episode: Episode) -> int:
    return episode.resolved_day or _FOREVER


def _same(old: Episode, spell: Spell, content: Content, relapse: bytes) -> bool:
    """Whether the published episode is the one that was built, and nothing came after."""
    return (
        content.episode is old
        and old.raised_day == spell.raised_day
        and old.resolved_day == spell.resolved_day
        and old.relapse_of == relapse
    )


def _episode(name: bytes, spell: Spell, content: Content, relapse: bytes) -> Episode:
    episode = Episode()
    episode.CopyFrom(content.episode)
    episode.episode_id = name
    episode.state = _RESOLVED if spell.resolved_day else _ACTIVE
    episode.raised_day = spell.raised_day
    episode.resolved_day = spell.resolved_day
    episode.relapse_of = relapse
    return episode


def _withdraw(old: Episode, episodes: list[Episode], changes: list[Change]) -> None:
    gone = Episode()
    gone.CopyFrom(old)
    gone.state = _WITHDRAWN
    episodes.append(gone)
    changes.append(
        Change(
            kind=warnings_pb2.CHANGE_KIND_WITHDRAWN,
            episode_id=old.episode_id,
            epoch_day=old.raised_day,
        )
    )


def _compare(old: Episode | None, new: Episode, changes: list[Change]) -> None:
    def note(kind: warnings_pb2.ChangeKind, day: int) -> None:
        changes.append(Change(kind=kind, episode_id=new.episode_id, epoch_day=day))

    if old is None:
        note(warnings_pb2.CHANGE_KIND_RAISED, new.raised_day)
        if new.level_day > new.raised_day:
            note(warnings_pb2.CHANGE_KIND_ESCALATED, new.level_day)
    elif old == new:
        return
    elif new.level > old.level:
        note(warnings_pb2.CHANGE_KIND_ESCALATED, new.level_day)
    elif _differs(old, new):
        note(warnings_pb2.CHANGE_KIND_AMENDED, new.level_day)
    if new.state == _RESOLVED and (old is None or old.state == _ACTIVE):
        note(warnings_pb2.CHANGE_KIND_RESOLVED, new.resolved_day)


def _differs(old: Episode, new: Episode) -> bool:
    """Whether more than its coming to rest changed."""
    if old.state == _RESOLVED:
        return True
    rested = Episode()
    rested.CopyFrom(old)
    rested.state, rested.resolved_day = new.state, new.resolved_day
    return rested != new
