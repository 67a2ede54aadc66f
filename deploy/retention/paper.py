"""A certificate of erasing as a sheet of paper: what went, how many, by which decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.cases.documents.render import Field, Sheet
from services.cases.domain import text
from services.common.clock import school_date
from services.common.retention import registry
from services.records.certificates import Certificate

_TITLES = {"retention": "Intyg om gallring", "erasure": "Intyg om radering"}
_BASIS = {
    "retention": "Gallrat enligt huvudmannens gallringsbeslut.",
    "erasure": "Raderat enligt huvudmannens beslut.",
}
_CLOSING = (
    "Det som togs bort finns inte längre i systemets tabeller. Säkerhetskopior har sin egen tid. "
    "Kontrollsumman är SHA-256 över intygets innehåll; den stämdes av när intyget skrevs ut."
)


def sheet(certificate: Certificate, organiser: str) -> Sheet:
    """Everything that the certificate says, in Swedish; the digest last."""
    content = certificate.content
    fields = [Field("erased", "Vad som togs bort", _erased(content.get("erased", {})))]
    if certificate.kind == "retention":
        fields.append(Field("decisions", "Beslut", _decisions(content.get("decisions", ()))))
    else:
        fields += [
            Field("reference", "Beslut", str(content.get("reference", ""))),
            Field("pupil_id", "Elevens slumpmässiga id", str(content.get("pupil_id", ""))),
            Field("remains", "Vad som står kvar, och varför", _remains(content.get("remains", ()))),
        ]
    fields += [
        Field("issued_by", "Utfört av", certificate.issued_by),
        Field("sha256", "Kontrollsumma", certificate.digest.hex()),
    ]
    return Sheet(
        kind=f"certificate_{certificate.kind}",
        title=_TITLES[certificate.kind],
        sender=organiser,
        recipient="huvudmannens arkiv",
        date=text.full_date(school_date(certificate.issued_at)),
        basis=_BASIS[certificate.kind],
        fields=fields,
        closing=_CLOSING,
        reference=f"Intyg {certificate.certificate_id}",
    )


def _erased(rows: Mapping[str, Any]) -> str:
    stores = registry().stores
    lines = []
    for name, count in sorted(rows.items()):
        what = f"{stores[name].what} ({name})" if name in stores else name
        lines.append(f"{what}: {count}")
    return "\n".join(lines) or "ingenting"


def _decisions(held: Any) -> str:
    lines = []
    for one in held:
        on = f", {one['decided_on']}" if one.get("decided_on") else ""
        after = f", {one['days']} dagar {one['counted']}" if one.get("days") else ""
        lines.append(f"{one['group']}: {one['reference']}{on}{after}")
    return "\n".join(lines)


def _remains(held: Any) -> str:
    return "\n".join(f"{one['what']} ({one['store']}): {one['why']}" for one in held)
