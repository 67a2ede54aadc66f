"""Recomputed absence days against ews.absence-days.v1, the calendar strip's source. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forvarning.warnings.v1.warnings_pb2 import AbsenceDay
from services.ews.oracle.findings import Finding, Kind, Store

Days = Mapping[bytes, bytes]
"""Key of the topic to AbsenceDay without its revision, as :func:`plain` gives it."""


def plain(value: bytes) -> bytes:
    """An AbsenceDay without what depends on its history."""
    event = AbsenceDay.FromString(value)
    event.ClearField("revision")
    return event.SerializeToString(deterministic=True)


def against_published(recomputed: Days, published: Days) -> Iterator[Finding]:
    """Every day whose absence differs.

    A day without absence may stand on the topic or not: it is told only where
    it once was another, or was closed with lessons that nobody reported.
    """
    for key in sorted(recomputed.keys() | published.keys()):
        wanted, found = recomputed.get(key), published.get(key)
        if wanted == found:
            continue
        if wanted is not None and found is not None:
            yield _finding(Kind.DIFFERING, key, ", ".join(_differences(wanted, found)))
        elif wanted is not None and _absence(wanted):
            yield _finding(Kind.MISSING, key, f"{_absence(wanted)} minutes of absence")
        elif found is not None and _absence(found):
            yield _finding(Kind.EXTRA, key, f"{_absence(found)} minutes of absence")


def _absence(value: bytes) -> int:
    day = AbsenceDay.FromString(value)
    return day.valid + day.invalid_unexplained + day.invalid_confirmed


def _differences(wanted: bytes, found: bytes) -> list[str]:
    one, other = AbsenceDay.FromString(wanted), AbsenceDay.FromString(found)
    return [
        f"{field.name} {_shown(getattr(other, field.name))}, "
        f"should be {_shown(getattr(one, field.name))}"
        for field in AbsenceDay.DESCRIPTOR.fields
        if getattr(one, field.name) != getattr(other, field.name)
    ]


def _shown(value: bytes | int) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _finding(kind: Kind, key: bytes, detail: str) -> Finding:
    return Finding(kind, Store.ABSENCE_DAYS, key.decode(errors="replace"), detail)
