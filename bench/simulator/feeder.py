"""Sends a simulated municipality to ingest: the past as fast as it is taken, then by the clock."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from bench.simulator import contract
from bench.simulator.client import FeedError, IngestClient, RefusedError
from bench.simulator.events import CORRECTIONS, Event, NoticeEvent, RegisterEvent
from bench.simulator.ledger import Ledger, Line
from bench.simulator.reporting import Timetable
from bench.simulator.stream import Simulation
from services.common.clock import Clock, local_instant, school_date

_LIVE_POLL = 0.1
_ROSTER_MINUTE = 4 * 60


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """How to send. ``rate`` is registers a second at most; None is as fast as ingest takes them."""

    first: date
    last: date
    live: bool = False
    concurrency: int = 4
    batch: int = 200
    duplicates: float = 0.02
    rate: float | None = None
    timetable: Timetable = "needed"
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= 500:
            raise ValueError(f"batch: {self.batch} is outside 1 to 500, ingest's limit")
        if self.concurrency < 1:
            raise ValueError(f"concurrency: {self.concurrency} is less than 1")
        if not 0 <= self.duplicates < 1:
            raise ValueError(f"duplicates: {self.duplicates} is not a share below 1")
        if self.rate is not None and self.rate <= 0:
            raise ValueError(f"rate: {self.rate} is not positive")


@dataclass(slots=True)
class FeedStats:
    """What was sent and acknowledged. Items, unless the name says otherwise."""

    rosters: int = 0
    batches: int = 0
    registers: int = 0
    marks: int = 0
    notices: int = 0
    duplicates_sent: int = 0
    late_facts: int = 0
    corrections: int = 0
    refused: int = 0
    notes: int = 0
    skipped: int = 0
    """Acknowledged by an earlier run, so not sent."""
    retries: int = 0
    seconds: float = 0.0
    refusals: dict[str, int] = field(default_factory=dict)


class _Pacer:
    """Lets at most ``rate`` items a second through, with no debt for idle time."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._free_at = 0.0

    async def take(self, items: int) -> None:
        if self._rate is None:
            return
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + items / self._rate
        await asyncio.sleep(self._free_at - now)


def _key(event: Event) -> str:
    return f"{event.id}@{event.modified}"


