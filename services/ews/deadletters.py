"""Dead letters: facts that the core could not digest, kept whole until they are replayed.

On the topic a letter carries the original key and bytes; everything else is in
its headers. An empty record with the header ``dlq-replayed`` says that the
letter of that origin has been sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from google.protobuf.message import DecodeError

from forvarning.facts.v1.facts_pb2 import Fact

REPLAY_HEADER = "dlq-replay-of"
"""On a record of the input log: the offset of the fact that it restates."""
REPLAYED_HEADER = "dlq-replayed"

_ID = 16


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One fact (or one pupil's decision) that failed, at ``offset`` of its partition."""

    kind: Literal["fact", "fold"]
    reason: str
    offset: int
    key: bytes | None
    value: bytes
    """Empty where the bytes are no longer at hand; they are in the log at ``offset``."""
    detail: str = ""
    pupil_ids: tuple[bytes, ...] = ()

    def headers(self, topic: str, partition: int) -> list[tuple[str, bytes]]:
        """Where it came from and why it lies here."""
        return [
            ("dlq-kind", self.kind.encode()),
            ("dlq-reason", self.reason.encode()),
            ("dlq-detail", self.detail.encode()),
            ("dlq-origin-topic", topic.encode()),
            ("dlq-origin-partition", str(partition).encode()),
            ("dlq-origin-offset", str(self.offset).encode()),
            ("dlq-pupils", b",".join(pupil.hex().encode() for pupil in self.pupil_ids)),
        ]


def pupils_of(value: bytes) -> tuple[bytes, ...]:
    """The pupils that a fact is about, as far as it can be read; never raises for bad bytes."""
    try:
        fact = Fact.FromString(value)
    except DecodeError:
        return ()
    body = fact.WhichOneof("body")
    if body == "register":
        packed = fact.register.pupil_ids
        return tuple(packed[i : i + _ID] for i in range(0, len(packed) - _ID + 1, _ID))
    pupil: bytes = getattr(getattr(fact, body), "pupil_id", b"") if body else b""
    return (pupil,) if pupil else ()
