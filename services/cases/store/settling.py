"""A case's duties as they should stand (:mod:`..domain.due`), written to cases.duties.

Works for many cases at once, as the service itself. Running it again changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.domain import due
from services.cases.domain.assignment import Assignment, Duty, Place, holder
from services.cases.domain.chain import TRACKS, age, elsewhere
from services.cases.domain.ladder import Spell
from services.cases.domain.profiles import Activation, in_force
from services.cases.domain.workdays import SchoolCalendar
from services.cases.store import ground as known
from services.cases.store import people, settled
from services.cases.store.cases import Case
from services.common.clock import school_date
from services.common.logging import get_logger
from services.common.profiles import Ladder, LadderError, parse_ladder

if TYPE_CHECKING:
    from services.common.pg import Connection

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ground:
    """What all cases of an organiser have in common, read once a portion."""

    roster: Mapping[str, Sequence[Duty]]
    """Every duty, by role."""
    activations: Sequence[Activation]
    contents: dict[tuple[str, int], bytes]
    independent: bool
    municipality: str
    """The organiser's own code, where it is a municipality."""


async def settle(connection: Connection, cases: Sequence[Case], now: datetime, today: date) -> None:
    """Bring the duties of these cases into step with what has happened in them."""
    # The clocks of a pupil of another organiser are that organiser's.
    cases = [case for case in cases if not case.outside]
    if not cases:
        return
    ids = [case.case_id for case in cases]
    ground = await _ground(connection)
    places = await known.placed(connection, [case.pupil_id for case in cases], today)
    calendars = await known.calendars(connection, sorted({case.school_unit_id for case in cases}))
    events, reached = await _events(connection, ids), await _reached(connection, ids)
    spells, done = await _spells(connection, ids), await _done(connection, ids)
    rows: dict[UUID, tuple[object, ...]] = {}
    for case in cases:
        placed = places.get(case.pupil_id)
        form = placed.school_form if placed else None
        activation = in_force(
            ground.activations, case.school_unit_id, form, school_date(case.opened_at)
        )
        subject = due.Subject(
            case_id=case.case_id,
            closed=case.state == "closed",
            track=TRACKS.get(form or ""),
            other_home_municipality=elsewhere(
                placed.home if placed else "",
                independent=ground.independent,
                municipality=ground.municipality,
            ),
            age=age(placed.born, today) if placed else None,
            calendar=calendars.get(case.school_unit_id, SchoolCalendar()),
            ladder=_ladder(ground, activation),
            profile=f"{activation.profile_id}, version {activation.profile_version}"
            if activation
            else "",
        )
        found = due.wanted(
            subject,
            events[case.case_id],
            reached[case.case_id],
            spells[case.case_id],
            done[case.case_id],
            today=today,
        )
        place = placed.place if placed else Place(case.school_unit_id, case.class_id, None, None)
        for one in found:
            whose = _whose(ground, one, place, case, today)
            rows[one.duty_id] = settled.row(case, one, whose, now)
    await settled.write(connection, list(rows.values()))
    await settled.withdraw(connection, ids, list(rows), now)
    await settled.mark(connection, cases, now)


def _whose(
    ground: Ground, one: due.Wanted, place: Place, case: Case, today: date
) -> Assignment | Duty | None:
    """Who holds the role that the duty asks for; where nobody does, whom the case stands with."""
    return holder(ground.roster.get(one.owner, ()), one.owner, place, today) or case.assignment


async def _ground(connection: Connection) -> Ground:
    activations = await known.activations(connection)
    roster: dict[str, list[Duty]] = defaultdict(list)
    for duty in await people.all_duties(connection):
        roster[duty.role].append(duty)
    rows = await connection.fetch(
        "SELECT profile_id, profile_version, content FROM cases.profile_contents "
        "WHERE (profile_id, profile_version) IN (SELECT * FROM unnest($1::text[], $2::int[]))",
        [one.profile_id for one in activations],
        [one.profile_version for one in activations],
    )
    organiser = await connection.fetchrow(
        "SELECT kind, municipality_code FROM people_v1.organisers "
        "WHERE organiser_id = cases.organiser()"
    )
    return Ground(
        roster=roster,
        activations=activations,
        contents={(r["profile_id"], r["profile_version"]): r["content"] for r in rows},
        independent=bool(organiser and organiser["kind"] == "independent"),
        municipality=organiser["municipality_code"] if organiser else "",
    )


