"""What ingest has acknowledged, one JSON object a line, on disk before the next batch.

Each line: ``kind`` (register, notice, roster), ``key`` (item id and modified
time), ``status`` (accepted, duplicate, refused), ``reason``, and what
identifies the item: ``activity``, ``start``, ``modified``, ``state`` and
``pupils`` of a register; ``notice`` and ``modified`` of a notice. ``problem``
says why something was refused. Test identities only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Line = dict[str, Any]


def read(path: Path) -> Iterator[Line]:
    """Every whole line; one that a crash cut off is not acknowledged and is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for raw in file:
            if raw.endswith(b"\n"):
                yield json.loads(raw)


class Ledger:
    """Appends lines; knows which items were acknowledged before, also by an earlier run."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file = None
        self.done: set[str] = set()
        if path is not None:
            kept = 0
            if path.exists():
                for line in read(path):
                    self.done.add(line["key"])
                data = path.read_bytes()
                kept = data.rfind(b"\n") + 1
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("r+b" if path.exists() else "w+b", buffering=0)
            self._file.truncate(kept)
            self._file.seek(kept)

    def write(self, lines: Iterable[Line]) -> None:
        """Remember the lines; they are with the operating system when this returns."""
        batch = list(lines)
        self.done.update(line["key"] for line in batch)
        if self._file is not None:
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in batch)
            self._file.write(text.encode())

    def close(self) -> None:
        """Close the file; what was written stays."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
