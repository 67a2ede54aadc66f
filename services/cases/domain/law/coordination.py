"""Uppföljning, koordinator and avslut (steps 6 to 8)."""

from __future__ import annotations

from services.cases.domain.law.step import Step

STEPS: tuple[Step, ...] = ()
