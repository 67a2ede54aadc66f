"""Many rows in one statement, under row-level security (COPY does not work under it)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.common.pg import Connection


async def upsert(
    connection: Connection,
    table: str,
    columns: dict[str, str],
    rows: Sequence[Sequence[Any]],
    *,
    key: Sequence[str],
    update: bool = True,
) -> None:
    """Insert ``rows`` or bring those with the same ``key`` up to date.

    ``columns`` names each column with its PostgreSQL type. Table and column
    names are the program's own; values are always parameters. Rows are taken
    in key order, so that two transactions cannot wait for each other.
    """
    if not rows:
        return
    names = list(columns)
    order = [names.index(name) for name in key]
    ordered = sorted(rows, key=lambda row: [str(row[position]) for position in order])
    arrays = [[row[position] for row in ordered] for position in range(len(names))]
    changed = [name for name in names if name not in key]
    action = "DO NOTHING"
    if update and changed:
        action = "DO UPDATE SET " + ", ".join(f"{name} = EXCLUDED.{name}" for name in changed)
    unnest = ", ".join(f"${index}::{kind}[]" for index, kind in enumerate(columns.values(), 1))
    await connection.execute(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT * FROM unnest({unnest}) "
        f"ON CONFLICT ({', '.join(key)}) {action}",
        *arrays,
    )


async def insert_newest(
    connection: Connection,
    table: str,
    columns: dict[str, str],
    rows: Sequence[Sequence[Any]],
    *,
    key: Sequence[str],
    newest: str,
) -> None:
    """Insert ``rows``, or raise the column ``newest`` of those with the same ``key`` to theirs."""
    if not rows:
        return
    names = list(columns)
    ordered = sorted(rows, key=lambda row: [str(row[names.index(name)]) for name in key])
    arrays = [[row[position] for row in ordered] for position in range(len(names))]
    unnest = ", ".join(f"${index}::{kind}[]" for index, kind in enumerate(columns.values(), 1))
    await connection.execute(
        f"INSERT INTO {table} AS held ({', '.join(names)}) SELECT * FROM unnest({unnest}) "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {newest} = EXCLUDED.{newest} "
        f"WHERE held.{newest} < EXCLUDED.{newest}",
        *arrays,
    )


async def insert(
    connection: Connection, table: str, columns: dict[str, str], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert ``rows`` in their order."""
    if not rows:
        return
    names = list(columns)
    arrays = [[row[position] for row in rows] for position in range(len(names))]
    unnest = ", ".join(f"${index}::{kind}[]" for index, kind in enumerate(columns.values(), 1))
    await connection.execute(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT * FROM unnest({unnest})", *arrays
    )
