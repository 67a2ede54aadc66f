"""Which process of the stack took how much CPU time, by proc(5); nothing where there is none."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")


class Times(NamedTuple):
    """One process: its parent, its own seconds, and those of its children that have ended."""

    parent: int
    own: float
    ended: float


def times(proc: Path = _PROC) -> dict[int, Times]:
    """Every process that runs now."""
    ticks = os.sysconf("SC_CLK_TCK")
    found: dict[int, Times] = {}
    for stat in proc.glob("[0-9]*/stat"):
        try:
            # The name may hold spaces and brackets: the fields follow its last one.
            fields = stat.read_text("ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        own, ended = (sum(map(int, fields[i : i + 2])) / ticks for i in (11, 13))
        found[int(stat.parent.name)] = Times(int(fields[1]), own, ended)
    return found


def of_trees(roots: Iterable[int], seen: Mapping[int, Times]) -> dict[int, float]:
    """The seconds of each root with its descendants, down to those that are roots themselves."""
    roots = set(roots)
    children: dict[int, list[int]] = defaultdict(list)
    for pid, process in seen.items():
        children[process.parent].append(pid)
    totals: dict[int, float] = {}
    for root in roots:
        total, waiting = 0.0, [root]
        while waiting:
            pid = waiting.pop()
            if pid in seen:
                total += seen[pid].own + seen[pid].ended
                waiting += (child for child in children[pid] if child not in roots)
        totals[root] = total
    return totals


class CpuMeter:
    """Adds up CPU seconds by name, through restarts: what a process took before its last look
    is kept. Look at least as often as seconds matter."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, int], float] = {}
        self._first: dict[tuple[str, int], float] = {}
        self._met = False

    def look(self, roots: Mapping[str, int], seen: Mapping[int, Times]) -> None:
        """``roots`` are the processes that run under the names now."""
        now = of_trees(roots.values(), seen)
        for name, pid in roots.items():
            key = (name, pid)
            if pid not in seen:
                continue
            # One that started after the first look counts from its beginning.
            self._first.setdefault(key, 0.0 if self._met else now[pid])
            self._last[key] = now[pid]
        self._met = True

    def seconds(self) -> dict[str, float]:
        """Since the first look, the most first."""
        totals: dict[str, float] = defaultdict(float)
        for key, last in self._last.items():
            totals[key[0]] += last - self._first[key]
        return dict(sorted(totals.items(), key=lambda entry: -entry[1]))
