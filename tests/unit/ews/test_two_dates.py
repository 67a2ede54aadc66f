"""Rules bound to dates: of several dates that one school day is judged for, which is told of."""

from __future__ import annotations

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core import calendar
from tests.unit.ews.facts import CLASS, REPORTED, School, day
from tests.unit.ews.harness import Harness
from tests.unit.ews.toml import profile, rule

THURSDAY, FRIDAY = day(2026, 10, 29), day(2026, 10, 30)
MONDAY = day(2026, 11, 2)
"""The first school day on or after both dates."""
DATES = 'judged = ["10-31", "11-02"]'
LATE = (0, 20, 0, REPORTED, 60)


class Pupil:
    def __init__(self, told: str, dates: str = DATES) -> None:
        self.content = profile(rule("strofranvaro", f"{dates}\n{told}"))
        self.school, self.harness = School(), Harness([("prov", 1, self.content)])
        self.harness.apply(
            self.school.profile(self.content, profile_id="prov"),
            # Of the other one nothing is ever said.
            *(self.school.placement(pupil) for pupil in range(2)),
        )

    def lived(self, at: int, letters: str = ".") -> None:
        self.harness.apply(*self.school.school_day(at, [0], {0: letters}))

    def late(self, at: int) -> None:
        self.harness.apply(
            self.school.register(at, 490, {0: LATE}),
            self.school.register(at, 560, {0: (0, 0, 0, REPORTED, 60)}),
            self.school.closed(at),
        )

    def told(self) -> w.Episode:
        self.harness.collect()
        (event,) = self.harness.snapshots()
        (episode,) = event.episodes
        assert episode.raised_day == MONDAY
        return episode


DAYS = 'metric = "total"; measure = "days"; window = { calendar_days = 3 }; threshold = %s'


@pytest.mark.parametrize(
    ("friday", "monday", "last", "value"),
    [
        ("v", ".", FRIDAY, 1),  # only the first date's window has it
        (".", "v", MONDAY, 1),  # only the second's
        ("v", "v", MONDAY, 1),  # both fire: the later one is told of
    ],
)
def test_the_last_date_for_which_it_fires_is_told_of(
    friday: str, monday: str, last: int, value: int
) -> None:
    pupil = Pupil(DAYS % 1)
    pupil.lived(THURSDAY)
    pupil.lived(FRIDAY, friday)
    pupil.lived(MONDAY, monday)
    figures = pupil.told().figures
    assert (figures.window_last_day, figures.value) == (last, value)


def test_a_date_that_was_judged_the_day_before_is_not_judged_again() -> None:
    pupil = Pupil(DAYS % 1, 'judged = ["10-30", "11-02"]')
    pupil.lived(FRIDAY)
    pupil.lived(MONDAY, "v")
    figures = pupil.told().figures
    assert (figures.window_first_day, figures.window_last_day) == (MONDAY, MONDAY)


def test_late_arrivals_are_looked_for_in_the_lessons_of_each_date() -> None:
    told = (
        'metric = "total"; measure = "late_arrivals"; window = { calendar_days = 3 }; threshold = 1'
    )
    first, second = Pupil(told), Pupil(told)
    for pupil, days in ((first, (FRIDAY,)), (second, (MONDAY,))):
        for at in (THURSDAY, FRIDAY, MONDAY):
            if at in days:
                pupil.late(at)
            else:
                pupil.lived(at)
    assert first.told().figures.window_last_day == FRIDAY
    assert second.told().figures.window_last_day == MONDAY


@pytest.mark.parametrize(("friday", "last"), [("v.v.", FRIDAY), ("vv..", MONDAY)])
def test_occasions_are_counted_for_each_date(friday: str, last: int) -> None:
    pupil = Pupil(
        'metric = "total"; measure = "occasions"; window = { calendar_days = 3 }; threshold = 2'
    )
    pupil.lived(THURSDAY)
    pupil.lived(FRIDAY, friday)
    pupil.lived(MONDAY, "." if last == FRIDAY else ".v.v")
    figures = pupil.told().figures
    assert (figures.window_last_day, figures.value) == (last, 2)


@pytest.mark.parametrize(
    ("leave", "last", "value"),
    [
        ((THURSDAY, FRIDAY), FRIDAY, 2),
        ((FRIDAY, MONDAY), MONDAY, 2),
    ],
)
def test_what_notices_tell_is_looked_for_of_each_date(
    leave: tuple[int, int], last: int, value: int
) -> None:
    pupil = Pupil('measure = "leave_days"; window = { calendar_days = 4 }; threshold = 2')
    for at in (THURSDAY, FRIDAY, MONDAY):
        pupil.lived(at)
    start, end = (calendar.local_midnight(at) for at in (leave[0], leave[1] + 1))
    pupil.harness.apply(pupil.school.notice(0, start, end, kind=f.NOTICE_KIND_LEAVE))
    figures = pupil.told().figures
    assert (figures.window_last_day, figures.value) == (last, value)


@pytest.mark.parametrize(("friday", "last"), [("v", FRIDAY), ("vv..", MONDAY)])
def test_a_share_that_counts_earlier_days_counts_those_before_each_dates_window(
    friday: str, last: int
) -> None:
    """With half of what was earlier: 120 of 240 minutes on Thursday come to 60 of 120."""
    pupil = Pupil(
        'metric = "total"; measure = "share"; window = { calendar_days = 2 }; '
        "threshold = 70; earlier_weight = 50; resolve = { below = 60, school_days = 1 }"
    )
    pupil.lived(THURSDAY, "vv..")
    pupil.lived(FRIDAY, friday)
    pupil.lived(MONDAY, "v" if last == MONDAY else "v...")
    # For 31 October: (240 + 60) / (240 + 120) = 83 %, or (120 + 60) / 360 = 50 %.
    # For 2 November: (240 + 120) / (240 + 240) = 75 %, or (60 + 180) / (240 + 240) = 50 %.
    figures = pupil.told().figures
    assert figures.window_last_day == last
    assert round(figures.weighed, 3) == (83.333 if last == FRIDAY else 75)


def test_what_a_wave_took_is_left_out_of_each_dates_window() -> None:
    pupil = Pupil(
        'metric = "total"; measure = "share"; window = { calendar_days = 2 }; waves = "subtract"; '
        "threshold = 50; resolve = { below = 50, school_days = 1 }"
    )
    wave = {CLASS: 300}
    for at, letters, shared in ((FRIDAY, "iiv.", {}), (MONDAY, "vv..", wave)):
        pupil.lived(at, letters)
        pupil.harness.apply(pupil.school.wave(at, shared))
    figures = pupil.told().figures
    assert (figures.window_last_day, figures.value, figures.shared) == (FRIDAY, 75, 0)
