"""Per-item answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

Status = Literal["accepted", "refused", "duplicate"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something the sender should know about an item; ``field`` is a JSON pointer into it."""

    code: str
    field: str
    detail: str

    def body(self) -> dict[str, str]:
        return {"code": self.code, "field": self.field, "detail": self.detail}


class ItemAnswer(msgspec.Struct):
    """What became of one item of a batch."""

    index: int
    client_id: str | None = None
    status: Status = "accepted"
    notes: list[Note] = msgspec.field(default_factory=list)
    problems: list[Note] = msgspec.field(default_factory=list)

    def refuse(self, problems: list[Note]) -> None:
        self.status = "refused"
        self.problems.extend(problems)

    def note(self, code: str, field_: str, detail: str) -> None:
        self.notes.append(Note(code, field_, detail))

    def body(self) -> dict[str, Any]:
        problem: dict[str, Any] | None = None
        if self.problems:
            first = self.problems[0]
            problem = {
                "type": f"urn:forvarning:problem:{first.code}",
                **first.body(),
                "errors": [entry.body() for entry in self.problems],
            }
        return {
            "index": self.index,
            "id": self.client_id,
            "status": self.status,
            "notes": [entry.body() for entry in self.notes],
            "problem": problem,
        }
