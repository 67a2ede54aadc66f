"""Staged entities as they lie on the shelf: their references and their days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

Body = dict[str, Any]
Bodies = Mapping[UUID, Body]

LONG_AGO = date(2000, 1, 1)
"""Since when, where nobody says."""


def ref(body: Body, name: str) -> UUID | None:
    """The id of a staged reference."""
    found = body.get(name)
    return UUID(found["id"]) if found else None


def first_day(body: Body) -> date | None:
    return date.fromisoformat(body["startDate"]) if body.get("startDate") else None


def last_day(body: Body) -> date | None:
    return date.fromisoformat(body["endDate"]) if body.get("endDate") else None


def after_day(body: Body) -> date | None:
    """The standard's last days are included, the roster's are not."""
    last = last_day(body)
    return None if last is None else last + timedelta(days=1)


def span(body: Body, first: date, after: date | None) -> Body:
    """``body`` with the days in which it holds, as the roster writes them."""
    return {**body, "from": first.isoformat(), "to": after and after.isoformat()}
