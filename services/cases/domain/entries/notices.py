"""What the school tells others: the huvudman, the home municipality, CSN, KAA and socialnämnden."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.cases.domain.entries.base import Body, Kind, Line, Text, choice, says

Ground = Literal["investigation", "started", "ended", "unexcused"]
GROUNDS = {
    "investigation": "En utredning om frånvaro har inletts",
    "started": "Eleven har börjat på skolan",
    "ended": "Eleven har slutat på skolan",
    "unexcused": "Eleven är ogiltigt frånvarande i betydande utsträckning",
}
CsnCode = Literal["31", "51"]
CSN_CODES = {"31": "31, sammanhängande frånvaro", "51": "51, upprepad frånvaro (skolk)"}
KaaGround = Literal["ended", "not_attending", "not_started"]
KAA_GROUNDS = {
    "ended": "Eleven har slutat utan att ha fullföljt sin utbildning",
    "not_attending": "Eleven går inte i skolan fast platsen finns kvar",
    "not_started": "Eleven har inte börjat på sin plats",
}
ConcernWay = Literal["phone", "form", "visit"]
CONCERN_WAYS = {
    "phone": "telefon, följd av en skriftlig anmälan",
    "form": "socialtjänstens blankett eller e-tjänst",
    "visit": "besök hos socialtjänsten",
}
ConcernAnswer = Literal["opened", "not_opened", "no_answer"]
CONCERN_ANSWERS = {
    "opened": "En utredning inleds",
    "not_opened": "Ingen utredning inleds",
    "no_answer": "Inget besked har kommit: fråga igen",
}


class ReportToOrganiser(Body):
    """Anmälan till huvudmannen. What is sent is decided by the organiser's form, by default who
    the pupil is and when the utredning was opened; the rest here stays on the school's desk."""

    on: Annotated[date, says("Datum")]
    contact: Annotated[Line, says("Kontaktperson på skolan")] = ""
    form: Annotated[Literal["", "opened", "result"], says("Formulär")] = ""
    """Filled in by the step: the utredning was opened, or what it came to."""
    measures: Annotated[
        Text, says("Insatser hittills", "Skickas bara om huvudmannens formulär frågar efter det.")
    ] = ""


class HomeMunicipalityNotice(Body):
    """Uppgift till hemkommunen (skollagen 7 kap. 22 §, 15 kap. 15 §)."""

    on: Annotated[date, says("Datum")]
    municipality: Annotated[
        str, says("Hemkommunens kod", "Fyra siffror, till exempel 0380."), Field(pattern=r"^\d{4}$")
    ]
    ground: Annotated[Ground, choice("Vad uppgiften gäller", GROUNDS)]
    since: Annotated[date, says("Från och med")]


class CsnReport(Body):
    """Rapport till CSN om ogiltig frånvaro, or the decision not to send one."""

    on: Annotated[date, says("Datum")]
    hours: Annotated[
        float, says("Timmar ogiltig frånvaro", "Ska stämma med närvaron."), Field(ge=0, le=1000)
    ] = 0
    occasions: Annotated[int, says("Antal tillfällen"), Field(ge=0, le=1000)] = 0
    first_day: Annotated[date | None, says("Första skolkdagen")] = None
    code: Annotated[CsnCode | None, choice("Meddelandeorsak", CSN_CODES)] = None
    exception: Annotated[
        Text,
        says("Varför rapporten inte kan vänta", "Behövs när det har gått mellan 15 och 30 dagar."),
    ] = ""
    refrained: Annotated[
        Text, says("Varför skolan avstår", "Till exempel sjukdom, mobbning eller personliga skäl.")
    ] = ""
    resumed_on: Annotated[date | None, says("Eleven studerar på heltid igen från")] = None


class KaaNotice(Body):
    """Uppgift till det kommunala aktivitetsansvaret (skollagen 29 kap. 9 §)."""

    on: Annotated[date, says("Datum")]
    municipality: Annotated[
        str, says("Hemkommunens kod", "Fyra siffror, till exempel 0380."), Field(pattern=r"^\d{4}$")
    ]
    ground: Annotated[KaaGround, choice("Varför", KAA_GROUNDS)]
    since: Annotated[date, says("Från och med")]


class ConcernReport(Body):
    """Orosanmälan (socialtjänstlagen 19 kap. 1 §): made at once, by whoever knows or suspects."""

    worried_on: Annotated[date, says("När oron uppstod")]
    grounds: Annotated[
        Text, says("Vad du har sett och hört", "Skriv vad som har hänt, inte vad du tror.")
    ] = ""
    made_on: Annotated[date | None, says("Anmälan gjordes")] = None
    way: Annotated[ConcernWay | None, choice("Hur", CONCERN_WAYS)] = None
    office: Annotated[Line, says("Socialnämnd eller mottagning")] = ""
    feedback: Annotated[
        bool,
        says("Vi har begärt besked", "Socialnämnden ska då svara inom en vecka från beslutet."),
    ] = False
    assessed_on: Annotated[date | None, says("Förhandsbedömningen blev klar")] = None
    answered_on: Annotated[date | None, says("Besked kom")] = None
    answer: Annotated[ConcernAnswer | None, choice("Besked", CONCERN_ANSWERS)] = None
    answer_note: Annotated[Text, says("Vad som sades")] = ""


def _form(body: Body) -> tuple[str, ...]:
    return (body.form,) if isinstance(body, ReportToOrganiser) and body.form else ()


KINDS = (
    Kind(
        "report_to_organiser",
        "Anmälan till huvudmannen",
        ReportToOrganiser,
        {"sent": "skickad", "received": "mottagen", "filed": "förd till elevhälsans journal"},
        tags=_form,
        sealed=True,
        computed=("form",),
    ),
    Kind(
        "home_municipality_notice",
        "Uppgift till hemkommunen",
        HomeMunicipalityNotice,
        {"sent": "skickad"},
        sealed=True,
    ),
    Kind(
        "csn_report",
        "Rapport till CSN",
        CsnReport,
        {"reported": "rapporterad", "refrained": "skolan avstår", "resumed": "studerar igen"},
        needed={
            "reported": ("hours", "occasions", "first_day", "code"),
            "refrained": ("refrained",),
            "resumed": ("resumed_on",),
        },
    ),
    Kind(
        "kaa_notice",
        "Uppgift till aktivitetsansvaret",
        KaaNotice,
        {"sent": "skickad"},
        sealed=True,
    ),
    Kind(
        "concern_report",
        "Orosanmälan",
        ConcernReport,
        {
            "intended": "ska göras genast",
            "made": "gjord",
            "assessed": "förhandsbedömd",
            "answered": "besvarad",
        },
        needed={
            "intended": ("grounds",),
            "made": ("grounds", "made_on", "way", "office"),
            "assessed": ("assessed_on",),
            "answered": ("answered_on", "answer"),
        },
        sensitivity="health",
    ),
)