class Feeder:
    """One run. ``observe`` hears every acknowledged register with the real time it took."""

    def __init__(
        self,
        simulation: Simulation,
        client: IngestClient,
        ledger: Ledger,
        *,
        clock: Clock,
        options: FeedOptions,
        observe: Callable[[RegisterEvent, float], None] | None = None,
    ) -> None:
        self._simulation, self._world = simulation, simulation.world
        self._client, self._ledger, self._clock, self._options = client, ledger, clock, options
        self._observe = observe
        self._pacer = _Pacer(options.rate)
        self._random = random.Random(options.seed)
        self._again: deque[RegisterEvent] = deque()
        self._free = asyncio.Semaphore(options.concurrency)
        self.stats = FeedStats()

    async def run(self) -> FeedStats:
        """Send everything that is due, and in live mode what becomes due until the last date.

        Raises FeedError where ingest refuses for good or stays away too long.
        """
        begun = time.monotonic()
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                await self._feed(group)
        except* FeedError as several:
            first: BaseException = several
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            failure = first
        finally:
            self.stats.seconds = time.monotonic() - begun
            self.stats.retries = self._client.retries
        if failure is not None:
            raise failure
        return self.stats

    async def _feed(self, group: asyncio.TaskGroup) -> None:
        options = self._options
        today = school_date(self._clock.now())
        rosters = deque(d for d in contract.roster_dates(self._world) if d > options.first)
        await self._roster(max(options.first, self._world.calendar.terms[0].first))
        events = self._simulation.messages(
            options.first, options.last, timetable=options.timetable, all_from=today
        )
        registers: list[Event] = []
        notices: list[Event] = []
        for event in events:
            while rosters and event.arrival >= self._roster_time(rosters[0]):
                await self._flush(group, registers, notices)
                await self._drain()
                await self._roster(rosters.popleft())
            if not await self._due(event.arrival, group, registers, notices):
                break
            if _key(event) in self._ledger.done:
                self.stats.skipped += 1
                continue
            if isinstance(event, NoticeEvent):
                notices.append(event)
            else:
                registers.append(event)
                self._perhaps_again(registers)
            if len(registers) >= self._batch or len(notices) >= self._batch:
                await self._flush(group, registers, notices)
        registers += self._again
        self._again.clear()
        await self._flush(group, registers, notices)

    @property
    def _batch(self) -> int:
        """Smaller where a rate is asked for, so that it is even within the second."""
        rate = self._options.rate
        return (
            self._options.batch if rate is None else max(1, min(self._options.batch, int(rate / 8)))
        )

    def _roster_time(self, day: date) -> int:
        return round(local_instant(day, _ROSTER_MINUTE).timestamp() * 1000)

    async def _due(
        self, arrival: int, group: asyncio.TaskGroup, registers: list[Event], notices: list[Event]
    ) -> bool:
        """Wait until the clock has come to ``arrival``; False where this run ends before it."""
        if arrival <= self._now():
            return True
        await self._flush(group, registers, notices)
        if not self._options.live:
            return False
        # The simulated clock is a file that somebody else moves: there is no event to wait for.
        while arrival > self._now():  # noqa: ASYNC110 - see above
            await asyncio.sleep(_LIVE_POLL)
        return True

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def _perhaps_again(self, registers: list[Event]) -> None:
        """Put a register that was sent a while ago into this batch once more."""
        latest = registers[-1]
        if self._random.random() < self._options.duplicates and isinstance(latest, RegisterEvent):
            self._again.append(latest)
        if len(self._again) > 5 and self._random.random() < self._options.duplicates:
            registers.append(self._again.popleft())

    async def _flush(
        self, group: asyncio.TaskGroup, registers: list[Event], notices: list[Event]
    ) -> None:
        for path, events in (("registers", registers), ("notices", notices)):
            if events:
                batch = events.copy()
                events.clear()
                await self._pacer.take(len(batch))
                await self._free.acquire()
                group.create_task(self._post(path, batch))

    async def _drain(self) -> None:
        """Wait until nothing is under way."""
        for _ in range(self._options.concurrency):
            await self._free.acquire()
        for _ in range(self._options.concurrency):
            self._free.release()

    async def _roster(self, as_of: date) -> None:
        key = f"roster@{as_of.isoformat()}"
        if key in self._ledger.done:
            return
        answer = await self._client.send("PUT", "/v1/roster", contract.roster(self._world, as_of))
        # 202 means held for a human: nothing of it is applied.
        if answer.status_code != 200:
            raise RefusedError("/v1/roster", answer.status_code, answer.text)
        self._ledger.write([{"kind": "roster", "key": key, "status": "accepted"}])
        self.stats.rosters += 1
        self.stats.notes += len(answer.json().get("notes", []))

    async def _post(self, path: str, batch: list[Event]) -> None:
        try:
            items = [
                contract.notice(self._world, event)
                if isinstance(event, NoticeEvent)
                else contract.register(self._world, event)
                for event in batch
            ]
            begun = time.monotonic()
            answer = await self._client.send("POST", f"/v1/{path}", {path: items})
            took = time.monotonic() - begun
            told = answer.json().get("items", [])
            if sorted(item["index"] for item in told) != list(range(len(batch))):
                raise RefusedError(f"/v1/{path}", answer.status_code, answer.text)
            self.stats.batches += 1
            seen: set[str] = set()
            lines = [self._settle(batch[i["index"]], i, took, seen) for i in told]
            self._ledger.write(lines)
        finally:
            self._free.release()

    def _settle(self, event: Event, answer: Line, took: float, seen: set[str]) -> Line:
        """Count one answered item and say what the ledger keeps of it.

        ``seen`` are the keys that the same answer named before.
        """
        stats, status = self.stats, answer["status"]
        line: Line = {
            "kind": "notice" if isinstance(event, NoticeEvent) else "register",
            "key": _key(event),
            "status": status,
            "reason": contract.reason_of(event),
            "modified": contract.instant(event.modified),
        }
        stats.notes += len(answer.get("notes") or [])
        if status == "refused":
            stats.refused += 1
            problem = answer.get("problem") or {}
            code = str(problem.get("code", "unknown"))
            stats.refusals[code] = stats.refusals.get(code, 0) + 1
            line["problem"] = problem
        again = line["key"] in self._ledger.done or line["key"] in seen
        seen.add(line["key"])
        stats.duplicates_sent += again
        if not again and status != "refused" and contract.is_late(self._world, event):
            stats.late_facts += 1
        if isinstance(event, NoticeEvent):
            stats.notices += not again
            return line | {"notice": event.id, "pupils": [self._world.pupils[event.pupil].id]}
        stats.registers += not again
        stats.marks += 0 if again else len(event.pupils)
        stats.corrections += not again and event.reason in CORRECTIONS
        if self._observe is not None:
            self._observe(event, took)
        lesson = self._world.lessons[event.lesson]
        return line | {
            "activity": lesson.activity,
            "start": contract.lesson_start(self._world, event),
            "state": event.state,
            "pupils": [self._world.pupils[index].id for index in event.pupils.tolist()],
        }
