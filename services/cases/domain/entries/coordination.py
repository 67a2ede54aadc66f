"""Entries of uppföljning, koordinator and avslut."""

from __future__ import annotations

from services.cases.domain.entries.base import Kind

KINDS: tuple[Kind, ...] = ()
