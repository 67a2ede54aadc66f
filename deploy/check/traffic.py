"""The live traffic: what becomes due by the simulated clock, at an even rate of registers.

A school system does not only send what is new: it sends its last days again,
so that what it lost on the way is mended. Those repeats fill the rate up. They
are whole, ordinary registers of about 25 marks; ingest and the stream take
them like any other.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from bench.simulator import contract
from bench.simulator.client import FeedError, IngestClient
from bench.simulator.events import CORRECTIONS, Event, NoticeEvent, Reason, RegisterEvent
from bench.simulator.ledger import Ledger
from bench.simulator.world import World
from services.common.cancellation import only_ours
from services.common.clock import Clock

_TICK_SECONDS = 0.1
_BURST_SECONDS = 0.25
"""No debt: what an outage kept from being sent is not hurried afterwards."""
_RESENT_DAYS = 5


class Listener(Protocol):
    """Hears what is said to ingest, on ``time.monotonic``."""

    def about_to_send_notice(self, event: NoticeEvent) -> None:
        """It may take effect from now on."""

    def acknowledged(self, event: RegisterEvent, at: float) -> None:
        """The register was accepted; ``at`` is when the answer 202 was received."""


@dataclass(slots=True)
class TrafficStats:
    """What was acknowledged since the live traffic began."""

    accepted_at: list[float] = field(default_factory=list)
    """One moment for each register, repeats included."""
    duplicates_sent: int = 0
    late_facts: int = 0
    corrections: int = 0
    notices: int = 0
    refused: int = 0
    given_up: int = 0
    """Items that were never answered for good, and rosters: nothing of them is acknowledged."""


def key_of(event: Event) -> str:
    """The ledger's key: as the feeder of the history writes it."""
    return f"{event.id}@{event.modified}"


class LiveTraffic:
    """Sends from ``events`` (ordered by arrival) what the clock has come to, and repeats.

    ``skip`` holds the keys that were acknowledged before, in the history.
    """

    def __init__(
        self,
        world: World,
        events: Iterator[Event],
        *,
        client: IngestClient,
        ledger: Ledger,
        clock: Clock,
        listener: Listener,
        rate: float,
        batch: int = 20,
        in_flight: int = 32,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._world, self._client, self._ledger = world, client, ledger
        self._clock, self._listener = clock, listener
        self._events, self._next = events, next(events, None)
        self._rate, self._batch, self._say = rate, batch, say
        self._free = asyncio.Semaphore(in_flight)
        self._settled: deque[RegisterEvent] = deque()
        self.stats = TrafficStats()

    def remember(self, event: RegisterEvent) -> None:
        """A whole report that was acknowledged in the history, and may be sent again."""
        if event.reason in (Reason.REPORT, Reason.LATE_REPORT):
            self._settled.append(event)

    async def run(self, ended: Callable[[], bool]) -> None:
        """Send until ``ended()``; returns when everything under way is acknowledged."""
        credit, last = 0.0, time.monotonic()
        async with asyncio.TaskGroup() as group:
            while not ended():
                await asyncio.sleep(_TICK_SECONDS)
                now = time.monotonic()
                credit = min(credit + (now - last) * self._rate, self._rate * _BURST_SECONDS)
                last = now
                registers, notices = self._due(int(credit))
                registers += self._repeats(int(credit) - len(registers), registers)
                for path, items in (("notices", notices), ("registers", registers)):
                    for start in range(0, len(items), self._batch):
                        part = items[start : start + self._batch]
                        if path == "registers":
                            credit -= len(part)
                        await self._free.acquire()
                        group.create_task(only_ours(self._post(path, part)))
                if self._free.locked():
                    # Nothing moves: time without answers earns no credit.
                    last = time.monotonic()

    async def rest(self) -> None:
        """Send what is due by now and no repeat, as fast as it is taken."""
        async with asyncio.TaskGroup() as group:
            while True:
                registers, notices = self._due(self._batch)
                if not registers and not notices:
                    return
                for path, items in (("notices", notices), ("registers", registers)):
                    if items:
                        await self._free.acquire()
                        group.create_task(only_ours(self._post(path, items)))

    async def roster(self, as_of: date) -> None:
        """Send the roster of a morning."""
        try:
            answer = await self._client.send(
                "PUT", "/v1/roster", contract.roster(self._world, as_of)
            )
        except FeedError as error:
            self._give_up(1, error)
        else:
            answer.raise_for_status()
            if answer.status_code != 200:
                raise RuntimeError(f"the roster was held for a human, not applied: {answer.text}")

    def _due(self, most: int) -> tuple[list[Event], list[Event]]:
        now = int(self._clock.now().timestamp() * 1000)
        registers: list[Event] = []
        notices: list[Event] = []
        while self._next is not None and self._next.arrival <= now and len(registers) < most:
            event = self._next
            self._next = next(self._events, None)
            if key_of(event) in self._ledger.done:
                continue
            (notices if isinstance(event, NoticeEvent) else registers).append(event)
        return registers, notices

    def _repeats(self, count: int, beside: list[Event]) -> list[Event]:
        """The next ``count`` reports of the last days, none of a lesson spoken of ``beside``."""
        taken = {(e.lesson, e.day) for e in beside if isinstance(e, RegisterEvent)}
        found: list[Event] = []
        if not self._settled:
            return found
        newest = self._settled[-1].day
        for _ in range(min(count * 2, len(self._settled))):
            if len(found) >= count:
                break
            event = self._settled.popleft()
            if event.day <= newest - _RESENT_DAYS:
                continue
            self._settled.append(event)
            if (event.lesson, event.day) not in taken:
                found.append(event)
        return found

    async def _post(self, path: str, batch: list[Event]) -> None:
        try:
            items: list[dict[str, Any]] = []
            for event in batch:
                if isinstance(event, NoticeEvent):
                    self._listener.about_to_send_notice(event)
                    items.append(contract.notice(self._world, event))
                else:
                    items.append(contract.register(self._world, event))
            try:
                answer = await self._client.send("POST", f"/v1/{path}", {path: items})
            except FeedError as error:
                # Said and counted; what was acknowledged is judged all the same.
                self._give_up(len(batch), error)
                return
            at = time.monotonic()
            told = answer.json()["items"]
            self._ledger.write([self._settle(batch[one["index"]], one, at) for one in told])
        finally:
            self._free.release()

    def _give_up(self, items: int, error: FeedError) -> None:
        self.stats.given_up += items
        self._say(f"GIVEN UP: {items} items: {error}")

    def _settle(self, event: Event, answer: dict[str, Any], at: float) -> dict[str, Any]:
        stats, key = self.stats, key_of(event)
        line = {"key": key, "status": answer["status"], "reason": contract.reason_of(event)}
        if answer["status"] == "refused":
            stats.refused += 1
            return line | {"problem": answer.get("problem")}
        again = key in self._ledger.done
        stats.duplicates_sent += again
        if not again and contract.is_late(self._world, event):
            stats.late_facts += 1
        if isinstance(event, NoticeEvent):
            stats.notices += not again
            return line
        stats.accepted_at.append(at)
        stats.corrections += not again and event.reason in CORRECTIONS
        if answer["status"] == "accepted":
            self._listener.acknowledged(event, at)
        if not again:
            self.remember(event)
        return line
