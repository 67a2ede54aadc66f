"""A case's duties from its history: old facts, closing, ladders, and the promises of the table."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from services.cases.domain import due
from services.cases.domain.chain import Track
from services.cases.domain.due import CaseEvent, Reached, Subject, Wanted, wanted
from services.cases.domain.duty_kinds import DUTY_KINDS
from services.cases.domain.ladder import Spell
from services.cases.domain.law.table import STEPS
from services.cases.domain.profiles import Activation, in_force
from services.cases.domain.workdays import SchoolCalendar
from services.common.clock import local_instant
from services.common.profiles import parse_ladder

PROFILES = Path(__file__).parents[3] / "services" / "ews" / "profiles"
CASE, INVESTIGATION, CONCERN = (UUID(int=n) for n in (1, 2, 3))
TUESDAY = date(2026, 11, 24)
CALENDAR = SchoolCalendar(terms=((date(2026, 8, 18), date(2026, 12, 18)),))
SUBJECT = Subject(CASE, False, "compulsory", True, 13, CALENDAR, None, "")


def at(day: date, hour: int = 10) -> datetime:
    return local_instant(day, hour * 60)


OPENED = CaseEvent("opened", at(TUESDAY))


def written(kind: str, status: str, day: date, entry: UUID, parent: UUID | None = None) -> Reached:
    return Reached(entry, parent, kind, status, at(day))


def found(
    *reached: Reached,
    events: tuple[CaseEvent, ...] = (OPENED,),
    subject: Subject = SUBJECT,
    today: date = TUESDAY,
    spells: tuple[Spell, ...] = (),
    done: dict[tuple[str, str], date] | None = None,
) -> list[Wanted]:
    return wanted(subject, events, reached, spells, done or {}, today=today)


def by_kind(duties: list[Wanted]) -> dict[str, Wanted]:
    return {one.kind: one for one in duties}


def test_a_new_case_asks_for_a_stand() -> None:
    [one] = found()
    assert (one.kind, one.owner, one.ours) == ("take_stand", "principal", True)
    assert one.due_at == at(date(2026, 12, 1), 16)
    assert one.rule == "skollagen 7 kap. 19 a §"


def test_absence_found_in_old_facts_asks_when_somebody_has_taken_the_case_on() -> None:
    old = CaseEvent("opened", at(TUESDAY), old=True)
    assert found(events=(old,)) == []
    taken = CaseEvent("acknowledged", at(TUESDAY + timedelta(days=1)))
    [one] = found(events=(old, taken))
    assert one.started_at == taken.at
    # A case that woke somebody asks once, not again when it is taken on.
    assert len(found(events=(OPENED, taken))) == 1


def test_an_anmalan_answers_for_its_own_utredning() -> None:
    other = UUID(int=9)
    opened = written("investigation", "open", TUESDAY, INVESTIGATION)
    earlier = written("investigation", "open", TUESDAY, other)
    sent = written("report_to_organiser", "sent", TUESDAY, UUID(int=5), INVESTIGATION)
    reports = [one for one in found(opened, earlier, sent) if one.kind == "report_to_organiser"]
    assert {one.about: one.ended_at is None for one in reports} == {
        INVESTIGATION: False,
        other: True,
    }


def test_the_same_history_gives_the_same_ids_in_any_order() -> None:
    opened = written("investigation", "open", TUESDAY, INVESTIGATION)
    concern = written("concern_report", "intended", TUESDAY, CONCERN)
    first, second = found(opened, concern), found(concern, opened)
    assert {one.duty_id for one in first} == {one.duty_id for one in second}
    assert len({one.duty_id for one in first}) == len(first) == 5


def test_without_a_school_form_no_statutory_clock_can_run() -> None:
    assert found(subject=replace(SUBJECT, track=None)) == []


def test_closing_ends_the_ladder_and_leaves_the_law() -> None:
    ladder = parse_ladder((PROFILES / "danderyd.toml").read_bytes())
    spells = (Spell("sporadic", 1, TUESDAY, TUESDAY, None),)
    subject = replace(SUBJECT, ladder=ladder, profile="danderyd, version 1")
    opened = written("investigation", "open", TUESDAY, INVESTIGATION)
    open_duties = by_kind(found(opened, subject=subject, spells=spells))
    assert open_duties["ladder"].title == "Steg 1: samtal med elev och hem"
    assert open_duties["ladder"].owner == "mentor"
    assert open_duties["ladder"].rule.endswith("(danderyd, version 1)")
    closed = replace(subject, closed=True)
    left = by_kind(found(opened, subject=closed, spells=spells))
    assert "ladder" not in left
    assert left["report_to_organiser"].ended_at is None


def test_old_absence_asks_for_nothing_before_somebody_takes_the_case_on() -> None:
    ladder = parse_ladder((PROFILES / "danderyd.toml").read_bytes())
    subject = replace(SUBJECT, ladder=ladder)
    september = date(2026, 9, 1)
    spells = (Spell("sporadic", 1, september, september, None),)
    asleep = CaseEvent("opened", at(date(2026, 11, 20)), old=True)
    assert found(subject=subject, spells=spells, events=(asleep,)) == []
    taken = CaseEvent("acknowledged", at(TUESDAY))
    now = by_kind(found(subject=subject, spells=spells, events=(asleep, taken)))
    assert now["ladder"].due_at == at(date(2026, 12, 8), 16)


def test_a_step_that_was_ticked_off_is_done_on_its_day() -> None:
    ladder = parse_ladder((PROFILES / "danderyd.toml").read_bytes())
    subject = replace(SUBJECT, ladder=ladder)
    spells = (Spell("sporadic", 1, TUESDAY, TUESDAY, None),)
    done = {("steg-1", "1"): TUESDAY}
    duties = found(subject=subject, spells=spells, done=done, today=date(2026, 12, 8))
    steps = {one.step: one.ended_at is not None for one in duties if one.kind == "ladder"}
    assert steps == {"steg-1": True, "steg-2": False}


@pytest.mark.parametrize("track", ["compulsory", "upper_secondary"])
def test_what_the_laws_table_says_begins_and_ends_does(track: Track) -> None:
    """The table's ``starts`` and ``ends`` are promises; the clocks are computed from entries."""
    subject = replace(SUBJECT, track=track, age=17 if track == "upper_secondary" else 13)
    tried = set()
    for step in STEPS:
        if track not in step.paragraphs:
            continue
        entry = UUID(int=77)
        parent = INVESTIGATION if step.on == "investigation" else None
        begun = [
            written(step.kind, status, TUESDAY, entry) for status in step.of if step.means == "move"
        ]
        if parent:
            begun.append(written("investigation", "open", TUESDAY, INVESTIGATION))
        later = TUESDAY + timedelta(days=1)
        after = found(*begun, written(step.kind, step.to, later, entry, parent), subject=subject)
        open_kinds = {one.kind for one in after if one.ended_at is None}
        for kind in set(step.starts) & due.KINDS:
            if kind == "home_municipality_notice" and track == "upper_secondary":
                # 15 kap. 15 §: not by an utredning but by absence "i betydande utsträckning".
                continue
            if kind == "report_to_organiser" and track == "upper_secondary":
                continue  # not in law there
            assert kind in open_kinds, (step.name, kind)
            tried.add((step.name, kind))
        for kind in set(step.ends) & due.KINDS - {"take_stand"}:
            mine = [one for one in after if one.kind == kind]
            assert all(one.ended_at is not None for one in mine), (step.name, kind)
            tried.add((step.name, kind))
    assert len(tried) >= 12


