"""The koordinator's desk: whom a beställning suits, whose consent is missing, and where a network
is wanted. Pure; what people write is :mod:`.entries.coordination`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.cases.domain.chain import Fact

#: Actors that are a förvaltning of the municipality; the school's own is the one that asks.
ADMINISTRATIONS = frozenset({"social_services", "care", "leisure"})


@dataclass(frozen=True, slots=True)
class TeamMember:
    """A koordinator and how much there is room for, from a day to a day (exclusive)."""

    staff_id: UUID
    profession: str
    capacity: int
    valid_from: date
    valid_to: date | None
    areas: frozenset[UUID] = frozenset()
    """The skolområden that the koordinator is contact person for."""

    def works(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A koordinator for a beställning, best first."""

    member: TeamMember
    cases: int
    contact: bool
    """Contact person of the school's area."""
    wanted: bool
    """Of a profession that the school asked for."""

    @property
    def room(self) -> int:
        """Cases until the caseload is full; below zero it is more than full."""
        return self.member.capacity - self.cases


def suggest(
    team: Iterable[TeamMember],
    caseload: Mapping[UUID, int],
    *,
    area_id: UUID | None,
    professions: Collection[str],
    today: date,
) -> list[Suggestion]:
    """Everybody who works today, in the order in which to ask.

    Who has room comes before who has not; of those the area's contact person; then a wanted
    profession; then who has most room in proportion. Equal: by id, so that everybody sees the same.
    """
    found = [
        Suggestion(
            member,
            caseload.get(member.staff_id, 0),
            contact=area_id is not None and area_id in member.areas,
            wanted=not professions or member.profession in professions,
        )
        for member in team
        if member.works(today)
    ]
    return sorted(
        found,
        key=lambda one: (
            one.room <= 0,
            not one.contact,
            not one.wanted,
            one.cases / max(one.member.capacity, 1),
            one.member.staff_id,
        ),
    )


def capacity(team: Iterable[TeamMember], day: date) -> int:
    """How many cases the team has room for on a day, temporary posts included while they last."""
    return sum(member.capacity for member in team if member.works(day))


@dataclass(frozen=True, slots=True)
class Consenters:
    """Whose consent a sharing needs."""

    guardians: frozenset[UUID]
    age: int | None
    mature: bool

    @property
    def adult(self) -> bool:
        """From the 18th birthday it is the pupil's alone."""
        return self.age is not None and self.age >= 18


def mature(facts: Sequence[Fact]) -> bool:
    """The newest judgement counts."""
    judged = [fact for fact in facts if fact.kind == "maturity"]
    return bool(judged) and "mature" in judged[-1].tags


def lacking(facts: Sequence[Fact], who: Consenters, actors: Collection[str]) -> list[str]:
    """Whose consent is missing for sharing with these actors: guardians' ids, or "pupil".

    Every guardian must have said yes, each for themselves, and so must a pupil who is mature
    enough; of an adult only the pupil. Without any guardian in the register nobody has said yes.
    """
    given: dict[str, set[str]] = {}
    for fact in facts:
        if fact.kind != "consent" or fact.status != "given":
            continue
        whose = next((tag[3:] for tag in fact.tags if tag.startswith("of:")), "")
        given.setdefault(whose, set()).update(t[4:] for t in fact.tags if t.startswith("for:"))
    asked = [] if who.adult else sorted(str(one) for one in who.guardians) or ["guardian"]
    if who.adult or who.mature:
        asked.append("pupil")
    return [one for one in asked if not set(actors) <= given.get(one, set())]


def shared_with(facts: Sequence[Fact]) -> frozenset[str]:
    """The actors of samverkan that goes on."""
    return frozenset(
        tag.removeprefix("with:")
        for fact in facts
        if fact.kind == "network" and fact.status == "active"
        for tag in fact.tags
    )


def network_wanted(facts: Sequence[Fact]) -> bool:
    """Whether two or more förvaltningar support the pupil: a samordnat nätverk is to be considered.

    The koordinator's own is one; the region's health care and the police are none of them.
    """
    others = shared_with(facts) & ADMINISTRATIONS
    own = any(f.kind == "coordination" and f.status in {"assigned", "started"} for f in facts)
    return len(others) + own >= 2
