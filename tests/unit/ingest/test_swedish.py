"""Days, times and personnummer as Swedish systems and spreadsheets write them."""

from __future__ import annotations

import contextlib
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.simulator.names import CivicNumbers
from services.ingest.adapters.swedish import (
    clock_shift,
    day_is_ambiguous,
    read_civic_no,
    read_day,
    read_minute,
)

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24", "2026/11/24", "2026.11.24", "20261124", "261124", "24/11 2026", "24/11-2026",
        "24/11/2026", "24.11.2026", "24. 11. 2026", "24-11-2026", "24/11-26", "24/11 26",
        "24 november 2026", "24 nov 2026", "24 nov. 2026", "den 24 november 2026", "24:e nov 2026",
        "Tisdag 24 november 2026", "tisdag den 24 november 2026", "tis, 24 nov 2026",
        "tis 2026-11-24", "2026-11-24 08:10", "2026-11-24T08:10:00", "2026-11-24T07:10:00Z",
        "2026-11-24T08:10:00+01:00", "2026-11-23T23:30:00Z", "2026-11-24 00:00:00",
    ],
)  # fmt: skip
def test_a_day(text: str) -> None:
    assert read_day(text) == date(2026, 11, 24)


@pytest.mark.parametrize(
    "text",
    [
        "", "24 nov", "2026-02-30", "2026-13-01", "11/24/2026", "24/11", "2026-1124", "45985",
        "2026-11-24 25:00", "24/11.2026", "0026-11-24", "9999-01-01", "١٢٣٤-٠١-٠١", "24 foo 2026",
        "2026-11-24T08:10:00+99:00", "1426-11-24T08:10:00Z", "2026-11-24x", "-1-1-2026", "tisdag",
    ],
)  # fmt: skip
def test_no_day(text: str) -> None:
    assert read_day(text) is None


def test_ambiguous_days() -> None:
    assert [day_is_ambiguous(t) for t in ("3/4/2026", "3.4.2026", "3/3/2026", "13/4/2026")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert not day_is_ambiguous("2026-04-03")
    # A separator that counts as white space everywhere but in int().
    assert day_is_ambiguous("\x1c3/4/2026")


@pytest.mark.parametrize(
    ("text", "minute"),
    [
        ("8:10", 490), ("08:10", 490), ("08.10", 490), ("8.10", 490), ("0810", 490), ("810", 490),
        ("08:10:00", 490), ("08:10:59", 490), ("kl. 08.10", 490), ("kl 8:10", 490), ("00:00", 0),
        ("23:59", 1439), ("2026-11-24T07:10:00Z", 490), ("2026-07-01T06:10:00+00:00", 490),
        ("2026-11-24 08:10", 490),
    ],
)  # fmt: skip
def test_a_time(text: str, minute: int) -> None:
    assert read_minute(text) == minute


@pytest.mark.parametrize(
    "text", ["", "8", "24:00", "08:60", "8,10", "08:10:60", "8:1", "08101", "x"]
)
def test_no_time(text: str) -> None:
    assert read_minute(text) is None


def test_wall_times_that_the_clocks_skip_or_repeat() -> None:
    spring, autumn = date(2027, 3, 28), date(2026, 10, 25)
    assert [clock_shift(spring, m) for m in (119, 120, 150, 179, 180)] == [
        None, "skipped", "skipped", "skipped", None,
    ]  # fmt: skip
    assert [clock_shift(autumn, m) for m in (119, 120, 150, 179, 180)] == [
        None, "twice", "twice", "twice", None,
    ]  # fmt: skip
    assert clock_shift(TODAY, 150) is None


@pytest.mark.parametrize(
    ("text", "twelve"),
    [
        ("20130405-9809", "201304059809"),
        ("201304059809", "201304059809"),
        ("130405-9809", "201304059809"),
        ("1304059809", "201304059809"),
        (" 130405 9809 ", "201304059809"),
        ("130405\u20119809", "201304059809"),
        ("130405\u22129809", "201304059809"),
        # Samordningsnummer: the day + 60.
        ("130465-9806", "201304659806"),
        ("20130465-9806", "201304659806"),
        # Somebody born in 1913 is 113; so is 1913's own form with all its digits.
        ("130405+9809", "191304059809"),
        ("19130405+9809", "191304059809"),
        ("19130405-9809", "191304059809"),
        # Yesterday's child is of this century; tomorrow's cannot be.
        ("261123-9803", "202611239803"),
        # In the year of the hundredth birthday the sign changes (folkbokföringslagen 18 §).
        ("261224+9801", "192612249801"),
        ("271224-9800", "192712249800"),
        # The schools' temporary numbers.
        ("20130101TF01", "20130101TF01"),
        ("20130101-tf01", "20130101TF01"),
        ("20130101T101", "20130101T101"),
    ],
)
def test_a_personnummer(text: str, twelve: str) -> None:
    assert read_civic_no(text, TODAY) == twelve


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("130405-9808", "check digit"),
        ("20130405-9808", "check digit"),
        ("130431-9807", "date of birth"),
        ("130492-9803", "date of birth"),
        ("18130405-9809", "date of birth"),
        ("261225-9800", "not born"),
        ("20130405+9809", "under a hundred"),
        ("2,01304E+11", "spreadsheet"),
        ("2.01E11", "spreadsheet"),
        ("304059809", "leading zero"),
        ("30405-9809", "leading zero"),
        ("", "no personnummer"),
        ("Nora", "no personnummer"),
        ("201304059809x", "no personnummer"),
        ("130405--9809", "no personnummer"),
        ("20131301TF01", "date of birth"),
    ],
)
def test_no_personnummer_and_the_reason_does_not_repeat_it(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        read_civic_no(text, TODAY)
    assert not re.search(r"\d{4}", str(caught.value))


@given(
    born=st.dates(date(1927, 1, 1), TODAY),
    female=st.booleans(),
    coordination=st.booleans(),
)
def test_every_form_of_a_personnummer_is_one_pupil(
    born: date, female: bool, coordination: bool
) -> None:
    _, twelve = CivicNumbers().take(born, female)
    if coordination:
        # 60 more days change the check digit by a fixed step; the right one is looked for.
        base = f"{twelve[:6]}{int(twelve[6:8]) + 60}{twelve[8:11]}"
        twelve = next(base + d for d in "0123456789" if _valid(base + d))
    short = twelve[2:]
    forms = {
        f"{twelve[:8]}-{twelve[8:]}", twelve, f"{short[:6]}-{short[6:]}", short,
    }  # fmt: skip
    assert {read_civic_no(form, TODAY) for form in forms} == {twelve}


def _valid(number: str) -> bool:
    try:
        return read_civic_no(number, TODAY) == number
    except ValueError:
        return False


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_every_way_to_write_a_day_is_that_day(day: date) -> None:
    for pattern in ("%Y-%m-%d", "%Y%m%d", "%d/%m %Y", "%d/%m/%Y", "%d.%m.%Y", "%y%m%d", "%d/%m-%y"):
        assert read_day(day.strftime(pattern)) == day


@given(st.text(max_size=30) | st.from_regex(r"[0-9:./ -]{1,20}", fullmatch=True))
def test_no_text_ends_in_anything_else(text: str) -> None:
    read_day(text)
    minute = read_minute(text)
    assert minute is None or 0 <= minute < 1440
    day_is_ambiguous(text)
    with contextlib.suppress(ValueError):
        assert len(read_civic_no(text, TODAY)) == 12
