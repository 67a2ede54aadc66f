"""What teachers and guardians say: how often wrong, late or never; the last word is true."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime
from itertools import pairwise

import numpy as np
import pytest

from bench.simulator import contract, files
from bench.simulator.attendance import Cause
from bench.simulator.config import SimulatorConfig
from bench.simulator.events import Event, NoticeEvent, Reason, RegisterEvent
from bench.simulator.stream import Simulation
from services.common.clock import STOCKHOLM

FIRST, LAST = date(2026, 8, 18), date(2026, 11, 24)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation.of(SimulatorConfig(seed=8, pupils=1500, today=LAST))


@pytest.fixture(scope="module")
def events(simulation: Simulation) -> list[Event]:
    return list(simulation.messages(FIRST, LAST))


@pytest.fixture(scope="module")
def registers(events: list[Event]) -> list[RegisterEvent]:
    return [event for event in events if isinstance(event, RegisterEvent)]


def test_they_come_in_order_of_arrival_with_ids_of_their_own(events: list[Event]) -> None:
    assert all(a.arrival <= b.arrival for a, b in pairwise(events))
    keys = Counter((event.id, event.modified) for event in events)
    assert keys.most_common(1)[0][1] == 1


def test_lessons_never_reported(simulation: Simulation, registers: list[RegisterEvent]) -> None:
    """2–3 % of lessons (± 0.7 points), single teachers far worse: one never reports."""
    held = {(e.lesson, e.day) for e in registers}
    settled = {
        (e.lesson, e.day)
        for e in registers
        if e.reason in (Reason.REPORT, Reason.LATE_REPORT, Reason.CANCELLATION)
    }
    assert len(held - settled) / len(held) == pytest.approx(0.025, abs=0.007)
    by_teacher: dict[int, list[bool]] = defaultdict(list)
    for lesson, day in held:
        teacher = simulation.world.lessons[lesson].teacher
        by_teacher[teacher].append((lesson, day) in settled)
    silent = [t for t, own in by_teacher.items() if len(own) > 50 and np.mean(own) < 0.05]
    assert silent


def test_late_wrong_and_cancelled_registers(registers: list[RegisterEvent]) -> None:
    """As in Rates, each ± a quarter; late ones reach from hours to more than a week."""
    count = Counter(event.reason for event in registers)
    reported = count[Reason.REPORT] + count[Reason.LATE_REPORT]
    assert count[Reason.LATE_REPORT] / reported == pytest.approx(0.04, rel=0.25)
    # Not every chosen register has a pupil whom the mistake fits.
    assert 0.015 <= count[Reason.CORRECTION] / reported <= 0.03
    assert count[Reason.CANCELLATION] / (reported + count[Reason.CANCELLATION]) == pytest.approx(
        0.01, rel=0.3
    )
    delays = [e.arrival - _start(e) for e in registers if e.reason is Reason.LATE_REPORT]
    assert min(delays) < 14 * 3_600_000
    assert max(delays) > 5 * 86_400_000


def _start(event: RegisterEvent) -> float:
    key = event.id.split("/")
    day, minute = date.fromisoformat(key[1]), int(key[2])
    wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=STOCKHOLM)
    return wall.timestamp() * 1000


def test_corrections_go_both_ways(registers: list[RegisterEvent]) -> None:
    before: dict[tuple[int, int, int], int] = {}
    ways: Counter[str] = Counter()
    for event in registers:
        away = (event.valid + event.invalid).tolist()
        for pupil, minutes in zip(event.pupils.tolist(), away, strict=True):
            key = (event.lesson, event.day, pupil)
            if event.reason is Reason.CORRECTION:
                ways["to present" if minutes < before[key] else "to absent"] += 1
            before[key] = minutes
    assert ways["to present"] > 20
    assert ways["to absent"] > 5


def test_the_last_word_about_every_mark_is_the_truth(
    simulation: Simulation, registers: list[RegisterEvent]
) -> None:
    """Whatever was said first, the newest statement about a reported mark is what happened."""
    last: dict[tuple[int, int, int], tuple[int, int]] = {}
    newest: dict[tuple[int, int, int], int] = {}
    for event in registers:
        if event.state != "reported" or event.day > 25:
            continue
        columns = zip(event.pupils.tolist(), event.valid.tolist(), event.invalid.tolist(),
                      event.other.tolist(), strict=True)  # fmt: skip
        for pupil, valid, invalid, other in columns:
            key = (event.lesson, event.day, pupil)
            if event.modified >= newest.get(key, 0):
                newest[key], last[key] = event.modified, (valid + invalid, other)
    assert len(last) > 100_000
    for (lesson, day, pupil), (away, other) in last.items():
        slot = simulation.world.lessons[lesson].slot
        minutes = int(simulation.truth.absent[pupil, day, slot])
        elsewhere = simulation.truth.cause[pupil, day, slot] == Cause.OTHER
        assert (away, other) == ((0, minutes) if elsewhere else (minutes, 0))


def test_minutes_are_possible(simulation: Simulation, registers: list[RegisterEvent]) -> None:
    for event in registers:
        total = event.valid + event.invalid + event.other
        assert (total <= simulation.world.lessons[event.lesson].length).all()
        assert (total >= 0).all()


def test_pupils_follow_their_class(simulation: Simulation, registers: list[RegisterEvent]) -> None:
    """A pupil who moves is in the new class's registers from that day, and in no other."""
    world = simulation.world
    mover = next(
        p for p in world.pupils if len(p.stays) > 1 and FIRST < p.stays[1].first < date(2026, 11, 1)
    )
    seen: dict[date, set[int]] = defaultdict(set)
    for event in registers:
        if mover.index in event.pupils:
            seen[world.days[event.day]].add(event.lesson)
    for day, lessons in seen.items():
        stay = mover.stays[0] if day < mover.stays[1].first else mover.stays[1]
        home = world.classes[stay.school_class]
        groups = {world.lessons[number].group for number in lessons}
        assert home.id in groups
        assert all(group == home.id or f"-{home.grade}-" in group for group in groups)


