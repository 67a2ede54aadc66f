"""What the law needs to know of a case, read in one go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.domain.chain import Chain, Fact, age
from services.cases.store.cases import Case

if TYPE_CHECKING:
    from services.common.pg import Connection


async def lock(connection: Connection, case_id: UUID) -> None:
    """One step in a case at a time, whoever takes it.

    Not the row itself: who may write a note may not always change the case, and the intake of
    warnings need not wait for people.
    """
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('case|' || $1::text, 0))", str(case_id)
    )


async def chain(connection: Connection, case: Case, facts: Sequence[Fact], today: date) -> Chain:
    """The case as the law sees it today: by the placement's school form on that day; for a pupil of
    another organiser by the one that the beställning gave."""
    row = await connection.fetchrow(
        """
        SELECT o.kind, o.municipality_code, p.birth_date, p.home_municipality,
               CASE WHEN $3::uuid IS NULL THEN l.school_form ELSE (
                   SELECT e.body ->> 'school_form' FROM cases.entries e
                   WHERE e.organiser_id = o.organiser_id AND e.case_id = $3
                     AND e.kind = 'coordination_request'
                   ORDER BY e.created_at LIMIT 1) END AS school_form,
               coalesce(s.report_on_upper, false) AS report_on_upper
        FROM people_v1.organisers o
        LEFT JOIN people_v1.pupils p ON p.pupil_id = $1
        LEFT JOIN LATERAL (
            SELECT school_form FROM people_v1.placements
            WHERE pupil_id = $1
            ORDER BY (valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)) DESC,
                     valid_from DESC, placement_id LIMIT 1) l ON true
        LEFT JOIN cases.organiser_settings s ON s.organiser_id = o.organiser_id
        """,
        case.pupil_id,
        today,
        case.case_id if case.outside else None,
    )
    return Chain(
        today=today,
        school_form=row["school_form"] if row else None,
        state=case.state,
        level=case.level,
        attention=case.attention,
        age=age(row["birth_date"] if row else None, today),
        independent=bool(row and row["kind"] == "independent"),
        municipality=row["municipality_code"] if row else "",
        home=(row["home_municipality"] or "") if row else "",
        report_on_upper=bool(row and row["report_on_upper"]),
        facts=tuple(facts),
    )
