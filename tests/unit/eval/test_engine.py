"""What the engine told, dated by the evening on which it could be read; the group step included."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from bench.eval.engine import Told, warn
from bench.eval.foreign import Foreign
from bench.eval.score import Spell
from tests.unit.whatif.folders import RUN_RULE, Line, days, line, school_day, write

RUN = RUN_RULE.format(id="any-name", days=5, more=10)
SHARE = """
[profile]
id = "share"
version = 1
name = "Test"

[signals.strofranvaro]
quiet_school_days = 0

[[signals.strofranvaro.rules]]
id = "andel"
level = 1
metric = "total"
measure = "share"
window = {{ school_days = 10 }}
comparator = ">="
threshold = 30
waves = "{waves}"
resolve = {{ below = 10, school_days = 2 }}
source = "test"
"""


def told(tmp_path: Path, lines: list[Line], profile: str) -> Told:
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    for old in scratch.iterdir():
        old.unlink()
    return warn(Foreign(write(tmp_path / "facts", lines), scratch), profile.encode())


def test_a_spell_goes_from_the_evening_it_was_raised_to_the_one_it_rested(tmp_path: Path) -> None:
    found = told(tmp_path, days("a", 40, [*range(5, 16), *range(30, 40)]), RUN)
    assert dict(found.spells) == {
        "a": [
            Spell("langvarig", school_day(9), school_day(17)),
            Spell("langvarig", school_day(34)),
        ]
    }
    # Raised, escalated, resolved; raised and escalated again.
    changes = [school_day(n) for n in (9, 14, 17, 34, 39)]
    kinds = ("raised", "escalated", "resolved", "raised", "escalated")
    assert found.changes["a"] == [
        ("langvarig", day, kind) for day, kind in zip(changes, kinds, strict=True)
    ]
    assert found.refused == 0


def test_what_had_come_to_rest_before_a_correction_had_come_to_rest(tmp_path: Path) -> None:
    lines = days("a", 20, range(2, 8))
    at = f"{school_day(12).isoformat()}T09:00:00+02:00"
    wrong = [one for one in lines if one["start"].startswith(school_day(4).isoformat())]
    lines += [one | {"valid": 0, "arrival": at, "modified": at} for one in wrong]
    found = told(tmp_path, lines, RUN)
    assert found.spells["a"] == [Spell("langvarig", school_day(6), school_day(9))]


def test_a_warning_withdrawn_while_it_stands(tmp_path: Path) -> None:
    lines = days("a", 20, range(2, 20))
    at = f"{school_day(7).isoformat()}T18:30:00+02:00"
    wrong = [one for one in lines if one["start"].startswith(school_day(6).isoformat())]
    lines += [one | {"valid": 0, "arrival": at, "modified": at} for one in wrong]
    found = told(tmp_path, lines, RUN)
    assert found.spells["a"] == [
        Spell("langvarig", school_day(6), school_day(7)),
        Spell("langvarig", school_day(11)),
    ]


@pytest.mark.parametrize(("waves", "warned"), [("count", 20), ("subtract", 0)])
def test_what_a_class_shared_is_left_out_where_the_profile_says_so(
    tmp_path: Path, waves: str, warned: int
) -> None:
    lines: list[Line] = []
    for number in range(30):
        away = range(30, 34) if number < 20 else ()
        lines += days(f"p{number}", 40, away)
    found = told(tmp_path, lines, SHARE.format(waves=waves))
    assert len(raised(found.spells)) == warned
    assert {one for some in raised(found.spells).values() for one in some} <= {school_day(32)}


def raised(spells: Mapping[str, list[Spell]]) -> dict[str, list[date]]:
    return {pupil: [one.raised for one in some] for pupil, some in spells.items() if some}


def test_lessons_that_nobody_reported_are_no_absence(tmp_path: Path) -> None:
    lines = days("a", 10) + days("b", 10, range(3, 10))
    unknown = [
        line(school_day(n), lesson, "a", valid=60, reported=False)
        for n in range(10, 20)
        for lesson in range(3)
    ]
    assert set(told(tmp_path, [*lines, *unknown], RUN).spells) == {"b"}
