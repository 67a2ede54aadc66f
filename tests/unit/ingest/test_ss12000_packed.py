"""Attendances packed for PostgreSQL: what its documentation says of a binary COPY, read back."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.ss12000.packed import COLUMNS, rows
from services.ingest.ss12000.staged import Attendance

_WINTER = timezone(timedelta(hours=1))
_INSTANTS = st.datetimes(
    datetime(1900, 1, 2),  # noqa: DTZ001 - its own time zones follow
    datetime(2199, 12, 30),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, _WINTER]),
)
_MINUTES = st.integers(0, 1440)
_ATTENDANCES = st.builds(
    Attendance,
    st.uuids(),
    st.uuids(),
    st.uuids(),
    st.booleans(),
    _MINUTES,
    _MINUTES,
    _MINUTES,
    _MINUTES,
    _INSTANTS,
    _INSTANTS,
    st.none() | _INSTANTS,
    st.none() | st.integers(0, 2**42),
    st.booleans(),
)


def _value(kind: str, raw: bytes) -> Any:
    if kind == "uuid":
        return UUID(bytes=raw)
    if kind == "timestamptz":
        (micros,) = struct.unpack(">q", raw)
        return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    return struct.unpack({"bigint": ">q", "smallint": ">h", "bool": ">?"}[kind], raw)[0]


def unpacked(data: bytes) -> list[dict[str, Any]]:
    assert data[:19] == b"PGCOPY\n\xff\r\n\0" + bytes(8)
    found: list[dict[str, Any]] = []
    at = 19
    while True:
        (fields,) = struct.unpack_from(">h", data, at)
        at += 2
        if fields == -1:
            assert at == len(data)
            return found
        assert fields == len(COLUMNS)
        row = {}
        for name, kind in COLUMNS.items():
            (size,) = struct.unpack_from(">i", data, at)
            at += 4
            row[name] = None if size == -1 else _value(kind, data[at : at + size])
            at += max(size, 0)
        found.append(row)


@given(st.lists(_ATTENDANCES, max_size=6, unique_by=lambda one: one.id))
def test_every_row_comes_out_as_it_went_in_by_id(attendances: list[Attendance]) -> None:
    assert unpacked(rows(attendances)) == [
        {
            "id": one.id, "calendar_event": one.event, "student": one.student,
            "created": one.created, "modified": one.modified, "reported_at": one.reported_at,
            "said_ms": one.said_ms, "present": one.present, "valid": one.valid,
            "invalid": one.invalid, "other": one.other, "reported": one.reported,
            "deleted": one.deleted,
        }
        for one in sorted(attendances, key=lambda one: one.id)
    ]  # fmt: skip


def test_one_without_its_times_is_not_staged() -> None:
    nobody = UUID(int=1)
    one = Attendance(
        nobody, nobody, nobody, reported=True, present=1, valid=0, invalid=0, other=0,
        created=None, modified=None,
    )  # fmt: skip
    with pytest.raises(ValueError, match="times"):
        rows([one])
