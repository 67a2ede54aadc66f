"""What an operator wants to know about a source, and what to do about it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.common.pg import organiser_ids, tenant
from services.ingest.ss12000.vocabulary import TAKEN
from services.ingest.store.decisions import decisions
from services.ingest.store.doubts import CODE
from services.ingest.sync.locked import locked
from services.ingest.sync.model import Pull
from services.ingest.sync.store import get_pull

if TYPE_CHECKING:
    from services.common.pg import Connection, Pool

ADVICE = {
    "secret_missing": "Put the secret where the text says, then run it again.",
    "unreachable": "Is the address right, and does the system answer from this network?",
    "busy": "Nothing: the source asked to wait and is read again then.",
    "unauthorized": "Ask the system's operator for a new secret and put it where ingest finds it.",
    "broken_answer": "Show the text to the system's operator.",
    "not_written": "Look at Kafka and PostgreSQL; the run goes on where it stopped.",
    "interrupted": "Nothing: ingest was stopped in the middle; the next run goes on there.",
    "not_offered": "Nothing, if the system has no such data; else give its path with --path.",
    "forbidden": "Ask the system's operator for the right to read it.",
    "filter_refused": "Show the text to the system's operator: the standard asks for this filter.",
    "pages_shifted": "Nothing: pupils were removed while the list was read; read again next time.",
    "unknown_pupil": "Nothing: it is applied when the roster names the pupil.",
    "no_placement": "Nothing: it is applied when the pupil has an enrolment in that school year.",
    "reimported_unclear": "Say which activity it is with POST /v1/activities/aliases; or have the "
    "old lessons deleted in the school system.",
    CODE: "Say whether they are the same pupil: forvarning roster held ORGANISER, then forvarning "
    "roster decide; or have the personnummer sent.",
    "too_many_left": "If it is so: forvarning sources sync SOURCE --accept-losses --by NAME.",
}
"""What to do about a code; what is not here is in the hands of the system's operator."""
OTHERWISE = "The system's operator can mend it: resource, field and an id stand beside it."


async def listing(pool: Pool) -> list[dict[str, Any]]:
    """Every source of every organiser, revoked ones left out."""
    found: list[dict[str, Any]] = []
    for organiser in await organiser_ids(pool):
        async with tenant(pool, organiser) as connection:
            rows = await connection.fetch(
                "SELECT s.source_id, s.name, s.namespace, s.priority, s.cut_over, "
                "o.name AS organiser, p.base_url, p.paused, p.last_success_at, p.next_at, "
                "r.outcome, r.code FROM ingest.sources s "
                "JOIN people.organisers o USING (organiser_id) "
                "LEFT JOIN ingest.pulls p USING (organiser_id, source_id) "
                "LEFT JOIN LATERAL (SELECT outcome, code FROM ingest.pull_runs "
                "WHERE source_id = s.source_id ORDER BY run_id DESC LIMIT 1) r ON true "
                "WHERE s.revoked_at IS NULL ORDER BY s.name, s.source_id"
            )
        found += [
            {
                "organiser_id": str(organiser),
                "organiser": row["organiser"],
                "source_id": str(row["source_id"]),
                "name": row["name"],
                "namespace": row["namespace"],
                "priority": row["priority"],
                "cut_over": row["cut_over"] and row["cut_over"].isoformat(),
                "pull": None
                if row["base_url"] is None
                else {
                    "base_url": row["base_url"],
                    "state": "paused" if row["paused"] else row["outcome"] or "never",
                    "code": row["code"],
                    "last_success_at": _text(row["last_success_at"]),
                    "next_at": _text(row["next_at"]),
                },
            }
            for row in rows
        ]
    return found


async def status(pool: Pool, organiser: UUID, source: UUID) -> dict[str, Any] | None:
    """Everything about one pulled source; None when it is not pulled."""
    async with tenant(pool, organiser) as connection:
        pull = await get_pull(connection, source)
        if pull is None:
            return None
        runs = await connection.fetch(
            "SELECT * FROM ingest.pull_runs WHERE source_id = $1 ORDER BY run_id DESC LIMIT 5",
            source,
        )
        cursors = {
            row["resource"]: row
            for row in await connection.fetch(
                "SELECT * FROM ingest.pull_cursors WHERE source_id = $1", source
            )
        }
        problems = await _problems(connection, source, runs[0]["run_id"] if runs else 0)
        decided = await decisions(connection, source)
        hook = await connection.fetchrow(
            "SELECT subscription, expires FROM ingest.pull_hooks WHERE source_id = $1", source
        )
    return {
        "configuration": _configuration(pull),
        "wanted": pull.wanted,
        "full_under_way_since": _text(pull.full_since),
        "last_success_at": _text(pull.last_success_at),
        "last_full_at": _text(pull.full_done_at),
        "next_at": _text(pull.next_at),
        "subscription": None
        if hook is None or hook["subscription"] is None
        else {"id": hook["subscription"], "expires": _text(hook["expires"])},
        "resources": [
            {
                "resource": name.value,
                "path": pull.paths.get(name.value) or pull.learned.paths.get(name.value),
                "state": _state(pull, name.value, cursors.get(name.value)),
                "read_until": _text(cursors[name.value]["high"]) if name.value in cursors else None,
            }
            for name in TAKEN
            if name in pull.resources
        ],
        "problems": problems,
        "decisions": decided,
        "runs": [_run(row) for row in runs],
    }


async def under_way(pool: Pool, organiser: UUID, source: UUID) -> bool:
    """Whether some process reads the source just now."""
    async with locked(pool, organiser, source) as mine:
        return mine is None


def _configuration(pull: Pull) -> dict[str, Any]:
    return {
        "base_url": pull.base_url,
        "auth": pull.auth,
        "secret": pull.secret,
        "token_url": pull.token_url,
        "client_id": pull.client_id,
        "scope": pull.scope,
        "resources": [one.value for one in pull.resources],
        "paths": dict(pull.paths),
        "page_size": pull.page_size,
        "interval_seconds": pull.interval_seconds,
        "overlap_seconds": pull.overlap_seconds,
        "full_every_hours": pull.full_every_hours,
        "subscribe": pull.subscribe,
        "feedback": pull.feedback,
        "paused": pull.paused,
    }


def _state(pull: Pull, name: str, cursor: Any) -> str:
    if name in pull.learned.missing:
        return "not_offered"
    if cursor is None:
        return "not_read_yet"
    if cursor["reading"] is not None:
        return "under_way"
    return "read" if cursor["high"] is not None else "not_read_yet"


def _run(row: Any) -> dict[str, Any]:
    return {
        "run": row["run_id"],
        "kind": row["kind"],
        "outcome": row["outcome"],
        "started_at": _text(row["started_at"]),
        "finished_at": _text(row["finished_at"]),
        "pages": row["pages"],
        "counts": json.loads(row["counts"]),
        "code": row["code"],
        "detail": row["detail"],
        "advice": ADVICE.get(row["code"] or "", OTHERWISE) if row["code"] else None,
    }


async def _problems(connection: Connection, source: UUID, run: int) -> list[dict[str, Any]]:
    rows = await connection.fetch(
        "SELECT resource, code, field, severity, sample, entities FROM ingest.pull_problems "
        "WHERE source_id = $1 AND run_id = $2 ORDER BY "
        "array_position(ARRAY['Error', 'Warning', 'Info'], severity), entities DESC LIMIT 100",
        source,
        run,
    )
    return [dict(row) | {"advice": ADVICE.get(row["code"], OTHERWISE)} for row in rows]


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
