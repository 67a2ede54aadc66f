"""What `forvarning rules explain` says: plain Swedish, whole sentences, nothing left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.commands.rules import SHIPPED
from deploy.commands.rules import app as rules
from services.common.profiles import Clock
from services.rules.explain import Chapter, explain
from services.rules.reading import WholeProfile, read_profile
from services.rules.words import time_of
from tests.trial import TRIAL

FILES = sorted(SHIPPED.glob("*.toml"))
TEXT = TRIAL.decode()


def chapters(content: bytes) -> tuple[WholeProfile, list[Chapter]]:
    profile = read_profile(content)
    return profile, list(explain(profile))


def said(content: bytes, heading: str) -> str:
    [part] = [part for one in chapters(content)[1] for part in one.parts if part.heading == heading]
    return part.text


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_rule_and_step_is_told_with_its_source(file: Path) -> None:
    profile, told = chapters(file.read_bytes())
    parts = [part for chapter in told for part in chapter.parts]
    every = [rule for family in profile.signals.families.values() for rule in family.rules]
    assert [part.source for part in parts] == [
        *(rule.source for rule in every),
        *(step.source for step in profile.ladder.steps),
    ]
    for part in parts:
        for text in (part.text, *part.bullets):
            assert re.fullmatch(r"[A-ZÅÄÖ].*[.?]", text), text
            assert not re.search(r"\b(None|level|days|per cent|valid|total|Span|Measure)\b", text)
            assert "  " not in text


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_stays_readable_in_a_file(file: Path) -> None:
    done = CliRunner(env={"COLUMNS": "80"}).invoke(rules, ["explain", file.stem])
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output
    for line in done.output.splitlines():
        assert len(line) <= 80
        assert line == line.rstrip()


def test_a_profile_can_be_given_by_file_or_by_id(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(TEXT.replace('name = "Provprofil"', 'name = "Vår egen"'), "utf-8")
    done = CliRunner().invoke(rules, ["explain", str(own)])
    assert done.output.startswith("Vår egen (provprofil, version 1)\n")
    done = CliRunner().invoke(rules, ["explain", "danderyd"])
    assert done.output.startswith("Danderyd, Åtgärdstrappan (danderyd, version 1)\n")
    done = CliRunner().invoke(rules, ["explain", "nowhere"])
    assert done.exit_code == 1
    assert "nowhere is neither a file nor one of standard, bollnas, " in done.output
    own.write_text("[profile", "utf-8")
    done = CliRunner().invoke(rules, ["explain", str(own)])
    assert done.exit_code == 1
    assert done.output.startswith(f"{own}:")


def test_without_argument_every_shipped_profile_is_listed() -> None:
    done = CliRunner(env={"COLUMNS": "88"}).invoke(rules, ["explain"])
    assert done.exit_code == 0
    listed = [line.split()[0] for line in done.output.splitlines() if line and line[0] != " "]
    assert listed[0] == "standard"
    assert set(listed) == {file.stem for file in FILES} | {"forvarning"}
    for file in FILES:
        described = read_profile(file.read_bytes()).signals.description
        assert described
        assert described.split()[0] in done.output


@pytest.mark.parametrize(
    ("change", "heading", "sentence"),
    [
        (
            ("", ""),
            "strofranvaro-tillfallen",
            (
                "Varning på nivå 1 när eleven har varit borta vid minst fem tillfällen under de "
                "senaste 20 skoldagarna; en sammanhängande frånvaro är ett tillfälle, också över "
                "natten. Frånvaron måste också vara minst 2 timmar och ha skett på minst fyra "
                "olika dagar. Varningen upphör när tillfällena har varit färre än tre under fem "
                "skoldagar i rad."
            ),
        ),
        (
            ("", ""),
            "strofranvaro-10-procent",
            (
                "Varning på nivå 1 när frånvaron är minst 10 procent av undervisningstiden under "
                "de senaste 20 skoldagarna. Frånvaron måste också ha skett vid minst tre "
                "tillfällen. Det som hela klasser har varit borta från tillsammans räknas inte "
                "med. Regeln prövas bara när eleven har gått minst tio skoldagar, minst 30 "
                "timmar är rapporterade och minst 50 procent av schemat är rapporterat; annars "
                "säger den ingenting. Varningen upphör när andelen har varit lägre än 8 procent "
                "under fem skoldagar i rad."
            ),
        ),
        (
            ("", ""),
            "langvarig-5-dagar",
            (
                "Varning på nivå 1 när eleven har varit borta hela dagen minst fem skoldagar i "
                "rad; dagar då ingenting är rapporterat räknas inte. Varningen upphör när eleven "
                "har varit i skolan fem skoldagar i rad."
            ),
        ),
        (
            ("", ""),
            "ogiltig-idag",
            (
                "Varning på nivå 1 när eleven har varit borta utan giltig orsak minst 15 minuter "
                "samma dag. Varningen tas tillbaka om frånvaron får en giltig förklaring."
            ),
        ),
        (
            (
                (
                    'metric = "total"\nmeasure = "share"\nwindow = { school_days = 20 }\n'
                    'comparator = ">="\nthreshold = 10'
                ),
                (
                    'metric = "valid"\nmeasure = "share"\nwindow = "term"\n'
                    'comparator = ">"\nthreshold = 12.50'
                ),
            ),
            "strofranvaro-10-procent",
            (
                "den giltiga frånvaron är mer än 12,5 procent av undervisningstiden hittills under "
                "terminen."
            ),
        ),
        (
            (
                'measure = "occasions"\nwindow = { school_days = 20 }',
                'measure = "minutes"\nwindow = "calendar_month"',
            ),
            "strofranvaro-tillfallen",
            "frånvaron är minst 5 minuter hittills under kalendermånaden.",
        ),
        (
            ("window = { school_days = 20 }", 'window = { school_days = 20, within = "term" }'),
            "strofranvaro-tillfallen",
            "minst fem tillfällen under de senaste 20 skoldagarna av terminen; en sammanhängande",
        ),
        (
            ("window = { school_days = 20 }", 'window = { calendar_days = 30, within = "term" }'),
            "strofranvaro-tillfallen",
            "under de senaste 30 dagarna av terminen, helger och lov inräknade; en sammanhängande",
        ),
        (
            ("below = 3, school_days = 5", "below = 1, school_days = 1"),
            "strofranvaro-tillfallen",
            "Varningen upphör så snart inget tillfälle finns kvar i perioden.",
        ),
        (
            (
                'window = { school_days = 20 }\ncomparator = ">="\nthreshold = 10\n',
                (
                    'window = "term"\ncomparator = ">="\nthreshold = 12\nprior_share = 6.5\n'
                    "prior_minutes = 14_000\n"
                ),
            ),
            "strofranvaro-10-procent",
            (
                "Varning på nivå 1 när frånvaron är minst 12 procent av undervisningstiden "
                "hittills under terminen. Lite tid vägs försiktigt: andelen räknas som om eleven "
                "dessutom hade haft 233 timmar 20 minuter med 6,5 procents frånvaro. Därför krävs "
                "omkring 37,7 procent efter 50 rapporterade timmar, 20,6 procent efter 150 "
                "rapporterade timmar och 14,9 procent efter 450 rapporterade timmar. Frånvaron "
                "måste också ha skett vid minst tre tillfällen. Det som hela klasser har varit "
                "borta från tillsammans räknas inte med. Regeln prövas bara när eleven har gått "
                "minst tio skoldagar, minst 30 timmar är rapporterade och minst 50 procent av "
                "schemat är rapporterat; annars säger den ingenting. Varningen upphör när andelen, "
                "räknad på samma sätt, har varit lägre än 8 procent under fem skoldagar i rad."
            ),
        ),
        (
            (
                'window = { school_days = 20 }\ncomparator = ">="\nthreshold = 10\n',
                (
                    'window = "term"\ncomparator = ">="\nthreshold = 90\nprior_share = 5\n'
                    "prior_minutes = 1_000_000\n"
                ),
            ),
            "strofranvaro-10-procent",
            "med 5 procents frånvaro. Frånvaron måste också",
        ),
        (
            ("below = 8, school_days = 5", "below = 8, school_days = 1"),
            "strofranvaro-10-procent",
            "Varningen upphör så snart andelen är lägre än 8 procent.",
        ),
    ],
)
def test_a_rule_reads_as_swedish(change: tuple[str, str], heading: str, sentence: str) -> None:
    assert change[0] in TEXT
    assert sentence in said(TEXT.replace(*change, 1).encode(), heading)


@pytest.mark.parametrize(
    ("profile", "heading", "text"),
    [
        (
            "danderyd",
            "Steg 2: enkel kartläggning",
            (
                "Följer på ”Steg 1: samtal med elev och hem”: börjar två veckor efter att det har "
                "börjat, om en varning om ströfrånvaro då gäller på minst nivå 1. Ansvarig är "
                "mentorn. Ärendet går till kartläggning. Det ska vara klart inom två veckor. "
                "Mentorn och elevhälsan får veta."
            ),
        ),
        (
            "danderyd",
            "Steg 4: fördjupad analys och orosanmälan",
            (
                "Följer på ”Steg 3: utredning om hög frånvaro”: börjar tre veckor efter att det är "
                "klart, om en varning om ströfrånvaro då gäller på minst nivå 2. Ansvarig är "
                "rektorn. Ärendet går till insats. Det görs om efter en månad, tills ärendet "
                "avslutas. Rektorn, mentorn och elevhälsan får veta."
            ),
        ),
        (
            "stockholm",
            "Första blanketten till Stockholms stad",
            (
                "Börjar när ärendet går till utredning. Ansvarig är koordinatorn. Det ska vara "
                "klart inom fem arbetsdagar. Koordinatorn och rektorn får veta."
            ),
        ),
        (
            "lidingo",
            "Uppföljning av öppna anmälningar",
            (
                "Börjar när ärendet går till anmälan till huvudmannen. Ansvarig är rektorn. Det "
                "görs veckorna 11 och 41 varje år, tills ärendet avslutas. Rektorn får veta."
            ),
        ),
        (
            "bollnas",
            "Observation under fyra veckor",
            (
                "Följer på ”Mentor meddelar rektor och kontaktar hemmet”: börjar när det är klart, "
                "om en varning om ströfrånvaro då gäller på minst nivå 1. Ansvarig är mentorn. Det "
                "ska vara klart inom fyra veckor. Mentorn får veta."
            ),
        ),
    ],
)
def test_a_step_reads_as_swedish(profile: str, heading: str, text: str) -> None:
    assert said((SHIPPED / f"{profile}.toml").read_bytes(), heading) == text


@pytest.mark.parametrize(
    ("clock", "text"),
    [
        (Clock(calendar_days=1), "en dag"),
        (Clock(calendar_days=7), "en vecka"),
        (Clock(calendar_days=10), "tio dagar"),
        (Clock(calendar_days=28), "fyra veckor"),
        (Clock(school_days=15), "15 skoldagar"),
        (Clock(working_days=1), "en arbetsdag"),
        (Clock(months=2), "två månader"),
    ],
)
def test_clocks_in_words(clock: Clock, text: str) -> None:
    assert time_of(clock) == text
