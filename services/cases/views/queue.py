"""The koordinatorers' desk: who waits, how long, with whom there is room."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.documents.received import told
from services.cases.domain import text
from services.cases.domain.coordination import (
    Suggestion,
    TeamMember,
    capacity,
    network_wanted,
    suggest,
)
from services.cases.domain.entries.coordination import (
    PROFESSIONS,
    QUEUE_WORKING_DAYS,
    CoordinationRequest,
)
from services.cases.domain.workdays import is_working_day
from services.cases.store import audit, entries, lists, openings, people, reading, team
from services.cases.store.lists import Picked, Span
from services.cases.store.scope import Database, Viewer, as_system
from services.cases.views import rows
from services.cases.views.case import not_found, protected
from services.cases.views.models import CaseLine, Shown
from services.common.clock import school_date
from services.common.problem import Problem

if TYPE_CHECKING:
    from services.common.pg import Connection


_TEAM = ("coordinator", "team_leader")
_BEGINNING = Span(0)


class Waiting(Shown):
    """A beställning in the queue."""

    case: CaseLine
    request_id: UUID
    ordered_on: date
    waited: int
    """Working days."""
    late: bool
    help: str
    professions: list[str]


class Received(Shown):
    """A beställning that came from another organiser and that nobody has taken on."""

    document_id: UUID
    sender: str
    came: datetime
    waited: int
    late: bool
    help: str


class Mine(Shown):
    """A case that somebody of the team works in."""

    case: CaseLine
    network: bool
    """Two or more förvaltningar support the pupil."""


class Member(Shown):
    """One of the team."""

    staff_id: UUID
    name: str
    profession: str
    cases: int
    capacity: int
    until: date | None
    contact: bool
    wanted: bool


class Stretch(Shown):
    """Which lines of a list are here, and how many it has."""

    total: int
    offset: int
    next_offset: int | None
    """Null on the last one."""


class Queue(Shown):
    """What the koordinatorer open in the morning."""

    waiting: list[Waiting]
    waiting_part: Stretch
    received: list[Received]
    received_part: Stretch
    mine: list[Mine]
    mine_part: Stretch
    team: list[Member]
    room: int
    """Cases that the team has room for today, in all."""
    leads: bool


class Assigning(Shown):
    """Whom to name in a case, best first."""

    case: CaseLine
    request_id: UUID
    help: str
    tried: str
    contact: str
    phone: str
    team: list[Member]


def worked_days(since: date, today: date) -> int:
    """Working days from the day after the first to the second."""
    span = (today - since).days
    return sum(is_working_day(since + timedelta(days=n)) for n in range(1, span + 1))


async def read_queue(
    database: Database,
    viewer: Viewer,
    *,
    waiting: Span = _BEGINNING,
    received: Span = _BEGINNING,
    mine: Span = _BEGINNING,
) -> Queue:
    """The queue of the viewer's areas, and the viewer's own cases; audited with those it named."""
    now, today = database.now(), database.today()
    async with database.person(viewer) as connection:
        roles = await team_roles(connection)
        ordered = await lists.ordered(connection, waiting)
        requests = await connection.fetch(
            "SELECT entry_id, case_id, body FROM cases.entries "
            "WHERE organiser_id = (SELECT cases.organiser()) AND entry_id = ANY ($1::uuid[])",
            ordered.ids,
        )
        requests = reading.in_order(requests, "entry_id", ordered.ids)
        coordinated = await lists.coordinated(connection, mine)
        case_ids = [row["case_id"] for row in requests] + list(coordinated.ids)
        lines = {
            row["case_id"]: rows.case_line(row, viewer.staff_id, now)
            for row in await reading.some_cases(connection, case_ids)
        }
        async with as_system(connection):
            facts = await entries.facts_of_cases(connection, coordinated.ids)
        others = await lists.received(connection, received)
        documents = await team.received(connection, others.ids)
        people_of, load, names = await _team(connection, today)
        await audit.write(
            connection,
            viewer.organiser_id,
            now,
            viewer.staff_id,
            "queue.read",
            cases=sorted(line.number for line in lines.values()),
        )
    ranked = suggest(people_of, load, area_id=None, professions=(), today=today)
    return Queue(
        waiting=[
            _waiting(lines[row["case_id"]], row["entry_id"], row["body"], today)
            for row in requests
            if row["case_id"] in lines
        ],
        waiting_part=_part(ordered, waiting),
        received=[_received(row, today) for row in documents],
        received_part=_part(others, received),
        mine=[
            Mine(case=lines[one], network=network_wanted(facts[one]))
            for one in coordinated.ids
            if one in lines
        ],
        mine_part=_part(coordinated, mine),
        team=[_member(one, names) for one in ranked],
        room=capacity(people_of, today) - sum(load.values()),
        leads="team_leader" in roles,
    )


async def waiting_for_me(connection: Connection) -> int | None:
    """How many beställningar the viewer's own queue has; None for who is none of the team."""
    if not await openings.has_role(connection, _TEAM):
        return None
    own = await lists.ordered(connection, Span(0, 0))
    return own.total + (await lists.received(connection, Span(0, 0))).total


