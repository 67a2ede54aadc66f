"""`python -m deploy.check.worker --freeze-when FILE`: an EWS worker that can be frozen on cue.

The very worker that `python -m services.ews` runs, with the hook that the
fault tests use too. When FILE exists, the worker stops itself (SIGSTOP) at the
step of its next checkpoint transaction that FILE names, so that it is really
inside a transaction; FILE is renamed to FILE.done first.
"""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path

from deploy.check.schedule import INSIDE
from services.common.settings import EwsSettings
from services.ews.app import run
from services.ews.core.core import Core
from services.ews.hooks import Step


class FreezeOnCue:
    """Stops this process inside a transaction when asked to by a file."""

    def __init__(self, cue: Path) -> None:
        self._cue = cue

    async def reached(self, step: Step, partition: int) -> None:
        """Freeze where the cue names this step."""
        if step not in INSIDE or partition < 0:
            return
        try:
            wanted = self._cue.read_text("ascii")
        except FileNotFoundError:
            return
        if wanted == step:
            self._cue.rename(done(self._cue))
            os.kill(os.getpid(), signal.SIGSTOP)


def done(cue: Path) -> Path:
    """Where a cue is found once it has been taken."""
    return cue.with_name(cue.name + ".done")


def main() -> None:
    """Run the worker."""
    parser = argparse.ArgumentParser(description="An EWS worker that can be frozen on cue.")
    parser.add_argument("--freeze-when", type=Path, required=True)
    run(EwsSettings(), Core, hook=FreezeOnCue(parser.parse_args().freeze_when))


if __name__ == "__main__":
    main()
