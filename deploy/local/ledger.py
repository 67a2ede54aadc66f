"""Whose a data folder is: one launcher at a time, and no process of an earlier one left in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from deploy.local.process import Child, LocalStackError, identity

_PATIENCE_SECONDS = 20.0


class DataInUseError(LocalStackError):
    """Another launcher holds the data folder."""


class Ledger:
    """The claim on a data folder and the book of the processes that were started for it.

    The claim is a lock that the kernel lets go when its holder ends, however it ends. The book
    names each process by pid and by what no other process with that pid shares
    (:func:`deploy.local.process.identity`); only such a process is ever ended.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "run"
        self._book = self._folder / "processes.json"
        self._lock: IO[str] | None = None

    def claim(self) -> None:
        """Take the folder; DataInUseError names the launcher that has it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (self._folder / "lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise DataInUseError(
                f"{self._folder.parent} is in use by another `forvarning up` (pid {holder}). Stop "
                "that one, or choose another folder with --data DIR."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def release(self) -> None:
        """Let the folder go."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def record(self, children: Iterable[Child]) -> None:
        """Write down the running children, replacing what was there."""
        rows = [
            {
                "name": child.name,
                "pid": child.pid,
                "identity": child.identity,
                "stop_signal": int(child.stop_signal),
            }
            for child in children
            if child.running and child.identity
        ]
        new = self._book.with_suffix(".new")
        new.write_text(json.dumps(rows, indent=1), encoding="utf-8")
        new.replace(self._book)

    def end_leftovers(self, *, seconds: float = _PATIENCE_SECONDS) -> list[str]:
        """End what an earlier launcher left running; returns the names, empty as a rule.

        Each is asked to stop and ended by SIGKILL after ``seconds``.
        """
        try:
            rows = json.loads(self._book.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            # None, or cut off by a full disk: nothing in it can be proven to be ours.
            return []
        left = [row for row in rows if identity(row["pid"]) == row["identity"]]
        for row in left:
            _send(row["pid"], signal.SIGCONT)
            _send(row["pid"], row["stop_signal"])
        deadline = time.monotonic() + seconds
        waiting = left
        while waiting := [row for row in waiting if identity(row["pid"]) == row["identity"]]:
            if time.monotonic() > deadline:
                for row in waiting:
                    _send(row["pid"], signal.SIGKILL)
                deadline = time.monotonic() + seconds
            time.sleep(0.05)
        self._book.unlink()
        return [row["name"] for row in left]


def _send(pid: int, what: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, what)
