"""Which port each part of the local stack listens on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from deploy.local.process import LocalStackError, free_port, port_is_taken

#: Tried first; on a machine where one is taken a free one is used, and the launcher says so.
PREFERRED: Mapping[str, int] = {
    "web": 8080,
    "ingest": 8081,
    "notify": 8082,
    "ews-1": 8083,
    "mail": 8025,
    "smtp": 8026,
    "postgres": 15432,
    "kafka": 19092,
}


class PortTakenError(LocalStackError):
    """A port that was asked for by number is not free."""


class Ports:
    """Hands out ports: the one asked for, last time's, the preferred, or any free one.

    Addresses thus stay the same from start to start wherever possible.
    """

    def __init__(self, memory: Path, asked: Mapping[str, int]) -> None:
        self._memory = memory
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
            if port_is_taken(port) or port in self._given.values():
                raise PortTakenError(
                    f"Port {port}, asked for {name}, is taken by another program. Stop that one, "
                    f"choose another with --port {name}=NUMBER, or leave it out for a free one."
                )
        else:
            port = self._choose(name)
        self._given[name] = port
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        self._memory.write_text(json.dumps(self._given, indent=1), encoding="utf-8")
        return port

    def claim_asked(self) -> None:
        """Check every port that was asked for, before anything is started."""
        for name in self._asked:
            self.get(name)

    def _choose(self, name: str) -> int:
        expected = self._before.get(name) or PREFERRED.get(name)
        if expected is not None:
            if expected not in self._given.values() and not port_is_taken(expected):
                return expected
            port = self._free()
            self.remarks.append(f"Port {expected} is taken, so {name} is on {port}.")
            return port
        return self._free()

    def _free(self) -> int:
        spoken_for = {*self._given.values(), *self._asked.values(), *PREFERRED.values()}
        while (port := free_port()) in spoken_for:
            pass
        return port


def _read(memory: Path) -> dict[str, int]:
    try:
        found = json.loads(memory.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return {str(name): int(port) for name, port in found.items()}
