"""Many rows in one statement: row-level security works out its conditions once, not once a row."""

from __future__ import annotations

import json
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
    values = ", ".join(
        _FROM_TEXT.get(kind, "{0}").format(f"r.{name}") for name, kind in columns.items()
    )
    await connection.execute(
        f"""
        INSERT INTO {table} ({", ".join(columns)})
        SELECT {values} FROM {_unnested(columns)}
        {conflict}
        """,
        *_arrays(columns, rows),
    )


async def update(
    connection: Connection,
    table: str,
    columns: Mapping[str, str],
    rows: Sequence[Sequence[Any]],
    *,
    key: Sequence[str],
    condition: str = "true",
) -> int:
    """Write rows anew, found by their ``key``; ``condition`` is over the row as it stands (t) and
    as it is to be (r). No two rows may have the same key. How many were found."""
    if not rows:
        return 0
    changed = ", ".join(
        f"{name} = {_FROM_TEXT.get(kind, '{0}').format(f'r.{name}')}"
        for name, kind in columns.items()
        if name not in key
    )
    found = " AND ".join(f"t.{name} = r.{name}" for name in key)
    done: str = await connection.execute(
        f"""
        UPDATE {table} AS t SET {changed} FROM {_unnested(columns)}
        WHERE {found} AND {condition}
        """,
        *_arrays(columns, rows),
    )
    return int(done.removeprefix("UPDATE "))


#: What no array can hold, for it is none or one of arrays, comes as JSON.
_FROM_TEXT = {
    "jsonb": "{0}::jsonb",
    "text[]": "ARRAY(SELECT jsonb_array_elements_text({0}::jsonb))",
}


def _unnested(columns: Mapping[str, str]) -> str:
    arrays = ", ".join(
        f"${n}::{'text' if kind in _FROM_TEXT else kind}[]"
        for n, kind in enumerate(columns.values(), start=1)
    )
    return f"unnest({arrays}) AS r ({', '.join(columns)})"


def _arrays(columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """A list a column. A text[] is written as JSON here, a jsonb comes written."""
    found = [list(column) for column in zip(*rows, strict=True)]
    return [
        [json.dumps(value) for value in column] if kind == "text[]" else column
        for column, kind in zip(found, columns.values(), strict=True)
    ]
