"""A unit's signals to its school, as they follow from the sums of its days (ews.group-days.v1).

Three kinds: waves (:mod:`waves`), and clusters and unreported lessons
(:mod:`clusters`). Each kind in each place is a thread of episodes: raised on the
first school day on which it holds, extended while it does, and over on the
second school day without it (a wave) or the fifth (what is judged over a
window). A wave of the whole unit is told once, as the unit's: on its days those
of the classes rest, neither extended nor over; where one class alone has a wave
it is that class's. So the two never tell of the same
day, and no class can be found by taking one from the other.

Everything depends on the set of rows only. School days are those that every
partition has closed and that have lessons; where nothing was reported, waves and
clusters neither hold nor end. At the turn of the school year all is over.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from forvarning.school.v1 import school_pb2 as pb
from services.ews.core import calendar, ids
from services.ews.core.cells import Place, of_class, seen
from services.ews.core.clusters import (
    CLUSTER_DAYS,
    UNREPORTED_DAYS,
    Day,
    clusters,
    unreported,
)
from services.ews.core.unitdays import LOOK_BACK, UNIT, UnitDays
from services.ews.core.waves import Found, is_the_units, waves

QUIET_DAYS = {
    pb.SIGNAL_KIND_WAVE: 2,
    pb.SIGNAL_KIND_CLUSTER: 5,
    pb.SIGNAL_KIND_UNREPORTED: 5,
}
"""School days without it after which a signal is over."""


@dataclass(slots=True)
class _Judged:
    """One school day: what is seen of it, and what holds at its end, by kind."""

    seen: Day
    said: bool
    """Whether anything was reported."""
    waves: dict[Place, pb.SignalFigures]
    calm: set[Place]
    """Where the day says that there is no wave."""
    clusters: dict[Place, pb.SignalFigures] = field(default_factory=dict)
    unreported: dict[Place, pb.SignalFigures] = field(default_factory=dict)


class SchoolSignals:
    """The signals of one unit. ``partitions`` is the number of partitions of the input log."""

    def __init__(self, organiser_id: bytes, unit_id: bytes, partitions: int) -> None:
        self._organiser_id = organiser_id
        self._unit_id = unit_id
        self._partitions = partitions
        self._days: dict[int, _Judged] = {}

    def judge(self, unit: UnitDays, touched: Iterable[int]) -> None:
        """Judge again what goes by the sums of the days ``touched``, and no more."""
        changed = sorted(set(touched))
        if not changed:
            return
        stale = set()
        for day in unit.days():
            at = bisect_left(changed, day - LOOK_BACK)
            if at < len(changed) and changed[at] <= day:
                stale.add(day)
                self._look(unit, day)
        days = sorted(self._days)
        for place in range(bisect_left(days, min(stale, default=1 << 30)), len(days)):
            self._over_windows(days, place)

    def _look(self, unit: UnitDays, day: int) -> None:
        """What is seen of the day by itself; a day that not all partitions closed is none."""
        self._days.pop(day, None)
        whole = unit.counts(day).get(UNIT)
        if unit.partitions(day) < self._partitions or whole is None or not whole.offered:
            return
        found = waves(unit, day) if whole.reported else {}
        self._days[day] = _Judged(
            (day, seen(unit, day, found)), bool(whole.reported), *_waves(day, found)
        )

    def _over_windows(self, days: list[int], place: int) -> None:
        """What holds over the windows that end with the day at this place of the school year."""
        first = bisect_left(days, calendar.school_year_start(days[place]))
        judged = [self._days[day] for day in days[first : place + 1]]
        held = judged[-1]
        held.unreported = unreported([one.seen for one in judged[-UNREPORTED_DAYS:]])
        said = [one.seen for one in judged if one.said]
        held.clusters = clusters(said[-CLUSTER_DAYS:]) if held.said else {}

    def snapshots(self, revision: int) -> dict[bytes, pb.SchoolSignal]:
        """Every signal that ever held, by its id."""
        years: dict[int, list[_Judged]] = {}
        for day in sorted(self._days):
            years.setdefault(calendar.school_year(day), []).append(self._days[day])
        told: dict[bytes, pb.SchoolSignal] = {}
        for year, judged in years.items():
            after = min((days[0].seen[0] for at, days in years.items() if at > year), default=0)
            for kind in QUIET_DAYS:
                for place, episodes in _fold(kind, judged, after).items():
                    signal = self._signal(kind, place, year, revision)
                    signal.episodes.extend(episodes)
                    told[signal.signal_id] = signal
        return told

    def _signal(
        self, kind: pb.SignalKind, place: Place, year: int, revision: int
    ) -> pb.SchoolSignal:
        name = f"{place.scope}|{place.class_id.hex()}|{place.slot}|{place.subject}"
        return pb.SchoolSignal(
            organiser_id=self._organiser_id,
            school_unit_id=self._unit_id,
            signal_id=ids.signal_id(self._organiser_id, self._unit_id, kind, name, year),
            revision=revision,
            kind=kind,
            scope=place.scope,
            class_id=place.class_id,
            subject=place.subject,
            slot=place.slot,
            school_year=year,
        )


def _waves(
    day: int, found: Mapping[bytes, Found]
) -> tuple[dict[Place, pb.SignalFigures], set[Place]]:
    """Where the day has a wave, and where it says that there is none."""
    the_units = is_the_units(found)
    held: dict[Place, pb.SignalFigures] = {}
    calm: set[Place] = set()
    for class_id, one in found.items():
        if not one.pupils or (the_units and class_id != UNIT):
            continue
        if not one.wave or (class_id == UNIT and not the_units):
            calm.add(of_class(class_id))
            continue
        pupils = max(one.pupils, one.absent)
        held[of_class(class_id)] = pb.SignalFigures(
            window_first_day=day,
            window_last_day=day,
            window_days=1,
            days_for=1,
            pupils=pupils,
            absent=one.absent,
            share_permille=1000 * one.absent // pupils,
            usual_permille=one.usual,
        )
    return held, calm


def _fold(
    kind: pb.SignalKind, judged: list[_Judged], after: int
) -> dict[Place, list[pb.SignalEpisode]]:
    """The episodes of a school year by place; ``after`` is a day of a later year, 0 if none is."""
    told: dict[Place, list[pb.SignalEpisode]] = {}
    quiet: dict[Place, int] = {}
    """Of the active ones: school days since they last held."""
    for one in judged:
        day = one.seen[0]
        held, silent = _held(kind, one, quiet)
        for place in silent:
            quiet[place] += 1
            if quiet[place] == QUIET_DAYS[kind]:
                del quiet[place]
                _end(told[place][-1], day)
        for place, figures in held.items():
            episodes = told.setdefault(place, [])
            if place not in quiet:
                episodes.append(pb.SignalEpisode(state=pb.SIGNAL_STATE_ACTIVE, first_day=day))
            quiet[place] = 0
            _extend(kind, episodes[-1], day, figures)
    if after:
        for place in quiet:
            _end(told[place][-1], after)
    return told


def _held(
    kind: pb.SignalKind, one: _Judged, active: Iterable[Place]
) -> tuple[Mapping[Place, pb.SignalFigures], list[Place]]:
    """Where the signal holds on the day, and the active places where it does not."""
    if kind == pb.SIGNAL_KIND_WAVE:
        return one.waves, [place for place in active if place in one.calm]
    held = one.clusters if kind == pb.SIGNAL_KIND_CLUSTER else one.unreported
    says = one.said or kind == pb.SIGNAL_KIND_UNREPORTED
    return held, [place for place in active if says and place not in held]


def _extend(
    kind: pb.SignalKind, episode: pb.SignalEpisode, day: int, figures: pb.SignalFigures
) -> None:
    episode.last_day = day
    episode.days += 1
    episode.figures.CopyFrom(figures)
    if kind == pb.SIGNAL_KIND_WAVE:
        episode.most_absent = max(episode.most_absent, figures.absent)


def _end(episode: pb.SignalEpisode, day: int) -> None:
    episode.state = pb.SIGNAL_STATE_OVER
    episode.over_day = day
