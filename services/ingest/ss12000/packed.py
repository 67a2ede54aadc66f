"""Attendances as rows of PostgreSQL's binary COPY: a full reading packs tens of millions."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from services.ingest.ss12000.staged import Attendance

COLUMNS = {
    "id": "uuid", "calendar_event": "uuid",
    "student": "uuid", "created": "timestamptz", "modified": "timestamptz",
    "reported_at": "timestamptz", "said_ms": "bigint", "present": "smallint", "valid": "smallint",
    "invalid": "smallint", "other": "smallint", "reported": "bool", "deleted": "bool",
}  # fmt: skip
"""In the order in which they are packed."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NULL = -1


def _row(*, told: bool, said: bool) -> struct.Struct:
    """A row, each field with its length before it; what is null is its length only."""
    nullable = ("iq" if told else "i") + ("iq" if said else "i")
    return struct.Struct(f">hi16si16si16siqiq{nullable}ihihihihi?i?")


_FULL, _UNSAID = _row(told=True, said=True), _row(told=True, said=False)
_UNTOLD, _NEITHER = _row(told=False, said=True), _row(told=False, said=False)


def rows(attendances: Iterable[Attendance]) -> bytes:
    """All of them, in the order of their ids: that of the index that all of them go into."""
    instants: dict[datetime | None, int] = {}

    def micros(at: datetime | None) -> int:
        found = instants.get(at)
        if found is None:
            if at is None:
                raise ValueError("an attendance is staged with its times")
            found = instants[at] = (at - _EPOCH) // _MICROSECOND
        return found

    packed = []
    for one in attendances:
        created, modified = micros(one.created), micros(one.modified)
        ids = one.id.bytes, one.event.bytes, one.student.bytes
        told, said = one.reported_at, one.said_ms
        if told is not None and said is not None:
            packed.append(
                _FULL.pack(
                    13, 16, ids[0], 16, ids[1], 16, ids[2], 8, created, 8, modified,
                    8, micros(told), 8, said, 2, one.present, 2, one.valid, 2, one.invalid,
                    2, one.other, 1, one.reported, 1, one.deleted,
                )
            )  # fmt: skip
            continue
        start = (13, 16, ids[0], 16, ids[1], 16, ids[2], 8, created, 8, modified)
        end = (
            2, one.present, 2, one.valid, 2, one.invalid, 2, one.other,
            1, one.reported, 1, one.deleted,
        )  # fmt: skip
        if told is not None:
            packed.append(_UNSAID.pack(*start, 8, micros(told), _NULL, *end))
        elif said is not None:
            packed.append(_UNTOLD.pack(*start, _NULL, 8, said, *end))
        else:
            packed.append(_NEITHER.pack(*start, _NULL, _NULL, *end))
    # Each begins alike, and then comes the id.
    packed.sort()
    return b"".join([_HEADER, *packed, _END])
