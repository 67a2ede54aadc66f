"""The conditions of steps, each with the sentence that a person reads when it does not hold."""

from __future__ import annotations

from datetime import timedelta

from services.cases.domain.chain import Chain
from services.cases.domain.entries.investigating import Certificate, Investigation
from services.cases.domain.entries.notices import CsnReport, HomeMunicipalityNotice, KaaNotice
from services.cases.domain.entries.planning import Intervention, Plan
from services.cases.domain.law.step import Asked, Need

_ACTIVE_INSATS = ("agreed", "started", "followed_up", "adjusted")

CHANGED = Need(
    "changed",
    "Ingen varning har ändrats sedan någon senast tog ställning.",
    lambda chain, _: chain.attention is not None,
)


def _may_close(chain: Chain, asked: Asked | None) -> bool:
    if asked is None or getattr(asked.body, "decision", "") != "close":
        return True
    return (
        chain.level == 0
        and not chain.has("investigation", "open")
        and not chain.has("plan", "active")
    )


NOTHING_LEFT = Need(
    "nothing_left",
    "Det går inte att avsluta så här: en varning gäller fortfarande, eller en utredning eller plan "
    "pågår. Gå till Avsluta ärendet.",
    _may_close,
)


def _note(_: Chain, asked: Asked | None) -> bool:
    if asked is None:
        return True
    return getattr(asked.body, "decision", "") == "keep" or bool(getattr(asked.body, "note", ""))


MOTIVATED = Need(
    "motivated", "Skriv varför ärendet avslutas eller vad som ska rättas i underlaget.", _note
)


