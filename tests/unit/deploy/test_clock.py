"""The simulated clock of a local stack, through stops, kills and a host clock of any kind."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local import demo
from deploy.local.clock import SimulatedClock
from services.common.clock import STOCKHOLM, FileClock

BEGIN = datetime(2026, 11, 24, 7, 30, tzinfo=STOCKHOLM)


def clock(folder: Path, **changed: float) -> SimulatedClock:
    return SimulatedClock(folder / "clock.json", begin=BEGIN, rate=changed.get("rate", 3600.0))


def test_every_process_reads_the_same_running_time(tmp_path: Path) -> None:
    ours = clock(tmp_path)
    assert ours.start() == BEGIN
    ours.run()
    theirs = FileClock(tmp_path / "clock.json")
    time.sleep(0.05)
    assert timedelta(minutes=2) < theirs.now() - BEGIN < timedelta(hours=2)
    assert abs(ours.now() - theirs.now()) < timedelta(minutes=1)


def test_it_stands_still_until_everybody_is_there(tmp_path: Path) -> None:
    clock(tmp_path).start()
    time.sleep(0.1)
    assert FileClock(tmp_path / "clock.json").now() == BEGIN


def test_it_stands_still_while_the_stack_is_down(tmp_path: Path) -> None:
    first = clock(tmp_path)
    first.start()
    first.run()
    time.sleep(0.05)
    reached = first.now()
    first.stop()
    time.sleep(0.3)
    stopped = FileClock(tmp_path / "clock.json").now()
    assert reached <= stopped < reached + timedelta(minutes=10)
    again = clock(tmp_path)
    assert stopped <= again.start() < stopped + timedelta(hours=3)


def test_after_a_kill_it_never_goes_back(tmp_path: Path) -> None:
    killed = clock(tmp_path)
    killed.start()
    killed.run()
    time.sleep(0.2)
    seen = killed.now()
    again = clock(tmp_path)
    assert again.start() > seen


def test_a_later_beginning_moves_it_on_and_an_earlier_does_not(tmp_path: Path) -> None:
    first = clock(tmp_path)
    first.start()
    first.stop()
    later = BEGIN + timedelta(days=3)
    moved = SimulatedClock(tmp_path / "clock.json", begin=later, rate=1)
    assert moved.start() == later
    moved.stop()
    assert clock(tmp_path).start() >= later


@pytest.mark.parametrize(
    "host",
    [
        datetime(2026, 11, 28, 23, 30, tzinfo=UTC),
        datetime(2026, 7, 1, 12, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC),
    ],
    ids=["Saturday night", "1 July", "the Sunday when the clocks go back"],
)
def test_the_demo_is_a_school_tuesday_whatever_the_hosts_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: datetime
) -> None:
    real = time.time
    offset = host.timestamp() - real()
    monkeypatch.setattr(time, "time", lambda: real() + offset)
    simulated = SimulatedClock(tmp_path / "clock.json", begin=demo.BEGIN, rate=demo.RATE)
    simulated.start()
    simulated.run()
    seen = FileClock(tmp_path / "clock.json", real=time.time).now().astimezone(STOCKHOLM)
    assert (seen.weekday(), seen.hour) == (1, 7)
    assert timedelta(0) <= seen - demo.BEGIN < timedelta(minutes=10)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-11-24T07:00", None),
        ("2026-11-24T19:59", None),
        ("2026-11-24T20:00", "2026-11-25T07:00"),
        ("2026-11-25T03:00", "2026-11-25T07:00"),
        ("2026-11-27T20:00", "2026-11-30T07:00"),
        ("2026-11-28T12:00", "2026-11-30T07:00"),
        ("2026-11-29T23:59", "2026-11-30T07:00"),
        ("2026-03-27T21:00", "2026-03-30T07:00"),
    ],
)
def test_the_demo_skips_nights_and_weekends(now: str, then: str | None) -> None:
    skipped = demo.skip_the_night(datetime.fromisoformat(now).replace(tzinfo=STOCKHOLM))
    wanted = None if then is None else datetime.fromisoformat(then).replace(tzinfo=STOCKHOLM)
    assert skipped == wanted


def test_a_jump_reaches_every_process(tmp_path: Path) -> None:
    evening = BEGIN.replace(hour=20, minute=30)
    simulated = SimulatedClock(
        tmp_path / "clock.json", begin=evening, rate=1, skip=demo.skip_the_night
    )
    simulated.start()
    simulated.run()
    simulated.beat()
    assert FileClock(tmp_path / "clock.json").now() >= BEGIN.replace(day=25, hour=7, minute=0)
