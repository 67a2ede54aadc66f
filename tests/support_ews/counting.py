"""A small deterministic core that counts absences: its truth is trivial to compute.

Per (pupil, lesson) the newest version wins. A pupil's level is the number of
absences divided by n; a warning row is published whenever the level changes.
Each absence day is a row too. It keeps every promise of services.ews.core.api.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError

from forvarning.facts.v1.facts_pb2 import Fact, Register
from services.ews.core.api import (
    Batch,
    FailedFold,
    PublishedError,
    Row,
    UndigestibleError,
    UnknownProfileError,
)

ABSENCES_A_LEVEL = 5
_ID = 16


def marks_of(register: Register) -> Iterable[tuple[bytes, bool]]:
    """Each pupil of a register and whether it marks an absence."""
    pupils = register.pupil_ids
    for index in range(len(pupils) // _ID):
        absent = register.valid_minutes[index] + register.invalid_minutes[index] > 0
        yield pupils[index * _ID : (index + 1) * _ID], absent


def version_of(register: Register) -> tuple[int, int, int]:
    version = register.version
    return version.priority, version.modified_unix_ms, version.sequence


@dataclass
class Pupil:
    """What the state row of a pupil holds."""

    lessons: dict[str, list[Any]] = field(default_factory=dict)
    """lesson id: [version, epoch day, absent]"""
    undigested: list[int] = field(default_factory=list)
    published: dict[str, Any] = field(default_factory=dict)
    """Not in the state row, which has its revision only."""
    days: dict[str, list[int]] = field(default_factory=dict)
    """epoch day: [revision, absences], as published"""
    failed: bool = False

    def counts(self) -> dict[str, int]:
        days: dict[str, int] = {}
        for _, day, absent in self.lessons.values():
            days[str(day)] = days.get(str(day), 0) + bool(absent)
        return days

    def outcome(self) -> dict[str, Any]:
        return {
            "level": sum(self.counts().values()) // ABSENCES_A_LEVEL,
            "incomplete": bool(self.undigested) or self.failed,
        }


def default_outcome() -> dict[str, Any]:
    return {"level": 0, "incomplete": False}


@dataclass
class Faults:
    """What the core gets wrong on purpose; read from the environment by the test's worker."""

    apply_at: Sequence[Sequence[int]] = ()
    """Raise an exception of its own on these (partition, offset)."""
    fold_pupils: Sequence[str] = ()
    """Raise when deciding about these pupils (hex)."""
    mended: bool = False
    """Digest what is otherwise undigestible: the next version of the core."""
    huge_row: bool = False
    """Hand out a row that no broker takes, so that its delivery fails."""


