"""What a step of the chain is, and what a judgement says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from services.cases.domain.chain import Chain, Fact, Track
from services.cases.domain.entries.base import Body

#: Roles of the roster, and who reads and writes through other doors.
MENTOR = "mentor"
OFFICER = "attendance_officer"
PRINCIPAL = "principal"
HEALTH = "student_health"
COORDINATOR = "coordinator"
TEAM_LEADER = "team_leader"
ORGANISER_OFFICER = "organiser_officer"
COMPULSORY_OFFICER = "compulsory_officer"

SCHOOL = frozenset({MENTOR, OFFICER, PRINCIPAL, HEALTH})
"""Everybody at the school who works with the pupil."""
DECIDERS = frozenset({OFFICER, PRINCIPAL})
ANYBODY = SCHOOL | {COORDINATOR, TEAM_LEADER, ORGANISER_OFFICER, COMPULSORY_OFFICER}

Means = Literal["create", "move"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A step that somebody wants to take, with what they wrote."""

    body: Body
    target: Fact | None = None
    """The entry that is moved on, or that the new one hangs on."""


@dataclass(frozen=True, slots=True)
class Need:
    """A condition: ``holds`` before the step is lawful, ``sentence`` says what is missing."""

    name: str
    sentence: str
    holds: Callable[[Chain, Asked | None], bool]
    """Asked None: nothing is written yet. The answer is then whether writing could make it hold."""
    paragraph: str | None = None
    """Where the condition stands, if elsewhere than the step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table."""

    name: str
    words: str
    """What the button says."""
    phase: int
    """The part of the chain it belongs to, 1 to 8."""
    kind: str
    """The entry that it writes or moves on."""
    to: str
    """The entry's status afterwards."""
    paragraphs: Mapping[Track, str]
    """Where the step stands; a track that is missing does not have it."""
    roles: frozenset[str]
    explains: str
    """One sentence on the page: what the law asks, in plain Swedish."""
    means: Means = "create"
    of: tuple[str, ...] = ()
    """Statuses that the entry is moved on from."""
    on: str | None = None
    """The kind of entry that a new one hangs on."""
    fields: tuple[str, ...] = ()
    """The fields that are written in this step; empty: all of them."""
    needs: tuple[Need, ...] = ()
    starts: tuple[str, ...] = ()
    """Duties that begin (:mod:`services.cases.domain.duty_kinds`)."""
    ends: tuple[str, ...] = ()
    """Open duties of the case that are done by it."""
    elsewhere: str = ""
    """Why the track that is missing does not have it, in one sentence."""
    elsewhere_paragraph: str = ""
    closed_too: bool = False
    """Also in a closed case: what must never wait, and what goes on being due there."""
    needs_target: str = ""
    """What is missing where there is no entry to move on or hang on."""
    hidden: bool = False
    """Taken by the system or from a page of its own; in no list of next steps."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The step is lawful, by this paragraph."""

    paragraph: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The step is not, by this paragraph; ``because`` tells who-may-not from not-now."""

    paragraph: str
    sentence: str
    because: Literal["role", "track", "state", "need"]
    need: str = ""


Verdict = Allowed | Refused
