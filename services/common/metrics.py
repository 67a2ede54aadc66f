"""Metrics: each service declares its own in one module, all with these helpers.

Names follow the Prometheus conventions: prefix ``forvarning_<service>_``, base
units, ``_total`` for counters. No label ever holds a pupil, case or person.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)
_FORBIDDEN = {"pupil", "pupil_id", "case", "case_id", "person", "staff", "guardian", "name"}


def _checked(name: str, labels: Sequence[str]) -> None:
    if not name.startswith("forvarning_"):
        msg = f"metric {name!r} lacks the prefix forvarning_"
        raise ValueError(msg)
    if bad := _FORBIDDEN.intersection(labels):
        msg = f"metric {name!r}: label {sorted(bad)} would name a person"
        raise ValueError(msg)


def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
    """A counter; ``name`` without its ``_total``."""
    _checked(name, labels)
    return Counter(name, text, labels)


def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
    """A gauge."""
    _checked(name, labels)
    return Gauge(name, text, labels)


def histogram(
    name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = LATENCY_BUCKETS
) -> Histogram:
    """A histogram in base units."""
    _checked(name, labels)
    return Histogram(name, text, labels, buckets=tuple(buckets))


async def metrics_endpoint(_: Request) -> Response:
    """GET /metrics."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
