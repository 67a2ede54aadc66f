"""The lines of 'Skolan just nu': plain Swedish, numbers, and nobody."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.cases.domain.school import Signal, sentence

TUESDAY = date(2026, 11, 24)
MONDAY = date(2026, 11, 23)
FRIDAY = date(2026, 11, 20)


def say(**changed: Any) -> str:
    figures: dict[str, Any] = {
        "kind": "wave",
        "scope": "class",
        "place": "7B",
        "first_day": TUESDAY,
        "last_day": TUESDAY,
        "window_days": 20,
        "pupils": 24,
        "absent": 9,
        "share_permille": 375,
        "usual_permille": 80,
        "offered": 1_000,
        "reported": 799,
    }
    return sentence(Signal(**(figures | changed)), TUESDAY).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "Många i 7B är borta med giltig orsak: 9 av 24 i dag, vanligen 2."),
        (
            {"first_day": FRIDAY, "last_day": MONDAY},
            (
                "Många i 7B är borta med giltig orsak, sedan fredag 20 november: "
                "9 av 24 i går, vanligen 2."
            ),
        ),
        (
            {"scope": "unit", "place": "", "last_day": FRIDAY, "first_day": FRIDAY}
            | {"pupils": 400, "absent": 63, "usual_permille": 61},
            "Många på skolan är borta med giltig orsak: 63 av 400 fredag 20 november, vanligen 24.",
        ),
        (
            {"kind": "cluster", "absent": 6, "share_permille": 245, "usual_permille": 84},
            (
                "I 7B är fler elever borta än annars: i snitt 6 av 24 om dagen (25 %), mot 8 % "
                "i skolans andra klasser. Gäller 20 skoldagar till och med i dag."
            ),
        ),
        (
            {"kind": "cluster", "scope": "subject", "place": "Slöjd", "last_day": MONDAY},
            (
                "I ämnet Slöjd är fler elever borta än annars: i snitt 9 av 24 om dagen (38 %), "
                "mot 8 % på klassernas övriga lektioner. Gäller 20 skoldagar till och med i går."
            ),
        ),
        (
            {"kind": "unreported"},
            (
                "Bara 79 % av lektionstiden i 7B är rapporterad. Gäller de senaste tio skoldagarna "
                "till och med i dag."
            ),
        ),
        (
            {"kind": "unreported", "scope": "subject", "place": "Slöjd", "reported": 0},
            (
                "Bara 0 % av lektionstiden i ämnet Slöjd är rapporterad. Gäller de senaste tio "
                "skoldagarna till och med i dag."
            ),
        ),
    ],
)
def test_each_kind_of_line(changed: dict[str, Any], words: str) -> None:
    assert say(**changed) == words


@pytest.mark.parametrize(
    ("slot", "words"),
    [
        ("first", "På dagens första lektion är fler"),
        ("lunch", "På lektionerna kring lunch är fler"),
        ("last", "På dagens sista lektion är fler"),
    ],
)
def test_the_places_of_the_day(slot: str, words: str) -> None:
    assert say(kind="cluster", scope="slot", place=slot).startswith(words)
