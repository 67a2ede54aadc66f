"""The statutory clocks. They run whatever a rule profile says; a ladder only adds its own.

The law says *samma dag*, *skyndsamt*, *snarast* and *genast*. Only the first, and the two spans of
socialtjänstlagen, are numbers in law. For each of the others this system has a working limit **of
its own**, so that something is due at all; ``by`` says whose the limit is, and pages say it too.
A working limit is no permission to wait until its last day. Table: docs/clocks.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.cases.domain.chain import Track
from services.cases.domain.workdays import Limit, SchoolCalendar, due_at

Happening = Literal[
    "absence_known",  # a case opens or opens again: repeated or long absence is known
    "unexcused_day",  # unexplained absence on a school day
    "home_told",
    "investigation_opened",
    "investigation_unneeded",
    "investigation_done",
    "reported_to_organiser",
    "significant_invalid",  # upper secondary: somebody judged it "i betydande utsträckning"
    "home_municipality_told",
    "support_needed",
    "support_done",
    "concern_raised",
    "concern_sent",
    "concern_decided",
    "concern_answered",
    "case_closed",
]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened in a case, and the row that tells it."""

    kind: Happening
    at: datetime
    about: UUID
    """The entry that it is about, by which an end finds its start: of an anmälan its utredning."""


@dataclass(frozen=True, slots=True)
class Pupil:
    """What of the pupil decides which clocks run."""

    track: Track
    other_home_municipality: bool = False
    """The school's organiser is another than the pupil's home municipality."""
    under_20: bool = True


@dataclass(frozen=True, slots=True)
class LegalClock:
    """One statutory duty with a time."""

    key: str
    title: str
    word: str
    """The law's own word for the time."""
    paragraph: Mapping[Track, str]
    """Where it stands, by track; a track that is missing has no such duty in law."""
    starts: Mapping[Track, Happening]
    ends: tuple[Happening, ...]
    limit: Limit
    by: Literal["law", "us"]
    """Whose the limit is."""
    owner: str
    why: str
    paired: bool = True
    """An end must be about the same entry as the start; else any fitting end will do."""
    only_other_home: bool = False
    reminder: bool = False
    """The duty in law is another authority's; ours is to ask."""


_BOTH: tuple[Track, Track] = ("compulsory", "upper_secondary")


def _both(text: str) -> dict[Track, str]:
    return dict.fromkeys(_BOTH, text)


def _either(start: Happening) -> dict[Track, Happening]:
    return dict.fromkeys(_BOTH, start)


