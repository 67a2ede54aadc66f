"""From a family's verdicts, school day by school day, to its episodes.

An episode is raised on the first judged day on which a rule fires, at the
highest level that fires. It escalates when a higher level fires and never goes
down again. It is resolved on the day on which no rule that has fired is still
awake: a rule falls asleep after its ``resolve_days`` calm days in a row, a day
on which it is not judged changing nothing, one between the thresholds starting
the count over. For the family's quiet days after that a new episode is raised
only above the level of the one before; it names the one it relapses from.

Where the family's episodes end with the term, one that was raised in an earlier
term is resolved on the new term's first judged day, whatever its rules say then,
and what fires from that day on raises a new one at once.

The fold goes from left to right and looks at nothing but the day's verdicts, so
going on from a kept :class:`Track` gives what folding anew gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.ews.core import calendar
from services.ews.core.rule import Family, Profile, Rule
from services.ews.core.rules import CALM, FIRES, NOT_JUDGED


@dataclass(slots=True)
class Spell:
    """One episode as the fold sees it: days, level and the rule that holds the level."""

    raised_day: int
    level: int
    level_day: int
    rule: Rule
    profile: Profile
    resolved_day: int = 0
    relapse: bool = False


@dataclass(slots=True)
class Track:
    """Where one pupil's fold of one family has come to after ``upto`` school days."""

    upto: int = 0
    spells: list[Spell] = field(default_factory=list)
    awake: dict[str, int] = field(default_factory=dict)
    """Rules that have fired and not come to rest, each with its calm days in a row."""
    resolved_at: int = -1
    """The place, among the school days, at which the last episode was resolved."""

    def summary(self) -> tuple[int, int, int, int]:
        """Differs where the episodes do: number, and the last one's level and days."""
        if not self.spells:
            return (0, 0, 0, 0)
        last = self.spells[-1]
        return (len(self.spells), last.level, last.level_day, last.resolved_day)


@dataclass(frozen=True, slots=True)
class Step:
    """One school day: its date, the profile in force, and a verdict for each of its rules."""

    day: int
    profile: Profile | None
    verdicts: Sequence[int]


Fold = Callable[[bytes, int, Track, Sequence[Step]], None]
"""Takes pupil id, family, the track to bring forward, and the steps from ``track.upto`` on."""


def fold(pupil_id: bytes, family: int, track: Track, steps: Sequence[Step]) -> None:  # noqa: ARG001  # the pupil is for tests that make one pupil's fold fail
    """Bring the track forward, in place."""
    for step in steps:
        found = step.profile.families.get(family) if step.profile else None
        if found is not None and any(step.verdicts):
            _judge(track, step, found)
        track.upto += 1


def _judge(track: Track, step: Step, family: Family) -> None:
    """One judged day."""
    assert step.profile is not None  # noqa: S101  # the family was found in it
    if family.ends_with_term:
        _end_with_term(track, step.day, family)
    awake: dict[str, int] = {}
    holder: Rule | None = None
    for rule, verdict in zip(family.rules, step.verdicts, strict=False):
        if verdict == FIRES:
            awake[rule.rule_id] = 0
            if holder is None or rule.level > holder.level:
                holder = rule
            continue
        calm = track.awake.get(rule.rule_id)
        if calm is None:
            continue
        if verdict == CALM:
            calm += 1
        elif verdict != NOT_JUDGED:
            calm = 0
        if calm < rule.resolve_days:
            awake[rule.rule_id] = calm
    track.awake = awake
    last = track.spells[-1] if track.spells else None
    if last is not None and not last.resolved_day:
        if holder is not None and holder.level > last.level:
            last.level, last.level_day = holder.level, step.day
            last.rule, last.profile = holder, step.profile
        if not awake:
            last.resolved_day = step.day
            track.resolved_at = track.upto
        return
    if holder is None:
        return
    quiet = last is not None and track.upto - track.resolved_at <= family.quiet_days
    if last is None or not quiet or holder.level > last.level:
        track.spells.append(
            Spell(step.day, holder.level, step.day, holder, step.profile, relapse=last is not None)
        )


def _end_with_term(track: Track, day: int, family: Family) -> None:
    """Resolve on ``day`` what was raised before its term began."""
    last = track.spells[-1] if track.spells else None
    if last is not None and not last.resolved_day and last.raised_day < calendar.term_start(day):
        last.resolved_day = day
        track.resolved_at = track.upto - family.quiet_days - 1
        track.awake = {}
