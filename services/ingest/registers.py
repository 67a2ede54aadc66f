"""One register of a batch on its way from JSON to facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from forvarning.facts.v1 import facts_pb2 as facts
from services.common.clock import school_year
from services.ingest.facts_out import Lesson
from services.ingest.lessons import EARLY, LocalStart, check_register
from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.model.lessons import AnyMark, AnyRegister
from services.ingest.store.directory import Names
from services.ingest.store.lessons import version_key
from services.ingest.store.sources import Source
from services.ingest.versions import capped, version


@dataclass(slots=True)
class Entry:
    """A register that passed its checks; ``marks`` are those that no newer item supersedes."""

    answer: ItemAnswer
    register: AnyRegister
    lesson: Lesson
    version: facts.Version
    moved_from: LocalStart | None
    marks: list[AnyMark] = field(default_factory=list)

    @property
    def school_year(self) -> int:
        return school_year(self.lesson.start.day)

    def refuse_same_pupil(self, pupils: dict[str, UUID]) -> None:
        """Two of the source's ids are one pupil: which of the marks holds is not ours to guess."""
        first: dict[UUID, str] = {}
        marks: Sequence[AnyMark] = self.register.marks
        for index, mark in enumerate(marks):
            pupil = pupils.get(mark.pupil)
            if pupil is not None and first.setdefault(pupil, mark.pupil) != mark.pupil:
                pointer = f"/marks/{index}/pupil"
                detail = f"{pointer}: the roster knows this id and another here as one pupil"
                self.answer.refuse([Note("duplicate_mark", pointer, detail)])


def examine(
    source: Source,
    names: Names,
    answer: ItemAnswer,
    register: AnyRegister,
    *,
    number: int,
    arrival: datetime,
) -> Entry | None:
    """The entry, or None with the reasons in ``answer``."""
    unit = names.units.get(register.school_unit)
    if unit is None:
        answer.refuse([
            Note(
                "unknown_unit",
                "/school_unit",
                "/school_unit: no school unit of the roster has this id or code; "
                "send the unit with PUT /v1/roster first",
            )
        ])  # fmt: skip
        return None
    if problems := check_register(register, unit.calendar, arrival):
        answer.refuse(problems)
        return None
    modified, late = capped(register.modified, arrival)
    if late:
        note_capped(answer)
    if register.state == "reported" and register.modified < register.start - EARLY:
        answer.note(
            "source_clock_behind",
            "/modified",
            "/modified: is before the lesson that it reports, so anything newer replaces it; "
            "check the source's clock",
        )
    group = None
    if register.group is not None:
        group = names.groups.get(register.group)
        if group is None:
            answer.note(
                "unknown_group", "/group", "/group: not in the roster; taken without its group"
            )
    if not register.marks and register.state != "cancelled" and register.moved_from is None:
        answer.note("no_marks", "/marks", "/marks: names no pupil, so it changes nothing")
    lesson = Lesson(
        organiser_id=source.organiser_id,
        activity=names.activity_key(source.namespace, register.activity),
        start=LocalStart.of(register.start),
        school_unit_id=unit.school_unit_id,
        group_id=group,
        subject=register.subject,
        length_minutes=register.length_minutes,
    )
    return Entry(
        answer=answer,
        register=register,
        lesson=lesson,
        version=version(source.priority, modified, number),
        moved_from=LocalStart.of(register.moved_from) if register.moved_from else None,
        marks=list(register.marks),
    )


def note_capped(answer: ItemAnswer) -> None:
    answer.note(
        "source_clock_ahead",
        "/modified",
        "/modified: is more than 5 minutes ahead of ours and counts as 5 minutes from now; "
        "check the source's clock",
    )


def drop_superseded(entries: list[Entry]) -> None:
    """Of two items about the same lesson and pupil the newer counts (docs/api-ingest.md).

    An older item of which nothing is left is answered as a duplicate.
    """
    spoken: dict[UUID, set[str]] = {}
    for entry in sorted(entries, key=lambda one: version_key(one.version), reverse=True):
        lesson = entry.lesson.lesson_id
        if lesson not in spoken:
            spoken[lesson] = {mark.pupil for mark in entry.marks}
            continue
        kept = [mark for mark in entry.marks if mark.pupil not in spoken[lesson]]
        dropped = len(entry.marks) - len(kept)
        spoken[lesson].update(mark.pupil for mark in kept)
        entry.marks = kept
        if not kept and entry.moved_from is None:
            entry.answer.status = "duplicate"
        if dropped or not kept:
            entry.answer.note(
                "superseded",
                "/marks",
                f"/marks: {dropped} of them are replaced by a newer item of this batch "
                "about the same lesson",
            )