def _words(_: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    return body is None or bool(getattr(body, "own_words", "")) or getattr(body, "declined", False)


OWN_WORDS = Need(
    "own_words",
    "Skriv ned de egna orden, eller kryssa i att den du frågade inte vill prata nu.",
    _words,
)

NONE_OPEN = Need(
    "none_open",
    "En utredning pågår redan i ärendet.",
    lambda chain, _: not chain.has("investigation", "open"),
)


def _certified(chain: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    if not isinstance(body, Investigation) or body.waiver != "certificate":
        return True
    return chain.has("certificate", "registered")


CERTIFIED = Need(
    "certified", "Registrera läkarintyget först, så att skälet går att följa.", _certified
)

#: Samråd belongs to the utredning that asks for it.
CONSULTED_WORDS = {
    "pupil": "eleven",
    "guardian": "vårdnadshavare",
    "student_health": "elevhälsan",
}


def missing_consultations(chain: Chain, asked: Asked) -> list[str]:
    """The samråd of 7 kap. 19 a § that are neither held nor explained."""
    if asked.target is None:
        return []
    held = chain.tagged(chain.children(asked.target.entry_id, "consultation"))
    body = asked.body
    return [
        party
        for party in CONSULTED_WORDS
        if party not in held and not getattr(body, f"no_{party}", "")
    ]


def _consulted(chain: Chain, asked: Asked | None) -> bool:
    if asked is None or chain.track != "compulsory":
        # 15 kap. 16 § has no samråd.
        return True
    return not missing_consultations(chain, asked)


CONSULTED = Need(
    "consulted",
    "Utredningen ska göras i samråd med eleven, vårdnadshavare och elevhälsan. Anteckna samråden "
    "först, eller skriv varför något saknas.",
    _consulted,
    "skollagen 7 kap. 19 a §",
)

NO_SUPPORT_OPEN = Need(
    "no_support_open",
    "En utredning om särskilt stöd pågår redan.",
    lambda chain, _: not chain.has("support_investigation", "open"),
)


def _report_pending(chain: Chain, asked: Asked | None) -> bool:
    """Some utredning (or the one at hand) whose opening nobody has reported yet."""
    opened = [asked.target] if asked and asked.target else chain.of("investigation")
    return any(
        fact.status in {"open", "finished"}
        and not any(
            "result" not in r.tags for r in chain.children(fact.entry_id, "report_to_organiser")
        )
        for fact in opened
    )


NOT_REPORTED = Need(
    "not_reported", "Den här utredningen är redan anmäld till huvudmannen.", _report_pending
)


def _result_pending(chain: Chain, asked: Asked | None) -> bool:
    done = [asked.target] if asked and asked.target else chain.of("investigation", "finished")
    return any(
        any("result" not in r.tags for r in chain.children(fact.entry_id, "report_to_organiser"))
        and not any(
            "result" in r.tags for r in chain.children(fact.entry_id, "report_to_organiser")
        )
        for fact in done
    )


RESULT_PENDING = Need(
    "result_pending",
    "Resultatet skickas en gång, efter anmälan att utredningen har inletts.",
    _result_pending,
)

ASKED_FOR = Need(
    "asked_for",
    "I gymnasieskolan kräver lagen ingen anmälan till huvudmannen, och er huvudman har inte bett "
    "om någon.",
    lambda chain, _: chain.track != "upper_secondary" or chain.report_on_upper,
)


def _elsewhere(chain: Chain, asked: Asked | None) -> bool:
    if chain.independent:
        return True
    if asked is None:
        # Where nobody says where the pupil lives, a person may know.
        return not chain.home or chain.home != chain.municipality
    body = asked.body
    return isinstance(body, HomeMunicipalityNotice) and body.municipality != chain.municipality


ELSEWHERE = Need(
    "elsewhere",
    "Uppgiften lämnas bara när elevens hemkommun är en annan än skolans huvudman.",
    _elsewhere,
)


def _ground(chain: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    if not isinstance(body, HomeMunicipalityNotice):
        return True
    if chain.track == "compulsory":
        if body.ground == "investigation":
            return chain.has("investigation", "open", "finished")
        return body.ground != "unexcused"
    return body.ground != "investigation"


GROUND = Need(
    "ground",
    "Skälet passar inte skolformen. I grundskolan: en utredning har inletts, eller eleven har "
    "börjat eller slutat. I gymnasieskolan: betydande ogiltig frånvaro, eller eleven har börjat "
    "eller slutat.",
    _ground,
)
UNDER_20 = Need(
    "under_20",
    "Eleven har fyllt 20 år, så skyldigheten gäller inte.",
    lambda chain, _: chain.track != "upper_secondary" or chain.age is None or chain.age < 20,
)


def _csn_days(_: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    if not isinstance(body, CsnReport) or body.first_day is None:
        return True
    waited = body.on - body.first_day
    return waited >= timedelta(days=30) or (waited >= timedelta(days=15) and bool(body.exception))


CSN_DAYS = Need(
    "csn_days",
    "Det ska ha gått minst 30 dagar sedan den första skolkdagen. Undantagsvis räcker 15 dagar, och "
    "då ska skälet stå med.",
    _csn_days,
)


def _csn_hours(_: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    return not isinstance(body, CsnReport) or body.hours >= 4


CSN_HOURS = Need(
    "csn_hours",
    "CSN tar emot rapporter från sammanlagt fyra timmar ogiltig frånvaro under en månad.",
    _csn_hours,
)


def _csn_repeated(_: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    return not isinstance(body, CsnReport) or body.code != "51" or body.occasions >= 2


CSN_REPEATED = Need(
    "csn_repeated", "Orsak 51 gäller upprepad frånvaro: minst två tillfällen.", _csn_repeated
)


def _kaa(chain: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    return not isinstance(body, KaaNotice) or body.since <= chain.today


KAA_BEGUN = Need("begun", "Uppgiften lämnas när eleven har slutat, inte i förväg.", _kaa)


def _assessed(chain: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    if not isinstance(body, Plan) or body.no_assessment:
        return True
    wanted = "class_assessment" if body.level != "pupil" else "pupil_assessment"
    return chain.has(wanted) or (wanted == "class_assessment" and chain.has("pupil_assessment"))


ASSESSED = Need(
    "assessed",
    "En plan bygger på en kartläggning. Gör den först, eller skriv varför den saknas.",
    _assessed,
)


def _one_plan(chain: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    if not isinstance(body, Plan):
        return True
    return all(body.level not in fact.tags for fact in chain.of("plan", "active"))


ONE_PLAN = Need(
    "one_plan",
    "En plan på samma nivå pågår redan, med ett utvecklingsområde i taget. Ändra den i stället.",
    _one_plan,
)


def _another(_: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    return not isinstance(body, Plan) or body.area not in body.earlier.splitlines()


ANOTHER_AREA = Need(
    "another_area", "Området är redan det ni arbetar med, eller har varit det.", _another
)


def _heard(chain: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    if not isinstance(body, Intervention) or body.tier != "individual":
        return True
    return chain.has("pupil_voice") or bool(body.no_voice)


HEARD = Need(
    "heard",
    "Fråga eleven först: en insats för eleven bygger på en avstämning med eleven. Skriv annars "
    "varför den saknas.",
    _heard,
)
INSATSER_ENDED = Need(
    "interventions_ended",
    "Planen har insatser som inte är avslutade. Avsluta dem först.",
    lambda chain, asked: (
        asked is None
        or asked.target is None
        or not any(
            fact.status in _ACTIVE_INSATS
            for fact in chain.children(asked.target.entry_id, "intervention")
        )
    ),
)


def _valid_certificate(chain: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    return not isinstance(body, Certificate) or body.received_on <= chain.today


RECEIVED = Need("received", "Intyget kan inte ha kommit efter dagens datum.", _valid_certificate)
