"""The calendar strip, Swedish words, birthdays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.cases.domain import text
from services.cases.domain.calendar import KINDS, DaySums, kind_of, strip
from services.cases.views.case import is_adult
from tests.unit.cases.make import TUESDAY

NBSP = "\N{NO-BREAK SPACE}"


def sums(
    day: date = TUESDAY,
    *,
    valid: int = 0,
    invalid: int = 0,
    reported: int = 5,
    absent: int = 0,
    lessons: int = 5,
) -> DaySums:
    return DaySums(day, lessons * 60, reported * 60, valid, invalid, lessons, reported, absent)


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (sums(), "present"),
        (sums(reported=0), "unreported"),
        (sums(valid=60, absent=1), "part_valid"),
        (sums(invalid=20), "part_invalid"),
        (sums(valid=60, invalid=60, absent=2), "part_invalid"),
        (sums(valid=300, absent=5), "full_valid"),
        (sums(invalid=300, absent=5), "full_invalid"),
        (sums(valid=240, invalid=60, absent=5), "full_invalid"),
        # Two of five lessons reported, both absent: the whole of what is known.
        (sums(invalid=120, reported=2, absent=2), "full_invalid"),
    ],
)
def test_how_a_day_looks(day: DaySums, kind: str) -> None:
    assert kind_of(day) == kind


def test_the_strip_runs_from_term_start_to_this_week() -> None:
    terms = [(date(2026, 8, 18), date(2026, 12, 18)), (date(2027, 1, 11), date(2027, 6, 11))]
    free = {date(2026, 11, day) for day in range(2, 7)}
    weeks = strip({TUESDAY: sums()}, free, terms, TUESDAY)
    assert (weeks[0].number, weeks[-1].number, len(weeks)) == (34, 48, 15)
    assert [cell.kind for cell in weeks[0].cells][:2] == ["outside", "none_known"]
    assert [cell.kind for cell in weeks[-1].cells] == [
        "none_known",
        "present",
        "outside",
        "outside",
        "outside",
    ]
    assert {cell.kind for week in weeks if week.number == 45 for cell in week.cells} == {"free"}
    assert [week.month for week in weeks if week.month] == ["aug", "sep", "okt", "nov"]
    labels = [cell.label for week in weeks for cell in week.cells if cell.kind != "outside"]
    assert all(labels)
    assert all(cell.kind in KINDS for week in weeks for cell in week.cells)


def test_a_day_without_figures_is_no_unreported_day() -> None:
    """ews.absence-days.v1 tells of days with absence or unreported lessons only (daily.py)."""
    monday = TUESDAY - timedelta(days=1)
    week = strip({}, set(), [(monday, TUESDAY)], TUESDAY)[-1]
    assert [cell.kind for cell in week.cells[:2]] == ["none_known", "unreported"]
    assert week.cells[0].label.endswith("ingen känd frånvaro")


def test_between_terms_is_free_and_nothing_known_is_no_strip() -> None:
    terms = [(date(2026, 8, 18), date(2026, 12, 18)), (date(2027, 1, 11), date(2027, 6, 11))]
    weeks = strip({}, set(), terms, date(2027, 1, 12))
    assert {cell.kind for week in weeks if week.number == 53 for cell in week.cells} == {"free"}
    assert strip({}, set(), [], TUESDAY) == []
    assert len(strip({TUESDAY: sums()}, set(), [], TUESDAY)) == 1


def test_a_whole_school_year_fits() -> None:
    terms = [(date(2026, 8, 18), date(2026, 12, 18)), (date(2027, 1, 11), date(2027, 6, 11))]
    weeks = strip({}, set(), terms, date(2027, 6, 30))
    assert 44 <= len(weeks) <= 53


def test_a_day_in_words() -> None:
    weeks = strip({TUESDAY: sums(invalid=120, absent=2)}, set(), [], TUESDAY)
    label = weeks[0].cells[1].label
    assert label == (
        f"tis 24{NBSP}nov: frånvarande en del av dagen, ogiltigt eller oförklarat "
        f"(2{NBSP}tim av 5{NBSP}tim, 2 av 5{NBSP}lektioner)"
    )


def test_dates_and_times() -> None:
    assert text.long_date(TUESDAY) == f"tisdag 24{NBSP}november"
    assert text.full_date(TUESDAY) == f"24{NBSP}november 2026"
    assert text.weekday_date(TUESDAY) == f"tis 24{NBSP}nov"
    # Winter time, summer time, and the hour that comes twice on 25 October.
    assert text.clock_time(datetime(2026, 11, 24, 6, 45, tzinfo=UTC)) == f"kl.{NBSP}07.45"
    assert text.clock_time(datetime(2026, 8, 24, 5, 45, tzinfo=UTC)) == f"kl.{NBSP}07.45"
    assert text.clock_time(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == f"kl.{NBSP}02.30"
    assert text.clock_time(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == f"kl.{NBSP}02.30"
    # Just after midnight in Sweden it is another date than in UTC.
    late = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    assert text.moment(late) == f"24{NBSP}nov kl.{NBSP}00.30"


@pytest.mark.parametrize(
    ("minutes", "words"), [(0, "0 min"), (45, "45 min"), (60, "1 tim"), (165, "2 tim 45 min")]
)
def test_durations(minutes: int, words: str) -> None:
    assert text.duration(minutes).replace(NBSP, " ") == words


def test_shares_and_counts() -> None:
    assert text.percent(None) == "okänd"
    assert text.percent(0.234).replace(NBSP, " ") == "23 %"
    assert text.count(1, "lektion", "lektioner") == f"1{NBSP}lektion"
    assert text.days_since(TUESDAY, TUESDAY) == "idag"


def test_every_reason_code_gives_a_sentence() -> None:
    for code in (
        "protected_pupil",
        "no_address",
        "too_late",
        "not_delivered",
        "okänd kod",
        "",
        None,
    ):
        assert text.call_reason(code).endswith(".")
        assert text.suppressed_reason(code).endswith(".")


@pytest.mark.parametrize(
    ("born", "day", "adult"),
    [
        (date(2008, 11, 24), TUESDAY, True),
        (date(2008, 11, 25), TUESDAY, False),
        (date(2008, 2, 29), date(2026, 2, 28), False),
        (date(2008, 2, 29), date(2026, 3, 1), True),
        (date(2004, 2, 29), date(2022, 3, 1), True),
    ],
)
def test_the_18th_birthday(born: date, day: date, adult: bool) -> None:
    assert is_adult(born, day) is adult


@pytest.mark.parametrize(
    ("kind", "cell", "words"),
    [
        ("weekday", "1", ("på måndagar", "övriga veckodagar")),
        ("weekday", "5", ("på fredagar", "övriga veckodagar")),
        ("subject", "Idrott och hälsa", ("i ämnet Idrott och hälsa", "övriga ämnen")),
        ("slot", "first", ("på dagens första lektion", "övriga lektioner")),
        ("slot", "lunch", ("på lektionerna närmast lunchen", "övriga lektioner")),
    ],
)
def test_where_a_pattern_lies(kind: str, cell: str, words: tuple[str, str]) -> None:
    assert text.pattern_place(kind, cell) == words
