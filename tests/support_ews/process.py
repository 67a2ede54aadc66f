"""One worker process of a fault test."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


class Worker:
    """One worker process; its log goes to a file."""

    def __init__(
        self, log: Path, env: dict[str, str], module: str = "tests.support_ews.worker"
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=_ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = 40) -> int:
        return self.process.wait(seconds)

    def end(self) -> None:
        if self.running:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(10)

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines() if line.startswith("{")]

    def says(self, words: str) -> bool:
        return words in self.text()

    def last_words(self) -> str:
        """Why it ended, as it said itself."""
        ends = [line for line in self.lines() if line.get("event") == "the worker ends"]
        return ends[-1]["reason"] if ends else ""

    def stopped_by_signal(self) -> bool:
        """Whether the process stands still (SIGSTOP)."""
        state = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        return state.rsplit(")", 1)[1].split()[0] == "T"
