"""What two profiles make of the same pupils. Pure.

A pupil is *warned* by a family where an episode of it lasts on a day of the
period asked about; the day on which the first such episode was raised is what
is compared, also where it lies before the period. A same-day notice lasts one
day. A *change of state* is a raise, a step to a higher level, or a coming to
rest within the period.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from forvarning.warnings.v1 import warnings_pb2
from services.ews.core.replay import Reached, Replay
from services.ews.core.rule import FAMILIES

FAMILY_NAMES = {number: name for name, number in FAMILIES.items()}
ANY = "any"
"""All families but the same-day notice: a pupil counts once, at the first warning of any."""
_SAME_DAY = "ogiltig_idag"


@dataclass(frozen=True, slots=True)
class Period:
    """Epoch days, both included; None is no limit."""

    first: int | None = None
    last: int | None = None

    def __contains__(self, day: int) -> bool:
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Episode:
    """One warning's life as it ended up; days are epoch days, ``resolved`` 0 while it lasts."""

    family: str
    raised: int
    resolved: int
    levels: tuple[Reached, ...]

    def lasts_within(self, period: Period) -> bool:
        """Whether a day of the period is one of the episode's."""
        if self.family == _SAME_DAY:
            return self.raised in period
        begun = period.last is None or self.raised <= period.last
        return begun and (
            period.first is None or not self.resolved or self.resolved >= period.first
        )

    def changes(self, period: Period) -> int:
        """How many changes of state lie within the period."""
        days = [reached.day for reached in self.levels]
        if self.resolved:
            days.append(self.resolved)
        return sum(day in period for day in days)


def episodes(found: Replay) -> dict[bytes, list[Episode]]:
    """Every pupil's standing episodes, oldest first."""
    told: dict[bytes, list[Episode]] = {}
    for event in found.threads.values():
        family = FAMILY_NAMES.get(event.family)
        if family is None:
            continue
        for one in event.episodes:
            if one.state == warnings_pb2.EPISODE_STATE_WITHDRAWN:
                continue
            levels = found.levels.get((event.pupil_id, event.family, one.raised_day))
            told.setdefault(event.pupil_id, []).append(
                Episode(
                    family,
                    one.raised_day,
                    one.resolved_day,
                    # Families that are no fold have one level from the first day on.
                    tuple(levels or [Reached(one.raised_day, one.level, one.rule_id)]),
                )
            )
    for one_pupil in told.values():
        one_pupil.sort(key=lambda episode: (episode.raised, episode.family))
    return told


@dataclass(frozen=True, slots=True)
class Pupil:
    """One pupil under both profiles: (old, new)."""

    pupil: str
    unit: str
    episodes: tuple[list[Episode], list[Episode]]

    def families(self) -> list[str]:
        """The families that either profile has an episode of, and :data:`ANY`."""
        found = {one.family for side in self.episodes for one in side}
        return sorted(found) + ([ANY] if found - {_SAME_DAY} else [])

    def first(self, side: int, family: str, period: Period) -> int | None:
        """The day on which the family's first episode of the period was raised."""
        days = [one.raised for one in self._of(side, family) if one.lasts_within(period)]
        return min(days, default=None)

    def changes(self, side: int, family: str, period: Period) -> int:
        """Changes of state within the period."""
        return sum(one.changes(period) for one in self._of(side, family))

    def _of(self, side: int, family: str) -> Iterator[Episode]:
        for one in self.episodes[side]:
            if one.family == family or (family == ANY and one.family != _SAME_DAY):
                yield one


@dataclass(slots=True)
class Tally:
    """A family's figures over some pupils; pairs are (old, new)."""

    warned: list[int] = field(default_factory=lambda: [0, 0])
    changes: list[int] = field(default_factory=lambda: [0, 0])
    both: int = 0
    days_later: list[int] = field(default_factory=list)
    """For each pupil warned by both: calendar days from the old first warning to the new one."""

    def add(self, first: Sequence[int | None], changes: Sequence[int]) -> None:
        """Count one pupil."""
        old, new = first
        self.warned[0] += old is not None
        self.warned[1] += new is not None
        if old is not None and new is not None:
            self.both += 1
            self.days_later.append(new - old)
        for side in (0, 1):
            self.changes[side] += changes[side]

    @property
    def only(self) -> tuple[int, int]:
        """How many are warned by the old profile only, and by the new one only."""
        return self.warned[0] - self.both, self.warned[1] - self.both

    @property
    def median_days_later(self) -> float | None:
        """Negative: the new profile warned earlier. None where none is warned by both."""
        return float(median(self.days_later)) if self.days_later else None


@dataclass(slots=True)
class School:
    """One school's pupils and figures by family."""

    pupils: int = 0
    families: dict[str, Tally] = field(default_factory=dict)


@dataclass(slots=True)
class Comparison:
    """Filled partition by partition."""

    period: Period = field(default_factory=Period)
    schools: dict[str, School] = field(default_factory=dict)
    pupils: list[Pupil] = field(default_factory=list)
    """Those with a warning or a change within the period, under either profile."""

    def add(self, unit_of: Mapping[str, str], outcome: Iterable[Pupil]) -> None:
        """Take a partition: every pupil's unit, and the pupils with episodes."""
        for unit in unit_of.values():
            self.schools.setdefault(unit, School()).pupils += 1
        for pupil in outcome:
            school = self.schools.setdefault(pupil.unit, School())
            concerned = False
            for family in pupil.families():
                first = [pupil.first(side, family, self.period) for side in (0, 1)]
                changes = [pupil.changes(side, family, self.period) for side in (0, 1)]
                if first == [None, None] and changes == [0, 0]:
                    continue
                concerned = True
                school.families.setdefault(family, Tally()).add(first, changes)
            if concerned:
                self.pupils.append(pupil)

    def total(self) -> School:
        """All schools together."""
        whole = School()
        for school in self.schools.values():
            whole.pupils += school.pupils
            for family, tally in school.families.items():
                into = whole.families.setdefault(family, Tally())
                into.both += tally.both
                into.days_later.extend(tally.days_later)
                for side in (0, 1):
                    into.warned[side] += tally.warned[side]
                    into.changes[side] += tally.changes[side]
        return whole
