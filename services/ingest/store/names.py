"""Stable surrogates for what the sources call things (design D11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from services.ingest.store.bulk import insert

if TYPE_CHECKING:
    from services.common.pg import Connection


CIVIC_NO = "civic_no:"
"""Goes before a personnummer's twelve characters where a source has no id of its own for pupils."""


async def known_ids(connection: Connection, namespace: str, kind: str) -> dict[str, UUID]:
    """All of the organiser's ids of one kind in one namespace."""
    rows = await connection.fetch(
        "SELECT external_id, entity_id FROM people.external_ids WHERE namespace = $1 AND kind = $2",
        namespace,
        kind,
    )
    return {row["external_id"]: row["entity_id"] for row in rows}


async def name_new(
    connection: Connection,
    organiser_id: UUID,
    namespace: str,
    kind: str,
    *,
    known: dict[str, UUID],
    wanted: Iterable[str],
    new_id: Callable[[], UUID],
    matched: Mapping[str, UUID] | None = None,
) -> None:
    """Give every name in ``wanted`` that is not in ``known`` a surrogate, and add it there.

    ``matched`` holds entities that are known already under another name.
    """
    fresh = [name for name in dict.fromkeys(wanted) if name not in known]
    for name in fresh:
        known[name] = (matched or {}).get(name) or new_id()
    await insert(
        connection,
        "people.external_ids",
        {
            "organiser_id": "uuid",
            "namespace": "text",
            "kind": "text",
            "external_id": "text",
            "entity_id": "uuid",
        },
        [(organiser_id, namespace, kind, name, known[name]) for name in fresh],
    )
