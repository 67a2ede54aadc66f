"""Which signals to schools are due; no Kafka, no clock.

A signal is due where the last one in the log, or the one of the highest revision
that consumers hold, says something else than what follows from the sums read so
far. Nobody is elected: two that know the same would write the same, and who knows
less waits until it knows more. So both come to say the truth however often the
step is killed, and a restart that finds it there writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forvarning.school.v1.school_pb2 import SchoolSignal
from services.ews.core.schoolsignals import SchoolSignals
from services.ews.core.unitdays import UnitDays
from services.ews.waves.board import UnitName


class SignalBoard:
    """``partitions`` is the number of partitions of the input log."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._signals: dict[UnitName, SchoolSignals] = {}
        self._changed: dict[UnitName, set[int]] = {}
        self._doubtful: set[UnitName] = set()
        """Units of which something else was written than this one would have."""
        self._last: dict[UnitName, dict[bytes, SchoolSignal]] = {}
        """As compaction leaves them: the last in the log."""
        self._held: dict[UnitName, dict[bytes, SchoolSignal]] = {}
        """As consumers hold them: another step that knew less may have written after."""

    def changed(self, name: UnitName, day: int) -> None:
        """The sums of a unit's day are others now."""
        self._changed.setdefault(name, set()).add(day)

    def take_note(self, signal: SchoolSignal) -> None:
        """Take a row of ews.school-signals.v1, whoever wrote it; the last one of each stands."""
        name = (signal.organiser_id, signal.school_unit_id)
        last = self._last.setdefault(name, {}).get(signal.signal_id)
        if last is None or not _same(last, signal):
            self._doubtful.add(name)
        self.wrote(signal)

    def wrote(self, signal: SchoolSignal) -> None:
        """It is acknowledged."""
        name = (signal.organiser_id, signal.school_unit_id)
        self._last.setdefault(name, {})[signal.signal_id] = signal
        held = self._held.setdefault(name, {})
        before = held.get(signal.signal_id)
        if before is None or before.revision <= signal.revision:
            held[signal.signal_id] = signal

    @property
    def news(self) -> bool:
        """Whether anything may be due."""
        return bool(self._changed or self._doubtful)

    def due(self, units: Mapping[UnitName, UnitDays]) -> Iterator[list[SchoolSignal]]:
        """The signals to be written, unit by unit; :meth:`wrote` is to be called for each."""
        changed, self._changed = self._changed, {}
        doubtful, self._doubtful = self._doubtful, set()
        for name in {**changed, **dict.fromkeys(sorted(doubtful))}:
            if name in units:
                yield self._due(name, units[name], changed.get(name, set()))

    def _due(self, name: UnitName, unit: UnitDays, changed: set[int]) -> list[SchoolSignal]:
        signals = self._signals.get(name)
        if signals is None:
            signals = self._signals[name] = SchoolSignals(*name, self._partitions)
        signals.judge(unit, changed)
        wanted = signals.snapshots(unit.known)
        last, held = self._last.get(name, {}), self._held.get(name, {})
        for signal_id, told in last.items():
            if signal_id not in wanted:
                wanted[signal_id] = _without_episodes(told, unit.known)
        return [
            one
            for signal_id, one in sorted(wanted.items())
            if signal_id not in last
            or (
                held[signal_id].revision <= one.revision
                and not (_same(last[signal_id], one) and _same(held[signal_id], one))
            )
        ]


def _same(one: SchoolSignal, other: SchoolSignal) -> bool:
    """Whether they say the same, whatever they were made from."""
    revision = one.revision
    one.revision = other.revision
    same = one == other
    one.revision = revision
    return same


def _without_episodes(signal: SchoolSignal, revision: int) -> SchoolSignal:
    """What a correction removed: nothing of it holds, nor ever did."""
    gone = SchoolSignal()
    gone.CopyFrom(signal)
    gone.ClearField("episodes")
    gone.revision = revision
    return gone
