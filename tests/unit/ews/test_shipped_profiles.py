"""Each rule of each shipped profile fires exactly at its published threshold, and not just below.

A case is a pupil's days from the start of the autumn term on, four lessons of an hour
each. A day is a letter for all four lessons or a letter for each:

    .  present          v  giltig     i  oanmäld     c  ogiltig     -  not reported
    w  giltig, but for one minute     j  oanmäld, but for one minute
    q  oanmäld fifteen minutes        p  oanmäld fourteen minutes        o  giltig one minute
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core.profile import Measure, parse_profile
from services.rules.reading import read_profile, remarks
from tests.unit.ews.facts import CONFIRMED, EXPECTED, REPORTED, START, School, day, weekdays
from tests.unit.ews.harness import Harness

FOLDER = Path(__file__).parents[3] / "services" / "ews" / "profiles"
FILES = sorted(FOLDER.glob("*.toml"))

MARKS = {
    ".": (0, 0, 0, REPORTED),
    "v": (60, 0, 0, REPORTED),
    "w": (59, 0, 0, REPORTED),
    "i": (0, 60, 0, REPORTED),
    "j": (0, 59, 0, REPORTED),
    "o": (1, 0, 0, REPORTED),
    "q": (0, 15, 0, REPORTED),
    "p": (0, 14, 0, REPORTED),
    "c": (0, 60, 0, REPORTED | CONFIRMED),
    "-": (0, 0, 0, EXPECTED),
}


@dataclass(frozen=True)
class Case:
    """``fires`` is the place of the day on which the rule first fires; None is never."""

    profile: str
    rule: str
    days: str
    fires: int | None
    first: int = START


def alone(content: bytes, rule_id: str) -> bytes:
    """The profile with this one rule: the others could fire first and hide it."""
    kept: list[str] = []
    for table in re.split(r"(?m)^(?=\[)", content.decode()):
        heading = table.partition("\n")[0]
        if heading == "[profile]":
            kept.append(table)
        elif f'id = "{rule_id}"' in table and heading.startswith("[[signals."):
            kept += ["[", heading.strip("[]").removesuffix(".rules"), "]\n", table]
    return "".join(kept).encode()


def first_day(case: Case) -> int | None:
    """The place of the day on which the rule raises its first warning."""
    content = (FOLDER / f"{case.profile}.toml").read_bytes()
    families = parse_profile(content).families
    [(number, measure)] = [
        (number, rule.measure)
        for number, family in families.items()
        for rule in family.rules
        if rule.rule_id == case.rule
    ]
    if measure is not Measure.TURNING:  # which is about what the other rules say
        content = alone(content, case.rule)
        (family,) = parse_profile(content).families.values()
        assert [rule.rule_id for rule in family.rules] == [case.rule]
    days = case.days.split()
    school = School()
    harness = Harness([(case.profile, 1, content)])
    harness.apply(school.profile(content, profile_id=case.profile), school.placement(0, case.first))
    for i, at in enumerate(weekdays(len(days), case.first)):
        letters = days[i] * 4 if len(days[i]) == 1 else days[i]
        facts = [
            school.register(at, start, {0: MARKS[letter]}, subject=subject)
            for start, subject, letter in zip(
                (490, 560, 640, 780), ("MA", "SV", "EN", "NO"), letters, strict=True
            )
        ]
        for event in harness.told(*facts, school.closed(at), school.wave(at, {})):
            if event.family == number and event.changes[0].kind == w.CHANGE_KIND_RAISED:
                assert event.episodes[0].rule_id == case.rule
                return i
    return None


def days(*parts: str | tuple[int, str]) -> str:
    """ "3 times '.'" and the like, written together."""
    return " ".join(
        " ".join([part[1]] * part[0]) if isinstance(part, tuple) else part for part in parts
    )


TODAY_CASES = [
    case
    for profile in (
        "standard",
        "danderyd",
        "bollnas",
        "skolverket-15",
        "prestationsprinsen",
        "lidingo",
        "stockholm",
        "skola24-default",
        "england-us",
        "kearney",
        "csn",
        "boras",
    )
    for case in (
        Case(profile, "ogiltig-idag", ". ..q.", 1),
        Case(profile, "ogiltig-idag", ". ..p.", None),
        # Giltig is never told the same day.
        Case(profile, "ogiltig-idag", ". v", None),
    )
]

CASES = [
    *TODAY_CASES,
    # standard: one lesson of four on four Mondays of four, and of five.
    Case("standard", "strofranvaro-veckodag", days(*[(1, "i..."), (4, ".")] * 3, "i..."), 15),
    Case("standard", "strofranvaro-veckodag", days((5, "."), *[(1, "i..."), (4, ".")] * 4), None),
    # Four of sixteen lessons in a subject, and of seventeen; the first of the day likewise.
    Case("standard", "strofranvaro-amne", days((12, "."), (4, ".i..")), 15),
    Case("standard", "strofranvaro-amne", days((13, "."), (4, ".i..")), None),
    Case("standard", "strofranvaro-lektion", days((12, "."), (4, "i...")), 15),
    Case("standard", "strofranvaro-lektion", days((13, "."), (4, "i...")), None),
    # Three hours on five days, less a minute, and on four; giltig never.
    Case("standard", "strofranvaro-ogiltig", "i... i... qq.. q... q...", 4),
    Case("standard", "strofranvaro-ogiltig", "i... i... qq.. q... p...", None),
    Case("standard", "strofranvaro-ogiltig", "i... i... i... i... v...", None),
    # (2,100 + 900) / (12,000 + 18,000) is 10 % exactly: eight days of fifty and three lessons.
    Case(
        "standard",
        "strofranvaro-10-procent",
        days((39, "."), *[(3, "v"), (1, ".")] * 2, "v v vvv."),
        49,
    ),
    Case(
        "standard",
        "strofranvaro-10-procent",
        days((39, "."), *[(3, "v"), (1, ".")] * 2, "v v vvw."),
        None,
    ),
    # One illness is one occasion, however long; a minute away before it makes it two.
    Case("standard", "strofranvaro-10-procent", days((10, "."), (30, "v")), None),
    Case("standard", "strofranvaro-10-procent", days("o...", (9, "."), (6, "v")), 15),
    # 2,700 of 18,000 minutes; however large the share, there must be twelve days with absence.
    Case(
        "standard",
        "strofranvaro-15-procent",
        days((61, "."), "v...", *[(1, "."), (5, "v")] * 2, "v"),
        74,
    ),
    Case(
        "standard",
        "strofranvaro-15-procent",
        days((61, "."), "w...", *[(1, "."), (5, "v")] * 2, "v"),
        None,
    ),
    Case("standard", "strofranvaro-15-procent", days("v", ".", "v", ".", (10, "v")), 13),
    Case("standard", "strofranvaro-15-procent", days("v", ".", "v", ".", (9, "v")), None),
    Case("standard", "strofranvaro-15-procent", days((5, "."), (30, "v")), None),
    Case("standard", "langvarig-7-dagar", days((7, "v")), 6),
    Case("standard", "langvarig-7-dagar", days((6, "v"), "vvv."), None),
    Case("standard", "langvarig-10-dagar", days((10, "v")), 9),
    Case("standard", "langvarig-10-dagar", days((9, "v"), "."), None),
    Case("standard", "langvarig-20-dagar", days((20, "v")), 19),
    Case("standard", "langvarig-20-dagar", days((19, "v"), "."), None),
    # Of forty days, and of what there is where that is less.
    Case("standard", "langvarig-50-procent", days((25, "."), (20, "v")), 44),
    Case("standard", "langvarig-50-procent", days((25, "."), (19, "v"), "vvvw"), None),
    Case("standard", "langvarig-50-procent", days((10, "."), (10, "v")), 19),
    # 150 of 4,800 minutes on six days, five times 140 / (8,400 + 14,000).
    Case("standard", "eskalering-ogiltig", days((49, "."), (4, "qq.."), (2, "q...")), 54),
    Case("standard", "eskalering-ogiltig", days((49, "."), (4, "qq.."), "q... p..."), None),
    Case("standard", "eskalering-ogiltig", days((50, "."), "qqqq", (4, "qq..")), None),
    # Spread absence, then ten days in a row; and ten days out of nothing.
    Case("standard", "eskalering-till-langvarig", days((5, "i..."), (10, "v")), 14),
    Case("standard", "eskalering-till-langvarig", days((5, "i..."), (9, "v"), "."), None),
    Case("standard", "eskalering-till-langvarig", days((20, "."), (19, "v")), None),
    # danderyd: the first unexplained occasion; two reported ones in three weeks.
    Case("danderyd", "danderyd-oanmald", ". ...i", 1),
    Case("danderyd", "danderyd-oanmald", ". v... .c..", None),
    Case("danderyd", "danderyd-aterkommande", days("v", (13, "."), "v..."), 14),
    Case("danderyd", "danderyd-aterkommande", days("v", (14, "."), "v..."), None),
    Case("danderyd", "danderyd-aterkommande", days("v", "v", (13, ".")), None),
    Case("danderyd", "danderyd-15-procent", days((8, "."), "v", "vv.."), 9),
    Case("danderyd", "danderyd-15-procent", days((8, "."), "v", "vw.."), None),
    Case("danderyd", "danderyd-15-procent", days((7, "."), "v", "vv.."), None),
    # bollnas: occasions in the term, however far apart.
    Case("bollnas", "bollnas-5-tillfallen", days(*[(1, "v..."), (9, ".")] * 4, "...i"), 40),
    Case("bollnas", "bollnas-5-tillfallen", days(*[(1, "v..."), (9, ".")] * 4), None),
    # One stretch over the night is one occasion.
    Case("bollnas", "bollnas-5-tillfallen", days(*["v...", "."] * 3, "...v", "v..."), None),
    Case("bollnas", "bollnas-franvaro-igen", days(*["v...", "."] * 6), 10),
    Case("bollnas", "bollnas-franvaro-igen", days(*["v...", "."] * 5), None),
    Case("bollnas", "bollnas-fortsatt-franvaro", days(*["v...", "."] * 7), 12),
    Case("bollnas", "bollnas-fortsatt-franvaro", days(*["v...", "."] * 6), None),
    # skolverket-15: 15 % of the 20 days that the term has had.
    Case("skolverket-15", "skolverket-15-procent", days((17, "."), (2, "i"), "v"), 19),
    Case("skolverket-15", "skolverket-15-procent", days((17, "."), (2, "i"), "vvvw"), None),
    Case("skolverket-15", "skolverket-15-procent", days((13, "."), (6, "i")), None),
    Case("prestationsprinsen", "prestationsprinsen-10-procent", days((18, "."), "i", "v"), 19),
    Case("prestationsprinsen", "prestationsprinsen-10-procent", days((18, "."), "i", "vvvw"), None),
    Case("prestationsprinsen", "prestationsprinsen-20-procent", days((16, "."), (4, "v")), 19),
    Case(
        "prestationsprinsen",
        "prestationsprinsen-20-procent",
        days((16, "."), (3, "v"), "wvvv"),
        None,
    ),
    # stockholm: in at least three occasions.
    Case("stockholm", "stockholm-15-procent", days((15, "."), "v . v . v"), 19),
    Case("stockholm", "stockholm-15-procent", days((15, "."), "v . v . vvvw"), None),
    Case("stockholm", "stockholm-15-procent", days((15, "."), "v v . . v"), None),
    Case("stockholm", "stockholm-10-dagar", days((10, "c")), 9),
    Case("stockholm", "stockholm-10-dagar", days((9, "c"), "ccc."), None),
    # lidingo: as stockholm, whose signals it has.
    Case("lidingo", "lidingo-15-procent", days((15, "."), "v . v . v"), 19),
    Case("lidingo", "lidingo-15-procent", days((15, "."), "v . v . vvvw"), None),
    Case("lidingo", "lidingo-15-procent", days((15, "."), "v v . . v"), None),
    Case("lidingo", "lidingo-10-dagar", days((10, "c")), 9),
    Case("lidingo", "lidingo-10-dagar", days((9, "c"), "ccc."), None),
    # skola24-default: one day of ten is 10 %, which is not over 10 %; one minute more is.
    Case("skola24-default", "skola24-10-procent", days((8, "."), "o...", "v"), 9),
    Case("skola24-default", "skola24-10-procent", days((9, "."), "i"), None),
    # A Monday is in the fourteen days to the Friday of next week, and not to the Monday after.
    Case("skola24-default", "skola24-10-procent", days((10, "."), "v", (8, "."), "vv.."), 19),
    Case("skola24-default", "skola24-10-procent", days((10, "."), "v", (9, "."), "vv.."), None),
    # england-us: one day of the first ten, as soon as there are ten.
    Case("england-us", "persistent-10-procent", days("v", (9, ".")), 9),
    Case("england-us", "persistent-10-procent", days("vvvw", (9, ".")), None),
    Case("england-us", "persistent-10-procent", days("v", (8, ".")), None),
    # The first term's day still counts in the spring.
    Case("england-us", "persistent-10-procent", days((90, "."), (10, "v")), 99),
    Case("england-us", "persistent-10-procent", days((91, "."), (9, "v")), None),
    Case("england-us", "severe-50-procent", days((5, "."), (5, "c")), 9),
    Case("england-us", "severe-50-procent", days((5, "."), (4, "v"), "vvvw"), None),
    # kearney: ten lessons of the forty of two weeks; ten days in fifteen weeks.
    Case("kearney", "kearney-25-procent", days((7, "."), "v v vv.."), 9),
    Case("kearney", "kearney-25-procent", days((7, "."), "v v vw.."), None),
    Case("kearney", "kearney-25-procent", days((6, "."), "v v vv.."), None),
    Case("kearney", "kearney-10-dagar", days((10, "v...")), 9),
    # An hour less a minute is less than 25 % of four hours, so it is no such day.
    Case("kearney", "kearney-10-dagar", days((9, "v..."), "w..."), None),
    # The first Monday is in the fifteen weeks to a Friday, and not to the Monday after.
    Case("kearney", "kearney-10-dagar", days("v...", (65, "."), (9, "v...")), 74),
    Case("kearney", "kearney-10-dagar", days("v...", (66, "."), (9, "v...")), None),
    # csn: 30 calendar days after the first lesson missed, four hours on two occasions.
    Case("csn", "csn-4-timmar", days("i...", (20, "."), "iii. ...c"), 22),
    Case("csn", "csn-4-timmar", days("i...", (20, "."), "iii. ...j"), None),
    # One day sooner: 29 days after the first.
    Case("csn", "csn-4-timmar", days("i...", (19, "."), "iii. ...c"), None),
    # All four hours in one occasion, or with a giltig reason.
    Case("csn", "csn-4-timmar", days("i...", (20, "."), ". i"), None),
    Case("csn", "csn-4-timmar", days("i...", (20, "."), "iii. ...v"), None),
    # The day after the first is in the 30 days that end with the judged day, and then no more.
    Case("csn", "csn-4-timmar", days("i...", "iii.", (20, "."), "...c"), 22),
    Case("csn", "csn-4-timmar", days("i...", "iii.", (21, "."), "...c"), None),
    # boras: ten school days of September, judged on the first of October.
    Case("boras", "boras-20-procent-manad", days((8, "."), "v v ."), 10, day(2026, 9, 17)),
    Case("boras", "boras-20-procent-manad", days("v v", (9, ".")), 10, day(2026, 9, 17)),
    Case("boras", "boras-20-procent-manad", days((8, "."), "v vvvw ."), None, day(2026, 9, 17)),
    Case("boras", "boras-20-procent-manad", days((8, "."), "v v"), None, day(2026, 9, 17)),
    # The first of October itself is in no September.
    Case("boras", "boras-20-procent-manad", days((8, "."), "v vvv. v"), None, day(2026, 9, 17)),
    Case(
        "boras",
        "boras-over-40-procent-manad",
        days((5, "."), "o...", (4, "v"), "."),
        10,
        day(2026, 9, 17),
    ),
    Case(
        "boras",
        "boras-over-40-procent-manad",
        days((6, "."), (4, "v"), "."),
        None,
        day(2026, 9, 17),
    ),
    # Ten school days up to 30 November, a Monday, and to 30 April, a Friday.
    Case("boras", "boras-10-procent-termin", days((9, "."), "v"), 9, day(2026, 11, 17)),
    Case("boras", "boras-10-procent-termin", days((9, "."), "vvvw", "v"), None, day(2026, 11, 17)),
    Case("boras", "boras-10-procent-termin", days((9, "."), "v"), 9, day(2027, 4, 19)),
    Case("boras", "boras-10-procent-termin", days((9, "."), "vvvw", "v"), None, day(2027, 4, 19)),
    # On any other day it says nothing.
    Case("boras", "boras-10-procent-termin", days((20, "v")), None, day(2026, 10, 1)),
    Case("boras", "boras-dag-6", days((6, "v")), 5),
    Case("boras", "boras-dag-6", days((5, "v"), "vvv."), None),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.fires}")
def test_a_rule_fires_at_its_threshold_and_not_below(case: Case) -> None:
    assert first_day(case) == case.fires


def _rules() -> Iterator[tuple[str, str]]:
    for file in FILES:
        for family in parse_profile(file.read_bytes()).families.values():
            for rule in family.rules:
                yield file.stem, rule.rule_id


def test_every_rule_of_every_profile_has_a_case_on_both_sides() -> None:
    fires = {(case.profile, case.rule) for case in CASES if case.fires is not None}
    rests = {(case.profile, case.rule) for case in CASES if case.fires is None}
    assert set(_rules()) == fires == rests


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_two_parts_of_a_profile_meet(file: Path) -> None:
    profile = read_profile(file.read_bytes())
    assert profile.signals.profile_id == file.stem
    assert list(remarks(profile)) == []
    assert profile.ladder.steps


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_profile_says_in_swedish_what_it_is(file: Path) -> None:
    text = file.read_text("utf-8")
    assert re.search(r'(?m)^description = ".+"$', text)
    assert all(line.isprintable() for line in text.splitlines())
