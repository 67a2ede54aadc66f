"""When to try again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

Uniform = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling delays with full jitter, between ``first`` and ``longest``.

    ``longest`` is also the cap on what a receiver may ask for by Retry-After.
    """

    first: timedelta
    longest: timedelta
    uniform: Uniform = random.uniform

    def after(self, attempts: int, asked: timedelta | None = None) -> timedelta:
        """How long to wait after ``attempts`` (1 or more) failed ones; at least what was asked."""
        ceiling = min(self.longest, self.first * 2 ** min(attempts - 1, 30))
        chosen = timedelta(
            seconds=self.uniform(ceiling.total_seconds() / 2, ceiling.total_seconds())
        )
        return max(chosen, min(asked, self.longest)) if asked is not None else chosen


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """What a Retry-After header asks for (RFC 9110, 10.2.3); None where it cannot be read."""
    if header is None:
        return None
    text = header.strip()
    if text.isdecimal():
        return timedelta(seconds=min(int(text), 10**7))
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(at - now, timedelta(0))
