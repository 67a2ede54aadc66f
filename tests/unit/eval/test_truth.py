"""What truth.jsonl comes to: crossings, runs, onsets, and who is negative."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.eval.truth import PupilTerm, TruthError, crossing, read, run, terms, year_of


def weekdays(first: date, count: int) -> list[date]:
    found: list[date] = []
    day = first
    while len(found) < count:
        if day.weekday() < 5:
            found.append(day)
        day += timedelta(days=1)
    return found


def line(missed: dict[date, float], **more: Any) -> dict[str, Any]:
    return {
        "pupil": "p1",
        "unit": "u1",
        "klass": "k1",
        "kind": "low",
        "onset": None,
        "missed": {day.isoformat(): share for day, share in missed.items()},
        **more,
    }


def term(shares: list[float], **more: Any) -> PupilTerm:
    days = weekdays(date(2026, 8, 10), len(shares))
    (found,) = terms(year_of(line(dict(zip(days, shares, strict=True)), **more)))
    return found


def test_the_crossing_is_the_first_day_that_cannot_be_undone() -> None:
    # 15 % of 20 days is three days.
    missed = np.zeros(20)
    missed[[0, 5]] = 1.0
    assert crossing(missed) is None
    missed[9] = 0.5
    assert crossing(missed) is None
    missed[12] = 0.5
    assert crossing(missed) == 12
    missed[15] = 1.0
    assert crossing(missed) == 12


def test_a_run_begins_with_the_first_of_twenty_days_wholly_away() -> None:
    missed = np.zeros(60)
    missed[5:24] = 1.0
    assert run(missed) is None
    missed[30:50] = 1.0
    assert run(missed) == 30
    missed[40] = 0.9
    assert run(missed) is None


@pytest.mark.parametrize(
    ("away", "more", "negative"),
    [
        (9, {}, True),
        (10, {}, False),
        (14, {}, False),
        (15, {}, False),
        (
            2,
            {"kind": "moderate_rising_unauthorised", "onset": "2026-09-01"},
            False,
        ),
        (2, {"kind": "strong_rising_authorised", "onset": "2026-09-01"}, True),
    ],
)
def test_negative_is_under_ten_per_cent_without_a_pattern(
    away: int, more: dict[str, Any], negative: bool
) -> None:
    assert term([1.0] * away + [0.0] * (100 - away), **more).negative is negative


def test_the_turn_of_the_year_divides_the_terms() -> None:
    autumn = weekdays(date(2026, 12, 1), 10)
    spring = weekdays(date(2027, 1, 11), 5)
    missed = dict.fromkeys(autumn, 0.0) | dict.fromkeys(spring, 1.0)
    first, second = terms(
        year_of(line(missed, kind="strong_rising_unauthorised", onset="2027-01-12"))
    )
    assert (first.first, first.length, first.share, first.onset) == (0, 10, 0.0, None)
    assert (second.first, second.length, second.share, second.onset) == (10, 5, 1.0, 1)


def test_a_line_that_is_no_truth_is_named(tmp_path: Path) -> None:
    good, bad = line({date(2026, 8, 10): 0.0}), line({date(2026, 8, 17): 0.0})
    del bad["kind"]
    (tmp_path / "truth.jsonl").write_text(f"{json.dumps(good)}\n{json.dumps(bad)}\n", "utf-8")
    with pytest.raises(TruthError, match="line 2, kind: a text is needed, not null"):
        list(read(tmp_path))


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("moderate_rising_unauthorised", True),
        ("strong_rising_authorised", False),
        ("Strong rising, unauthorized", True),
        ("first-lesson", True),
        ("Ströfrånvaro", True),
        ("MONDAY_SKIPPER", True),
        ("pattern_subject", True),
        ("long_run", False),
        ("share", False),
        ("flu wave", False),
        ("low", False),
        ("type 4", True),
    ],
)
def test_a_kind_with_an_onset_is_a_pattern_by_its_words(kind: str, pattern: bool) -> None:
    days = {date(2026, 8, 17): 0.0}
    assert year_of(line(days, kind=kind, onset="2026-08-17")).patterned is pattern
    assert not year_of(line(days, kind=kind)).patterned
    other = line(days, kind=kind, onset="2026-08-17", pattern=not pattern)
    assert year_of(other).patterned is not pattern


def test_a_pattern_without_unexcused_in_its_name_is_never_negative() -> None:
    assert not term([0.0] * 100, kind="weekday", onset="2026-09-01").negative


def test_ids_and_dates_may_be_spelt_in_other_ways() -> None:
    said = line({}, pupil=17, unit=4, onset="2026-08-18T00:00:00", newcomer=True)
    said["missed"] = {"2026-08-18": 1, "20260817": 0.5}
    year = year_of(said)
    assert (year.pupil, year.unit, year.newcomer) == ("17", "4", "yes")
    assert year.onset == date(2026, 8, 18)
    assert dict(zip(year.days, year.missed.tolist(), strict=True)) == {
        date(2026, 8, 17): 0.5,
        date(2026, 8, 18): 1.0,
    }


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("missed", {}, "missed: an object of date"),
        ("missed", [0.5], "missed: an object of date"),
        ("missed", {"2026-08-17": 1.2}, "missed, 2026-08-17: a share from 0 to 1"),
        ("missed", {"2026-08-17": True}, "missed, 2026-08-17: a share from 0 to 1"),
        ("missed", {"monday": 0.2}, "missed: a date as 2026-11-24 is needed, not 'monday'"),
        ("onset", "soon", "onset: a date as"),
        ("pattern", "yes", "pattern: true, false or nothing"),
        ("pupil", None, "pupil: a text is needed"),
        ("unit", "", "unit: a text is needed"),
    ],
)
def test_a_wrong_field_of_the_truth_is_named(field: str, value: object, said: str) -> None:
    with pytest.raises(TruthError, match=said):
        year_of(line({date(2026, 8, 17): 0.0}) | {field: value})


def test_a_pupil_stands_on_one_line(tmp_path: Path) -> None:
    one = json.dumps(line({date(2026, 8, 10): 0.0}))
    (tmp_path / "truth.jsonl").write_text(f"{one}\n\n{one}\n", "utf-8")
    with pytest.raises(TruthError, match="line 3, pupil: p1 stands on line 1 already"):
        list(read(tmp_path))
    with pytest.raises(TruthError, match="no such file"):
        list(read(tmp_path / "nowhere"))
