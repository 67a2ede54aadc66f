"""The clock and the calendar: DST, school years, and a file that several processes share."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.common.clock import (
    STOCKHOLM,
    FileClock,
    epoch_day,
    from_epoch_day,
    local_instant,
    school_date,
    school_year,
    write_clock_file,
)
from services.common.settings import CommonSettings


def test_midnight_in_stockholm_decides_the_date() -> None:
    assert school_date(datetime(2026, 11, 23, 22, 59, tzinfo=UTC)) == date(2026, 11, 23)
    assert school_date(datetime(2026, 11, 23, 23, 0, tzinfo=UTC)) == date(2026, 11, 24)
    assert school_date(datetime(2026, 6, 1, 22, 0, tzinfo=UTC)) == date(2026, 6, 2)


def test_days_count_both_ways() -> None:
    for day in (date(1970, 1, 1), date(2026, 11, 24), date(2028, 2, 29)):
        assert from_epoch_day(epoch_day(day)) == day
    assert epoch_day(date(1970, 1, 2)) == 1


@pytest.mark.parametrize(
    ("day", "year"),
    [
        (date(2026, 6, 30), 2025),
        (date(2026, 7, 1), 2026),
        (date(2026, 12, 31), 2026),
        (date(2027, 1, 1), 2026),
    ],
)
def test_school_year_turns_on_the_first_of_july(day: date, year: int) -> None:
    assert school_year(day) == year


def test_wall_time_on_dst_days() -> None:
    """29 March 2026 skips 02:00-03:00; 25 October 2026 has it twice."""
    assert local_instant(date(2026, 3, 29), 8 * 60) == datetime(2026, 3, 29, 6, 0, tzinfo=UTC)
    assert local_instant(date(2026, 3, 28), 8 * 60) == datetime(2026, 3, 28, 7, 0, tzinfo=UTC)
    assert local_instant(date(2026, 3, 29), 150) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert local_instant(date(2026, 10, 25), 150) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_two_processes_agree_and_follow_a_jump(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    tuesday = datetime(2026, 11, 24, 7, 30, tzinfo=STOCKHOLM)
    write_clock_file(file, tuesday, rate=60)
    first, second = FileClock(file), FileClock(file)
    assert abs(first.now() - second.now()) < timedelta(seconds=30)
    assert first.now() - tuesday < timedelta(minutes=2)
    write_clock_file(file, tuesday + timedelta(days=1))
    fresh = FileClock(file)
    assert fresh.now() - tuesday >= timedelta(days=1)


def test_clock_rate_is_applied_to_real_seconds(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    start = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
    file.write_text('{"simulated": "2026-11-24T07:30:00+01:00", "real": 1000, "rate": 60}', "utf-8")
    assert FileClock(file, real=lambda: 1010.0).now() == start + timedelta(minutes=10)


def test_simulated_clock_is_refused_in_production(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="FORVARNING_CLOCK_FILE"):
        CommonSettings(environment="production", clock_file=tmp_path / "clock.json")
