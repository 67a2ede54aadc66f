"""One partition of the input log: which record comes next, and what became of it.

No I/O and no ``await`` here: a record is taken whole or the process ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from crc32c import crc32c

from services.ews.core.api import (
    Batch,
    PartitionCore,
    UndigestibleError,
    UnknownProfileError,
)
from services.ews.deadletters import REPLAY_HEADER, DeadLetter, pupils_of
from services.ews.errors import GapError, PoisonedError


@dataclass(slots=True)
class Record:
    """One record of the input log, as the broker gave it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp: float = 0.0
    """Unix seconds at which the broker or its producer stamped it."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a partition has come: exactly what its checkpoint row says."""

    next_offset: int
    previous_crc: int = 0
    rebuild_until: int = 0
    undigested_in_a_row: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that one transaction makes visible."""

    position: Position
    batch: Batch
    letters: list[DeadLetter]
    facts: int
    oldest_timestamp: float


@dataclass(slots=True)
class Events:
    """What the shell wants to be told of, synchronously and without blocking."""

    hold: Callable[[int, UnknownProfileError], None]
    release: Callable[[int], None]
    suspicious: Callable[[int], None]
    rejected: Callable[[int, str], None]


def record_crc(key: bytes | None, value: bytes | None) -> int:
    """CRC-32C of a record: its key, then its value."""
    return int(crc32c(value or b"", crc32c(key or b"")))


@dataclass(slots=True)
class PartitionRunner:
    """Feeds one core with the records of one partition, each once and in order."""

    partition: int
    core: PartitionCore
    committed: Position
    events: Events
    max_undigested_in_a_row: int = 100

    expected: int = field(init=False)
    """The offset of the next record to come from the log."""
    applied: int = field(init=False)
    """The offset after the last record that the core has seen."""
    dirty: bool = field(init=False, default=False)
    """Something has happened that no checkpoint holds."""
    closed: bool = field(init=False, default=False)
    """Revoked: whatever still arrives is another worker's."""
    waiting_for: UnknownProfileError | None = field(init=False, default=None)
    duplicates: int = field(init=False, default=0)
    facts: int = field(init=False, default=0)
    """Applied since the last snapshot."""

    _held: deque[Record] | None = field(init=False, default=None)
    suspicious: bool = field(init=False, default=False)
    """Old offsets came again: nothing is applied until the log is verified."""
    _streak: int = field(init=False)
    _rebuild_until: int = field(init=False)
    _last: tuple[bytes | None, bytes | None] | None = field(init=False, default=None)
    _letters: list[DeadLetter] = field(init=False, default_factory=list)
    _recent: dict[int, tuple[bytes | None, bytes]] = field(init=False, default_factory=dict)
    _oldest_timestamp: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        """Stand where the checkpoint row says."""
        self.expected = self.applied = self.committed.next_offset
        self._streak = self.committed.undigested_in_a_row
        self._rebuild_until = self.committed.rebuild_until
        if self._rebuild_until:
            self._maybe_rebuilt()

    @property
    def rebuilding(self) -> bool:
        """Whether nothing is published yet because old facts are still being read again."""
        return self._rebuild_until > 0

    @property
    def position(self) -> Position:
        """Where it stands now: what a checkpoint row would say."""
        crc = record_crc(*self._last) if self._last is not None else self.committed.previous_crc
        return Position(
            next_offset=self.applied,
            previous_crc=crc,
            rebuild_until=self._rebuild_until,
            undigested_in_a_row=self._streak,
        )

    @property
    def held(self) -> int:
        """Records that wait in memory for a profile or for the log to be verified."""
        return len(self._held) if self._held is not None else 0

    def feed(self, record: Record) -> None:
        """Take the next record of the log.

        A lower offset than expected is a duplicate and skipped, and the log is
        verified before anything else is applied. Raises GapError on a higher
        one, PoisonedError when too many in a row cannot be digested.
        """
        if self.closed:
            return
        offset = record.offset
        if offset != self.expected:
            if offset < self.expected:
                self.duplicates += 1
                self._suspect()
                return
            msg = (
                f"partition {self.partition}: expected the record at offset {self.expected}, "
                f"got {offset}; {offset - self.expected} record(s) never arrived"
            )
            raise GapError(msg)
        self.expected = offset + 1
        if self._held is not None:
            self._held.append(record)
            return
        if not self._apply(record):
            self._held = deque((record,))

    def profile_learned(self) -> None:
        """The content of a profile has come: try again what was held back."""
        if self.waiting_for is not None:
            self.waiting_for = None
            self._drain()

    def log_verified(self) -> None:
        """The log is still the one that the checkpoint row is about."""
        if self.suspicious:
            self.suspicious = False
            self._drain()

    def settle(self) -> bool:
        """Judge some of what was restored; False where nothing is left. Not while dirty."""
        more = self.core.settle()
        if self.core.wants_flush:
            # Another version has decided otherwise, and that is to be told.
            self.dirty = True
        return more

    def snapshot(self) -> Snapshot:
        """Collect what is due and start anew; whatever comes of it, it is handed out once."""
        batch = self.core.collect()
        for fold in batch.failed_folds:
            key, value = self._recent.get(fold.offset, (None, b""))
            self._letters.append(
                DeadLetter(
                    kind="fold",
                    reason=fold.reason,
                    offset=fold.offset,
                    key=key or fold.pupil_id,
                    value=value,
                    pupil_ids=(fold.pupil_id,),
                )
            )
        taken = Snapshot(
            position=self.position,
            batch=batch,
            letters=self._letters,
            facts=self.facts,
            oldest_timestamp=self._oldest_timestamp,
        )
        self._letters = []
        self._recent = {}
        self.facts = 0
        self.dirty = False
        self._oldest_timestamp = 0.0
        return taken

    def _apply(self, record: Record) -> bool:
        """Give one record to the core; False: it must wait for a profile."""
        offset, value = record.offset, record.value
        replay_of = replay_offset(record.headers) if record.headers else None
        try:
            # A record without value is no fact: as little as empty bytes are.
            self.core.apply(value or b"", offset, partition=self.partition, replay_of=replay_of)
        except UnknownProfileError as error:
            self.waiting_for = error
            self.events.hold(self.partition, error)
            return False
        except UndigestibleError as error:
            self._reject(record, replay_of, error)
        except Exception as error:  # noqa: BLE001 - a fault of the core's stops nobody (design D3)
            # Only its type: an exception's text may hold what the fact says about a pupil.
            self._reject(record, replay_of, UndigestibleError("core", type(error).__name__))
        else:
            self._streak = 0
            if value is not None:
                self._recent[offset] = (record.key, value)
        self.applied = offset + 1
        self.facts += 1
        self._last = (record.key, value)
        if not self.dirty:
            self.dirty = True
            self._oldest_timestamp = record.timestamp
        if self._rebuild_until:
            self._maybe_rebuilt()
        return True

    def _reject(self, record: Record, replay_of: int | None, error: UndigestibleError) -> None:
        self._streak += 1
        if self._streak > self.max_undigested_in_a_row:
            msg = (
                f"partition {self.partition}: {self._streak} facts in a row up to offset "
                f"{record.offset} could not be digested, the last because of {error.reason!r}; "
                "that is a fault of this version or of a source, not of single facts"
            )
            raise PoisonedError(msg)
        # A replay that fails again is still about the fact that first failed.
        origin = record.offset if replay_of is None else replay_of
        pupils = error.pupil_ids or pupils_of(record.value or b"")
        self.core.mark_undigested(pupils, origin)
        self._letters.append(
            DeadLetter(
                kind="fact",
                reason=error.reason,
                detail=error.detail,
                offset=origin,
                key=record.key,
                value=record.value or b"",
                pupil_ids=pupils,
            )
        )
        self.events.rejected(self.partition, error.reason)

    def _suspect(self) -> None:
        """Whoever sends old offsets may have another log: apply nothing until it is verified."""
        if not self.suspicious:
            self.suspicious = True
            if self._held is None:
                self._held = deque()
            self.events.suspicious(self.partition)

    def _drain(self) -> None:
        held = self._held
        if held is None or self.suspicious or self.waiting_for is not None:
            return
        while held:
            if not self._apply(held[0]):
                return
            held.popleft()
        self._held = None
        self.events.release(self.partition)

    def _maybe_rebuilt(self) -> None:
        if self.applied >= self._rebuild_until:
            self._rebuild_until = 0
            self.core.end_rebuild()
            self.dirty = True


def replay_offset(headers: Sequence[tuple[str, bytes]]) -> int | None:
    """The offset of the dead letter that a record restates, or None."""
    for name, value in headers:
        if name == REPLAY_HEADER and value.isdigit():
            return int(value)
    return None
