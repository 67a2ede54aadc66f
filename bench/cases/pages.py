"""Fifty people with a browser each, on the real process over HTTP.

The server's own time of each page is what its `Server-Timing` header says; what the browser
waited is kept beside it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx

from bench.cases.fill import staff_id
from bench.cases.ground import Ground, NotMeasuredError
from bench.cases.town import Town
from bench.ews.basics import say
from services.cases.api.access import LOCAL_COOKIE

#: What a person waits on average before the next page.
_THINK_SECONDS = 4.0
_WARM_SECONDS = 10.0
_TIMING = re.compile(r"app;dur=([0-9.]+)")
_CASE_LINK = re.compile(r'href="(/arenden/F-\d+-\d+)"')
#: Who they are, of fifty.
_MIX = (("attendance_officer", 24), ("mentor", 12), ("principal", 8), ("coordinator", 6))


_OF_UNITS = ("attendance_officer", "principal")


@dataclass(slots=True)
class Person:
    """One browser."""

    role: str
    cookie: str
    cases: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Seen:
    """Milliseconds by kind of page: the server's own, and as waited for."""

    server: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    waited: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    bytes: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def figures(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for kind, times in sorted(self.server.items()):
            found[f"{kind}_p50_ms"] = quantile(times, 0.50)
            found[f"{kind}_p95_ms"] = quantile(times, 0.95)
            found[f"{kind}_waited_p95_ms"] = quantile(self.waited[kind], 0.95)
            found[f"{kind}_pages"] = len(times)
            found[f"{kind}_kib"] = self.bytes[kind] / len(times) / 1024
        return found


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-round(len(ordered) * share * 1000) // 1000) - 1)]


#: How long the clocks of all open cases may take when the service begins.
_SETTLE_SECONDS = 900.0


async def settle(own: Ground, connection: Any, town: Town) -> dict[str, float]:
    """Wait until the service has worked out the duties of every open case.

    The database was filled behind its back: in a service that has been there all the time they
    are worked out already.
    """
    began = time.monotonic()
    while time.monotonic() - began < _SETTLE_SECONDS:
        waiting = await connection.fetchval(
            "SELECT count(*) FROM cases.cases c LEFT JOIN cases.settled s "
            "USING (organiser_id, case_id) "
            "WHERE c.organiser_id = $1 AND c.state <> 'closed' AND s.case_id IS NULL",
            town.organiser,
        )
        if not waiting:
            await connection.execute("VACUUM ANALYZE cases.settled, cases.duties")
            say("the clocks have settled")
            return {"settled_seconds": time.monotonic() - began}
        own.check()
        await asyncio.sleep(1)
    raise NotMeasuredError(f"after {_SETTLE_SECONDS:.0f} s {waiting} cases have no duties yet")


async def read(
    own: Ground, connection: Any, town: Town, users: int, seconds: float
) -> dict[str, float]:
    """The figures of what they read."""
    found = (await look(own, connection, town, users, seconds)).figures()
    tell(found)
    return found


async def look(own: Ground, connection: Any, town: Town, users: int, seconds: float) -> Seen:
    """Let them read for so long; what the first seconds show is not counted."""
    people = await _sign_in(connection, town, users)
    seen = Seen()
    counted = time.monotonic() + _WARM_SECONDS
    span = (counted, counted + seconds)
    limits = httpx.Limits(max_connections=users, max_keepalive_connections=users)
    async with httpx.AsyncClient(base_url=own.url, limits=limits, timeout=60) as client:
        jobs = [
            _read(client, person, Random(f"reader|{number}"), seen, span)
            for number, person in enumerate(people)
        ]
        await asyncio.gather(*jobs)
    own.check()
    return seen


async def _sign_in(connection: Any, town: Town, users: int) -> list[Person]:
    """Sessions as signing in leaves them; signing in itself is slow by design."""
    roles = [role for role, count in _MIX for _ in range(-(-count * users // 50))][:users]
    people: list[Person] = []
    now = datetime.now(UTC)
    for number, role in enumerate(roles):
        token = secrets.token_urlsafe(32)
        of_role = sum(person.role == role for person in people)
        at = of_role % town.places(role)
        who = staff_id(role, town.staffed[at] if role in _OF_UNITS else at)
        account = await connection.fetchval(
            "INSERT INTO cases.accounts VALUES ($1, gen_random_uuid(), $2, $3, 'none', $4) "
            "RETURNING account_id",
            town.organiser,
            f"bench-{number}",
            who,
            now,
        )
        await connection.execute(
            "INSERT INTO cases.sessions (organiser_id, token_hash, account_id, staff_id, "
            "csrf_token, started_at, seen_at) VALUES ($1, $2, $3, $4, 'csrf', $5, $5)",
            town.organiser,
            hashlib.sha256(token.encode()).digest(),
            account,
            who,
            now,
        )
        people.append(Person(role, f"{town.organiser.hex}.{token}"))
    return people


def _next(person: Person, random: Random) -> tuple[str, str]:
    """Kind and address of the page that the person opens now."""
    home = "queue" if person.role == "coordinator" else "list"
    if not person.cases or random.random() < 0.35:
        return home, "/"
    if random.random() < 0.2:
        return "cases", "/arenden"
    return "case", random.choice(person.cases)


async def _read(
    client: httpx.AsyncClient, person: Person, random: Random, seen: Seen, span: tuple[float, float]
) -> None:
    counted, until = span
    await asyncio.sleep(random.random() * _THINK_SECONDS)
    while time.monotonic() < until:
        kind, address = _next(person, random)
        asked = time.perf_counter()
        headers = {"Cookie": f"{LOCAL_COOKIE}={person.cookie}", "Accept": "text/html"}
        answer = await client.get(address, headers=headers)
        # The secret changes now and then; a browser goes on with the new one.
        person.cookie = answer.cookies.get(LOCAL_COOKIE) or person.cookie
        client.cookies.clear()
        waited = (time.perf_counter() - asked) * 1000
        if answer.status_code == 403 and kind == "case":
            # A pupil with protected identity: not this person's to open.
            person.cases.remove(address)
            continue
        timing = _TIMING.search(answer.headers.get("server-timing", ""))
        if answer.status_code != 200 or timing is None:
            raise NotMeasuredError(f"{address} as {person.role}: {answer.status_code}")
        if kind != "case":
            person.cases = _CASE_LINK.findall(answer.text) or person.cases
        if time.monotonic() >= counted:
            seen.server[kind].append(float(timing[1]))
            seen.waited[kind].append(waited)
            seen.bytes[kind] += len(answer.content)
        await asyncio.sleep(random.expovariate(1 / _THINK_SECONDS))


def tell(figures: dict[str, float]) -> None:
    """A line a kind of page."""
    for kind in ("list", "cases", "case", "queue"):
        if f"{kind}_p95_ms" in figures:
            say(
                f"{kind}: p50 {figures[f'{kind}_p50_ms']:.0f} ms, p95 "
                f"{figures[f'{kind}_p95_ms']:.0f} ms, {figures[f'{kind}_pages']:.0f} pages of "
                f"{figures[f'{kind}_kib']:.0f} KiB"
            )
