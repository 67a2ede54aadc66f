"""A folder with facts.jsonl as a source: sorted by home into files, then read home by home."""

from __future__ import annotations

import marshal
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.ews.whatif.errors import WhatIfError
from services.ews.whatif.homes import Home, Numbered, Router, named
from services.ews.whatif.lines import LineError, Statement, parse
from services.ews.whatif.source import BadLine, Fact, Unit

FILE = "facts.jsonl"
_HELD_LINES = 20_000
"""So many sorted lines are held before they go to the disk."""


class Folder:
    """Implements :class:`services.ews.whatif.source.Source`. A part is a home."""

    has_waves = False

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self.title = str(self._file)
        self.bad_lines: list[BadLine] = []
        self.lines = 0
        self._router = Router()
        self._homes: list[str] = []
        self._sorted = Path()
        self._pupils: dict[bytes, str] = {}
        self._units: dict[bytes, str] = {}
        if not folder.is_dir():
            raise WhatIfError(f"{folder}: there is no such folder")
        if not self._file.is_file():
            raise WhatIfError(f"{folder}: there is no {FILE} in this folder")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[list[int]]:
        with tempfile.TemporaryDirectory(prefix="forvarning-replay-") as sorted_here:
            self._sorted = Path(sorted_here)
            self._sort()
            if not self._homes:
                raise WhatIfError(f"{self._file}: no line can be used{self._first_bad()}")
            self._units = {named("unit", unit): unit for unit in self._router.units}
            yield list(range(len(self._homes)))

    async def facts(self, part: int) -> AsyncIterator[Fact]:
        home = Home(self._homes[part])
        home.survey(self._statements(part))
        self._pupils = home.pupils()
        values = home.facts(self._statements(part), self._router.days)
        for offset, value in enumerate(values):
            yield Fact(offset, value)

    def pupil(self, pupil_id: bytes) -> str:
        return self._pupils[pupil_id]

    def unit(self, unit_id: bytes) -> Unit:
        return Unit(self._units.get(unit_id, unit_id.hex()))

    def _sort(self) -> None:
        """Each usable line into its home's file, with its number."""
        place: dict[str, int] = {}
        held: dict[int, list[bytes]] = defaultdict(list)
        with self._file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                self.lines += 1
                try:
                    said = parse(line)
                except LineError as error:
                    self.bad_lines.append(BadLine(number, error.field, error.reason))
                    continue
                part = place.setdefault(self._router.home(said), len(place))
                held[part].append(marshal.dumps((number, *said)))
                if self.lines % _HELD_LINES == 0:
                    self._spill(held)
        self._spill(held)
        self._homes = list(place)

    def _spill(self, held: dict[int, list[bytes]]) -> None:
        for part, lines in held.items():
            with (self._sorted / str(part)).open("ab") as file:
                file.writelines(lines)
        held.clear()

    def _statements(self, part: int) -> Iterator[Numbered]:
        with (self._sorted / str(part)).open("rb") as file:
            while file.peek(1):
                number, *fields = marshal.load(file)  # noqa: S302 - this process wrote it
                yield number, Statement(*fields)

    def _first_bad(self) -> str:
        return f" ({self.bad_lines[0]})" if self.bad_lines else "; it is empty"
