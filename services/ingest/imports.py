"""Sends what an adapter made of a file, and gathers what became of each of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from services.ingest.adapters.csv_file import Import, Lesson
from services.ingest.adapters.report import Finding, Level, summary
from services.ingest.errors import DeliveryRefusedError

_BATCH = 200


class Sender(Protocol):
    """:class:`services.ingest.client.Ingest`, as far as it is needed here."""

    def send(self, method: str, path: str, body: Any, *, also: tuple[int, ...] = ()) -> Any:
        """The answer's JSON; raises :class:`DeliveryRefusedError`."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file."""

    counts: dict[str, Any]
    """For people and programs: numbers, dates and codes; nobody's name or id."""
    findings: list[Finding]

    @property
    def clean(self) -> bool:
        """Whether no row was rejected."""
        return not any(finding.level == "rejected" for finding in self.findings)


def deliver(found: Import, sender: Sender | None) -> Outcome:
    """Send ``found``; without a sender (a dry run) only tell what would be sent.

    Raises :class:`DeliveryRefusedError` when ingest refuses a call as a whole;
    what went before is acknowledged, and sending all of it again is harmless.
    """
    findings = list(found.findings)
    accepted = 0
    if sender is not None:
        for sent, said in _send(sender, found):
            accepted += sent
            findings += said
    rejected = {finding.line for finding in findings if finding.level == "rejected"}
    counts = {
        "rows": found.rows,
        "rejected_rows": len(rejected),
        "registers": len(found.lessons),
        "accepted": accepted,
        "dry_run": sender is None,
        "contents": found.contents(),
        "findings": summary(findings),
    }
    return Outcome(counts, findings)


def _send(sender: Sender, found: Import) -> Iterator[tuple[int, list[Finding]]]:
    for first in range(0, len(found.lessons), _BATCH):
        lessons = found.lessons[first : first + _BATCH]
        answer = sender.send(
            "POST", "/v1/registers", {"registers": [one.body for one in lessons]}, also=(422,)
        )
        if "items" not in answer:
            raise DeliveryRefusedError(str(answer.get("detail", answer)))
        findings: list[Finding] = []
        for lesson, item in zip(lessons, answer["items"], strict=True):
            findings += _from_answer(lesson, item, found.columns)
        yield answer["accepted"], findings


def _from_answer(
    lesson: Lesson, item: dict[str, Any], columns: dict[str, str]
) -> Iterator[Finding]:
    """What ingest said of a register, for each of its lines that it concerns."""
    by_position = [lesson.lines[mark["pupil"]] for mark in lesson.body["marks"]]
    said: list[tuple[Level, dict[str, str]]] = [("noted", note) for note in item["notes"]]
    if item["problem"]:
        said.append(("rejected", item["problem"]))
    for level, one in said:
        pointer = one["field"]
        parts = pointer.split("/")
        lines = by_position
        # The register is refused as a whole; a note is about its own row.
        if level == "noted" and len(parts) > 2 and parts[1] == "marks" and parts[2].isdecimal():
            lines = [by_position[int(parts[2])]]
        column = columns.get(parts[-1], pointer)
        reason = one["detail"].removeprefix(f"{pointer}: ")
        for line in lines:
            yield Finding(line, column, level, one["code"], reason)
