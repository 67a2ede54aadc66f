"""The simulator's output as ingest's JSON (docs/api-ingest.md)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from bench.simulator import names, people, timetable
from bench.simulator.build import closes_at
from bench.simulator.events import NOT_KNOWN, Event, NoticeEvent, Reason, RegisterEvent
from bench.simulator.world import Pupil, StaffMember, Stay, Unit, World
from services.common.clock import STOCKHOLM, local_instant

Body = dict[str, Any]


def instant(unix_ms: int) -> str:
    """RFC 3339 with Sweden's offset at that moment."""
    return datetime.fromtimestamp(unix_ms / 1000, STOCKHOLM).isoformat()


def roster(world: World, as_of: date) -> Body:
    """The whole roster as the school system knows it on the morning of ``as_of``."""
    pupils = [pupil for pupil in world.pupils if pupil.in_roster_from <= as_of]
    return {
        "organiser": {
            "name": "Testköpings kommun",
            "kind": "municipal",
            "municipality_code": "9999",
            "phone": names.SWITCHBOARD,
        },
        "areas": [{"id": key, "name": name} for key, name in world.areas],
        "school_units": [_unit(world, unit) for unit in world.units],
        "groups": list(_groups(world)),
        "pupils": [_pupil(world, pupil, as_of) for pupil in pupils],
        "guardians": [
            {
                "id": guardian.id,
                "given_name": guardian.given_name,
                "family_name": guardian.family_name,
                "email": guardian.email,
                "phone": guardian.phone,
            }
            for guardian in _guardians(world, pupils)
        ],
        "staff": [_staff(world, member) for member in world.staff],
        "duties": [
            {
                "id": duty.id,
                "staff": duty.staff,
                "role": duty.role,
                "area": duty.area,
                "school_unit": duty.unit,
                "class": duty.school_class,
                "grades": list(duty.grades),
                "substitute": duty.substitute,
                "from": world.calendar.terms[0].first.isoformat(),
                "to": None,
            }
            for duty in world.duties
        ],
        "suppressions": [
            {
                "pupil": pupil.id,
                "reason": "särskilda skäl (7 kap. 17 § skollagen)",
                "from": pupil.stays[0].first.isoformat(),
                "to": None,
            }
            for pupil in pupils
            if pupil.suppressed
        ],
    }


def roster_dates(world: World) -> list[date]:
    """Mornings on which the roster differs from the day before, the first included."""
    dates = {world.calendar.terms[0].first}
    for pupil in world.pupils:
        dates.add(pupil.in_roster_from)
        for stay in pupil.stays:
            dates |= {stay.first} | ({stay.end} if stay.end else set())
    return sorted(dates)


def _unit(world: World, unit: Unit) -> Body:
    free = sorted((*world.calendar.free, *unit.study_days), key=lambda span: span.first)
    return {
        "id": unit.id,
        "school_unit_code": unit.code,
        "name": unit.name,
        "area": unit.area,
        "school_forms": [unit.school_form],
        "codes": [unit.id, unit.code],
        "closes_at": closes_at(unit),
        "calendars": [
            {
                "school_year": world.calendar.year,
                "terms": [_span(span.first, span.last, "name", span.name)
                          for span in world.calendar.terms],
                "free": [_span(span.first, span.last, "reason", span.name) for span in free],
            }
        ],
    }  # fmt: skip


def _span(first: date, last: date, label: str, text: str) -> Body:
    return {"first": first.isoformat(), "last": last.isoformat(), label: text}


def _groups(world: World) -> Iterator[Body]:
    teaching: dict[str, Body] = {}
    for school_class in world.classes:
        unit = world.units[school_class.unit]
        yield {
            "id": school_class.id,
            "school_unit": unit.id,
            "kind": "class",
            "grade": school_class.grade,
            "name": school_class.name,
        }
        if timetable.has_languages(school_class):
            for language in range(timetable.language_count()):
                group = timetable.language_group(unit, school_class, language)
                teaching[group] = {
                    "id": group,
                    "school_unit": unit.id,
                    "kind": "teaching",
                    "grade": school_class.grade,
                    "name": group.removeprefix(f"{unit.id}-"),
                }
    yield from teaching.values()


def _guardians(world: World, pupils: list[Pupil]) -> list[Any]:
    wanted = {key for pupil in pupils for key in pupil.guardians}
    return [guardian for guardian in world.guardians if guardian.id in wanted]


def _known(stays: tuple[Stay, ...], as_of: date) -> list[Stay]:
    """The stays that the school knows about: none in the future beside a first one."""
    return [stay for i, stay in enumerate(stays) if stay.first <= as_of or i == 0]


