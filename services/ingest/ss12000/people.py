"""Persons and duties as the lists of a roster: pure, from what is staged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from services.ingest.ss12000 import vocabulary as words
from services.ingest.ss12000.bodies import (
    LONG_AGO,
    Bodies,
    Body,
    after_day,
    first_day,
    ref,
    span,
)
from services.ingest.ss12000.units import Units, group_item

DUTY = "ss12000|"
"""What the ids of a sync's duties begin with: those set by hand or by file are not its to touch."""


@dataclass(frozen=True, slots=True)
class Member:
    """A pupil's part in a group of the roster; ``after`` excluded, None = open."""

    group: UUID
    kind: str
    unit: UUID
    first: date
    after: date | None


def members_of(groups: Bodies, units: Units, wanted: set[UUID]) -> dict[UUID, list[Member]]:
    """Person -> memberships, of the persons wanted."""
    found: dict[UUID, list[Member]] = {}
    for identity, body in sorted(groups.items()):
        item = group_item(identity, body, units)
        if item is None:
            continue
        unit = UUID(item["school_unit"])
        for one in body.get("groupMemberships", ()):
            person = ref(one, "person")
            if person is None or person not in wanted:
                continue
            first = max(
                day for day in (first_day(one), first_day(body), LONG_AGO) if day is not None
            )
            ends = [day for day in (after_day(one), after_day(body)) if day is not None]
            after = min(ends) if ends else None
            if after is None or after > first:
                found.setdefault(person, []).append(
                    Member(identity, item["kind"], unit, first, after)
                )
    return found


def enrolments(body: Body) -> list[Body]:
    """Enrolments in a school form of ours that were not called off before they began."""
    if body.get("personStatus") in ("Utvandrad", "Avliden"):
        return []
    return [
        one
        for one in body.get("enrolments", ())
        if one.get("schoolType", "GR") in words.SCHOOL_FORMS
        and not (one.get("cancelled") and not one.get("endDate"))
    ]


def is_pupil(body: Body) -> bool:
    return bool(enrolments(body))


def pupil_item(
    identity: UUID, body: Body, members: Iterable[Member], units: Units, guardians: Bodies
) -> tuple[Body | None, str | None]:
    """(The pupil, None), (None, the field that waits for another entity), or none for neither."""
    if not body.get("birthDate"):
        return None, "birthDate"
    listed = list(members)
    placements: list[Body] = []
    for one in enrolments(body):
        where = ref(one, "enroledAt")
        unit = units.unit(where)
        if unit is None:
            if where is not None and units.knows(where):
                # A förskola, or a school of several units: no lessons of ours.
                continue
            return None, "enrolments"
        placements += _placements(one, unit, listed, date.fromisoformat(body["birthDate"]))
    if not placements:
        return None, None
    known = [
        (one, person)
        for one in body.get("responsibles", ())
        if (person := ref(one, "person")) in guardians
    ]
    return {
        **_who(identity, body),
        "birth_date": body["birthDate"],
        "civic_no": body["civicNo"]["value"] if body.get("civicNo") else None,
        "sex": words.SEXES.get(body.get("sex", ""), "unknown"),
        "protection": words.PROTECTION.get(body.get("securityMarking", ""), "none"),
        "placements": _unique(placements, ("school_unit", "class", "school_form", "grade", "from")),
        "memberships": _unique(
            [span({"group": str(one.group)}, one.first, one.after) for one in listed],
            ("group", "from"),
        ),
        "guardians": _unique(
            [{"person": str(person), "relation": _relation(one)} for one, person in known],
            ("person",),
        ),
    }, None


def _relation(body: Body) -> str:
    kind: str = body["relationType"]
    return "guardian" if kind in words.GUARDIANS else kind


def _unique(items: list[Body], key: tuple[str, ...]) -> list[Body]:
    found: dict[tuple[Any, ...], Body] = {}
    for one in items:
        found.setdefault(tuple(one[name] for name in key), one)
    return list(found.values())


