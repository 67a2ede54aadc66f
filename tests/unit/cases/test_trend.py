"""Whether absence grows: four weeks against the four before."""

from __future__ import annotations

import pytest

from services.cases.chain.assessing import trend_of


def days(absent: int, *, reported: int = 300, count: int = 10) -> list[dict[str, int]]:
    return [{"reported": reported, "valid": 0, "invalid": absent} for _ in range(count)]


@pytest.mark.parametrize(
    ("before", "now", "trend"),
    [
        (days(0), days(15), "rising"),
        (days(0), days(14), "steady"),
        (days(30), days(15), "falling"),
        (days(30), days(16), "steady"),
        # What nobody reported is neither presence nor absence: then nothing is said.
        (days(0, count=1), days(300), "unknown"),
        (days(0), days(300, reported=59), "unknown"),
        ([], [], "unknown"),
    ],
)
def test_trend(before: list[dict[str, int]], now: list[dict[str, int]], trend: str) -> None:
    assert trend_of(before, now) == trend
