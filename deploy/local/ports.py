"""Which port each part of the local stack listens on."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from deploy.local.jars import default_cache
from deploy.local.process import LocalStackError, free_port, port_is_taken

#: Tried first; on a machine where one is taken a free one is used, and the launcher says so.
PREFERRED: Mapping[str, int] = {
    "web": 8080,
    "ingest": 8081,
    "notify": 8082,
    "ews-1": 8083,
    "waves": 8084,
    "mail": 8025,
    "smtp": 8026,
    "postgres": 15432,
    "kafka": 19092,
}


class PortTakenError(LocalStackError):
    """A port that was asked for by number is not free."""


class Ports:
    """Hands out ports: the one asked for, last time's, the preferred, or any free one.

    Addresses thus stay the same from start to start wherever possible. Each port is held by a lock
    until :meth:`close`, so that two launchers that start at the same moment never choose the same
    one; the kernel lets go when a launcher ends.
    """

    def __init__(
        self, memory: Path, asked: Mapping[str, int], *, locks: Path | None = None
    ) -> None:
        self._memory = memory
        self._locks = locks or default_cache() / "ports"
        self._held: list[IO[str]] = []
        self._asked = asked
        self._given: dict[str, int] = {}
        self._before = _read(memory)
        #: What to tell: one sentence for each port that is not the expected one.
        self.remarks: list[str] = []

    def get(self, name: str) -> int:
        """The port of one part; PortTakenError when it was asked for and is taken."""
        if name in self._given:
            return self._given[name]
        if name in self._asked:
            port = self._asked[name]
            if not self._take(port):
                raise PortTakenError(
                    f"Port {port}, asked for {name}, is taken by another program. Stop that one, "
                    f"choose another with --port {name}=NUMBER, or leave it out for a free one."
                )
        else:
            port = self._choose(name)
        self._given[name] = port
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        remembered = {**self._before, **self._given}
        self._memory.write_text(json.dumps(remembered, indent=1), encoding="utf-8")
        return port

    def close(self) -> None:
        """Let all ports go."""
        for lock in self._held:
            lock.close()
        self._held.clear()

    def claim_asked(self) -> None:
        """Check every port that was asked for, before anything is started."""
        for name in self._asked:
            self.get(name)

    def _choose(self, name: str) -> int:
        expected = self._before.get(name) or PREFERRED.get(name)
        if expected is not None:
            if self._take(expected):
                return expected
            port = self._free()
            self.remarks.append(f"Port {expected} is taken, so {name} is on {port}.")
            return port
        return self._free()

    def _free(self) -> int:
        spoken_for = {*self._asked.values(), *PREFERRED.values()}
        while True:
            port = free_port()
            if port not in spoken_for and self._take(port):
                return port

    def _take(self, port: int) -> bool:
        """Whether the port is now ours: nobody listens there, and no other launcher will."""
        if port_is_taken(port):
            return False
        self._locks.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (self._locks / str(port)).open("w", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._held.append(lock)
        return True


def _read(memory: Path) -> dict[str, int]:
    try:
        found = json.loads(memory.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return {str(name): int(port) for name, port in found.items()}
