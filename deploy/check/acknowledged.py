"""Whether everything that ingest acknowledged stands in the input log. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from forvarning.facts.v1 import facts_pb2 as facts

Minutes = tuple[int, int, int]
"""valid, invalid, other"""


@dataclass(frozen=True, slots=True)
class Mark:
    """One acknowledged mark. ``modified`` is the source's, Unix ms."""

    lesson: bytes
    pupil: bytes | str
    """The surrogate; the source's own id where the roster does not know the pupil."""
    modified: int
    minutes: Minutes | None
    """None where the lesson was announced or cancelled: only that it is there counts."""


@dataclass(frozen=True, slots=True)
class NoticeStatement:
    """One acknowledged notice."""

    notice: bytes
    modified: int


class LogIndex:
    """What the input log holds, by lesson and pupil, and by notice."""

    def __init__(self) -> None:
        self._marks: dict[bytes, dict[bytes | str, dict[int, set[Minutes]]]] = {}
        self._notices: dict[bytes, set[int]] = {}
        self.registers = 0

    def add(self, fact: facts.Fact) -> None:
        """Take one fact of the log; kinds that hold no statement are passed over."""
        kind = fact.WhichOneof("body")
        if kind == "register":
            self._add_register(fact.register)
        elif kind == "notice":
            notice = fact.notice
            versions = self._notices.setdefault(bytes(notice.notice_id), set())
            versions.add(notice.version.modified_unix_ms)

    def _add_register(self, register: facts.Register) -> None:
        self.registers += 1
        lesson = self._marks.setdefault(bytes(register.lesson_id), {})
        modified = register.version.modified_unix_ms
        ids = bytes(register.pupil_ids)
        columns = zip(
            register.valid_minutes, register.invalid_minutes, register.other_minutes, strict=True
        )
        for index, minutes in enumerate(columns):
            versions = lesson.setdefault(ids[index * 16 : index * 16 + 16], {})
            versions.setdefault(modified, set()).add(minutes)

    def holds(self, mark: Mark) -> bool:
        """Whether the log has this very mark, or a newer one about the same pupil and lesson."""
        versions = self._marks.get(mark.lesson, {}).get(mark.pupil)
        if not versions:
            return False
        if mark.modified in versions:
            return mark.minutes is None or mark.minutes in versions[mark.modified]
        return any(modified > mark.modified for modified in versions)

    def holds_notice(self, statement: NoticeStatement) -> bool:
        """Whether the log has this version of the notice, or a newer one."""
        versions = self._notices.get(statement.notice, set())
        return any(modified >= statement.modified for modified in versions)


def lost(
    index: LogIndex,
    marks: Iterable[Mark],
    notices: Iterable[NoticeStatement],
    parked: frozenset[tuple[bytes | str, bytes]],
) -> tuple[list[Mark], list[NoticeStatement]]:
    """What was acknowledged and is neither in the log, nor superseded there, nor ``parked``.

    ``parked`` holds (pupil, lesson) that ingest keeps until the roster knows the pupil.
    """
    return (
        [m for m in marks if not index.holds(m) and (m.pupil, m.lesson) not in parked],
        [n for n in notices if not index.holds_notice(n)],
    )
