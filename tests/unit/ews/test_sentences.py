"""What people read about a warning, word for word: every measure, and how numbers are said."""

from __future__ import annotations

from typing import Any

import pytest

from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core.profile import FAMILIES, parse_profile
from services.ews.core.rule import Rule
from services.ews.core.sentences import duration, sentence
from tests.unit.ews.facts import day
from tests.unit.ews.test_refusals import GOOD, written

FIRST, LAST = day(2026, 10, 5), day(2026, 11, 13)
WHEN = "5 oktober–13 november 2026"


def told(kind: str, said: str, lessons: int = 0, length: int = 20, **figures: Any) -> str:
    """The sentence of a rule that says what is ``said`` besides, for these figures."""
    family = FAMILIES[GOOD[kind][0]]
    rule: Rule = parse_profile(written(kind, said)).families[family].rules[-1]
    whole = {"window_first_day": FIRST, "window_last_day": LAST} | figures
    return sentence(rule, w.Figures(**whole), lessons, length)


METRICS = {
    "total": ("Frånvaro", ""),
    "valid": ("Giltig frånvaro", " med giltig orsak"),
    "invalid": ("Ogiltig eller oanmäld frånvaro", " utan giltig orsak"),
    "unexplained": ("Oanmäld frånvaro", " utan anmälan"),
}


@pytest.mark.parametrize("metric", METRICS)
def test_the_kind_of_absence_is_said(metric: str) -> None:
    name, qualified = METRICS[metric]
    said = f'metric = "{metric}"'
    assert told("share", said, value=12.5, reported=4800) == (
        f"{name} 12,5 % av undervisningstiden de senaste 20 skoldagarna, {WHEN}: "
        "10 timmar av 80 timmar."
    )
    assert told("run", said, value=5) == (
        f"Frånvarande hela skoldagen{qualified} 5 skoldagar i rad, {WHEN}."
    )
    assert told("share", f'{said}; measure = "occasions"', value=4, absence_days=3) == (
        f"Frånvarande{qualified} vid fyra tillfällen under 3 skoldagar "
        f"de senaste 20 skoldagarna, {WHEN}."
    )
    for number, lessons in ((1, "en lektion"), (2, "två lektioner")):
        assert told("share", f'{said}; measure = "late_arrivals"', value=number) == (
            f"Frånvarande{qualified} en del av lektionen vid {lessons} "
            f"de senaste 20 skoldagarna, {WHEN}."
        )
    assert told("share", f'{said}; measure = "minutes"', value=61) == (
        f"{name} 1 timme 1 minut de senaste 20 skoldagarna, {WHEN}."
    )
    assert told("days", said, value=1) == (
        f"Frånvarande{qualified} någon del av dagen 1 skoldag de senaste 20 skoldagarna, {WHEN}."
    )
    assert told("days", f"{said}; day_share = 25", value=2) == (
        f"Frånvarande{qualified} minst 25 % av dagen 2 skoldagar de senaste 20 skoldagarna, {WHEN}."
    )
    assert told("days", f'{said}; measure = "part_days"', value=2) == (
        f"Frånvarande{qualified} en del av dagen men inte hela 2 skoldagar "
        f"de senaste 20 skoldagarna, {WHEN}."
    )
    assert told("days", f'{said}; measure = "dispersed_days"', value=3) == (
        f"{name} utspridd på 3 skoldagar de senaste 20 skoldagarna, {WHEN}; "
        "hela dagar i rad räknas som en."
    )


@pytest.mark.parametrize(
    ("window", "length", "span"),
    [
        ("{ school_days = 20 }", 20, " de senaste 20 skoldagarna"),
        ("{ school_days = 20 }", 2, " de senaste 2 skoldagarna"),  # the term is younger
        ("{ school_days = 20 }", 1, " den senaste skoldagen"),
        ("{ calendar_days = 30 }", 20, " de senaste 30 dagarna"),
        ('{ calendar_days = 30, within = "term" }', 20, " de senaste 30 dagarna av terminen"),
        ("{ calendar_days = 2 }", 2, " de senaste 2 dagarna"),
        ("{ calendar_days = 1 }", 1, ""),
        ('"calendar_month"', 20, " under månaden"),
        ('"term"', 20, " under terminen"),
        ('"school_year"', 20, " under läsåret"),
    ],
)
def test_the_window_is_said(window: str, length: int, span: str) -> None:
    said = f'measure = "minutes"; window = {window}'
    assert told("share", said, length=length, value=120) == f"Frånvaro 2 timmar{span}, {WHEN}."


def test_what_a_share_leaves_out_and_weighs_is_said() -> None:
    assert told("share", "", value=12.5, reported=480, shared=1) == (
        f"Frånvaro 12,5 % av undervisningstiden de senaste 20 skoldagarna, {WHEN}: "
        "1 timme av 8 timmar. 1 minut giltig frånvaro är inte medräknad: "
        "den delades av många i klassen eller på skolan."
    )
    assert told("share", "prior_share = 5; prior_minutes = 100", value=33.333, reported=180) == (
        f"Frånvaro 33,3 % av undervisningstiden de senaste 20 skoldagarna, {WHEN}: "
        "1 timme av 3 timmar. Ju mindre undervisning som är rapporterad, "
        "desto större andel krävs för en varning."
    )


