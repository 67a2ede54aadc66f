"""A document's PDF: tagged (PDF/UA-1), in Swedish, from data alone."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import typst

_TEMPLATE = Path(__file__).with_name("templates") / "document.typ"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is told: its name in JSON, what it is called, and what it says."""

    name: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that a document says."""

    kind: str
    title: str
    sender: str
    recipient: str
    date: str
    basis: str
    """Why it is sent: the paragraph, in one sentence."""
    fields: Sequence[Field]
    closing: str
    reference: str
    """The case's number: names nobody."""

    def as_json(self) -> dict[str, Any]:
        """What the JSON document holds, and what the digest covers."""
        return {**asdict(self), "fields": [asdict(field) for field in self.fields]}


async def render(sheet: Sheet, at: datetime) -> bytes:
    """The PDF, the same bytes for the same data and instant; fonts are those of the typesetter."""
    return await asyncio.to_thread(_render, sheet, at)


def _render(sheet: Sheet, at: datetime) -> bytes:
    pdf: bytes = typst.compile(
        _TEMPLATE.read_bytes(),
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(sheet.as_json(), ensure_ascii=False)},
        pdf_standards="ua-1",
        # The typesetter refuses parts of a second.
        timestamp=at.replace(microsecond=0),
    )
    return pdf


def digest(fields: Mapping[str, Any], pdf: bytes) -> bytes:
    """SHA-256 of the fields' canonical JSON followed by the PDF."""
    canonical = json.dumps(dict(fields), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode() + pdf).digest()
