"""What warnings do to a case: its standing, what asks for attention, by when it must be seen."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.cases.domain.case import (
    acknowledge_by,
    attention,
    is_old,
    number,
    reopens,
    standing,
)
from services.cases.domain.threads import changes
from tests.unit.cases.make import TUESDAY, episode, thread


def test_numbers_are_short_and_sort() -> None:
    assert number(2026, 42) == "F-2026-00042"
    assert number(2026, 123456) == "F-2026-123456"


def test_the_gravest_active_warning_is_the_headline() -> None:
    found = standing(
        [
            thread(episode(1, level=3, state="resolved", sentence="Över.")),
            thread(episode(2, level=2, sentence="Strö."), family="sporadic"),
            thread(episode(3, level=9, sentence="Idag."), family="unexcused_today"),
        ]
    )
    assert (found.level, found.family, found.headline) == (2, "sporadic", "Strö.")


def test_long_term_outweighs_sporadic_of_the_same_level() -> None:
    found = standing([thread(episode(1), family="sporadic"), thread(episode(2, sentence="Lång."))])
    assert (found.family, found.headline) == ("long_term", "Lång.")


def test_when_all_is_over_the_last_to_end_is_shown_and_no_level() -> None:
    early, late = TUESDAY - timedelta(days=20), TUESDAY - timedelta(days=2)
    found = standing(
        [
            thread(episode(1, state="resolved", resolved_day=early, level=3, sentence="Först.")),
            thread(
                episode(2, state="resolved", resolved_day=late, sentence="Sist."),
                family="sporadic",
            ),
        ]
    )
    assert (found.level, found.headline) == (0, "Sist.")


def test_when_all_is_withdrawn_it_says_so() -> None:
    found = standing([thread(episode(1, state="withdrawn"))])
    assert (found.level, found.family) == (0, None)
    assert "tagits tillbaka" in found.headline


@pytest.mark.parametrize(
    ("state", "present", "after", "expected"),
    [
        ("new", None, {"level": 2}, None),
        ("new", None, {"state": "withdrawn"}, "withdrawn"),
        ("acknowledged", None, {"level": 2}, "escalated"),
        ("acknowledged", None, {"state": "withdrawn"}, "withdrawn"),
        ("acknowledged", None, {"sentence": "x"}, "amended"),
        ("acknowledged", None, {"state": "resolved"}, None),
        ("acknowledged", "escalated", {"sentence": "x"}, "escalated"),
        ("acknowledged", "amended", {"level": 3}, "escalated"),
        ("acknowledged", "withdrawn", {"state": "resolved"}, "withdrawn"),
    ],
)
def test_what_asks_for_a_stand(
    state: str, present: str | None, after: dict[str, object], expected: str | None
) -> None:
    found = changes(thread(episode(1)), thread(episode(1, **after)))
    assert attention(state, present, found) == expected  # type: ignore[arg-type]  # literals from the table


def test_only_a_rise_opens_a_closed_case_again() -> None:
    before = thread(episode(1))
    assert reopens(changes(before, thread(episode(1, level=2))))
    assert reopens(changes(before, thread(episode(1), episode(2))))
    assert not reopens(changes(before, thread(episode(1, sentence="x"))))
    assert not reopens(changes(before, thread(episode(1, state="withdrawn"))))


def test_old_is_more_than_the_limit() -> None:
    assert not is_old(TUESDAY - timedelta(days=7), TUESDAY, 7)
    assert is_old(TUESDAY - timedelta(days=8), TUESDAY, 7)
    # A correction may be about a day to come (a planned lesson): that is not old.
    assert not is_old(TUESDAY + timedelta(days=1), TUESDAY, 7)


@pytest.mark.parametrize(
    ("opened", "free", "due"),
    [
        (date(2026, 11, 24), [], date(2026, 11, 26)),
        (date(2026, 11, 26), [], date(2026, 11, 30)),
        (date(2026, 11, 28), [], date(2026, 12, 1)),
        (date(2026, 10, 30), [date(2026, 11, day) for day in range(2, 7)], date(2026, 11, 10)),
    ],
)
def test_two_school_days_to_look(opened: date, free: list[date], due: date) -> None:
    assert acknowledge_by(opened, frozenset(free)) == due


def test_a_calendar_without_school_days_does_not_hang() -> None:
    free = frozenset(TUESDAY + timedelta(days=offset) for offset in range(400))
    assert acknowledge_by(TUESDAY, free) == TUESDAY + timedelta(days=120)
