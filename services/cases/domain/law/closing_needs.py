"""The conditions of steps 6 to 8, each with the sentence that a person reads when it fails."""

from __future__ import annotations

from services.cases.domain.chain import Chain
from services.cases.domain.entries.closing import Closure
from services.cases.domain.entries.coordination import Coordination, CoordinationRequest, Network
from services.cases.domain.law.step import Asked, Need


def _not_ahead(chain: Chain, asked: Asked | None) -> bool:
    on = getattr(asked.body, "on", None) if asked else None
    return on is None or on <= chain.today


NOT_AHEAD = Need(
    "not_ahead", "Datumet ligger framåt i tiden. Anteckna det när det har hänt.", _not_ahead
)

NOT_ORDERED = Need(
    "not_ordered",
    "En beställning väntar redan, eller en koordinator arbetar redan i ärendet.",
    lambda chain, _: (
        not (
            chain.has("coordination_request", "ordered")
            or chain.has("coordination", "assigned", "started")
        )
    ),
)


def _told(_: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    return not isinstance(body, CoordinationRequest) or body.told


HOME_KNOWS = Need(
    "home_knows",
    "Berätta först för eleven och vårdnadshavarna. Koordinatorn kan inte börja utan dem.",
    _told,
)


def _not_already(chain: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    if not isinstance(body, Coordination):
        return True
    working = chain.tagged(chain.of("coordination", "assigned", "started"))
    return f"staff:{body.staff_id}" not in working


NOT_ALREADY = Need("not_already", "Koordinatorn arbetar redan i ärendet.", _not_already)
NO_APPROACH = Need(
    "no_approach",
    "En plan för skolnärmande gäller redan. Följ upp den i stället.",
    lambda chain, _: not chain.has("approach_plan", "active"),
)


def _consented(_: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    return not isinstance(body, Network) or not body.lacking


CONSENTED = Need(
    "consented",
    "Samtycke saknas. Alla vårdnadshavare, och en elev som är mogen nog, måste ha sagt ja till att "
    "uppgifter delas med just de här aktörerna.",
    _consented,
)


def _reasoned(_: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    return not isinstance(body, Closure) or body.reason != "other" or bool(body.note)


REASONED = Need("reasoned", "Skriv vad skälet är när du väljer Annat skäl.", _reasoned)
SEEN = Need(
    "seen",
    "En varning har ändrats sedan någon senast tog ställning. Se vad som har hänt först.",
    lambda chain, _: chain.attention is None,
)
INVESTIGATED = Need(
    "investigated",
    "En utredning pågår. Avsluta den först.",
    lambda chain, _: not chain.has("investigation", "open"),
)
UNCOORDINATED = Need(
    "uncoordinated",
    "En koordinator arbetar i ärendet. Koordinatorns del avslutas först.",
    lambda chain, _: not chain.has("coordination", "assigned", "started"),
)


def _not_silent(chain: Chain, asked: Asked | None) -> bool:
    """Under 60 per cent, or too little known: only with a plan or, unknown, with words."""
    body = asked.body if asked else None
    if not isinstance(body, Closure) or body.band == "60_100":
        return True
    if chain.has("approach_plan", "active"):
        return True
    return body.band is None and bool(body.note)


NOT_SILENT = Need(
    "not_silent",
    "Närvaron är under 60 % eller inte känd. Gör en plan för skolnärmande först. Utan plan "
    "beslutar rektorn, eller teamledaren för koordinatorns del, och skriver varför. Är närvaron "
    "inte känd räcker en kommentar.",
    _not_silent,
)


def _said_why(_: Chain, asked: Asked | None) -> bool:
    body = asked.body if asked else None
    return not isinstance(body, Closure) or bool(body.below_reason)


SAID_WHY = Need("said_why", "Skriv varför det avslutas fast närvaron är under 60 %.", _said_why)
