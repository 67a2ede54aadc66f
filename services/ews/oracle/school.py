"""Recomputed signals to schools against ews.school-signals.v1. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from forvarning.school.v1.school_pb2 import SchoolSignal, SignalKind, SignalScope
from forvarning.warnings.v1.warnings_pb2 import GroupDay
from services.ews.core.ids import school_signal_key
from services.ews.core.schoolsignals import SchoolSignals
from services.ews.core.unitdays import UnitDays
from services.ews.oracle.findings import Finding, Kind, Store

Signals = Mapping[bytes, SchoolSignal]
"""By the key of the topic, without the revision; those that tell of nothing are left out."""


def recompute(rows: Iterable[bytes], partitions: int) -> dict[bytes, SchoolSignal]:
    """What schools should be told; ``rows`` are GroupDays of every partition of the input log."""
    units: dict[tuple[bytes, bytes], UnitDays] = {}
    for value in rows:
        row = GroupDay.FromString(value)
        units.setdefault((row.organiser_id, row.school_unit_id), UnitDays()).take(row)
    told: dict[bytes, SchoolSignal] = {}
    for (organiser_id, unit_id), unit in units.items():
        signals = SchoolSignals(organiser_id, unit_id, partitions)
        signals.judge(unit, unit.days())
        for signal_id, signal in signals.snapshots(0).items():
            told[school_signal_key(unit_id, signal_id)] = signal
    return told


def published(rows: Iterable[tuple[bytes, bytes | None]]) -> dict[bytes, SchoolSignal]:
    """What consumers hold after these records of the topic, in the log's order."""
    held: dict[bytes, SchoolSignal] = {}
    for key, value in rows:
        if value is None:
            held.pop(key, None)
            continue
        signal = SchoolSignal.FromString(value)
        if key not in held or held[key].revision <= signal.revision:
            held[key] = signal
    for signal in held.values():
        signal.ClearField("revision")
    return {key: signal for key, signal in held.items() if signal.episodes}


def against_published(recomputed: Signals, told: Signals) -> Iterator[Finding]:
    """Every signal that is not told as it should be."""
    for key in sorted(recomputed.keys() | told.keys()):
        wanted, found = recomputed.get(key), told.get(key)
        if wanted is None:
            yield _finding(Kind.EXTRA, key, found)
        elif found is None:
            yield _finding(Kind.MISSING, key, wanted)
        elif found != wanted:
            yield _finding(Kind.DIFFERING, key, wanted)


def _finding(kind: Kind, key: bytes, signal: SchoolSignal | None) -> Finding:
    detail = ""
    if signal is not None:
        name = SignalKind.Name(signal.kind).removeprefix("SIGNAL_KIND_").lower()
        scope = SignalScope.Name(signal.scope).removeprefix("SIGNAL_SCOPE_").lower()
        detail = f"{name} of a {scope}, {len(signal.episodes)} episodes"
    return Finding(kind, Store.SCHOOL_SIGNALS, key.decode(errors="replace"), detail)
