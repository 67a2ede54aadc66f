"""Foreign folders: read kindly, in any order; bad lines named with file, line, field and fix."""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bench.eval.engine import warn
from bench.eval.foreign import FactsError, Foreign, kindly
from bench.eval.registers import Registers
from bench.eval.score import Spell
from services.common.clock import epoch_day
from services.ews.whatif.lines import parse
from tests.unit.whatif.folders import RUN_RULE, days, line, school_day, write

Line = dict[str, Any]
PROFILE = RUN_RULE.format(id="standard", days=5, more=50).encode()
TODAY = date(2026, 8, 17)


def feed(tmp_path: Path, lines: list[Line | str]) -> Foreign:
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    for old in scratch.iterdir():
        old.unlink()
    return Foreign(write(tmp_path / "facts", lines), scratch)


def told(tmp_path: Path, lines: list[Line | str]) -> dict[str, list[Spell]]:
    return dict(warn(feed(tmp_path, lines), PROFILE).spells)


AWAY = [*days("a", 30, range(10, 17)), *days("b", 30, range(3, 7)), *days("c", 30)]
# The fifth day in a row is the fifteenth; it rests after two days of presence.
WARNED = {"a": [Spell("langvarig", school_day(14), school_day(18))]}


def test_a_run_is_warned_of_on_the_evening_of_its_fifth_day(tmp_path: Path) -> None:
    assert told(tmp_path, [*AWAY]) == WARNED


def test_the_order_of_the_lines_does_not_matter(tmp_path: Path) -> None:
    mixed = list(AWAY)
    random.Random(3).shuffle(mixed)
    assert told(tmp_path, [*mixed]) == WARNED


def test_what_comes_in_late_is_known_late(tmp_path: Path) -> None:
    late = school_day(20).isoformat() + "T12:00:00+02:00"
    lines = [
        one | ({"arrival": late} if one["pupil"] == "a" and one["valid"] else {}) for one in AWAY
    ]
    (spell,) = told(tmp_path, [*lines])["a"]
    assert spell.raised == school_day(20)


def test_a_correction_counts_from_its_own_evening(tmp_path: Path) -> None:
    wrong = days("d", 30, range(4, 9))
    changed = school_day(10).isoformat() + "T10:00:00+02:00"
    mended = [one | {"valid": 0, "arrival": changed, "modified": changed} for one in wrong[12:27]]
    assert told(tmp_path, [*mended, *wrong]) == {
        "d": [Spell("langvarig", school_day(8), school_day(10))]
    }


def test_only_what_must_be_there_is_enough(tmp_path: Path) -> None:
    needed = ("arrival", "unit", "lesson", "start", "minutes", "pupil", "valid", "invalid")
    lines: list[Line | str] = []
    for one in AWAY:
        kept = {name: one[name] for name in needed}
        # Sweden's clock without an offset, a blank for the T, and what nobody knows.
        kept["start"] = one["start"][:19].replace("T", " ")
        kept["arrival"] = one["arrival"][:19]
        kept["minutes"] = 60.0
        lines.append({"colour": "blue", **kept})
    assert told(tmp_path, lines) == WARNED


def test_keys_may_be_numbers_and_instants_in_any_zone() -> None:
    plain = line(TODAY, 0, "17", unit="4")
    spelt = plain | {
        "pupil": 17,
        "unit": 4,
        "start": "2026-08-17T06:10:00Z",
        "klass": None,
        "other": None,
        "reported": 1,
        "deleted": 0,
    }
    assert kindly(json.dumps(spelt).encode()) == parse(json.dumps(plain | {"klass": ""}).encode())


def test_without_modified_the_time_of_arrival_counts() -> None:
    plain = line(TODAY, 0, "p") | {"arrival": "2026-08-20T10:00:00+02:00"}
    del plain["modified"]
    said = kindly(json.dumps(plain).encode())
    assert said.modified_ms == said.arrival_ms


def test_bad_lines_are_named_and_cost_no_other(tmp_path: Path) -> None:
    bad: list[Line | str] = ["{", line(TODAY, 0, "x", valid=50, invalid=20), "[1]"]
    found = feed(tmp_path, [*bad, *AWAY])
    assert (found.lines, found.bad_lines) == (len(AWAY) + 3, 3)
    file = tmp_path / "facts" / "facts.jsonl"
    assert found.bad == [
        f"{file} line 1: is no JSON; write one JSON object a line, UTF-8",
        (
            f"{file} line 2, minutes: 60 is less than valid + invalid + other; "
            "the lesson's length, at least valid + invalid + other"
        ),
        f"{file} line 3: is no JSON object; write one JSON object a line, UTF-8",
    ]
    assert dict(warn(found, PROFILE).spells) == WARNED


def test_a_folder_without_a_usable_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FactsError, match="no line can be used"):
        feed(tmp_path, ["nothing"])
    with pytest.raises(FactsError, match="no such file"):
        Foreign(tmp_path, tmp_path)


def test_days_without_lessons_are_no_school_days(tmp_path: Path) -> None:
    # A week off in the middle of the run: it goes on behind it.
    lines = [*days("a", 10, (8, 9)), *days("a", 5, (15, 16, 17), first=15), *days("z", 5)]
    (spell,) = told(tmp_path, [*lines])["a"]
    assert spell.raised == school_day(17)


def test_registers_add_up_by_day_and_the_newest_word_counts(tmp_path: Path) -> None:
    later = "2026-08-18T10:00:00+02:00"
    lines = [
        line(TODAY, 0, "p", invalid=60),
        line(TODAY, 1, "p", valid=20, invalid=10),
        line(TODAY, 2, "p", reported=False),
        line(TODAY, 0, "q", deleted=True),
        line(TODAY, 0, "p", valid=15) | {"arrival": later, "modified": later},
        line(TODAY, 1, "p", valid=60) | {"arrival": later, "modified": "2026-08-17T01:00:00+02:00"},
    ]
    found = feed(tmp_path, [*lines])
    tables = Registers(found.pupils, found.days)
    sums = []
    for evening in found.evenings():
        for _, fact in evening.facts:
            tables.take(fact)
        sums.append((tables.reported[0, 0], tables.absent[0, 0], tables.invalid[0, 0]))
    assert list(found.pupils.values()) == ["p", "q"]
    assert sums == [(120, 90, 70), (120, 45, 10)]
    assert tables.reported[1].tolist() == [0]


def test_a_day_of_more_lessons_than_there_are_places(tmp_path: Path) -> None:
    many = [line(TODAY, 0, "p", invalid=1) | {"lesson": f"l{n}"} for n in range(21)]
    found = feed(tmp_path, [*many, *many])
    tables = Registers(found.pupils, found.days)
    for evening in found.evenings():
        for _, fact in evening.facts:
            tables.take(fact)
    assert (tables.reported[0, 0], tables.invalid[0, 0]) == (21 * 60, 21)


def test_evenings_are_every_date_from_the_first_to_the_last(tmp_path: Path) -> None:
    found = feed(tmp_path, [*days("a", 6)])
    evenings = [epoch_day(evening.day) for evening in found.evenings()]
    assert evenings == list(range(epoch_day(school_day(0)), epoch_day(school_day(5)) + 1))
