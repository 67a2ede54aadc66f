"""Certificates: what was erased, how many, by which decision, when, with a digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

if TYPE_CHECKING:
    from services.common.pg import Connection


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate as it is stored and printed."""

    organiser_id: UUID
    certificate_id: UUID
    kind: Literal["retention", "erasure"]
    issued_at: datetime
    issued_by: str
    content: Mapping[str, Any]
    pupil_id: UUID | None = None

    @property
    def canonical(self) -> bytes:
        """The content's bytes, the same for the same content."""
        text = json.dumps(
            dict(self.content), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        return text.encode()

    @property
    def digest(self) -> bytes:
        """SHA-256 of the content."""
        return hashlib.sha256(self.canonical).digest()

    def printable(self) -> dict[str, Any]:
        """For a person and for a file."""
        return {
            "certificate_id": str(self.certificate_id),
            "kind": self.kind,
            "organiser_id": str(self.organiser_id),
            "issued_at": self.issued_at.isoformat(),
            "issued_by": self.issued_by,
            "content": dict(self.content),
            "sha256": self.digest.hex(),
        }


async def store(connection: Connection, certificate: Certificate) -> None:
    """Keep it, in the transaction of what it certifies."""
    await connection.execute(
        """
        INSERT INTO records.certificates (organiser_id, certificate_id, kind, pupil_id, issued_at,
            issued_by, content, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        certificate.organiser_id,
        certificate.certificate_id,
        certificate.kind,
        certificate.pupil_id,
        certificate.issued_at,
        certificate.issued_by,
        json.dumps(dict(certificate.content), ensure_ascii=False),
        certificate.digest,
    )


async def all_of(connection: Connection) -> list[Certificate]:
    """The organiser's certificates, the oldest first."""
    return [certificate for certificate, _ in await _held(connection)]


async def changed(connection: Connection) -> list[UUID]:
    """Certificates whose content no longer fits its digest."""
    return [one.certificate_id for one, digest in await _held(connection) if one.digest != digest]


async def _held(connection: Connection) -> list[tuple[Certificate, bytes]]:
    """Each with the digest that was stored with it."""
    rows = await connection.fetch(
        "SELECT organiser_id, certificate_id, kind, pupil_id, issued_at, issued_by, content, "
        "digest FROM records.certificates ORDER BY issued_at, certificate_id"
    )
    found = []
    for row in rows:
        fields = {**row, "content": json.loads(row["content"])}
        digest = fields.pop("digest")
        found.append((Certificate(**fields), digest))
    return found