async def read_assigning(database: Database, viewer: Viewer, number: str) -> Assigning:
    """Whom to name: the area's contact person first, then by profession and room; audited."""
    now, today = database.now(), database.today()
    async with database.person(viewer) as connection:
        row = await reading.one_case(connection, number)
        if row is None:
            raise not_found()
        if not row["known"]:
            raise protected()
        await team_roles(connection)
        request = await connection.fetchrow(
            """
            SELECT entry_id, body FROM cases.entries
            WHERE organiser_id = cases.organiser() AND case_id = $1
              AND kind = 'coordination_request' AND status IN ('ordered', 'accepted')
            ORDER BY created_at DESC LIMIT 1
            """,
            row["case_id"],
        )
        if request is None:
            raise Problem(409, "nothing_ordered", "Ingen beställning väntar eller pågår i ärendet.")
        body = CoordinationRequest.model_validate_json(request["body"])
        people_of, load, names = await _team(connection, today)
        area = (await people.areas(connection)).get(row["school_unit_id"])
        await audit.write(
            connection,
            viewer.organiser_id,
            now,
            viewer.staff_id,
            "queue.assigning",
            case_id=row["case_id"],
        )
    ranked = suggest(people_of, load, area_id=area, professions=body.professions, today=today)
    return Assigning(
        case=rows.case_line(row, viewer.staff_id, now),
        request_id=request["entry_id"],
        help=body.help,
        tried=body.tried,
        contact=body.contact,
        phone=body.phone,
        team=[_member(one, names) for one in ranked],
    )


async def team_roles(connection: Connection) -> set[str]:
    """The viewer's roles; 403 for who is none of the team."""
    found = await connection.fetch("SELECT role FROM cases.my_duties()")
    roles = {row["role"] for row in found}
    if roles.isdisjoint(_TEAM):
        raise Problem(
            403, "not_your_desk", "Koordinatorernas kö är för koordinatorer och teamledare."
        )
    return roles


async def _team(
    connection: Connection, today: date
) -> tuple[list[TeamMember], dict[UUID, int], dict[UUID, str]]:
    async with as_system(connection):
        people_of = await team.members(connection, today)
        load = await team.caseload(connection)
        names = await reading.staff_names(connection, [one.staff_id for one in people_of])
    return people_of, load, names


def _waiting(line: CaseLine, request_id: UUID, stored: str, today: date) -> Waiting:
    body = CoordinationRequest.model_validate_json(stored)
    waited = worked_days(body.on, today)
    return Waiting(
        case=line,
        request_id=request_id,
        ordered_on=body.on,
        waited=waited,
        late=waited > QUEUE_WORKING_DAYS,
        # Text about a protected pupil is for who may know whom it is about.
        help=body.help if line.pupil.known else "",
        professions=[PROFESSIONS[one] for one in body.professions],
    )


def _received(row: object, today: date) -> Received:
    values = dict(row)  # type: ignore[call-overload]  # a Record is a mapping
    fields = told(json.loads(values["fields"]))
    waited = worked_days(school_date(values["created_at"]), today)
    return Received(
        document_id=values["document_id"],
        sender=values["sender"],
        came=values["created_at"],
        waited=waited,
        late=waited > QUEUE_WORKING_DAYS,
        help=fields.get("help", ""),
    )


def _part(picked: Picked, span: Span) -> Stretch:
    return Stretch(
        total=picked.total, offset=span.offset, next_offset=span.next_offset(picked.total)
    )


def _member(one: Suggestion, names: dict[UUID, str]) -> Member:
    return Member(
        staff_id=one.member.staff_id,
        name=names.get(one.member.staff_id, text.FORMER),
        profession=one.member.profession,
        cases=one.cases,
        capacity=one.member.capacity,
        until=one.member.valid_to,
        contact=one.contact,
        wanted=one.wanted,
    )
