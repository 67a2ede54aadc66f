"""Waits until nothing is under way any more: not in the log, not in a table, not in the mail."""

from __future__ import annotations

import asyncio
import time

import asyncpg

from deploy.check.context import Run
from deploy.check.probe import WarningProbe

_PATIENCE_SECONDS = 240.0
_QUIET_SECONDS = 2.0
_POLL_SECONDS = 0.5

_WAITING = {
    "ingest's outbox": "SELECT count(*) FROM ingest.outbox",
    "cases' outbox": "SELECT count(*) FROM cases.outbox WHERE published_at IS NULL",
    "notify's outbox": "SELECT count(*) FROM notify.outbox WHERE published_at IS NULL",
    "notices in their grace time": "SELECT count(*) FROM notify.obligations "
    "WHERE state = 'waiting'",
    "messages to send": "SELECT count(*) FROM notify.messages WHERE state = 'queued'",
}


async def settled(
    run: Run, probe: WarningProbe, what: str, *, patience: float = _PATIENCE_SECONDS
) -> int:
    """Return when all of it is done and nothing has changed for two seconds: 0.

    After ``patience`` seconds it says what still waits and returns how much that is, at least 1:
    then the oracle has the word.
    """
    began = time.monotonic()
    quiet_since, last = began, ""
    while True:
        waiting = await _waiting(run)
        seen = f"{probe.changed_at} {_size(run)} {len(run.receiver.calls)} {waiting}"
        now = time.monotonic()
        if seen != last:
            quiet_since, last = now, seen
        if not waiting and now - quiet_since >= _QUIET_SECONDS:
            run.diary.say(f"{what} has settled after {now - began:.1f} s")
            return 0
        if now - began > patience:
            left = ", ".join(f"{name}: {count}" for name, count in waiting.items())
            run.diary.say(
                f"OVERDUE: {what} has not settled within {patience:.0f} s; {left or 'it moves'}"
            )
            return max(1, sum(waiting.values()))
        await asyncio.sleep(_POLL_SECONDS)


async def _waiting(run: Run) -> dict[str, int]:
    counts = {"facts that no checkpoint holds": await run.watch.behind()}
    connection = await asyncpg.connect(run.stack.database_url)
    try:
        for name, query in _WAITING.items():
            counts[name] = int(await connection.fetchval(query))
    finally:
        await connection.close()
    return {name: count for name, count in counts.items() if count}


def _size(run: Run) -> int:
    file = run.stack.mail_file
    return file.stat().st_size if file.exists() else 0