def test_every_kind_has_its_words() -> None:
    assert set(DUTY_KINDS) >= due.KINDS


def test_the_profile_in_force_is_the_streams_own_choice() -> None:
    unit, other = UUID(int=10), UUID(int=11)

    def activation(profile: str, day: int, **scope: frozenset[object]) -> Activation:
        return Activation(
            profile,
            1,
            date(2026, 8, day),
            scope.get("units", frozenset()),  # type: ignore[arg-type]
            scope.get("forms", frozenset()),  # type: ignore[arg-type]
            at(date(2026, 7, day)),
        )

    held = [
        activation("allt", 1),
        activation("nyare", 20),
        activation("gymnasiet", 1, forms=frozenset({"GY"})),
        activation("enhet", 1, units=frozenset({unit})),
        activation("senare", 31),
    ]

    def chosen(unit_id: UUID, form: str, day: date) -> str | None:
        one = in_force(held, unit_id, form, day)
        return one.profile_id if one else None

    assert chosen(unit, "GY", date(2026, 8, 20)) == "enhet"
    assert chosen(other, "GY", date(2026, 8, 20)) == "gymnasiet"
    assert chosen(other, "GR", date(2026, 8, 19)) == "allt"
    assert chosen(other, "GR", date(2026, 8, 20)) == "nyare"
    assert chosen(other, "GR", date(2026, 7, 31)) is None
