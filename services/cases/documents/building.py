"""From a step of the chain to the sheet that is sent: pure, so that every field can be tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.cases.documents.forms import FORMS, HARMLESS, IDENTIFYING, LABELS, FieldName, Part
from services.cases.documents.render import Field, Sheet
from services.cases.domain import text
from services.cases.domain.entries.coordination import (
    ORGANISER_KINDS,
    PROFESSIONS,
    SCHOOL_FORMS,
    SEXES,
    CoordinationRequest,
)
from services.cases.domain.entries.investigating import (
    SUPPORT_OUTCOMES,
    Investigation,
    SupportInvestigation,
)
from services.cases.domain.entries.notices import (
    CSN_CODES,
    GROUNDS,
    KAA_GROUNDS,
    CsnReport,
    HomeMunicipalityNotice,
    KaaNotice,
    ReportToOrganiser,
)
from services.cases.store.documents import Named

_PROTECTED = "Eleven har skyddade personuppgifter. Vem det gäller lämnas muntligen, aldrig här."
_CLOSING = (
    "Handlingen innehåller bara de uppgifter som står ovan. Den är framställd av Förvarning; "
    "kontrollsumman finns hos avsändaren."
)


@dataclass(frozen=True, slots=True)
class About:
    """The case that a document is about."""

    number: str
    named: Named
    today: date
    paragraph: str

    def sheet(self, kind: str, title: str, recipient: str, fields: Sequence[Field]) -> Sheet:
        """A sheet from the school's own unit."""
        sender = ", ".join(filter(None, (self.named.school_unit, self.named.organiser)))
        return Sheet(
            kind=kind,
            title=title,
            sender=self.named.organiser if self.named.protected else sender,
            recipient=recipient,
            date=text.full_date(self.today),
            basis=f"Lämnas enligt {self.paragraph}.",
            fields=fields,
            closing=_CLOSING,
            reference=f"Ärende {self.number}",
        )

    def who(self, *names: FieldName) -> list[Field]:
        """Who it is about; for skyddade personuppgifter the case's number and nothing else."""
        if self.named.protected:
            return [Field("case_number", "Ärende", f"{self.number}. {_PROTECTED}")]
        values: dict[FieldName, str] = {
            "pupil_name": self.named.pupil_name,
            "civic_number": self.named.civic_number or "saknas i registret",
            "school_unit": self.named.school_unit,
            "school_unit_code": self.named.school_unit_code or "saknas i registret",
        }
        return [Field(name, LABELS[name], values[name]) for name in names]


def report(
    about: About,
    body: ReportToOrganiser,
    investigation: Investigation,
    support: SupportInvestigation | None,
) -> Sheet:
    """An anmälan, or the result, by the huvudman's form: the fields that it names, no more."""
    form = FORMS[about.named.report_form]
    part = form.result if body.form == "result" and form.result else form.opened
    identity = about.who(*(name for name in part.fields if name in IDENTIFYING))
    told = _told(about, body, investigation, support)
    rest = [
        Field(name, LABELS[name], told[name] or "inget angivet")
        for name in part.fields
        if name not in IDENTIFYING and (not about.named.protected or name in HARMLESS)
    ]
    kind = "report_result" if body.form == "result" else "report_to_organiser"
    return about.sheet(kind, part.title, about.named.organiser, [*identity, *rest])


def part_of(report_form: str, body: ReportToOrganiser) -> Part | None:
    """The form that a report is written on; None where the huvudman wants none."""
    form = FORMS[report_form]
    return form.result if body.form == "result" else form.opened


def _told(
    about: About,
    body: ReportToOrganiser,
    investigation: Investigation,
    support: SupportInvestigation | None,
) -> dict[FieldName, str]:
    found = ""
    if support is not None:
        outcome = support.outcome
        found = SUPPORT_OUTCOMES[outcome] if outcome else "pågår"
    return {
        "organiser": about.named.organiser,
        "principal": about.named.principal,
        "contact": body.contact,
        "investigation_opened_on": _day(investigation.opened_on),
        "investigation_finished_on": _day(investigation.finished_on),
        "support_investigation": found or "nej",
        "measures": body.measures,
    }


def home_municipality(about: About, body: HomeMunicipalityNotice) -> Sheet:
    """The uppgift of 7 kap. 22 § or 15 kap. 15 §: who, what and since when."""
    fields = [
        *about.who("pupil_name", "civic_number", "school_unit"),
        Field("ground", "Uppgiften gäller", GROUNDS[body.ground]),
        Field("since", "Från och med", text.full_date(body.since)),
    ]
    recipient = f"Hemkommunen ({body.municipality})"
    return about.sheet("home_municipality_notice", "Uppgift till hemkommunen", recipient, fields)


def csn(about: About, body: CsnReport) -> Sheet:
    """What is entered with CSN; hours, first day and code as they were decided."""
    fields = [
        *about.who("pupil_name", "civic_number"),
        Field("hours", "Timmar ogiltig frånvaro", f"{body.hours:g}".replace(".", ",")),
        Field("occasions", "Antal tillfällen", str(body.occasions)),
        Field("first_day", "Första skolkdagen", _day(body.first_day)),
        Field("code", "Meddelandeorsak", CSN_CODES[body.code] if body.code else ""),
        Field("reported_on", "Rapportdag", text.full_date(body.on)),
    ]
    return about.sheet("csn_report", "Underlag för rapport till CSN", "CSN", fields)


def kaa(about: About, body: KaaNotice) -> Sheet:
    """The uppgift to the home municipality's aktivitetsansvar."""
    fields = [
        *about.who("pupil_name", "civic_number", "school_unit"),
        Field("ground", "Skäl", KAA_GROUNDS[body.ground]),
        Field("since", "Från och med", text.full_date(body.since)),
    ]
    recipient = f"Det kommunala aktivitetsansvaret ({body.municipality})"
    return about.sheet("kaa_notice", "Uppgift till aktivitetsansvaret", recipient, fields)


def coordination_request(about: About, body: CoordinationRequest, recipient: str) -> Sheet:
    """A beställning to another organiser's koordinatorer: who, what, and whom to talk with.

    Nothing of the attendance: that is asked of the school, by a koordinator with samtycke.
    """
    professions = ", ".join(PROFESSIONS[one] for one in body.professions)
    told = [
        Field("help", "Vad skolan vill ha hjälp med", body.help),
        Field("tried", "Vad skolan har prövat", body.tried or "inget angivet"),
    ]
    fields = [
        *about.who("pupil_name", "civic_number", "school_unit"),
        # Free text about a protected pupil stays at the school.
        *([] if about.named.protected else told),
        Field("professions", "Vem skolan helst vill träffa", professions or "inget angivet"),
        Field("told", "Eleven och vårdnadshavarna vet om beställningen", _yes(told=body.told)),
        Field("contact", "Kontakt på skolan", body.contact),
        Field("phone", "Telefon", body.phone or "inget angivet"),
        Field("organiser_kind", "Huvudmannatyp", ORGANISER_KINDS[body.organiser_kind]),
        Field("school_form", "Skolform", SCHOOL_FORMS.get(body.school_form, body.school_form)),
        Field("sex", "Juridiskt kön", SEXES.get(body.sex, "inte angivet")),
        Field("ordered_on", "Beställd", text.full_date(body.on)),
    ]
    return about.sheet("coordination_request", "Beställning av koordinator", recipient, fields)


def _yes(*, told: bool) -> str:
    return "ja" if told else "nej"


def _day(day: date | None) -> str:
    return text.full_date(day) if day else ""
