"""Rosters that wait for a human's decision."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.ingest.model.answers import Note
from services.ingest.model.roster import RosterIn
from services.ingest.store.sources import Source, source_from

if TYPE_CHECKING:
    from services.common.pg import Connection


_SHOWN = 100
"""Reasons of a roster that a list shows."""


@dataclass(frozen=True, slots=True)
class Held:
    """A roster that waits."""

    held_id: UUID
    source: Source
    reasons: list[dict[str, str]]
    roster: RosterIn

    @property
    def perhaps_known(self) -> frozenset[str]:
        """The source's ids of pupils who are perhaps another source's pupils."""
        pupils = self.roster.pupils or []
        return frozenset(
            pupils[int(reason["field"].rpartition("/")[2])].id
            for reason in self.reasons
            if reason["code"] == "same_pupil_perhaps"
        )


async def hold(
    connection: Connection,
    source: Source,
    held_id: UUID,
    roster: RosterIn,
    reasons: Sequence[Note],
    *,
    now: datetime,
) -> None:
    """Keep ``roster``; an earlier one of the source that still waits is superseded."""
    await supersede(connection, source, now)
    content = roster.model_dump_json(by_alias=True, exclude_none=True).encode()
    await connection.execute(
        "INSERT INTO people.held_rosters (organiser_id, held_id, source_id, state, received_at, "
        "reasons, content) VALUES ($1, $2, $3, 'waiting', $4, $5, $6)",
        source.organiser_id,
        held_id,
        source.source_id,
        now,
        json.dumps([reason.body() for reason in reasons]),
        gzip.compress(content),
    )


async def supersede(connection: Connection, source: Source, now: datetime) -> None:
    """The source has sent a newer roster: the one that waits is out of date."""
    await connection.execute(
        "UPDATE people.held_rosters SET state = 'superseded', content = NULL, decided_at = $2 "
        "WHERE source_id = $1 AND state = 'waiting'",
        source.source_id,
        now,
    )


async def listed(connection: Connection, *, most: int = 200) -> list[dict[str, Any]]:
    """What waits and what was decided, newest first, without names."""
    rows = await connection.fetch(
        """
        SELECT h.*, s.name AS source FROM (
            SELECT organiser_id, held_id, source_id, state, received_at, reasons, decided_at,
                   decided_by, note
            FROM people.held_rosters
            UNION ALL
            -- Read from a school system: it stays on its shelf, and is decided on by reading again.
            SELECT organiser_id, NULL, source_id, 'waiting', NULL, held, NULL, NULL, NULL
            FROM ingest.ss12000_state WHERE held IS NOT NULL
        ) h JOIN ingest.sources s USING (organiser_id, source_id)
        ORDER BY h.state = 'waiting' DESC, h.received_at DESC LIMIT $1
        """,
        most,
    )
    found = []
    for row in rows:
        reasons = json.loads(row["reasons"])
        shown = {"reasons": reasons[:_SHOWN], "reasons_count": len(reasons)}
        one = {name: value for name, value in row.items() if name != "organiser_id"}
        found.append(one | shown)
    return found


async def waiting_now(connection: Connection) -> int:
    """How many wait, those that are read from school systems included."""
    return int(
        await connection.fetchval(
            "SELECT (SELECT count(*) FROM people.held_rosters WHERE state = 'waiting') "
            "+ (SELECT count(*) FROM ingest.ss12000_state WHERE held IS NOT NULL)"
        )
    )


async def get(connection: Connection, held_id: UUID) -> Held | str | None:
    """The roster that waits; the state of one that was decided; None for an unknown one."""
    row = await connection.fetchrow(
        "SELECT h.state, h.reasons, h.content, s.* FROM people.held_rosters h "
        "JOIN ingest.sources s USING (organiser_id, source_id) WHERE h.held_id = $1",
        held_id,
    )
    if row is None:
        return None
    if row["state"] != "waiting":
        return str(row["state"])
    roster = RosterIn.model_validate_json(gzip.decompress(row["content"]))
    return Held(held_id, source_from(row), json.loads(row["reasons"]), roster)


async def decide(
    connection: Connection, held_id: UUID, state: str, *, by: str, note: str, now: datetime
) -> bool:
    """Write the decision down; False when another one came first."""
    done = await connection.execute(
        "UPDATE people.held_rosters SET state = $2, content = NULL, decided_at = $3, "
        "decided_by = $4, note = $5 WHERE held_id = $1 AND state = 'waiting'",
        held_id,
        state,
        now,
        by,
        note,
    )
    return bool(done == "UPDATE 1")
