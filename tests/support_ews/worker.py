"""`python -m tests.support_ews.worker`: the real worker with faults planted from outside.

``EWS_TEST`` holds JSON: prefix, core ("counting" or "real"), core_faults, and
plan: a list of {step, nth, action} with action exit, kill, stop, fail or sleep.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from prometheus_client import generate_latest

from services.common.settings import EwsSettings
from services.ews import app, faust_app
from services.ews.core.api import PartitionCore
from services.ews.hooks import Step
from services.ews.topology import Topology
from tests.support_ews.counting import CountingCore, Faults


class PlannedHook:
    """Does what the plan says when a step is reached for the nth time."""

    def __init__(self, plan: list[dict[str, Any]]) -> None:
        self._plan = plan
        self._seen: dict[str, int] = {}

    async def reached(self, step: Step, partition: int) -> None:
        self._seen[step] = self._seen.get(step, 0) + 1
        for entry in self._plan:
            if entry["step"] == step and entry["nth"] == self._seen[step]:
                print(f"PLANNED {entry['action']} at {step} of {partition}", file=sys.stderr)
                sys.stderr.flush()
                match entry["action"]:
                    case "exit":
                        os._exit(99)
                    case "kill":
                        os.kill(os.getpid(), signal.SIGKILL)
                    case "stop":
                        os.kill(os.getpid(), signal.SIGSTOP)
                    case "fail":
                        raise RuntimeError("planted failure")
                    case "sleep":
                        await asyncio.sleep(entry["seconds"])
                    case other:
                        raise AssertionError(other)


def _drop_one(offset: int) -> None:
    """Lose one run of records between the consumer and the agent, as Faust has been seen to do."""
    original = faust_app.EwsConsumer._message_of
    lost: list[int] = []

    def message_of(self: Any, tp: Any, some: Any) -> Any:
        message = original(self, tp, some)
        if some[0].offset <= offset <= some[-1].offset and not lost:
            lost.append(offset)
            message.generation_id = -1  # Faust skips messages of another generation in silence
        return message

    # Short runs, so that there is one after it.
    setattr(faust_app, "RUN", 5)  # noqa: B010 - mypy knows no other way
    setattr(faust_app.EwsConsumer, "_message_of", message_of)  # noqa: B010 - mypy knows no other way


def _slowly(make: Callable[[], PartitionCore]) -> Callable[[], PartitionCore]:
    """Cores that take their time, so that a test meets them half-way."""
    setattr(faust_app, "RUN", 5)  # noqa: B010 - mypy knows no other way

    def made() -> PartitionCore:
        core = make()
        apply = core.apply

        def later(*args: Any, **kwargs: Any) -> None:
            time.sleep(0.02)
            apply(*args, **kwargs)

        setattr(core, "apply", later)  # noqa: B010 - mypy knows no other way
        return core

    return made


def _tell_on_request() -> None:
    """SIGUSR1: write what every thread and task is doing to the log."""

    def tell(*_: object) -> None:
        faulthandler.dump_traceback(all_threads=True)
        for task in asyncio.all_tasks(asyncio.get_running_loop()):
            task.print_stack(limit=4)
        sys.stderr.write(generate_latest().decode())
        sys.stderr.flush()

    signal.signal(signal.SIGUSR1, tell)


def main() -> None:
    _tell_on_request()
    wanted = json.loads(os.environ["EWS_TEST"])
    faults = Faults(**wanted.get("core_faults", {}))

    def counting() -> PartitionCore:
        return CountingCore(faults)

    def real() -> PartitionCore:
        from services.ews.core.core import Core  # noqa: PLC0415 - only where the test asks for it

        return Core()

    if "drop" in wanted:
        _drop_one(wanted["drop"])
    make = {"real": real, "counting": counting}[wanted.get("core", "counting")]
    app.run(
        EwsSettings(),
        _slowly(make) if wanted.get("slow") else make,
        topology=Topology().prefixed(wanted["prefix"]),
        hook=PlannedHook(wanted.get("plan", [])),
    )


if __name__ == "__main__":
    main()
