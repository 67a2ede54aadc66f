"""Filters and pages: opaque tokens, ``after`` exclusive, ``before`` inclusive."""

from __future__ import annotations

import base64
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from tests.support.ss12000.habits import Habits
from tests.support.ss12000.municipality import Entity
from tests.support.ss12000.store import Row


class RefusedError(Exception):
    """A 400 with the standard's code and message."""


_FILTERS: dict[str, Callable[[Row, datetime], bool]] = {
    "meta.created.after": lambda row, at: row.created > at,
    "meta.created.before": lambda row, at: row.created <= at,
    "meta.modified.after": lambda row, at: row.modified > at,
    "meta.modified.before": lambda row, at: row.modified <= at,
    "startTime.onOrAfter": lambda row, at: _time(row, "startTime") >= at,
    "startTime.onOrBefore": lambda row, at: _time(row, "startTime") <= at,
    "endTime.onOrAfter": lambda row, at: _time(row, "endTime") >= at,
    "endTime.onOrBefore": lambda row, at: _time(row, "endTime") <= at,
}
_ALWAYS = {"limit", "pageToken"}
_TAKEN = {*_FILTERS, "sortkey", "student", "organisation", "calendarEvent", "activity", "after",
          "entities", "expand", "expandReferenceNames"}  # fmt: skip


def _time(row: Row, name: str) -> datetime:
    return datetime.fromisoformat(row.entity[name])


def _instant(name: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise RefusedError(f"{name}: not RFC 3339") from error
    if at.tzinfo is None:
        raise RefusedError(f"{name}: no offset")
    return at


def request_of(query: Mapping[str, str], habits: Habits, *, epoch: int) -> dict[str, Any]:
    """What a call asks for: from its filters, or from its token."""
    if token := query.get("pageToken"):
        if used := sorted(set(query) & _TAKEN):
            raise RefusedError(f"{used[0]} may not be combined with pageToken")
        if "limit" in query and not habits.limit_with_token:
            raise RefusedError("limit may not be combined with pageToken")
        try:
            request: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token))
        except ValueError as error:
            raise RefusedError("pageToken: unknown") from error
        if request.get("epoch") != epoch:
            raise RefusedError("pageToken: expired")
    else:
        filters = {name: value for name, value in query.items() if name not in _ALWAYS}
        request = {"filters": filters, "at": 0, "limit": habits.default_limit, "epoch": epoch}
    if "limit" in query:
        if not query["limit"].isdecimal() or int(query["limit"]) < 1:
            raise RefusedError("limit: a whole number from 1")
        if int(query["limit"]) > habits.refuses_over:
            raise RefusedError(f"limit: at most {habits.refuses_over}")
        request["limit"] = min(int(query["limit"]), habits.most)
    return request


def page(
    rows: list[Row], request: dict[str, Any], habits: Habits
) -> tuple[list[Entity], str | None]:
    """One page of ``rows`` and the next token, None at the end."""
    filters: dict[str, str] = request["filters"]
    if habits.delta == "refused" and any(name.startswith("meta.modified") for name in filters):
        raise RefusedError("meta.modified is not supported")
    for name, value in filters.items():
        if habits.delta == "ignored" and name.startswith("meta.modified"):
            continue
        if check := _FILTERS.get(name):
            at = _instant(name, value)
            rows = [row for row in rows if check(row, at)]
        elif name in {"student", "calendarEvent", "activity", "organisation"}:
            rows = [row for row in rows if row.entity.get(name, {}).get("id") == value]
    if filters.get("sortkey") == "ModifiedDesc":
        rows = sorted(rows, key=lambda row: row.modified, reverse=True)
    by_offset = habits.paging == "offset" or "sortkey" in filters
    if by_offset:
        rest = rows[request["at"] :]
    else:
        rest = rows[bisect_right(rows, request["at"], key=lambda row: row.number) :]
    limit = request["limit"] or len(rest)
    found = rest[:limit]
    if len(rest) <= limit:
        return [row.entity for row in found], None
    position = request["at"] + limit if by_offset else found[-1].number
    return [row.entity for row in found], token_of(request | {"at": position})


def token_of(request: dict[str, Any]) -> str:
    """The opaque token of a request that goes on."""
    return base64.urlsafe_b64encode(json.dumps(request).encode()).decode()


def embellish(entities: Iterable[Entity], habits: Habits) -> list[Entity]:
    """What some servers add and others leave out."""
    found = list(entities)
    if habits.extra_fields:
        found = [{**one, "x-vendor": {"rev": 7}, "tags": ["a", None]} for one in found]
    if habits.without_optional:
        optional = {"securityMarking", "personStatus", "otherAttendanceMinutes", "reporter",
                    "validAbsenceMinutes", "teachingLengthStudent", "syllabus", "schoolType",
                    "sex", "municipalityCode", "organisationNumber", "cancelled"}  # fmt: skip
        found = [
            {
                name: value
                for name, value in one.items()
                # A filled validAbsenceMinutes means something; a zero may be left out.
                if name not in optional or (isinstance(value, int) and value)
            }
            for one in found
        ]
    return found