class CountingCore:
    """One partition's absences."""

    def __init__(self, faults: Faults | None = None) -> None:
        self._faults = faults or Faults()
        self._pupils: dict[bytes, Pupil] = {}
        self._touched: dict[bytes, int] = {}
        self._rebuilding = False
        self._revisions: dict[bytes, int] = {}
        """What the state rows say was published."""
        self._profiles: dict[tuple[str, int], bytes] = {}
        self.active: list[str] = []

    def restore(self, key: bytes, value: bytes) -> None:
        if key == b"active":
            self.active = json.loads(value)
        else:
            held = json.loads(value)
            self._revisions[key] = held.pop("revision")
            self._pupils[key] = Pupil(**held)

    def restore_published(self, key: bytes, value: bytes | None) -> None:
        published = json.loads(value or b"{}")
        pupil = self._pupils.setdefault(key, Pupil())
        if published.get("revision", 0) > pupil.published.get("revision", 0):
            pupil.published = published

    def check_published(self) -> None:
        wanted = {key: revision for key, revision in self._revisions.items() if revision}
        found = {key: pupil.published.get("revision", 0) for key, pupil in self._pupils.items()}
        if {key: revision for key, revision in found.items() if revision} != wanted:
            raise PublishedError("the revisions published are others")

    def restore_absence_day(self, key: bytes, value: bytes | None) -> None:
        pupil, _, day = key.decode().partition(":")
        days = self._pupils.setdefault(bytes.fromhex(pupil), Pupil()).days
        if value is None:
            days.pop(day, None)
        else:
            days[day] = json.loads(value)

    def restore_group_day(self, key: bytes, value: bytes | None) -> None:  # noqa: ARG002 - contract
        raise AssertionError("this core publishes no group days")

    def begin_rebuild(self) -> None:
        self._rebuilding = True

    def end_rebuild(self) -> None:
        self._rebuilding = False
        self._touched = dict.fromkeys(self._pupils, 0) | self._touched

    def learn_profile(self, profile_id: str, profile_version: int, content: bytes) -> None:
        self._profiles[profile_id, profile_version] = content

    def apply(
        self,
        value: bytes,
        offset: int,
        *,
        partition: int,
        replay_of: int | None = None,
    ) -> None:
        try:
            fact = Fact.FromString(value)
        except DecodeError as error:
            raise UndigestibleError("malformed", "no Fact") from error
        body = fact.WhichOneof("body")
        if body == "profile_activated":
            wanted = fact.profile_activated.profile_id, fact.profile_activated.profile_version
            if wanted not in self._profiles:
                raise UnknownProfileError(*wanted, fact.profile_activated.digest)
            self.active.append(f"{wanted[0]}@{wanted[1]}")
            return
        if body == "day_closed":
            return
        if body != "register":
            raise UndigestibleError("body", f"body {body} is unknown")
        register = fact.register
        marks = list(marks_of(register))
        if [partition, offset] in self._faults.apply_at:
            raise RuntimeError("planted")
        if register.subject == "undigestible" and not self._faults.mended:
            raise UndigestibleError("planted", "subject", [pupil for pupil, _ in marks])
        lesson, version = register.lesson_id.hex(), list(version_of(register))
        for pupil_id, absent in marks:
            pupil = self._pupils.setdefault(pupil_id, Pupil())
            known = pupil.lessons.get(lesson)
            if known is None or known[0] < version:
                pupil.lessons[lesson] = [version, register.epoch_day, absent]
            if replay_of is not None and replay_of in pupil.undigested:
                pupil.undigested.remove(replay_of)
            self._touched[pupil_id] = offset

    def mark_undigested(self, pupil_ids: Sequence[bytes], offset: int) -> None:
        for pupil_id in pupil_ids:
            pupil = self._pupils.setdefault(pupil_id, Pupil())
            if offset not in pupil.undigested:
                pupil.undigested.append(offset)
            self._touched[pupil_id] = offset

    @property
    def wants_flush(self) -> bool:
        return bool(self._touched) and not self._rebuilding

    def settle(self) -> bool:
        return False

    def collect(self) -> Batch:
        batch = Batch()
        if self.active:
            batch.state.append(Row(b"active", json.dumps(self.active).encode()))
        if self._faults.huge_row and self._touched:
            batch.state.append(Row(b"huge", b" " * 3_000_000))
        for pupil_id, offset in self._touched.items():
            pupil = self._pupils[pupil_id]
            if not self._rebuilding:
                try:
                    self._decide(pupil_id, pupil, batch)
                    pupil.failed = False
                except RuntimeError:
                    pupil.failed = True
                    batch.failed_folds.append(FailedFold(pupil_id, offset, "planted"))
            row = pupil.__dict__ | {"revision": pupil.published.get("revision", 0)}
            del row["published"]
            batch.state.append(Row(pupil_id, json.dumps(row).encode()))
        self._touched = {}
        return batch

    def _decide(self, pupil_id: bytes, pupil: Pupil, batch: Batch) -> None:
        if pupil_id.hex() in self._faults.fold_pupils:
            raise RuntimeError("planted")
        was_failed, pupil.failed = pupil.failed, False
        outcome = pupil.outcome()
        last = {name: pupil.published.get(name, value) for name, value in default_outcome().items()}
        if outcome != last or was_failed:
            pupil.published = outcome | {"revision": pupil.published.get("revision", 0) + 1}
            batch.warnings.append(Row(pupil_id, json.dumps(pupil.published).encode()))
        for day, count in pupil.counts().items():
            revision, published = pupil.days.get(day, [0, 0])
            if count != published:
                pupil.days[day] = [revision + 1, count]
                key = f"{pupil_id.hex()}:{day}".encode()
                batch.absence_days.append(Row(key, json.dumps(pupil.days[day]).encode()))


def truth(registers: Iterable[Register]) -> dict[bytes, dict[str, Any]]:
    """Each pupil's final outcome: newest version per (pupil, lesson), nothing else."""
    newest: dict[tuple[bytes, bytes], tuple[tuple[int, int, int], int, bool]] = {}
    for register in registers:
        for pupil, absent in marks_of(register):
            place = pupil, register.lesson_id
            stated = version_of(register), register.epoch_day, absent
            if place not in newest or newest[place][0] < stated[0]:
                newest[place] = stated
    pupils: dict[bytes, dict[str, Any]] = {}
    for (pupil, _), (_, day, absent) in newest.items():
        entry = pupils.setdefault(pupil, {"absences": 0, "days": {}})
        entry["absences"] += absent
        entry["days"][str(day)] = entry["days"].get(str(day), 0) + absent
    for entry in pupils.values():
        entry["level"] = entry["absences"] // ABSENCES_A_LEVEL
    return pupils


def final(rows: Mapping[bytes, bytes | None]) -> dict[bytes, Any]:
    """The rows of a compacted topic as Python values."""
    return {key: json.loads(value) for key, value in rows.items() if value is not None}
