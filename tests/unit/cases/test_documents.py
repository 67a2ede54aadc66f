"""Documents: what the PDF says is what the fields say, tagged and Swedish; forms and fields."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cases.documents import building
from services.cases.documents.building import About
from services.cases.documents.forms import FORMS, IDENTIFYING, LABELS
from services.cases.documents.render import Field, Sheet, _render, digest
from services.cases.domain.entries.investigating import Investigation, SupportInvestigation
from services.cases.domain.entries.notices import (
    CsnReport,
    HomeMunicipalityNotice,
    KaaNotice,
    ReportToOrganiser,
)
from services.cases.store.documents import Named

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
DAY = date(2026, 11, 24)
NAMED = Named(
    pupil_name="Alva Exempelsson",
    civic_number="20130412-2380",
    protected=False,
    organiser="Testköpings kommun",
    municipality_code="9999",
    school_unit="Björkskolan",
    school_unit_code="10000001",
    principal="Rolf Rektorsson",
    report_form="standard",
)
UTREDNING = Investigation(
    opened_on=date(2026, 11, 17),
    lead="Rolf Rektorsson",
    why="Frånvaron ökar.",
    finished_on=DAY,
    conclusions=("group",),
    result="Otrygg på rasterna.",
)
REPORT = ReportToOrganiser(on=DAY, contact="Karin Närvarosson", form="opened")
RESULT = ReportToOrganiser(on=DAY, contact="Karin", form="result", measures="Möte vid grinden.")


def about(**changes: Any) -> About:
    return About("F-2026-00001", replace(NAMED, **changes), DAY, "skollagen 7 kap. 19 a §")


def words(pdf: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def told(sheet: Sheet) -> dict[str, str]:
    return {field.name: field.text for field in sheet.fields}


SHEETS = [
    building.report(about(), REPORT, UTREDNING, None),
    building.report(about(report_form="stockholm"), REPORT, UTREDNING, None),
    building.report(about(report_form="stockholm"), RESULT, UTREDNING, None),
    building.home_municipality(
        about(),
        HomeMunicipalityNotice(on=DAY, municipality="0380", ground="investigation", since=DAY),
    ),
    building.csn(
        about(),
        CsnReport(on=DAY, hours=6.5, occasions=3, first_day=date(2026, 10, 20), code="51"),
    ),
    building.kaa(about(), KaaNotice(on=DAY, municipality="0380", ground="ended", since=DAY)),
]


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: f"{sheet.kind}")
def test_the_pdf_says_what_the_fields_say(sheet: Sheet) -> None:
    found = words(_render(sheet, NOW))
    for said in [sheet.title, sheet.sender, sheet.recipient, sheet.basis, sheet.reference]:
        assert " ".join(said.split()) in found
    for field in sheet.fields:
        assert " ".join(f"{field.label} {field.text}".split()) in found


def test_a_real_clock_has_parts_of_a_second() -> None:
    sheet = building.home_municipality(
        about(),
        HomeMunicipalityNotice(on=DAY, municipality="0380", ground="started", since=DAY),
    )
    assert _render(sheet, NOW.replace(microsecond=123_456)) == _render(sheet, NOW)


def test_the_pdf_is_tagged_and_swedish_and_the_same_each_time() -> None:
    pdf = _render(SHEETS[0], NOW)
    root: Any = pypdf.PdfReader(io.BytesIO(pdf)).trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "sv-SE"
    assert b"pdfuaid:part>1<" in pdf
    assert _render(SHEETS[0], NOW) == pdf
    fields = SHEETS[0].as_json()
    assert digest(fields, pdf) != digest(fields | {"title": "x"}, pdf)
    assert digest(fields, pdf) != digest(fields, pdf + b" ")


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(codec="latin-1", categories=["L", "N", "P", "S"]), min_size=1))
def test_nothing_that_people_write_is_read_as_markup(said: str) -> None:
    """Typst's own signs (#, $, *, _, `, <, @, [) come out as they went in."""
    sheet = replace(SHEETS[0], fields=[Field("x", "Uppgift", f"A{said}Z")])
    found = words(_render(sheet, NOW)).replace("-", "").replace("\N{SOFT HYPHEN}", "")
    wanted = f"A{said}Z".replace("-", "").replace("\N{SOFT HYPHEN}", "")
    assert wanted.replace(" ", "") in found.replace(" ", "")


def test_an_anmalan_carries_identity_and_date_and_nothing_more() -> None:
    """By default; what a huvudman asks for beyond that is its own form's decision."""
    sheet = building.report(about(), REPORT, UTREDNING, None)
    assert told(sheet) == {
        "pupil_name": "Alva Exempelsson",
        "civic_number": "20130412-2380",
        "school_unit": "Björkskolan",
        "investigation_opened_on": "17\N{NO-BREAK SPACE}november 2026",
    }
    everything = str(sheet.as_json())
    for kept in ("Frånvaron", "rasterna", "Karin", "group"):
        assert kept not in everything


def test_stockholm_has_two_forms() -> None:
    first = building.report(about(report_form="stockholm"), REPORT, UTREDNING, None)
    assert told(first)["contact"] == "Karin Närvarosson"
    assert "measures" not in told(first)
    support = SupportInvestigation(opened_on=DAY, finished_on=DAY, outcome="programme", result="x")
    second = building.report(about(report_form="stockholm"), RESULT, UTREDNING, support)
    assert second.kind == "report_result"
    assert told(second)["measures"] == "Möte vid grinden."
    assert told(second)["support_investigation"] == "Åtgärdsprogram ska utarbetas"
    assert told(second)["investigation_finished_on"] == "24\N{NO-BREAK SPACE}november 2026"


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_form_names_fields_that_have_a_label(form: str) -> None:
    parts = [FORMS[form].opened, *filter(None, [FORMS[form].result])]
    for part in parts:
        assert set(part.fields) <= set(LABELS)
        assert part.fields[0] in IDENTIFYING
        assert len(set(part.fields)) == len(part.fields)


@pytest.mark.parametrize(
    "sheet",
    [
        building.report(about(protected=True, report_form=form), REPORT, UTREDNING, None)
        for form in sorted(FORMS)
    ]
    + [
        building.home_municipality(
            about(protected=True),
            HomeMunicipalityNotice(on=DAY, municipality="0380", ground="started", since=DAY),
        ),
        building.csn(about(protected=True), CsnReport(on=DAY, hours=6, occasions=2)),
        building.kaa(
            about(protected=True),
            KaaNotice(on=DAY, municipality="0380", ground="ended", since=DAY),
        ),
    ],
    ids=lambda sheet: sheet.kind,
)
def test_a_protected_pupil_is_named_in_no_document(sheet: Sheet) -> None:
    everything = str(sheet.as_json()) + words(_render(sheet, NOW))
    for hidden in ("Alva", "Exempel", "2013", "Björk", "10000001", "Rolf", "Karin"):
        assert hidden not in everything
    assert told(sheet)["case_number"].startswith("F-2026-00001")
