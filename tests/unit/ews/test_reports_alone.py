"""Which absence reports are unusual, and which days leave touches, told by the notices alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from forvarning.facts.v1 import facts_pb2 as f
from services.ews.core import calendar, reports
from services.ews.core.pupils import Pupil
from services.ews.core.rule import Measure
from tests.unit.ews.facts import School, day, name, weekdays

GUARDIAN, PUPIL, STAFF = (
    f.REPORTED_BY_GUARDIAN,
    f.REPORTED_BY_PUPIL,
    f.REPORTED_BY_STAFF,
)
COMPULSORY, UPPER = f.SCHOOL_FORM_COMPULSORY, f.SCHOOL_FORM_UPPER_SECONDARY
AUTUMN = weekdays(12)


def notice(at: int, number: int, **told: object) -> f.Notice:
    start = calendar.local_instant(at, 480)
    fact = School().notice(0, start, start + 3600, number, **told)  # type: ignore[arg-type]
    return f.Fact.FromString(fact).notice


def unusual(*notices: f.Notice, form: int = COMPULSORY) -> list[int]:
    """However they are ordered."""
    found = reports.unusual(notices, lambda _: form)
    assert found == reports.unusual(reversed(notices), lambda _: form)
    return list(found)


def habit(account: int = 1, count: int = 3, first: int = 0) -> list[f.Notice]:
    return [notice(AUTUMN[first + i], first + i, account=account) for i in range(count)]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"account": 2}, True),
        ({"account": 1}, False),
        ({"account": 0}, False),  # nobody knows whose it is
        ({"account": 2, "by": STAFF}, False),
        ({"account": 2, "deleted": True}, False),
        ({"account": 2, "kind": f.NOTICE_KIND_LEAVE}, False),
        ({"account": 1, "by": PUPIL}, True),
    ],
)
def test_another_account_than_those_of_three_earlier_ones(
    told: dict[str, object], expected: bool
) -> None:
    assert unusual(*habit(), notice(AUTUMN[5], 5, **told)) == [AUTUMN[5]] * expected


@pytest.mark.parametrize(
    "earlier",
    [
        habit(count=2),
        [*habit(count=2), notice(AUTUMN[3], 3, account=1, by=STAFF)],
        [*habit(count=2), notice(AUTUMN[3], 3, account=1, deleted=True)],
        [*habit(count=2), notice(AUTUMN[3], 3, account=1, kind=f.NOTICE_KIND_LEAVE)],
        [*habit(count=2), notice(AUTUMN[3], 3, account=0)],
    ],
)
def test_fewer_than_three_that_count_are_no_habit(earlier: Sequence[f.Notice]) -> None:
    assert unusual(*earlier, notice(AUTUMN[6], 6, account=2)) == []


def test_a_second_account_is_unusual_once_and_usual_from_then_on() -> None:
    found = unusual(*habit(), notice(AUTUMN[4], 4, account=2), notice(AUTUMN[5], 5, account=2))
    assert found == [AUTUMN[4]]


def test_a_habit_is_of_one_school_year() -> None:
    june, august = day(2027, 6, 7), day(2027, 8, 20)
    assert unusual(*habit(), notice(june, 8, account=2)) == [june]
    assert unusual(*habit(), notice(august, 8, account=2)) == []
    autumn = [notice(august + i, 20 + i, account=3) for i in range(3)]
    assert unusual(*habit(), *autumn, notice(august + 5, 30, account=1)) == [august + 5]


@pytest.mark.parametrize(
    ("form", "expected"),
    [(COMPULSORY, True), (f.SCHOOL_FORM_SAMI, True), (UPPER, False), (0, False)],
)
def test_a_report_by_the_pupil_itself_where_school_is_compulsory(form: int, expected: bool) -> None:
    assert unusual(notice(AUTUMN[0], 0, by=PUPIL), form=form) == [AUTUMN[0]] * expected


def test_the_school_form_is_that_of_the_day_on_which_the_report_begins() -> None:
    asked: list[int] = []

    def form_on(at: int) -> int:
        asked.append(at)
        return COMPULSORY if at == AUTUMN[3] else UPPER

    told = [notice(AUTUMN[i], i, by=PUPIL) for i in (1, 3)]
    assert reports.unusual(told, form_on) == (AUTUMN[3],)
    assert asked == [AUTUMN[1], AUTUMN[3]]


def test_leave_touches_the_school_days_from_its_first_to_its_last() -> None:
    school, pupil = School(), Pupil(name(0, "pupil"))
    for number, (first, last) in enumerate(((1, 3), (3, 4), (7, 7))):
        start = calendar.local_instant(AUTUMN[first], 600)
        end = calendar.local_midnight(AUTUMN[last] + 1)
        fact = school.notice(0, start, end, number, kind=f.NOTICE_KIND_LEAVE)
        pupil.notify(f.Fact.FromString(fact).notice)
    days = np.array(AUTUMN, np.int64)
    for start_at in range(len(AUTUMN)):
        pupils = [Pupil(name(1, "pupil")), pupil, pupil]
        told = reports.daily(Measure.LEAVE_DAYS, pupils, days, start_at)
        expected = [int(i in {1, 2, 3, 4, 7}) for i in range(len(AUTUMN))]
        assert told.tolist() == [[0, one, one] for one in expected[start_at:]]


def test_a_report_counts_on_the_first_school_day_of_its_year_from_its_own_day_on() -> None:
    pupil = Pupil(name(0, "pupil"))
    for number, at in enumerate(
        (
            AUTUMN[0] - 400,  # of the year before
            AUTUMN[0] - 3,  # before the first school day
            AUTUMN[0],
            AUTUMN[4] + 1,  # a Saturday
            AUTUMN[-1],
            AUTUMN[-1] + 1,  # no school day has come since
        )
    ):
        pupil.notify(notice(at, number, by=PUPIL))
    placed = f.Fact.FromString(School().placement(0, AUTUMN[0] - 500)).placement
    last_year = f.Fact.FromString(
        School().placement(0, AUTUMN[0] - 500, number=1, school_year=2025)
    ).placement
    pupil.place(placed)
    pupil.place(last_year)
    assert len(pupil.unusual_reports()) == 6
    days = np.array(AUTUMN, np.int64)
    expected = [2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    for start_at in range(len(AUTUMN) + 1):
        told = reports.daily(Measure.UNUSUAL_REPORTS, [pupil], days, start_at)
        assert told[:, 0].tolist() == expected[start_at:]
    assert reports.daily(Measure.UNUSUAL_REPORTS, [pupil], days[:1], 0).tolist() == [[2]]
    assert reports.daily(Measure.UNUSUAL_REPORTS, [pupil], days[:0], 0).tolist() == []
