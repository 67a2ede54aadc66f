"""Each Ed-Fi source's mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from services.ingest.adapters.edfi_mapping import EdFiMapping

if TYPE_CHECKING:
    from services.common.pg import Connection


async def mapping_of(connection: Connection, source_id: UUID) -> EdFiMapping | None:
    """The source's mapping; None when it has sent none."""
    text = await connection.fetchval(
        "SELECT mapping FROM ingest.edfi_mappings WHERE source_id = $1", source_id
    )
    return None if text is None else EdFiMapping.model_validate_json(text)


async def keep_mapping(
    connection: Connection, organiser_id: UUID, source_id: UUID, mapping: EdFiMapping
) -> None:
    """Replace the source's mapping; what was accepted before stays as it was read."""
    await connection.execute(
        "INSERT INTO ingest.edfi_mappings (organiser_id, source_id, mapping) VALUES ($1, $2, $3) "
        "ON CONFLICT (organiser_id, source_id) DO UPDATE SET mapping = EXCLUDED.mapping",
        organiser_id,
        source_id,
        mapping.model_dump_json(),
    )