def test_a_shared_language_group_mixes_classes(
    simulation: Simulation, registers: list[RegisterEvent]
) -> None:
    world = simulation.world
    mixed = [
        event
        for event in registers
        if event.state == "reported"
        and len({int(c) for c in world.class_of[event.pupils, event.day]}) > 1
    ]
    assert mixed


def test_notices_explain_most_illness_and_little_truancy(
    simulation: Simulation, events: list[Event]
) -> None:
    cause, since = simulation.truth.cause, simulation.explained.since
    known = since < (1 << 62)
    ill = (cause == Cause.ILL).any(axis=2)
    skipped = (cause == Cause.SKIP).any(axis=2) & ~ill & ~(cause == Cause.REFUSAL).any(axis=2)
    assert known[ill].mean() == pytest.approx(0.97, abs=0.02)
    assert known[skipped].mean() < 0.25
    assert not known[(cause == Cause.RUN).any(axis=2)].any()
    notices = [event for event in events if isinstance(event, NoticeEvent)]
    assert {notice.kind for notice in notices} == {"absence_report", "leave"}
    assert {notice.reported_by for notice in notices} == {"guardian", "pupil", "staff"}
    assert all(notice.start < notice.end for notice in notices)
    for notice in notices:
        if notice.reported_by == "pupil":
            born = simulation.world.pupils[notice.pupil].born
            told = datetime.fromtimestamp(notice.start / 1000, STOCKHOLM).date()
            assert (told.year - born.year, told.month, told.day) >= (18, born.month, born.day)


def test_late_excuses_come_after_the_register(registers: list[RegisterEvent]) -> None:
    restated = [event for event in registers if event.reason is Reason.EXCUSE]
    assert len(restated) > 50
    assert all((event.invalid == 0).all() and (event.valid > 0).all() for event in restated)


def test_a_pupil_with_a_guardians_login(simulation: Simulation) -> None:
    abusers = simulation.explained.abusers
    assert abusers
    own = [n for n in simulation.explained.notices if n.pupil in abusers and n.kind != "leave"]
    hours = {datetime.fromtimestamp(n.arrival / 1000, STOCKHOLM).hour for n in own}
    assert hours & set(range(10, 16))