CLOCKS: tuple[LegalClock, ...] = (
    LegalClock(
        key="same_day_notice",
        title="Informera hemmet om frånvaron",
        word="samma dag",
        paragraph={
            "compulsory": "skollagen 7 kap. 17 §",
            "upper_secondary": "skollagen 15 kap. 16 § (18 kap. 16 §)",
        },
        starts=_either("unexcused_day"),
        ends=("home_told",),
        limit=Limit("same_day"),
        by="law",
        owner="attendance_officer",
        why="Dagen är lagens egen. Meddelandet skickas av systemet; går det inte ska någon ringa.",
    ),
    LegalClock(
        key="take_stand",
        title="Ta ställning till utredning om frånvaron",
        word="skyndsamt",
        paragraph={
            "compulsory": "skollagen 7 kap. 19 a §",
            "upper_secondary": "skollagen 15 kap. 16 § (18 kap. 16 §)",
        },
        starts=_either("absence_known"),
        ends=(
            "investigation_opened",
            "investigation_unneeded",
            "case_closed",
        ),
        limit=Limit("school_days", 5),
        by="us",
        owner="principal",
        why="En skolvecka räcker för att tala med eleven och hemmet och avgöra om en utredning "
        "behövs.",
        paired=False,
    ),
    LegalClock(
        key="investigate",
        title="Slutför utredningen om frånvaron",
        word="skyndsamt",
        paragraph={
            "compulsory": "skollagen 7 kap. 19 a §",
            "upper_secondary": "skollagen 15 kap. 16 § (18 kap. 16 §)",
        },
        starts=_either("investigation_opened"),
        ends=("investigation_done", "investigation_unneeded"),
        limit=Limit("school_days", 15),
        by="us",
        owner="principal",
        why="Tre skolveckor rymmer samråd med elev, vårdnadshavare och elevhälsa. "
        "Danderyds åtgärdstrappa har samma tid.",
    ),
    LegalClock(
        key="report_to_organiser",
        title="Anmäl frånvaron till huvudmannen",
        word="snarast",
        paragraph={"compulsory": "skollagen 7 kap. 19 a §"},
        starts={"compulsory": "investigation_opened"},
        ends=("reported_to_organiser",),
        limit=Limit("working_days", 2),
        by="us",
        owner="principal",
        why="Anmälan innehåller bara vem och när. Den behöver ingen längre tid.",
    ),
    LegalClock(
        key="home_municipality_notice",
        title="Lämna uppgift till hemkommunen",
        word="snarast",
        paragraph={
            "compulsory": "skollagen 7 kap. 22 §",
            "upper_secondary": "skollagen 15 kap. 15 § (18 kap. 15 §)",
        },
        starts={
            "compulsory": "investigation_opened",
            "upper_secondary": "significant_invalid",
        },
        ends=("home_municipality_told",),
        limit=Limit("working_days", 2),
        by="us",
        owner="organiser_officer",
        why="Gäller när huvudmannen är en annan än hemkommunen; i gymnasiet elever under 20 år.",
        paired=False,
        only_other_home=True,
    ),
    LegalClock(
        key="support_investigation",
        title="Utred behovet av särskilt stöd",
        word="skyndsamt",
        paragraph=_both("skollagen 3 kap. 7 §"),
        starts=_either("support_needed"),
        ends=("support_done",),
        limit=Limit("school_days", 15),
        by="us",
        owner="principal",
        why="Samma tid som utredningen om frånvaron, som den oftast görs tillsammans med.",
    ),
    LegalClock(
        key="concern_report",
        title="Gör orosanmälan till socialnämnden",
        word="genast",
        paragraph=_both("socialtjänstlagen (2025:400) 19 kap. 1 §"),
        starts=_either("concern_raised"),
        ends=("concern_sent",),
        limit=Limit("at_once"),
        by="law",
        owner="principal",
        why="Genast är utan dröjsmål: uppgiften är förfallen från samma stund som den finns.",
    ),
    LegalClock(
        key="concern_assessment",
        title="Fråga socialnämnden om förhandsbedömningen",
        word="inom fjorton dagar",
        paragraph=_both("socialtjänstlagen (2025:400) 20 kap. 2 §"),
        starts=_either("concern_sent"),
        ends=("concern_decided", "concern_answered"),
        limit=Limit("calendar_days", 14),
        by="law",
        owner="principal",
        why="Tiden är socialnämndens. Vi påminner om att fråga.",
        reminder=True,
    ),
    LegalClock(
        key="concern_answer",
        title="Fråga socialnämnden om utredning har inletts",
        word="senast en vecka",
        paragraph=_both("socialtjänstlagen (2025:400) 19 kap. 6 §"),
        starts=_either("concern_decided"),
        ends=("concern_answered",),
        limit=Limit("calendar_days", 7),
        by="law",
        owner="principal",
        why="Socialnämnden ska på begäran berätta för den som anmält. Vi påminner om att fråga.",
        reminder=True,
    ),
)
BY_KEY: dict[str, LegalClock] = {clock.key: clock for clock in CLOCKS}


@dataclass(frozen=True, slots=True)
class Running:
    """One clock that has been started in a case; ``ended_at`` None while it runs."""

    clock: LegalClock
    paragraph: str
    about: UUID
    started_at: datetime
    due_at: datetime
    ended_at: datetime | None


def run(moments: Iterable[Moment], pupil: Pupil, calendar: SchoolCalendar) -> list[Running]:
    """Every clock of the case, in the order in which they started.

    A start is ended by the first fitting end after it. While an investigation is open,
    more absence asks for no new stand. Closing a case takes a stand on the absence, since it
    has a reason; it ends nothing else: what the law asks for stays in the list until it is done.
    """
    ordered = sorted(moments, key=lambda one: one.at)
    found: list[Running] = []
    for clock in CLOCKS:
        if not _applies(clock, pupil):
            continue
        start_kind = clock.starts[pupil.track]
        for start in ordered:
            if start.kind != start_kind:
                continue
            if clock.key == "take_stand" and _investigating(ordered, start.at):
                continue
            ends = [
                one.at
                for one in ordered
                if one.kind in clock.ends
                and one.at >= start.at
                and (not clock.paired or one.about == start.about)
            ]
            found.append(
                Running(
                    clock=clock,
                    paragraph=clock.paragraph[pupil.track],
                    about=start.about,
                    started_at=start.at,
                    due_at=due_at(start.at, clock.limit, calendar),
                    ended_at=min(ends, default=None),
                )
            )
    return sorted(found, key=lambda one: (one.started_at, one.due_at, one.clock.key))


def _applies(clock: LegalClock, pupil: Pupil) -> bool:
    if pupil.track not in clock.paragraph:
        return False
    if not clock.only_other_home:
        return True
    return pupil.other_home_municipality and (pupil.track == "compulsory" or pupil.under_20)


def _investigating(ordered: Sequence[Moment], at: datetime) -> bool:
    """Whether an investigation is open at that instant."""
    before = [
        one.kind
        for one in ordered
        if one.at < at
        and one.kind in {"investigation_opened", "investigation_done", "investigation_unneeded"}
    ]
    return bool(before) and before[-1] == "investigation_opened"
