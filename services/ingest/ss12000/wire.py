"""Attendances read from bytes: the quick way for those that are as the standard says.

A full reading has tens of millions of them. What is not plainly right about one of a page is read
again in the careful way, which names the reason (:func:`services.ingest.ss12000.sent`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import msgspec

_Minutes = Annotated[int, msgspec.Meta(ge=0, le=1440)]


class _Ref(msgspec.Struct, gc=False):
    id: str


class _Meta(msgspec.Struct, gc=False):
    # As text: the marks of a lesson share a stamp, so that few of a page are to be understood.
    created: str | None = None
    modified: str | None = None


class PlainAttendance(msgspec.Struct, gc=False):
    """One attendance of which every field that counts has the standard's JSON type."""

    id: str
    calendarEvent: _Ref  # noqa: N815 - the standard's names
    student: _Ref
    isReported: bool  # noqa: N815
    attendanceMinutes: _Minutes  # noqa: N815
    validAbsenceMinutes: _Minutes | None = None  # noqa: N815
    invalidAbsenceMinutes: _Minutes | None = None  # noqa: N815
    otherAttendanceMinutes: _Minutes | None = None  # noqa: N815
    reportedTimestamp: str | None = None  # noqa: N815
    meta: _Meta | None = None


class _Page(msgspec.Struct, gc=False):
    data: list[PlainAttendance]
    pageToken: str | None = None  # noqa: N815


Entity: TypeAlias = Mapping[str, Any] | PlainAttendance
"""One entity of any resource: the JSON object, or what was read of it already."""

_PAGES = msgspec.json.Decoder(_Page)


def plain_attendances(content: bytes) -> dict[str, Any] | None:
    """A page of attendances, or None where anything on it wants a careful reading."""
    try:
        found = _PAGES.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return {"data": found.data, "pageToken": found.pageToken}


def id_of(entity: Entity) -> Any:
    """What stands as its id."""
    return entity.id if isinstance(entity, PlainAttendance) else entity.get("id")
