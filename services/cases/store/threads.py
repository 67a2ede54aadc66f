"""Warning snapshots and their episodes: the highest revision of each thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.domain.threads import Thread, decode
from services.cases.store import bulk
from services.cases.store.cases import Case

if TYPE_CHECKING:
    from services.common.pg import Connection


@dataclass(frozen=True, slots=True)
class Stored:
    """A thread as held, with the bytes it came in and the case it belongs to."""

    thread: Thread
    snapshot: bytes
    case_id: UUID | None


async def lock_organiser(connection: Connection, organiser_id: UUID) -> None:
    """One writer of warnings per organiser at a time, until the transaction ends.

    It makes change_seq grow in the order of commits, and case numbers without holes.
    """
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('cases|' || $1::text, 0))",
        str(organiser_id),
    )


async def revisions(connection: Connection, thread_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The revision held of each of these threads; who is not there is new."""
    rows = await connection.fetch(
        """
        SELECT thread_id, revision FROM cases.warnings
        WHERE organiser_id = cases.organiser() AND thread_id = ANY ($1::uuid[])
        """,
        list(thread_ids),
    )
    return {row["thread_id"]: row["revision"] for row in rows}


async def of_pupils(
    connection: Connection, pupil_ids: Sequence[UUID], school_years: Sequence[int]
) -> list[Stored]:
    """Every thread held of these pupils in these school years."""
    rows = await connection.fetch(
        """
        SELECT snapshot, case_id FROM cases.warnings
        WHERE organiser_id = cases.organiser()
          AND pupil_id = ANY ($1::uuid[]) AND school_year = ANY ($2::int[])
        """,
        list(pupil_ids),
        list(school_years),
    )
    return [Stored(decode(row["snapshot"]), row["snapshot"], row["case_id"]) for row in rows]


_WARNING = {
    "organiser_id": "uuid",
    "thread_id": "uuid",
    "revision": "int",
    "family": "text",
    "pupil_id": "uuid",
    "school_year": "int",
    "school_unit_id": "uuid",
    "class_id": "uuid",
    "case_id": "uuid",
    "incomplete": "boolean",
    "school_date": "date",
    "snapshot": "bytea",
    "caused_at": "timestamptz",
    "received_at": "timestamptz",
}
_NEWER = """
    ON CONFLICT (organiser_id, thread_id) DO UPDATE SET
        revision = excluded.revision, school_unit_id = excluded.school_unit_id,
        class_id = excluded.class_id, case_id = excluded.case_id,
        incomplete = excluded.incomplete, school_date = excluded.school_date,
        snapshot = excluded.snapshot, caused_at = excluded.caused_at,
        received_at = excluded.received_at, recorded_at = clock_timestamp(),
        change_seq = nextval('cases.warning_changes')
    WHERE cases.warnings.revision < excluded.revision
"""
_EPISODE = {
    "organiser_id": "uuid",
    "thread_id": "uuid",
    "episode_id": "uuid",
    "family": "text",
    "pupil_id": "uuid",
    "school_year": "int",
    "state": "text",
    "level": "int",
    "raised_day": "date",
    "resolved_day": "date",
    "unexplained_minutes": "int",
    "confirmed_minutes": "int",
    "lessons": "int",
    "sentence": "text",
    "level_day": "date",
}
_AGAIN = """
    ON CONFLICT (organiser_id, thread_id, episode_id) DO UPDATE SET
        state = excluded.state, level = excluded.level, raised_day = excluded.raised_day,
        resolved_day = excluded.resolved_day,
        unexplained_minutes = excluded.unexplained_minutes,
        confirmed_minutes = excluded.confirmed_minutes, lessons = excluded.lessons,
        sentence = excluded.sentence, level_day = excluded.level_day
"""


async def save(connection: Connection, threads: Iterable[Stored], now: datetime) -> None:
    """Insert or replace snapshots, one a thread; an older revision never replaces a newer one."""
    held = list(threads)
    warnings = [_row(stored, now) for stored in held]
    await bulk.insert(connection, "cases.warnings", _WARNING, warnings, _NEWER)
    episodes = [row for stored in held for row in _episode_rows(stored.thread)]
    await bulk.insert(connection, "cases.episodes", _EPISODE, episodes, _AGAIN)
    # An episode that left a snapshot (against the contract) is taken back, visibly.
    await connection.execute(
        """
        UPDATE cases.episodes SET state = 'withdrawn'
        WHERE organiser_id = cases.organiser() AND thread_id = ANY ($1::uuid[])
          AND state <> 'withdrawn' AND episode_id <> ALL ($2::uuid[])
        """,
        [stored.thread.thread_id for stored in held],
        [episode.episode_id for stored in held for episode in stored.thread.episodes],
    )


async def link(connection: Connection, opened: Sequence[Case]) -> set[UUID]:
    """Put everything held of the pupils' school year under their new case; which of the cases got
    a duty by that."""
    if not opened:
        return set()
    found: set[UUID] = set()
    for table in ("warnings", "duties"):
        rows = await connection.fetch(
            f"""
            UPDATE cases.{table} t SET case_id = r.case_id
            FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS r (case_id, pupil_id, school_year)
            WHERE t.organiser_id = cases.organiser() AND t.pupil_id = r.pupil_id
              AND t.school_year = r.school_year AND t.case_id IS NULL
            RETURNING t.case_id
            """,
            [case.case_id for case in opened],
            [case.pupil_id for case in opened],
            [case.school_year for case in opened],
        )
        if table == "duties":
            found = {row["case_id"] for row in rows}
    return found


def _row(stored: Stored, now: datetime) -> tuple[object, ...]:
    thread = stored.thread
    caused = thread.caused_by_unix_ms
    return (
        thread.organiser_id,
        thread.thread_id,
        thread.revision,
        thread.family,
        thread.pupil_id,
        thread.school_year,
        thread.school_unit_id,
        thread.class_id,
        stored.case_id,
        thread.incomplete,
        thread.school_date,
        stored.snapshot,
        datetime.fromtimestamp(caused / 1000, UTC) if caused else None,
        now,
    )


def _episode_rows(thread: Thread) -> list[tuple[object, ...]]:
    return [
        (
            thread.organiser_id,
            thread.thread_id,
            episode.episode_id,
            thread.family,
            thread.pupil_id,
            thread.school_year,
            episode.state,
            episode.level,
            episode.raised_day,
            episode.resolved_day,
            episode.figures.unexplained,
            episode.figures.confirmed,
            len(episode.lessons),
            episode.sentence,
            episode.level_day,
        )
        for episode in thread.episodes
    ]
