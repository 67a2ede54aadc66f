"""What is proposed for a report to CSN."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from services.cases.domain.csn import propose
from services.cases.domain.threads import Lesson
from tests.unit.cases.make import TUESDAY, episode, figures, thread

RULE = "csn-4-timmar"


def lesson(back: int, minutes: int = 60) -> Lesson:
    day = TUESDAY - timedelta(days=back)
    return Lesson(UUID(int=back + 1).bytes, day, 490, 60, "Matematik", 60, 0, minutes, 0)


def test_it_is_the_csn_warnings_own_window_and_no_other_warning() -> None:
    own = episode(
        rule=RULE,
        figures=figures(
            first_day=TUESDAY - timedelta(days=29), unexplained=200, confirmed=85, occasions=4
        ),
        # One before the window, one without ogiltig minutes, and the first that counts.
        lessons=(lesson(1), lesson(12), lesson(25, minutes=0), lesson(40)),
    )
    other = thread(episode(2, figures=figures(unexplained=4000)), family="long_term")
    found = propose([other, thread(own, family="sporadic")])
    assert found is not None
    assert (found.hours, found.occasions, found.code) == (4.8, 4, "51")
    assert found.first_day == TUESDAY - timedelta(days=12)


def test_nothing_is_proposed_where_no_csn_warning_stands() -> None:
    ended = episode(rule=RULE, state="resolved", resolved_day=TUESDAY)
    assert propose([]) is None
    assert propose([thread(episode()), thread(ended, family="sporadic")]) is None


def test_one_stretch_is_reason_31_and_an_unnamed_first_lesson_is_the_windows_first_day() -> None:
    own = episode(rule=RULE, figures=figures(unexplained=240, confirmed=0, occasions=1))
    found = propose([thread(own, family="sporadic")])
    assert found is not None
    assert (found.code, found.first_day) == ("31", TUESDAY - timedelta(days=27))