def _end(end: date | None, as_of: date) -> str | None:
    return end.isoformat() if end is not None and end <= as_of else None


def _pupil(world: World, pupil: Pupil, as_of: date) -> Body:
    placements: list[Body] = []
    memberships: list[Body] = []
    for stay in _known(pupil.stays, as_of):
        school_class = world.classes[stay.school_class]
        unit = world.units[school_class.unit]
        placements.append(
            {
                "school_unit": unit.id,
                "class": school_class.id,
                "school_form": unit.school_form,
                "grade": school_class.grade,
                "from": stay.first.isoformat(),
                "to": _end(stay.end, as_of),
            }
        )
    for group, first, end in people.language_spans(pupil, world.units, world.classes):
        if first <= as_of or not memberships:
            memberships.append({"group": group, "from": first.isoformat(), "to": _end(end, as_of)})
    older = world.config.school_year - pupil.born.year >= 13
    return {
        "id": pupil.id,
        "given_name": pupil.given_name,
        "family_name": pupil.family_name,
        "birth_date": pupil.born.isoformat(),
        "civic_no": pupil.civic_no,
        "sex": "female" if pupil.female else "male",
        "protection": pupil.protection,
        "email": names.address(f"elev{pupil.index + 1}", "example.net") if older else None,
        "phone": names.phone(pupil.index) if older else None,
        "placements": placements,
        "memberships": memberships,
        "guardians": [{"person": key, "relation": "guardian"} for key in pupil.guardians],
    }


def _staff(world: World, member: StaffMember) -> Body:
    body = {
        "id": member.id,
        "given_name": member.given_name,
        "family_name": member.family_name,
        "email": names.address(member.login, "example.com"),
        "webhook_url": member.webhook_url,
        "login": member.login,
    }
    if member.webhook_url:
        body["webhook_secret"] = webhook_secret(world.config.seed, member.login)
    return body


def webhook_secret(seed: int, login: str) -> str:
    """The signing secret that the roster gives to this officer's webhook."""
    digest = hashlib.sha256(f"{seed}|{login}".encode()).digest()
    return "whsec_" + base64.b64encode(digest).decode()


def lesson_start(world: World, event: RegisterEvent) -> str:
    """The occurrence's start with Sweden's offset on that day."""
    lesson = world.lessons[event.lesson]
    begins = local_instant(world.days[event.day], lesson.start_minute)
    return begins.astimezone(STOCKHOLM).isoformat()


def register(world: World, event: RegisterEvent) -> Body:
    """One item of POST /v1/registers; what is as by default is left out."""
    lesson = world.lessons[event.lesson]
    marks: list[Body] = []
    flags = {"confirmed": event.confirmed, "explicit": event.explicit}
    shared = {name: True for name, on in flags.items() if on}
    columns = zip(
        event.pupils.tolist(),
        event.valid.tolist(),
        event.invalid.tolist(),
        event.other.tolist(),
        event.late.tolist(),
        event.early.tolist(),
        strict=True,
    )
    for pupil, valid, invalid, other, late, early in columns:
        mark: Body = {"pupil": world.pupils[pupil].id}
        if valid:
            mark["valid"] = valid
        if invalid:
            mark["invalid"] = invalid
        if other:
            mark["other"] = other
        if late != NOT_KNOWN:
            mark["arrived_late"] = late
        if early != NOT_KNOWN:
            mark["left_early"] = early
        marks.append(mark | shared)
    return {
        "id": event.id,
        "school_unit": world.units[lesson.unit].id,
        "activity": lesson.activity,
        "group": lesson.group,
        "subject": lesson.subject,
        "start": lesson_start(world, event),
        "length_minutes": lesson.length,
        "state": event.state,
        "modified": instant(event.modified),
        "moved_from": None,
        "marks": marks,
    }


def notice(world: World, event: NoticeEvent) -> Body:
    """One item of POST /v1/notices."""
    return {
        "id": event.id,
        "pupil": world.pupils[event.pupil].id,
        "kind": event.kind,
        "start": instant(event.start),
        "end": instant(event.end),
        "reported_by": event.reported_by,
        "reporter": event.reporter,
        "modified": instant(event.modified),
        "deleted": event.deleted,
    }


def reason_of(event: Event) -> str:
    """What the ledger says about why an item was sent."""
    return str(event.reason) if isinstance(event, RegisterEvent) else "notice"


def is_late(world: World, event: Event) -> bool:
    """Whether it comes after its school day, and so perhaps after the day was closed."""
    if isinstance(event, NoticeEvent):
        return event.arrival >= event.end
    day = world.days[event.day]
    return event.reason is Reason.LATE_REPORT or (
        datetime.fromtimestamp(event.arrival / 1000, STOCKHOLM).date() > day
    )
