"""What the launcher shows: a line for each step, a bar for what it downloads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn


class Screen:
    """Writes to standard output; plain lines where that is no terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)

    def line(self, text: str = "") -> None:
        """One line."""
        self._console.print(text, markup=False)

    def heading(self, text: str) -> None:
        """One line that stands out."""
        self._console.print(text, style="bold", markup=False)

    def warn(self, text: str) -> None:
        """One line that somebody should read."""
        self._console.print(text, style="yellow", markup=False)

    def error(self, text: str) -> None:
        """Why it cannot go on."""
        self._console.print(text, style="red", markup=False)

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """Time a step; the body may call what it is given with a word about the result."""
        began = time.monotonic()
        results: list[str] = []
        yield results.append
        seconds = time.monotonic() - began
        self.line(f"  {name:<14} {seconds:5.1f} s  {results[-1] if results else 'ready'}")

    @contextmanager
    def download(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """A bar that appears with the first byte; call with (bytes so far, bytes in all)."""
        bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=self._console,
            transient=True,
        )
        task = bar.add_task(what, total=None, start=False)

        def show(done: int, total: int) -> None:
            if not bar.live.is_started:
                if not self._console.is_terminal:
                    self.line(f"  fetching {what}: {total / 1e6:.0f} MB …")
                bar.start()
                bar.start_task(task)
            bar.update(task, completed=done, total=total)

        try:
            yield show
        finally:
            bar.stop()
