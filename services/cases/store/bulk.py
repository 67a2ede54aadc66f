"""Many rows in one statement: row-level security works out its conditions once, not once a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.common.pg import Connection


async def insert(
    connection: Connection,
    table: str,
    columns: Mapping[str, str],
    rows: Sequence[Sequence[Any]],
    conflict: str = "",
) -> None:
    """Insert rows of a table of ours; ``columns`` are names and types, in the rows' order.

    With an ``ON CONFLICT … DO UPDATE`` no two rows may have the same key.
    """
    if not rows:
        return
    # What PostgreSQL has no array of its own words for comes as text.
    arrays = ", ".join(
        f"${n}::{'text' if kind == 'jsonb' else kind}[]"
        for n, kind in enumerate(columns.values(), start=1)
    )
    values = ", ".join(
        f"r.{name}::jsonb" if kind == "jsonb" else f"r.{name}" for name, kind in columns.items()
    )
    await connection.execute(
        f"""
        INSERT INTO {table} ({", ".join(columns)})
        SELECT {values} FROM unnest({arrays}) AS r ({", ".join(columns)})
        {conflict}
        """,
        *(list(column) for column in zip(*rows, strict=True)),
    )
