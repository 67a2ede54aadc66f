"""The worker that freezes on cue: the hook, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.check.inject import _stopped
from deploy.check.worker import FreezeOnCue, done

_PROGRAM = """
import asyncio, sys
from pathlib import Path
from deploy.check.worker import FreezeOnCue
hook = FreezeOnCue(Path(sys.argv[1]))
async def main():
    for step in ("snapshot", "begun", "sent", "delivered", "offsets", "committed"):
        await hook.reached(step, 3)
        print(step, flush=True)
asyncio.run(main())
"""


def _wait(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_stops_at_the_step_that_the_cue_names_and_goes_on_when_resumed(tmp_path: Path) -> None:
    cue = tmp_path / "freeze"
    cue.write_text("delivered", "ascii")
    child = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(cue)], stdout=subprocess.PIPE, text=True
    )
    try:
        _wait(lambda: _stopped(child.pid))
        assert done(cue).exists()
        assert not cue.exists()
        os.kill(child.pid, signal.SIGCONT)
        said, _ = child.communicate(timeout=20)
    finally:
        child.kill()
        child.wait()
    assert said.split() == ["snapshot", "begun", "sent", "delivered", "offsets", "committed"]


def test_without_a_cue_or_outside_a_transaction_it_does_nothing(tmp_path: Path) -> None:
    cue = tmp_path / "freeze"
    hook = FreezeOnCue(cue)
    asyncio.run(hook.reached("sent", 0))
    cue.write_text("assigned", "ascii")
    asyncio.run(hook.reached("assigned", -1))
    asyncio.run(hook.reached("committed", 0))
    assert cue.exists()
