"""The last line of every measuring command: one JSON object (design section 5)."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

Op = Literal["<=", ">=", "=="]

_GIB = 1024**3
# What the figures depend on beside our own code.
_PACKAGES = ("faust-streaming", "aiokafka", "protobuf", "numpy", "asyncpg", "fastapi")


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure should be. ``name`` is the figure's name."""

    name: str
    op: Op
    aim: float

    def met(self, value: float | None) -> bool:
        """Whether ``value`` fulfils it; a figure that could not be taken never does."""
        if value is None or math.isnan(value):
            return False
        if self.op == "<=":
            return value <= self.aim
        if self.op == ">=":
            return value >= self.aim
        return value == self.aim


def result(
    command: str,
    figures: Mapping[str, float | None],
    aims: Sequence[Aim],
    *,
    versions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The object; an aim whose figure is missing or not a number stands there as not met.

    Raises ValueError where a figure is infinite: JSON has no such number.
    """
    if endless := [name for name, value in figures.items() if value and math.isinf(value)]:
        raise ValueError(f"figures {endless} are infinite")
    rounded = {name: _rounded(value) for name, value in figures.items()}
    return {
        "command": command,
        "machine": machine(),
        "versions": own_versions() | dict(versions or {}),
        "figures": {name: value for name, value in rounded.items() if value is not None},
        "aims": [
            {
                "name": aim.name,
                "value": rounded.get(aim.name),
                "op": aim.op,
                "aim": aim.aim,
                "met": aim.met(figures.get(aim.name)),
            }
            for aim in aims
        ],
    }


def print_result(
    command: str,
    figures: Mapping[str, float | None],
    aims: Sequence[Aim],
    *,
    versions: Mapping[str, str] | None = None,
) -> bool:
    """Print the object as one line on standard output; True when every aim is met."""
    answer = result(command, figures, aims, versions=versions)
    print(json.dumps(answer, ensure_ascii=False, allow_nan=False), flush=True)
    return all(aim["met"] for aim in answer["aims"])


def machine() -> dict[str, str | int | float]:
    """What it ran on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cpu": _cpu(), "cores": cores or 1, "memory_gib": round(memory / _GIB, 1)}


def own_versions() -> dict[str, str]:
    """Python's version and those of the packages that the figures depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpu(info: Path = Path("/proc/cpuinfo")) -> str:
    try:
        for line in info.read_text("utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _rounded(value: float | None) -> float | None:
    if value is None or math.isnan(value):
        return None
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, int) else round(value, 6)
