"""The broker's process as others see it while it is started again."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from deploy.local import jars, kafka
from deploy.local.kafka import KafkaServer
from deploy.local.process import LocalStackError


class SlowChild:
    """A process that takes its time to start."""

    pids = iter(range(100, 200))
    starting = threading.Event()
    go_on = threading.Event()

    def __init__(self, *_: Any, **__: Any) -> None:
        self._pid: int | None = None

    @property
    def pid(self) -> int:
        if self._pid is None:
            raise LocalStackError("Kafka has not been started.")
        return self._pid

    def start(self) -> None:
        self.starting.set()
        assert self.go_on.wait(10)
        self._pid = next(self.pids)


def test_a_broker_that_is_being_started_again_is_the_one_that_ended_until_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "Child", SlowChild)
    monkeypatch.setattr(jars, "ensure", lambda **_: tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meta.properties").touch()
    server = KafkaServer(tmp_path, port=1)
    SlowChild.go_on.set()
    server.launch()
    before = server.process.pid
    SlowChild.go_on.clear()
    SlowChild.starting.clear()
    again = threading.Thread(target=server.launch)
    again.start()
    try:
        assert SlowChild.starting.wait(10)
        # The one who killed it looks for the new one just now.
        assert server.process.pid == before
    finally:
        SlowChild.go_on.set()
        again.join()
    assert server.process.pid == before + 1
