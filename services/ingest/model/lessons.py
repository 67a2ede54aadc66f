"""Registers and notices: as they are sent, and as a part of ingest says them itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

import msgspec
from pydantic import Field

from services.ingest.model.fields import Flag, Instant, Key, Minutes, Strict, Text


class MarkIn(Strict):
    """What a lesson's register says about one pupil. Minutes of the lesson."""

    pupil: Key
    offered: Minutes | None = None
    valid: Minutes = 0
    invalid: Minutes = 0
    other: Minutes = 0
    confirmed: Flag = False
    explicit: Flag = False
    reported: Flag | None = None
    withdrawn: Flag = False
    arrived_late: Minutes | None = None
    left_early: Minutes | None = None


class RegisterIn(Strict):
    """A patch of one lesson occurrence."""

    id: Key | None = None
    school_unit: Key
    activity: Key
    group: Key | None = None
    subject: Annotated[Text, Field(max_length=64)] = ""
    start: Instant
    length_minutes: Annotated[int, Field(strict=True, ge=1, le=720)]
    state: Literal["scheduled", "reported", "cancelled"]
    modified: Instant
    moved_from: Instant | None = None
    marks: Annotated[tuple[MarkIn, ...], Field(max_length=2000)] = ()


class Mark(msgspec.Struct, frozen=True, gc=False):
    """:class:`MarkIn` from a caller in this process, who has checked each field by its type."""

    pupil: str
    offered: int | None = None
    valid: int = 0
    invalid: int = 0
    other: int = 0
    confirmed: bool = False
    explicit: bool = False
    reported: bool | None = None
    withdrawn: bool = False
    arrived_late: int | None = None
    left_early: int | None = None


class Register(msgspec.Struct, frozen=True):
    """:class:`RegisterIn` likewise: a full reading says millions of marks."""

    school_unit: str
    activity: str
    start: datetime
    length_minutes: int
    state: Literal["scheduled", "reported", "cancelled"]
    modified: datetime
    marks: Sequence[Mark]
    group: str | None = None
    subject: str = ""
    moved_from: datetime | None = None


AnyMark: TypeAlias = MarkIn | Mark
AnyRegister: TypeAlias = RegisterIn | Register


class NoticeIn(Strict):
    """An interval in which a pupil's absence is explained.

    ``reporter`` is a random surrogate, of the source's own making, for the account
    that reported: never a user name or an identity number. It tells whether a
    report came the way that the home's reports come.
    """

    id: Key
    pupil: Key
    kind: Literal["absence_report", "leave"]
    start: Instant
    end: Instant
    reported_by: Literal["guardian", "pupil", "staff"]
    reporter: UUID | None = None
    modified: Instant
    deleted: Flag = False
