"""One readable line on standard error for each thing that happens, with the time."""

from __future__ import annotations

import sys
import time


class Diary:
    """Counts seconds from its making."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """Write one line."""
        seconds = time.monotonic() - self._began
        print(f"[{seconds:6.1f} s] {text}", file=sys.stderr, flush=True)
