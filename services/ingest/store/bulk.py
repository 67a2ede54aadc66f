"""Many rows in one statement, under row-level security (COPY does not work under it)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.common.pg import Connection


_SHARED = frozenset({"organiser_id", "source_id"})
"""Columns that are the same in all rows of a call: a transaction sees one organiser's rows only."""


def _selection(columns: dict[str, str], rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """A SELECT of ``rows`` in the order of ``columns``, and its parameters.

    What all rows share is one value instead of an array: packing is half the cost of many rows.
    """
    selected, lists, values = [], [], []
    for at, (name, kind) in enumerate(columns.items()):
        if name in _SHARED and all(row[at] == rows[0][at] for row in rows):
            values.append(rows[0][at])
            selected.append(f"${at + 1}::{kind}")
        else:
            values.append([row[at] for row in rows])
            selected.append(f"c{at}")
            lists.append((at, kind))
    arrays = ", ".join(f"${at + 1}::{kind}[]" for at, kind in lists)
    names = ", ".join(f"c{at}" for at, _ in lists)
    return f"SELECT {', '.join(selected)} FROM unnest({arrays}) AS r ({names})", values


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
    order = [at for at, name in enumerate(names) if name in key and name not in _SHARED]
    ordered = sorted(rows, key=lambda row: [str(row[position]) for position in order])
    selected, values = _selection(columns, ordered)
    changed = [name for name in names if name not in key]
    action = "DO NOTHING"
    if update and changed:
        action = "DO UPDATE SET " + ", ".join(f"{name} = EXCLUDED.{name}" for name in changed)
    await connection.execute(
        f"INSERT INTO {table} ({', '.join(names)}) {selected} "
        f"ON CONFLICT ({', '.join(key)}) {action}",
        *values,
    )


async def load(
    connection: Connection,
    table: str,
    columns: dict[str, str],
    packed: bytes,
    *,
    shared: dict[str, Any],
    key: Sequence[str],
    newest: str,
    fresh: bool,
) -> None:
    """What :func:`upsert` does, for thousands of rows with many columns at a time.

    But a row that is there stays where its column ``newest`` is the greater.

    ``packed`` are the rows in the format of a binary COPY. They are copied into a temporary table
    of the connection first: as arrays, looking at each value costs more than all the rest.
    ``shared`` are the columns that all rows have in common. ``fresh`` rows are none that the table
    has: a third of the work is looking. A :class:`asyncpg.UniqueViolationError` says otherwise.
    """
    staging = "load_" + table.replace(".", "_")
    fields = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    await connection.execute(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {staging} ({fields}) ON COMMIT DELETE ROWS"
    )
    await connection.copy_to_table(
        staging,
        schema_name="pg_temp",
        columns=list(columns),
        source=_whole(packed),
        format="binary",
    )
    names = ", ".join([*shared, *columns])
    values = ", ".join([f"${n}" for n in range(1, len(shared) + 1)] + list(columns))
    changed = ", ".join(f"{name} = EXCLUDED.{name}" for name in columns if name not in key)
    conflict = (
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changed} "
        f"WHERE held.{newest} <= EXCLUDED.{newest}"
    )
    await connection.execute(
        f"INSERT INTO {table} AS held ({names}) SELECT {values} FROM pg_temp.{staging}"
        f"{'' if fresh else conflict}",
        *shared.values(),
    )


async def _whole(packed: bytes) -> AsyncIterator[bytes]:
    yield packed


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
