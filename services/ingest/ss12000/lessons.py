"""What must be said of a calendar event so that all is said: pure, from what is staged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.ingest.model.answers import Note
from services.ingest.ss12000.marks import (
    Said,
    ToSay,
    digest,
    mark_of,
    rounds,
    said_at,
    scheduled,
    state_of,
    withdrawn,
)
from services.ingest.ss12000.staged import (
    Attendance,
    Course,
    Event,
    Rosters,
    current,
    milliseconds,
    offered_to,
)

OFF = b"off"
"""The digest of an event that was said to be cancelled."""


@dataclass(slots=True)
class Plan:
    """What is to be said of an event, and how it stands when that is said."""

    said: list[Said]
    refused: list[tuple[Attendance, Note]] = field(default_factory=list)


def plan(
    event: Event,
    course: Course | None,
    rosters: Rosters,
    attendances: Iterable[Attendance],
    *,
    stands: Callable[[UUID, datetime], bool],
) -> Plan | None:
    """What must be said of ``event`` so that all is said; None while its activity is unknown.

    ``attendances`` are all that is staged about the lesson; ``stands`` tells
    whether another event holds the lesson at a slot. The event's ``said_*`` are
    changed to what they are once this is said.
    """
    if course is None or course.unit is None:
        # What was never said needs no taking back.
        return Plan([]) if event.deleted else None
    changed = milliseconds(event.modified)
    if event.deleted or event.cancelled or not course.counts:
        return _off(event, changed, stands=stands)
    listed = list(attendances)
    length = event.length
    now = current(listed)
    offered = offered_to(event, course, rosters)
    whole = digest(event, course)
    was_off = event.said_digest == OFF
    moved = (event.said_activity, event.said_starts) != (event.activity, event.starts)
    anew = moved or event.said_digest != whole
    said: list[Said] = []
    moved_from = None
    before = (event.said_activity, event.said_starts)
    if before[0] is not None and before[1] is not None and moved and not was_off:
        if stands(before[0], before[1]):
            pass  # Another event has the lesson now.
        elif before[0] == event.activity:
            moved_from = before[1]
        else:
            newest = max(changed, event.said_ms)
            said.append(Said(event, before[0], before[1], "cancelled", newest))
    # Who was deleted or withdrawn may have been told otherwise since.
    again = {one.student for one in listed if one.deleted and one.said_ms is not None}
    waiting = offered - now.keys()
    to_say = waiting if anew else waiting - (event.said_pupils - again)
    to_withdraw = event.said_pupils - offered - now.keys()
    to_withdraw |= {one for one in again if one not in offered and one not in now}
    base = max([changed, event.said_ms, *(one.said_ms or 0 for one in listed if one.deleted)])
    result = Plan(said)
    marks: list[ToSay] = []
    for one in now.values():
        if not anew and one.said_ms is not None:
            continue
        mark = mark_of(event, one, length)
        if isinstance(mark, Note):
            result.refused.append((one, mark))
        else:
            marks.append((said_at(event, one), mark, one))
    rest = [scheduled(event, pupil, length) for pupil in sorted(to_say)]
    rest += [withdrawn(pupil) for pupil in sorted(to_withdraw)]
    restated = event.said_starts is not None and anew
    if restated or moved_from is not None:
        # All of the lesson is as new as the change.
        newest = max([base, *(modified for modified, _, _ in marks)])
        whole_said = Said(event, event.activity, event.starts, "scheduled", newest)
        whole_said.marks = [mark for _, mark, _ in marks] + rest
        whole_said.attendances = [one for _, _, one in marks]
        whole_said.state = state_of(whole_said.marks)
        whole_said.moved_from = moved_from
        said.append(whole_said)
        event.said_ms = newest
    else:
        if rest:
            timetable = Said(event, event.activity, event.starts, "scheduled", base)
            timetable.marks = rest
            said.append(timetable)
            event.said_ms = base
        said += rounds(event, [(max(ms, event.said_ms), mark, one) for ms, mark, one in marks])
    # Who was told and has no part in it any more stays: should the lesson come back to an earlier
    # time, what was said of it then must not hold again.
    event.said_pupils = frozenset(waiting) | (event.said_pupils - offered - now.keys())
    event.said_activity, event.said_starts = event.activity, event.starts
    event.said_digest = whole
    return result


def unreported(
    event: Event, course: Course, rosters: Rosters, reported: frozenset[UUID]
) -> list[Said] | None:
    """What :func:`plan` says of an event of which every attendance was said and none is deleted.

    ``reported`` are the pupils with an attendance. None where more than the
    timetable may have to be said: the event was moved, changed, or never said.
    """
    if course.unit is None or event.deleted or event.cancelled or not course.counts:
        return None
    if (event.said_activity, event.said_starts) != (event.activity, event.starts):
        return None
    if event.said_digest != digest(event, course):
        return None
    offered = offered_to(event, course, rosters)
    waiting = offered - reported
    gone = event.said_pupils - offered - reported
    length = event.length
    marks = [scheduled(event, pupil, length) for pupil in sorted(waiting - event.said_pupils)]
    marks += [withdrawn(pupil) for pupil in sorted(gone)]
    event.said_pupils = frozenset(waiting | gone)
    if not marks:
        return []
    event.said_ms = max(milliseconds(event.modified), event.said_ms)
    return [Said(event, event.activity, event.starts, "scheduled", event.said_ms, marks=marks)]


def _off(event: Event, changed: int, *, stands: Callable[[UUID, datetime], bool]) -> Plan:
    activity, starts = event.said_activity, event.said_starts
    said = []
    if activity is not None and starts is not None and event.said_digest != OFF:
        newest = max(changed, event.said_ms)
        if not stands(activity, starts):
            said.append(Said(event, activity, starts, "cancelled", newest))
        # Who was told of it stays: when it is on again, without some of them, they must hear so.
        event.said_ms = newest
        event.said_digest = OFF
    return Plan(said)
