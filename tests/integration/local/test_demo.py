"""`forvarning up --demo`, whole: lessons become warnings, cases and mail, and go on after a kill.

What a newcomer is promised, with the real services. Nothing may be sent twice because the launcher
was ended by SIGKILL in between (design D9).
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.local import demo
from deploy.local.process import identity
from services.common.clock import FileClock
from tests.support.fake_up import ROOT

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

_PATIENCE = 240.0


class Demo:
    """The command in a process of its own."""

    def __init__(self, data: Path, output: Path) -> None:
        self.data = data
        self._output = output
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.cli", "up", "--demo", "--data", str(data)],
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
            )

    @property
    def text(self) -> str:
        return self._output.read_text("utf-8")

    def ready(self) -> None:
        self.until(lambda: "Ctrl-C stops everything" in self.text)

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.25)

    def address(self, label: str) -> str:
        found = re.search(rf"{label}\s+(http://127\.0\.0\.1:\d+)", self.text)
        assert found is not None, self.text
        return found[1]

    def counts(self) -> list[int]:
        """Lessons, warnings, cases and messages, as the page shows them."""
        page = get(f"{self.address('Watch it happen:')}/demo")
        shown = re.findall(r'class="flow-n">([^<]+)<', page)
        return [int(number) if number.isdigit() else 0 for number in shown]

    def mails(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            get(f"{self.address('Mail it would send:')}/messages")
        )
        return found

    def clock(self) -> datetime:
        return FileClock(self.data / "clock.json").now()

    def pids(self) -> list[int]:
        book = json.loads((self.data / "run" / "processes.json").read_text("utf-8"))
        return [row["pid"] for row in book]


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - loopback
        content: bytes = answer.read()
    return content.decode("utf-8")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Demo]]:
    runs: list[Demo] = []

    def go() -> Demo:
        runs.append(Demo(tmp_path / "demo", tmp_path / f"output-{len(runs)}"))
        return runs[-1]

    yield go
    for run in runs:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGTERM)
            run.process.wait(120)


def test_the_demo_shows_the_whole_chain_and_goes_on_after_a_kill(
    start: Callable[[], Demo],
) -> None:
    first = start()
    first.ready()
    assert first.clock() >= demo.BEGIN
    assert all(login in first.text for login, _ in demo.LOGINS)
    first.until(lambda: min(first.counts()[:3]) > 0)
    first.until(lambda: len(first.mails()) > 0)
    sent = {mail["message_id"] for mail in first.mails()}
    reached, pids = first.clock(), first.pids()
    warnings, cases = first.counts()[1:3]
    first.process.send_signal(signal.SIGKILL)
    first.process.wait(10)

    again = start()
    again.ready()
    assert all(identity(pid) is None for pid in pids)
    assert again.clock() >= reached
    again.until(lambda: again.counts()[2] >= cases and again.counts()[1] > 0)
    assert again.counts()[1] >= warnings * 0.9
    # What would be sent again comes at once; after it come those that are new.
    again.until(lambda: len(again.mails()) > len(sent))
    again.until(lambda: again.clock().timestamp() - reached.timestamp() > 20 * 60)
    ids = [mail["message_id"] for mail in again.mails()]
    assert sent <= set(ids)
    assert len(ids) == len(set(ids))
    again.process.send_signal(signal.SIGINT)
    assert again.process.wait(120) == 0
    assert "did not stop in time" not in again.text
