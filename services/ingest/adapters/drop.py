"""A folder into which somebody's script puts CSV files.

A file that has not changed for a while is imported and moved: to ``done`` when
every row of it is in, to ``rejected`` with a report beside it when one is not
(the good rows are in all the same, and a mended file may be dropped again).
A file that ingest does not take now stays where it is until it does.

The same content again is known by its SHA-256: it is not sent, and says nothing
newer than it said the first time.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.ingest.adapters.csv_file import UnreadableFileError, read_csv
from services.ingest.adapters.mapping import Mapping
from services.ingest.adapters.report import Finding, write_report
from services.ingest.errors import DeliveryRefusedError
from services.ingest.imports import Outcome, Sender, deliver

SUFFIXES = (".csv", ".txt")
_LEDGER = "ledger.jsonl"


class FolderTakenError(Exception):
    """Another process watches the folder."""


@dataclass(frozen=True, slots=True)
class Handled:
    """One file that was looked at."""

    name: str
    state: str
    """"done", "rejected", "known" (the same content was done before) or "waiting"."""
    detail: dict[str, Any]


class DropFolder:
    """``folder`` with its ``done`` and ``rejected`` folders, which it makes."""

    def __init__(
        self,
        folder: Path,
        mapping: Mapping,
        *,
        now: Callable[[], datetime],
        settle_seconds: float = 10.0,
    ) -> None:
        self._folder = folder
        self._mapping = mapping
        self._now = now
        self._settle = settle_seconds
        self._done = folder / "done"
        self._rejected = folder / "rejected"
        for made in (self._done, self._rejected):
            made.mkdir(exist_ok=True)
        self._known: dict[str, str] = {}
        ledger = self._done / _LEDGER
        for line in ledger.read_text("utf-8").splitlines() if ledger.exists() else []:
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # the last line of a process that was killed: its file is sent again
            self._known[entry["sha256"]] = entry["name"]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder; raises :class:`FolderTakenError` where another process does."""
        with (self._done / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise FolderTakenError(f"{self._folder} is watched by another process") from error
            yield

    def waiting(self) -> list[Path]:
        """The files there, oldest first."""
        files = [
            path
            for path in self._folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        ]
        return sorted(files, key=lambda path: (path.stat().st_mtime, path.name))

    def round(self, sender: Sender) -> Iterator[Handled]:
        """Import every file that is whole. Stops at the first that cannot be sent now: a later
        file must not overtake it.
        """
        for path in self.waiting():
            if self._now().timestamp() - path.stat().st_mtime < self._settle:
                continue  # it may still be written to
            handled = self._take(path, sender)
            yield handled
            if handled.state == "waiting":
                return

    def _take(self, path: Path, sender: Sender) -> Handled:
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest in self._known:
            self._move(path, self._done, digest)
            return Handled(path.name, "known", {"same_as": self._known[digest]})
        modified = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
        try:
            outcome = deliver(read_csv(content, self._mapping, modified), sender)
        except UnreadableFileError as error:
            refusal = [Finding(0, "", "rejected", "unreadable_file", str(error))]
            self._reject(path, digest, refusal)
            return Handled(path.name, "rejected", {"problem": str(error)})
        except DeliveryRefusedError as error:
            return Handled(path.name, "waiting", {"problem": str(error)})
        return self._finish(path, digest, outcome)

    def _finish(self, path: Path, digest: str, outcome: Outcome) -> Handled:
        if not outcome.clean:
            self._reject(path, digest, outcome.findings)
            return Handled(path.name, "rejected", outcome.counts)
        with (self._done / _LEDGER).open("a", encoding="utf-8") as ledger:
            entry = {"sha256": digest, "name": path.name, "at": self._now().isoformat()}
            # The line end goes first: the line before may have been cut off.
            ledger.write("\n" + json.dumps(entry))
        self._known[digest] = path.name
        moved = self._move(path, self._done, digest)
        if outcome.findings:
            write_report(moved.with_name(moved.name + ".report.csv"), outcome.findings)
        return Handled(path.name, "done", outcome.counts)

    def _reject(self, path: Path, digest: str, findings: list[Finding]) -> None:
        # The report first: a file in rejected/ always has one.
        target = self._free(self._rejected, path.name, digest)
        write_report(target.with_name(target.name + ".report.csv"), findings)
        path.replace(target)

    def _move(self, path: Path, folder: Path, digest: str) -> Path:
        target = self._free(folder, path.name, digest)
        path.replace(target)
        return target

    @staticmethod
    def _free(folder: Path, name: str, digest: str) -> Path:
        """A place where no other file lies; a script may give every day's file the same name."""
        target = folder / name
        number = 1
        while target.exists():
            target = folder / f"{Path(name).stem}.{digest[:8]}-{number}{Path(name).suffix}"
            number += 1
        return target
