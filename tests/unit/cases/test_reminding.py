"""On which days somebody is told that something is due or late."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.cases.domain.reminding import tells

#: Tuesday 24 November 2026.
DUE = date(2026, 11, 24)


def told(due: date, days: int = 21) -> list[date]:
    first = due - timedelta(days=3)
    return [day for n in range(days) if tells(due, day := first + timedelta(days=n))]


def test_on_its_day_the_day_after_and_then_weekly() -> None:
    assert told(DUE) == [
        DUE,
        date(2026, 11, 25),
        date(2026, 11, 30),
        date(2026, 12, 7),
    ]


@pytest.mark.parametrize(
    ("due", "days"),
    [
        # A Friday: the arbetsdag after is the week's first.
        (date(2026, 11, 27), [date(2026, 11, 27), date(2026, 11, 30), date(2026, 12, 7)]),
        # A Saturday: told on the Monday, and not again before the next.
        (date(2026, 11, 28), [date(2026, 11, 30), date(2026, 12, 7)]),
        # Julafton to annandag and a weekend are no arbetsdagar.
        (date(2026, 12, 23), [date(2026, 12, 23), date(2026, 12, 28), date(2027, 1, 4)]),
    ],
)
def test_never_on_a_day_off(due: date, days: list[date]) -> None:
    assert told(due, 18) == days