def _ladder(ground: Ground, activation: Activation | None) -> Ladder | None:
    """The profile's ladder; a content that is not here yet settles its cases when it comes."""
    if activation is None:
        return None
    content = ground.contents.get((activation.profile_id, activation.profile_version))
    return _parsed(content) if content is not None else None


@lru_cache(maxsize=256)
def _parsed(content: bytes) -> Ladder | None:
    try:
        return parse_ladder(content)
    except LadderError as error:
        _log.error("a ladder cannot be read", why=str(error))
        return None


async def _events(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[due.CaseEvent]]:
    rows = await connection.fetch(
        """
        SELECT case_id, kind, at, coalesce((detail ->> 'old')::boolean, false) AS old
        FROM cases.case_events
        WHERE organiser_id = cases.organiser() AND case_id = ANY ($1::uuid[])
          AND kind IN ('opened', 'reopened', 'acknowledged', 'closed')
        ORDER BY seq
        """,
        list(ids),
    )
    found: dict[UUID, list[due.CaseEvent]] = defaultdict(list)
    for row in rows:
        found[row["case_id"]].append(due.CaseEvent(row["kind"], row["at"], row["old"]))
    return found


async def _reached(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[due.Reached]]:
    """When each entry first came to each of its statuses."""
    rows = await connection.fetch(
        """
        SELECT e.case_id, e.entry_id, e.parent_id, e.kind, r.status, min(r.at) AS at
        FROM cases.entries e JOIN cases.entry_revisions r USING (organiser_id, entry_id)
        WHERE e.organiser_id = cases.organiser() AND e.case_id = ANY ($1::uuid[])
          AND e.kind = ANY ($2::text[])
        GROUP BY e.case_id, e.entry_id, e.parent_id, e.kind, r.status
        """,
        list(ids),
        sorted(due.ENTRY_KINDS),
    )
    found: dict[UUID, list[due.Reached]] = defaultdict(list)
    for row in rows:
        found[row["case_id"]].append(
            due.Reached(row["entry_id"], row["parent_id"], row["kind"], row["status"], row["at"])
        )
    return found


async def _spells(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[Spell]]:
    rows = await connection.fetch(
        """
        SELECT w.case_id, e.family, e.level, e.raised_day,
               coalesce(e.level_day, e.raised_day) AS level_day, e.resolved_day, t.told,
               coalesce(t.level_told, t.told) AS level_told
        FROM cases.episodes e JOIN cases.warnings w USING (organiser_id, thread_id)
        CROSS JOIN LATERAL (
            SELECT min(h.at) AS told,
                   min(h.at) FILTER (WHERE (h.detail ->> 'level')::int >= e.level) AS level_told
            FROM cases.case_events h
            WHERE h.organiser_id = e.organiser_id AND h.case_id = w.case_id
              AND h.episode_id = e.episode_id AND starts_with(h.kind, 'warning_')) t
        WHERE e.organiser_id = cases.organiser() AND w.case_id = ANY ($1::uuid[])
          AND e.state <> 'withdrawn'
        """,
        list(ids),
    )
    found: dict[UUID, list[Spell]] = defaultdict(list)
    for row in rows:
        found[row["case_id"]].append(
            Spell(
                row["family"], row["level"], row["raised_day"], row["level_day"],
                row["resolved_day"],
                school_date(row["told"]) if row["told"] else date.min,
                school_date(row["level_told"]) if row["level_told"] else date.min,
            )
        )  # fmt: skip
    return found


async def _done(
    connection: Connection, ids: Sequence[UUID]
) -> dict[UUID, dict[tuple[str, str], date]]:
    """The ladder's steps that somebody has ticked off."""
    rows = await connection.fetch(
        """
        SELECT case_id, step, occurrence, done_at FROM cases.duties
        WHERE organiser_id = cases.organiser() AND case_id = ANY ($1::uuid[])
          AND kind = 'ladder' AND done_at IS NOT NULL
        """,
        list(ids),
    )
    found: dict[UUID, dict[tuple[str, str], date]] = defaultdict(dict)
    for row in rows:
        found[row["case_id"]][row["step"], row["occurrence"]] = school_date(row["done_at"])
    return found