def test_homes_report_from_their_own_accounts(simulation: Simulation) -> None:
    by_pupil: dict[int, set[str]] = defaultdict(set)
    for notice in simulation.explained.notices:
        assert (notice.reporter is None) == (notice.reported_by == "staff")
        if notice.reporter is not None:
            by_pupil[notice.pupil].add(notice.reporter)
    several = [accounts for accounts in by_pupil.values() if len(accounts) > 1]
    assert 0.02 * len(by_pupil) < len(several) < 0.5 * len(by_pupil)
    assert all(len(accounts) <= 3 for accounts in by_pupil.values())
    again = Simulation.of(simulation.world.config)
    assert again.explained.notices == simulation.explained.notices


def test_offsets_follow_the_change_of_clocks(simulation: Simulation) -> None:
    """A notice over the Sunday of the change ends at midnight by the wall on both sides."""
    spring = Simulation.of(SimulatorConfig(seed=8, pupils=400, today=date(2026, 3, 27)))
    for own in (simulation, spring):
        for notice in own.explained.notices:
            body = contract.notice(own.world, notice)
            for field in ("start", "end"):
                moment = datetime.fromisoformat(body[field])
                assert moment.utcoffset() == moment.astimezone(STOCKHOLM).utcoffset()
    leaves = [n for n in simulation.explained.notices if n.kind == "leave"]
    assert all(contract.instant(n.end)[11:16] == "00:00" for n in leaves)
    across = [n for n in leaves if contract.instant(n.start)[-6:] != contract.instant(n.end)[-6:]]
    assert across, "no leave over the last Sunday of October: choose another seed"


def test_days_can_be_generated_apart(
    simulation: Simulation, registers: list[RegisterEvent]
) -> None:
    """The same registers whatever span is asked for: history does not depend on today."""
    day = date(2026, 10, 6)
    alone = {e.id: e for e in simulation.messages(day, day) if isinstance(e, RegisterEvent)}
    among = {e.id: e for e in registers if simulation.world.days[e.day] == day}
    assert alone.keys() == among.keys()
    for key, event in alone.items():
        assert contract.register(simulation.world, event) == contract.register(
            simulation.world, among[key]
        )


def test_the_timetable_can_be_left_out_or_kept_for_what_is_not_reported(
    simulation: Simulation,
) -> None:
    span = (date(2026, 10, 5), date(2026, 10, 9))

    def count(**options: object) -> Counter[str]:
        found = simulation.messages(*span, **options)  # type: ignore[arg-type]  # three literals
        return Counter(str(e.reason) for e in found if isinstance(e, RegisterEvent))

    full, needed, none = (count(timetable=mode) for mode in ("all", "needed", "none"))
    assert none["timetable"] == 0
    assert 0 < needed["timetable"] < full["timetable"] / 4
    assert full["report"] == needed["report"] == none["report"]
    later = count(timetable="none", all_from=date(2026, 10, 9))
    assert 0 < later["timetable"] < full["timetable"] / 3


def test_facts_and_truth_agree(simulation: Simulation, registers: list[RegisterEvent]) -> None:
    """The files' last word sums to the truth's share, where all of a day was reported."""
    event = next(e for e in registers if e.reason is Reason.REPORT and e.valid.any())
    lines = list(files.fact_lines(simulation, event))
    assert len(lines) == len(event.pupils)
    assert set(lines[0]) == {
        "arrival", "modified", "unit", "klass", "subject", "lesson", "start", "minutes", "pupil",
        "valid", "invalid", "other", "reported", "deleted",
    }  # fmt: skip
    held = np.ones(simulation.truth.offered.shape, dtype=np.bool_)
    pupil = int(event.pupils[np.flatnonzero(event.valid)[0]])
    line = files.truth_line(simulation, pupil, FIRST, LAST, held)
    assert line is not None
    assert set(line) >= {"pupil", "unit", "klass", "kind", "onset", "missed"}
    day = simulation.world.days[event.day].isoformat()
    assert 0 < line["missed"][day] <= 1
    held[pupil, event.day] = False
    again = files.truth_line(simulation, pupil, FIRST, LAST, held)
    assert again is not None
    assert day not in again["missed"], "a day of cancelled lessons was not offered"