@pytest.mark.parametrize(
    ("metric", "name", "share"),
    [
        ("total", "Frånvaron", "25"),
        ("valid", "Den giltiga frånvaron", "12,5"),
        ("invalid", "Den ogiltiga eller oanmälda frånvaron", "12,5"),
        ("unexplained", "Den oanmälda frånvaron", "7,5"),
    ],
)
def test_a_rise_is_said_with_what_was_before(metric: str, name: str, share: str) -> None:
    found = told(
        "change",
        f'metric = "{metric}"',
        length=10,
        reported=2400,
        valid=300,
        invalid_unexplained=180,
        invalid_confirmed=120,
        baseline_reported=3000,
        baseline_absent=675,
    )
    assert found == (
        f"{name} har ökat: {share} % av undervisningstiden de senaste 10 skoldagarna, "
        f"{WHEN}, mot 22,5 % tidigare under läsåret."
    )


@pytest.mark.parametrize(
    ("said", "turned"),
    [
        ("", "Spridd frånvaro har övergått i sammanhängande frånvaro"),
        (
            'from = "langvarig"; into = "strofranvaro"',
            "Sammanhängande frånvaro har övergått i spridd frånvaro",
        ),
        (
            'into = "strofranvaro"; into_rules = ["first"]',
            "Spridd frånvaro har börjat följa ett mönster",
        ),
        (
            'from = "langvarig"; into_rules = ["long"]',
            "Sammanhängande frånvaro har börjat följa ett mönster",
        ),
    ],
)
def test_a_turning_is_said_with_what_it_turned_into(said: str, turned: str) -> None:
    figures = {"valid": 60, "invalid_unexplained": 30, "invalid_confirmed": 15, "reported": 600}
    assert told("turning", said, **figures) == (
        f"{turned}: 1 timme 45 minuter frånvaro av 10 timmar under terminen, {WHEN}."
    )


def test_notices_are_said() -> None:
    assert told("leave", "", value=10) == (
        f"Beviljad ledighet 10 skoldagar under terminen, {WHEN}."
    )
    assert told("leave", "window = { school_days = 20 }", value=1, length=7) == (
        f"Beviljad ledighet 1 skoldag de senaste 7 skoldagarna, {WHEN}."
    )
    said = 'measure = "unusual_reports"'
    end = "har gjorts på ett annat sätt än brukligt under terminen"
    end += f", {WHEN}; stäm gärna av med hemmet."
    assert told("leave", said, value=1) == f"En frånvaroanmälan {end}"
    assert told("leave", said, value=2) == f"Två frånvaroanmälningar {end}"
    assert told("leave", said, value=11) == f"Elva frånvaroanmälningar {end}"
    assert told("leave", said, value=12) == f"12 frånvaroanmälningar {end}"


def test_the_day_s_absence_is_said_with_its_lessons() -> None:
    one = {"window_first_day": LAST, "value": 45}
    assert told("today", "", lessons=1, **one) == (
        "Ogiltig eller oanmäld frånvaro 13 november 2026: en lektion, sammanlagt 45 minuter."
    )
    assert told("today", 'metric = "unexplained"', lessons=3, **one | {"value": 180}) == (
        "Oanmäld frånvaro 13 november 2026: tre lektioner, sammanlagt 3 timmar."
    )


@pytest.mark.parametrize(
    ("measure", "kind", "cell", "where", "others"),
    [
        ("weekday", w.PATTERN_KIND_WEEKDAY, "1", "på måndagar", "övriga veckodagar"),
        ("weekday", w.PATTERN_KIND_WEEKDAY, "7", "på söndagar", "övriga veckodagar"),
        ("subject", w.PATTERN_KIND_SUBJECT, "IDH", "i ämnet IDH", "övriga ämnen"),
        ("slot", w.PATTERN_KIND_SLOT, "first", "på dagens första lektion", "övriga lektioner"),
        ("slot", w.PATTERN_KIND_SLOT, "last", "på dagens sista lektion", "övriga lektioner"),
        (
            "slot",
            w.PATTERN_KIND_SLOT,
            "lunch",
            "på lektionerna närmast lunchen",
            "övriga lektioner",
        ),
    ],
)
def test_where_absence_gathers_is_said(
    measure: str, kind: w.PatternKind, cell: str, where: str, others: str
) -> None:
    pattern = w.Pattern(
        kind=kind,
        cell=cell,
        lessons_reported=8,
        lessons_absent=5,
        share=62.5,
        elsewhere_share=4.04,
    )
    said = f'measure = "{measure}_pattern"; metric = "invalid"'
    assert told("pattern", said, pattern=pattern) == (
        f"Ogiltig eller oanmäld frånvaro framför allt {where} under terminen, {WHEN}: "
        f"5 av 8 lektioner (62,5 %), {others} 4 %."
    )


@pytest.mark.parametrize(
    ("number", "word"),
    [
        *enumerate(
            ("noll tillfällen", "ett tillfälle", "två tillfällen", "tre tillfällen"), start=0
        ),
        *enumerate(("fem", "sex", "sju", "åtta", "nio", "tio", "elva", "12", "13"), start=5),
    ],
)
def test_numbers_are_said_in_words_up_to_eleven(number: int, word: str) -> None:
    found = told("share", 'measure = "occasions"', value=number, absence_days=1)
    word = word if " " in word else f"{word} tillfällen"
    assert found == f"Frånvarande vid {word} under 1 skoldag de senaste 20 skoldagarna, {WHEN}."


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "0 minuter"),
        (1, "1 minut"),
        (2, "2 minuter"),
        (59, "59 minuter"),
        (60, "1 timme"),
        (61, "1 timme 1 minut"),
        (120, "2 timmar"),
        (200, "3 timmar 20 minuter"),
    ],
)
def test_a_duration_is_said_in_hours_and_minutes(minutes: int, words: str) -> None:
    assert duration(minutes) == words
