"""What the lessons of an activity are: school unit, group, subject; kept while nothing changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.clock import STOCKHOLM
from services.ingest.ss12000 import vocabulary as words
from services.ingest.ss12000.bodies import Body, first_day, last_day, ref
from services.ingest.ss12000.shelf import Shelf
from services.ingest.ss12000.staged import Course, Membership
from services.ingest.ss12000.stock import Staged
from services.ingest.ss12000.units import NO_PUPILS, Units, group_item
from services.ingest.ss12000.vocabulary import Resource

if TYPE_CHECKING:
    from services.ingest.store.sources import Source


def course_of(
    identity: UUID, body: Body, groups: dict[UUID, Body], syllabuses: dict[UUID, Body], units: Units
) -> Course:
    """An activity as its lessons need it.

    The unit is the activity's own; where that is a school of several units, the
    one of its first group that has one. A unit that nobody described is taken at
    its id: the roster may know it from elsewhere.
    """
    own = [found["id"] for found in body.get("groups", ())]
    known = [UUID(one) for one in own]
    organisation = ref(body, "organisation")
    unit = units.unit(organisation)
    if unit is None and organisation is not None and not units.knows(organisation):
        unit = organisation
    if unit is None:
        unit = next(
            (
                found
                for group in sorted(known)
                if group in groups
                and (found := units.unit(ref(groups[group], "organisation"))) is not None
            ),
            None,
        )
    group = None
    if len(known) == 1 and known[0] in groups and group_item(known[0], groups[known[0]], units):
        group = own[0]
    subject = syllabuses.get(ref(body, "syllabus") or identity, {})
    return Course(
        id=identity,
        unit=None if unit is None else str(unit),
        counts=body.get("activityType", "Undervisning") in words.COUNTED_ACTIVITIES,
        groups=tuple(sorted(known)),
        group=group,
        subject=subject_of(subject)[:64],
    )


def subject_of(body: Body) -> str:
    """What a syllabus calls its subject; empty where it does not say."""
    for name in ("subjectDesignation", "subjectCode", "courseCode", "subjectName", "courseName"):
        if body.get(name):
            return str(body[name])
    return ""


@dataclass(slots=True)
class _Known:
    version: int
    units: Units
    courses: dict[UUID, Course | None] = field(default_factory=dict)
    members: dict[UUID, list[Membership]] = field(default_factory=dict)


_MOST_GROUPS = 5000


class Courses:
    """A cache by source; every method works inside a transaction of the organiser."""

    def __init__(self) -> None:
        self._known: dict[UUID, _Known] = {}

    async def of(
        self, shelf: Shelf, source: Source, activities: Collection[UUID]
    ) -> dict[UUID, Course]:
        """The courses of activities that have come and are not deleted."""
        known = await self._current(shelf, source)
        missing = [one for one in set(activities) if one not in known.courses]
        if missing:
            bodies = _known(await shelf.get(Resource.ACTIVITY, missing))
            named = await shelf.targets(Resource.ACTIVITY, list(bodies))
            staged = await shelf.get(Resource.GROUP, named)
            groups = _known(staged)
            syllabuses = _known(await shelf.get(Resource.SYLLABUS, named))
            # What may be another activity's lessons waits until that is clear.
            held = await shelf.stuck(Resource.ACTIVITY)
            for one in missing:
                known.courses[one] = (
                    course_of(one, bodies[one], groups, syllabuses, known.units)
                    if one in bodies
                    else None
                )
                if (course := known.courses[one]) is not None and one in held:
                    known.courses[one] = replace(course, unit=None)
            self._remember(known, staged)
        return {one: course for one in activities if (course := known.courses.get(one)) is not None}

    async def members(
        self, shelf: Shelf, source: Source, courses: Iterable[Course]
    ) -> dict[UUID, list[Membership]]:
        """The memberships of their groups; a group that has not come is missing."""
        known = await self._current(shelf, source)
        wanted = {group for course in courses for group in course.groups}
        # At hand before the rest is asked for: making room for that forgets what was known.
        found = {one: known.members[one] for one in wanted if one in known.members}
        missing = [one for one in wanted if one not in found]
        if missing:
            found |= self._remember(known, await shelf.get(Resource.GROUP, missing))
        return found

    @staticmethod
    def _remember(known: _Known, groups: dict[UUID, Staged]) -> dict[UUID, list[Membership]]:
        found: dict[UUID, list[Membership]] = {}
        for identity, one in groups.items():
            until = one.modified.astimezone(STOCKHOLM).date() if one.deleted else None
            if one.body:
                found[identity] = memberships(one.body, until)
        if len(known.members) > _MOST_GROUPS:
            known.members.clear()
        known.members |= found
        return found

    async def _current(self, shelf: Shelf, source: Source) -> _Known:
        version = await shelf.version()
        known = self._known.get(source.source_id)
        if known is None or known.version != version:
            organisations = _live(await shelf.get(Resource.ORGANISATION))
            known = _Known(version, Units(organisations))
            self._known[source.source_id] = known
        return known


def _known(staged: dict[UUID, Staged]) -> dict[UUID, Body]:
    """Deleted ones too: a term's groups and activities go when it is over, its lessons stay."""
    return {identity: one.body for identity, one in staged.items() if one.body}


def _live(staged: dict[UUID, Staged]) -> dict[UUID, Body]:
    return {identity: one.body for identity, one in staged.items() if not one.deleted}


def memberships(body: Body, until: date | None = None) -> list[Membership]:
    """A group's members, by their own dates within the group's; ``until`` = when it was deleted."""
    if body["groupType"] in NO_PUPILS:
        return []
    begin, end = first_day(body), last_day(body)
    found = []
    for one in body.get("groupMemberships", ()):
        person = ref(one, "person")
        if person is None:
            continue
        first, last = first_day(one), last_day(one)
        firsts = [day for day in (begin, first) if day is not None]
        lasts = [day for day in (end, last, until) if day is not None]
        found.append(
            Membership(person, max(firsts) if firsts else None, min(lasts) if lasts else None)
        )
    return found
