"""Does the faults of a schedule to the running stack, and notes what happened when.

What does not come back in time is a finding, not the end of the run: it is said, counted in
``overdue``, and the next fault comes all the same.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from deploy.check.say import Diary
from deploy.check.schedule import WORKERS, Step
from deploy.check.stack import CheckStack
from deploy.check.watch import CheckpointWatch
from deploy.check.windows import Fault, Kind
from deploy.check.worker import done
from deploy.local.process import port_is_taken
from deploy.local.service import Service

_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.05
_FENCED = ("ProducerFenced", "InvalidProducerEpoch")


class InjectionError(Exception):
    """There is nothing to do a fault to; the run cannot be measured."""


class Injector:
    """One live run's faults.

    ``knock`` makes every partition have something to checkpoint: a partition without facts
    writes none, and could not show that it has recovered.
    """

    def __init__(
        self,
        stack: CheckStack,
        watch: CheckpointWatch,
        knock: Callable[[], Awaitable[None]],
        diary: Diary,
        *,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self._stack, self._watch, self._knock, self._diary = stack, watch, knock, diary
        self._patience = patience
        self.faults: list[Fault] = []
        self.overdue = 0
        """What was waited for in vain."""
        self.kills = 0
        self.zombies_fenced = 0
        self.broker_kills = 0

    async def run(self, steps: list[Step], began: float) -> None:
        """Do every step at its time, counted from ``began`` (``time.monotonic``)."""
        for step in steps:
            await asyncio.sleep(max(0.0, began + step.at - time.monotonic()))
            if step.action == "kill_broker":
                await self._kill_broker()
            elif step.action == "freeze":
                await self._freeze(step)
            else:
                await self._end(step)

    async def _end(self, step: Step) -> None:
        service = self._stack.local.services[step.target]
        worker = step.target in WORKERS
        kind: Kind = "service"
        if worker:
            kind = "worker_kill" if step.action == "kill" else "worker_term"
        how = signal.SIGKILL if step.action == "kill" else signal.SIGTERM
        self._diary.say(f"fault: {how.name} to {service.name}")
        before = service.child.pid
        injected = time.monotonic()
        if step.action == "kill":
            self.kills += 1
            await asyncio.to_thread(service.child.kill)
        else:
            await asyncio.to_thread(service.child.stop, seconds=service.spec.stop_seconds)
        await self._replaced(service, before)
        await self._note(Fault(kind, service.name, injected, injected, time.monotonic()))

    async def _freeze(self, step: Step) -> None:
        service = self._stack.local.services[step.target]
        self._diary.say(f"fault: {service.name} is to freeze in a transaction, after {step.inside}")
        cue = self._stack.cue
        new = cue.with_suffix(".new")
        new.write_text(str(step.inside), "ascii")
        new.rename(cue)
        pid = service.child.pid
        if not await self._until(
            lambda: done(cue).exists() and _stopped(pid), f"{service.name} did not freeze"
        ):
            # Not later either, when nobody would thaw it. Where it did just now, it is ended.
            cue.unlink(missing_ok=True)
            if _stopped(pid):
                await asyncio.to_thread(service.child.kill)
            return
        injected = time.monotonic()
        self._diary.say(f"{service.name} (pid {pid}) is frozen inside its transaction")
        await self._note(Fault("freeze", service.name, injected, injected, injected))
        self._diary.say(f"{service.name} is resumed: others have its partitions now")
        resumed = time.monotonic()
        end_of_log = service.child.log.stat().st_size
        service.child.thaw()
        if await self._until(
            lambda: service.child.pid != pid or not service.child.running,
            f"{service.name} went on after it was taken over from",
        ):
            if _says(service.child.log, end_of_log, _FENCED):
                self.zombies_fenced += 1
                self._diary.say(f"{service.name} was fenced and has ended")
            else:
                self._diary.say(f"{service.name} ended, but not because it was fenced: see its log")
            await self._replaced(service, pid)
        await self._note(Fault("resume", service.name, resumed, resumed, time.monotonic()))

    async def _kill_broker(self) -> None:
        kafka = self._stack.local.kafka
        if kafka is None:
            raise InjectionError("the stack has no broker of its own to kill")
        self._diary.say("fault: SIGKILL to the broker")
        injected = time.monotonic()
        self.broker_kills += 1
        pid = kafka.process.pid
        await asyncio.to_thread(kafka.kill)
        await self._until(
            lambda: kafka.process.pid != pid and kafka.running and port_is_taken(kafka.port),
            "the broker did not come back",
        )
        listening = time.monotonic()
        await self._note(Fault("broker_kill", "kafka", injected, listening, listening))

    async def _replaced(self, service: Service, before: int) -> None:
        """Wait for the supervisor to have started it again, and for it to be ready."""
        await self._until(
            lambda: service.child.pid != before and service.child.running,
            f"{service.name} was not started again",
        )
        deadline = time.monotonic() + self._patience
        while not await asyncio.to_thread(service.is_ready):
            if time.monotonic() > deadline:
                self._missed(f"{service.name} did not become ready again")
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _note(self, fault: Fault) -> None:
        """Remember the fault, and wait until every partition has had a checkpoint after it.

        A partition that never has one makes ``recovery_seconds`` None, an aim that is not met.
        """
        self.faults.append(fault)
        deadline = time.monotonic() + self._patience
        while not await self._watch.wait_all(fault.over, seconds=1.0):
            if time.monotonic() > deadline:
                had = sorted(self._watch.since(fault.over))
                self._missed(f"after {fault.kind} of {fault.target} only {had} had a checkpoint")
                return
            await self._knock()
        seconds = time.monotonic() - fault.injected
        self._diary.say(f"every partition has a checkpoint again, {seconds:.1f} s after")

    async def _until(self, true: Callable[[], bool], otherwise: str) -> bool:
        """Wait for it; False, and said, when it has not come true in time."""
        deadline = time.monotonic() + self._patience
        while not true():
            if time.monotonic() > deadline:
                self._missed(otherwise)
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    def _missed(self, what: str) -> None:
        self.overdue += 1
        self._diary.say(f"OVERDUE: {what} within {self._patience:.0f} s")


def _stopped(pid: int) -> bool:
    """Whether the process is stopped by a signal (proc(5), state T)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "T"


def _says(log: Path, since: int, words: tuple[str, ...]) -> bool:
    """Whether the log holds one of the words after byte ``since``."""
    with log.open("rb") as file:
        file.seek(since)
        text = file.read().decode("utf-8", errors="replace")
    return any(word in text for word in words)
