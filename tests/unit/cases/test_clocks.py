"""The statutory clocks: each with its start, its end, its time, and whom it does not concern."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest

from services.cases.domain.clocks import BY_KEY, CLOCKS, Happening, Moment, Pupil, Running, run
from services.cases.domain.workdays import SchoolCalendar
from services.common.clock import local_instant

CALENDAR = SchoolCalendar(
    terms=((date(2026, 8, 18), date(2026, 12, 18)), (date(2027, 1, 11), date(2027, 6, 11))),
    free=frozenset(date(2026, 11, 2) + timedelta(days=n) for n in range(5)),
)
COMPULSORY = Pupil("compulsory", other_home_municipality=True)
UPPER = Pupil("upper_secondary", other_home_municipality=True)


def at(day: date, hour: int = 10) -> datetime:
    return local_instant(day, hour * 60)


def moment(kind: Happening, day: date, hour: int = 10, about: int = 1) -> Moment:
    return Moment(kind, at(day, hour), UUID(int=about))


def found(pupil: Pupil, *moments: Moment) -> dict[str, Running]:
    ran = run(moments, pupil, CALENDAR)
    assert len({(one.clock.key, one.about) for one in ran}) == len(ran)
    return {one.clock.key: one for one in ran}


FRIDAY = date(2026, 10, 30)
#: key, when it starts, when it is due: over höstlov, a weekend, Christmas.
TIMES = [
    ("same_day_notice", COMPULSORY, FRIDAY, local_instant(FRIDAY, 1439)),
    ("same_day_notice", UPPER, FRIDAY, local_instant(FRIDAY, 1439)),
    ("take_stand", COMPULSORY, FRIDAY, at(date(2026, 11, 13), 16)),
    ("take_stand", UPPER, date(2026, 12, 15), at(date(2027, 1, 12), 16)),
    ("investigate", COMPULSORY, FRIDAY, at(date(2026, 11, 27), 16)),
    ("investigate", UPPER, date(2026, 12, 1), at(date(2027, 1, 12), 16)),
    ("report_to_organiser", COMPULSORY, FRIDAY, at(date(2026, 11, 3), 16)),
    ("report_to_organiser", COMPULSORY, date(2026, 12, 22), at(date(2026, 12, 28), 16)),
    ("home_municipality_notice", COMPULSORY, FRIDAY, at(date(2026, 11, 3), 16)),
    ("home_municipality_notice", UPPER, date(2026, 12, 30), at(date(2027, 1, 5), 16)),
    ("support_investigation", COMPULSORY, FRIDAY, at(date(2026, 11, 27), 16)),
    ("support_investigation", UPPER, FRIDAY, at(date(2026, 11, 27), 16)),
    ("concern_report", COMPULSORY, date(2026, 12, 24), at(date(2026, 12, 24))),
    ("concern_assessment", COMPULSORY, date(2026, 12, 10), at(date(2026, 12, 28), 16)),
    ("concern_answer", COMPULSORY, date(2026, 12, 17), at(date(2026, 12, 28), 16)),
    ("concern_answer", UPPER, date(2026, 10, 19), at(date(2026, 10, 26), 16)),
]


@pytest.mark.parametrize(("key", "pupil", "start", "due"), TIMES)
def test_each_clock_starts_and_is_due(key: str, pupil: Pupil, start: date, due: datetime) -> None:
    kind = BY_KEY[key].starts[pupil.track]
    running = found(pupil, moment(kind, start))[key]
    assert (running.started_at, running.due_at, running.ended_at) == (at(start), due, None)
    assert running.paragraph == BY_KEY[key].paragraph[pupil.track]


def test_every_clock_is_in_the_times_above() -> None:
    assert {key for key, *_ in TIMES} == set(BY_KEY)


@pytest.mark.parametrize(
    ("key", "end"), [(clock.key, end) for clock in CLOCKS for end in clock.ends]
)
def test_each_end_ends_it_and_only_when_it_comes_after(key: str, end: Happening) -> None:
    one = BY_KEY[key]
    for track, start in one.starts.items():
        pupil = COMPULSORY if track == "compulsory" else UPPER
        day = date(2026, 11, 10)
        before = moment(end, day, 8)
        after = moment(end, day + timedelta(days=3))
        ran = found(pupil, before, moment(start, day))
        # While an investigation is open no new stand is asked for.
        if (key, end) != ("take_stand", "investigation_opened"):
            assert ran[key].ended_at is None
        assert found(pupil, moment(start, day), after)[one.key].ended_at == after.at


def test_the_end_of_one_orosanmalan_ends_no_other() -> None:
    tenth, twelfth = date(2026, 11, 10), date(2026, 11, 12)
    ran = run(
        [
            moment("concern_raised", tenth, 9, about=1),
            moment("concern_raised", tenth, 10, about=2),
            moment("concern_sent", twelfth, about=2),
        ],
        COMPULSORY,
        CALENDAR,
    )
    still = {one.about.int for one in ran if one.clock.key == "concern_report" and not one.ended_at}
    assert still == {1}
    # One uppgift to the home municipality answers for whatever had started it.
    ran = run(
        [
            moment("investigation_opened", tenth, about=1),
            moment("home_municipality_told", twelfth, about=9),
        ],
        COMPULSORY,
        CALENDAR,
    )
    assert [o.ended_at for o in ran if o.clock.key == "home_municipality_notice"] == [at(twelfth)]


def test_nothing_else_ends_a_clock() -> None:
    for clock in CLOCKS:
        for track, start in clock.starts.items():
            pupil = COMPULSORY if track == "compulsory" else UPPER
            others = [k for k in get_args(Happening) if k not in (*clock.ends, start)]
            later = [moment(kind, date(2026, 11, 12)) for kind in others]
            running = found(pupil, moment(start, date(2026, 11, 10)), *later)[clock.key]
            assert running.ended_at is None, clock.key


def test_the_law_names_no_report_to_the_organiser_in_upper_secondary() -> None:
    ran = found(UPPER, moment("investigation_opened", FRIDAY))
    assert set(ran) == {"investigate"}
    assert set(found(COMPULSORY, moment("investigation_opened", FRIDAY))) == {
        "investigate",
        "report_to_organiser",
        "home_municipality_notice",
    }


def test_the_home_municipality_is_told_only_by_another_organiser_and_of_the_young() -> None:
    home = Pupil("compulsory")
    assert "home_municipality_notice" not in found(home, moment("investigation_opened", FRIDAY))
    grown = Pupil("upper_secondary", other_home_municipality=True, under_20=False)
    assert found(grown, moment("significant_invalid", FRIDAY)) == {}
    assert "home_municipality_notice" in found(UPPER, moment("significant_invalid", FRIDAY))


def test_while_an_investigation_is_open_more_absence_asks_for_no_new_stand() -> None:
    opened = moment("investigation_opened", date(2026, 9, 1))
    again = moment("absence_known", date(2026, 10, 1))
    assert "take_stand" not in found(COMPULSORY, opened, again)
    done = moment("investigation_done", date(2026, 9, 20))
    assert found(COMPULSORY, opened, done, again)["take_stand"].ended_at is None


def test_closing_a_case_leaves_what_the_law_still_asks_for() -> None:
    ran = found(
        COMPULSORY,
        moment("absence_known", date(2026, 9, 1)),
        moment("investigation_opened", date(2026, 9, 3)),
        moment("case_closed", date(2026, 9, 10)),
    )
    assert ran["take_stand"].ended_at == at(date(2026, 9, 3))
    assert ran["report_to_organiser"].ended_at is None
    assert ran["investigate"].ended_at is None


def test_a_word_without_a_number_in_law_has_a_limit_that_is_called_ours() -> None:
    for clock in CLOCKS:
        if clock.word in {"skyndsamt", "snarast"}:
            assert clock.by == "us", clock.key
        assert clock.why.endswith(".")
        assert "14 kap. 1 §" not in "".join(clock.paragraph.values())
    assert {c.key for c in CLOCKS if c.reminder} == {"concern_assessment", "concern_answer"}
