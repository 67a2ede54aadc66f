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
from services.ingest.store import doubts
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
            if reason["code"] == doubts.CODE
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
    found = [
        _shown(
            {
                "held_id": one.held_id,
                "source_id": one.source.source_id,
                "state": "waiting",
                "received_at": None,
                "decided_at": None,
                "decided_by": None,
                "note": None,
                "source": one.source.name,
            },
            [reason.body() for reason in one.reasons],
        )
        for one in await doubts.doubts(connection)
    ]
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
    for row in rows:
        one = {name: value for name, value in row.items() if name != "organiser_id"}
        found.append(_shown(one, json.loads(row["reasons"])))
    return found


def _shown(one: dict[str, Any], reasons: list[dict[str, str]]) -> dict[str, Any]:
    return one | {"reasons": reasons[:_SHOWN], "reasons_count": len(reasons)}


async def waiting_now(connection: Connection) -> int:
    """How many wait, those that are read from school systems included."""
    whole = await connection.fetchval(
        "SELECT (SELECT count(*) FROM people.held_rosters WHERE state = 'waiting') "
        "+ (SELECT count(*) FROM ingest.ss12000_state WHERE held IS NOT NULL)"
    )
    return int(whole) + len(await doubts.doubts(connection))


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


async def decided(
    connection: Connection, doubt: doubts.Doubt, same: int, *, by: str, note: str, now: datetime
) -> None:
    """Remember who decided on pupils of a shelf, and when; who they are stands where ids do."""
    every = len(doubt.persons)
    told = Note(doubts.CODE, "/persons", f"/persons: {same} of {every} are known by another id")
    await connection.execute(
        "INSERT INTO people.held_rosters (organiser_id, held_id, source_id, state, received_at, "
        "reasons, decided_at, decided_by, note) VALUES ($1, $2, $3, 'applied', $4, $5, $4, $6, $7) "
        # The same persons may come into doubt once more, long after.
        "ON CONFLICT (organiser_id, held_id) DO UPDATE SET reasons = EXCLUDED.reasons, "
        "decided_at = EXCLUDED.decided_at, decided_by = EXCLUDED.decided_by, note = EXCLUDED.note",
        doubt.source.organiser_id,
        doubt.held_id,
        doubt.source.source_id,
        now,
        json.dumps([told.body()]),
        by,
        note,
    )