def _placements(one: Body, unit: UUID, members: list[Member], born: date) -> list[Body]:
    """An enrolment, cut where the pupil's class changes."""
    first = first_day(one) or LONG_AGO
    after = after_day(one)
    if after is not None and after <= first:
        return []
    classes = [
        member
        for member in members
        if member.kind == "class"
        and member.unit == unit
        and (after is None or member.first < after)
        and (member.after is None or member.after > first)
    ]
    cuts = {first}
    for member in classes:
        cuts.add(max(first, member.first))
        if member.after is not None and (after is None or member.after < after):
            cuts.add(member.after)
    ordered = sorted(cuts)
    found = []
    for begin, end in zip(ordered, [*ordered[1:], after], strict=True):
        here = [
            member
            for member in classes
            if member.first <= begin and (member.after is None or member.after > begin)
        ]
        # Of two classes at once the later one is where the pupil is now.
        chosen = max(here, key=lambda member: (member.first, member.group), default=None)
        found.append(
            span(
                {
                    "school_unit": str(unit),
                    "class": None if chosen is None else str(chosen.group),
                    "school_form": one.get("schoolType", "GR"),
                    "grade": _grade(one, born, begin),
                },
                begin,
                end,
            )
        )
    return found


def _grade(one: Body, born: date, day: date) -> int:
    """The årskurs sent; without one, that of the pupil's year of birth."""
    if one.get("schoolYear") is not None:
        return int(one["schoolYear"])
    if one.get("schoolType") == "FKLASS":
        return 0
    year = day.year if day.month >= 7 else day.year - 1
    return min(max(year - born.year - 6, 1), 9)


def _who(identity: UUID, body: Body) -> Body:
    return {
        "id": str(identity),
        "given_name": body["givenName"],
        "family_name": body["familyName"],
        "email": _email(body),
        "phone": _phone(body),
    }


def _email(body: Body) -> str | None:
    listed = [one["value"] for one in body.get("emails", ()) if _is_email(one["value"])]
    return listed[0] if listed else None


def _is_email(text: str) -> bool:
    name, at, domain = text.partition("@")
    return bool(at and name and "." in domain.strip(".") and " " not in text and "@" not in domain)


def _phone(body: Body) -> str | None:
    listed = body.get("phoneNumbers", ())
    mobile = [one["value"] for one in listed if one.get("mobile", True)]
    return next(iter(mobile), None) or next((one["value"] for one in listed), None)


def guardian_item(identity: UUID, body: Body) -> Body:
    return _who(identity, body)


def staff_item(identity: UUID, body: Body) -> Body:
    login = body.get("eduPersonPrincipalNames") or [None]
    who = _who(identity, body)
    # A work address before a private one.
    work = [
        one["value"]
        for one in body.get("emails", ())
        if one.get("type") in ("Skola personal", "Arbete övrigt") and _is_email(one["value"])
    ]
    del who["phone"]
    return {**who, "email": work[0] if work else who["email"], "login": login[0]}


def duty_items(identity: UUID, body: Body, units: Units, groups: Bodies) -> list[Body]:
    """What a tjänst means to a warning: rektor of a unit, mentor of a group, elevhälsopersonal.

    Närvaroansvarig and koordinator have no word in the standard: they are set by
    hand or by file.
    """
    person = ref(body, "person")
    if person is None:
        return []
    here = units.within(ref(body, "dutyAt"))
    items = []

    def add(role: str, what: str, part: Body, **where: str | None) -> None:
        begin = first_day(part) or first_day(body) or LONG_AGO
        ends = [day for day in (after_day(part), after_day(body)) if day is not None]
        after = min(ends) if ends else None
        if after is None or after > begin:
            items.append(
                span(
                    {"id": f"{DUTY}{identity}|{role}|{what}", "staff": str(person), "role": role,
                     **where},
                    begin,
                    after,
                )
            )  # fmt: skip

    if body.get("dutyRole") == "Rektor":
        for unit in here:
            add("principal", str(unit), body, school_unit=str(unit))
    for index, one in enumerate(body.get("assignmentRole", ())):
        group = ref(one, "group")
        item = group_item(group, groups[group], units) if group in groups and group else None
        kind = one["assignmentRoleType"]
        if item is None:
            continue
        if kind == "Mentor":
            add("mentor", f"{group}|{index}", one, **{"class": str(group)})
        elif kind == "Elevhälsopersonal":
            add(
                "student_health", f"{group}|{index}", one,
                **{"school_unit": item["school_unit"], "class": str(group)},
            )  # fmt: skip
    return items
