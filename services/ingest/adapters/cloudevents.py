"""CloudEvents 1.0: the envelope around a register, a notice or a part of a roster.

Structured and batched in JSON, and binary (attributes as ``ce-`` headers). The
attributes are checked here; what ``data`` holds is checked as in the calls of the
same names. (``source``, ``id``) names an event once and for all.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json

from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.model.fields import Instant, Key
from services.ingest.model.parse import parse_item

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"

Kind = Literal["register", "notice", "roster"]
TYPES: dict[str, Kind] = {
    "forvarning.register.v1": "register",
    "forvarning.notice.v1": "notice",
    "forvarning.roster.v1": "roster",
}
_JSON = re.compile(r"application/(?:[a-z0-9.!#$&^_-]+\+)?json", re.ASCII)


class EnvelopeIn(BaseModel):
    """The attributes that are read; extensions may stand beside them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    specversion: Literal["1.0"]
    id: Key
    source: Key = Field(max_length=200)
    type: Key
    time: Instant | None = None
    datacontenttype: str | None = None
    data: Any = None
    data_base64: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An event whose envelope is good."""

    answer: ItemAnswer
    key: bytes
    """Of (source, id): 32 bytes, so that neither is kept."""
    kind: Kind
    data: dict[str, Any]


class _RefusedError(Exception):
    def __init__(self, code: str, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.note = Note(code, pointer, f"{pointer}: {detail}")


def read_event(item: Any, answer: ItemAnswer) -> Event | None:
    """The event, or None with the reasons in ``answer``.

    An event's ``time`` stands in for a ``modified`` that its data lacks.
    """
    envelope = parse_item(EnvelopeIn, item, answer)
    if envelope is None:
        return None
    try:
        kind, data = _kind(envelope), _data(envelope)
    except _RefusedError as error:
        answer.refuse([error.note])
        return None
    if kind != "roster" and "modified" not in data and envelope.time is not None:
        data = data | {"modified": envelope.time.isoformat()}
    name = f"{len(envelope.source)}:{envelope.source}{envelope.id}"
    return Event(answer, hashlib.sha256(name.encode()).digest(), kind, data)


def _kind(envelope: EnvelopeIn) -> Kind:
    kind = TYPES.get(envelope.type)
    if kind is None:
        raise _RefusedError("unknown_type", "/type", f"is none of {', '.join(TYPES)}")
    return kind


def _data(envelope: EnvelopeIn) -> dict[str, Any]:
    content_type = (envelope.datacontenttype or "application/json").partition(";")[0]
    if not _JSON.fullmatch(content_type.strip().lower()):
        raise _RefusedError("unsupported_media_type", "/datacontenttype", "is not JSON")
    data = envelope.data
    if envelope.data_base64 is not None:
        if data is not None:
            raise _RefusedError("invalid", "/data_base64", "stands beside data: send one")
        try:
            data = from_json(base64.b64decode(envelope.data_base64, validate=True))
        except (binascii.Error, ValueError) as error:
            raise _RefusedError("invalid", "/data_base64", "holds no JSON in Base64") from error
    if not isinstance(data, dict):
        raise _RefusedError("missing_field", "/data", "is no JSON object")
    return data


def from_headers(headers: Mapping[str, str], data: Any) -> dict[str, Any]:
    """The structured form of a binary event; header values are percent-encoded."""
    item: dict[str, Any] = {
        name.lower().removeprefix("ce-"): unquote(value)
        for name, value in headers.items()
        if name.lower().startswith("ce-")
    }
    # These are no attributes: in binary mode the data is the body, and its type the body's.
    for name in ("data", "data_base64", "datacontenttype"):
        item.pop(name, None)
    return item | {"data": data}


def tell(event: Event, said: ItemAnswer) -> None:
    """Carry what was said of an event's data over to the event."""
    if said.problems:
        event.answer.refuse([_inside(note) for note in said.problems])
    event.answer.notes += [_inside(note) for note in said.notes]
    if said.status == "duplicate":
        event.answer.status = "duplicate"


def _inside(note: Note) -> Note:
    pointer = f"/data{note.field}".rstrip("/")
    return Note(note.code, pointer, pointer + note.detail.removeprefix(note.field))
