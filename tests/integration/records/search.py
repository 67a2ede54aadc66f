"""Looks for something everywhere: in every column of every table, as text and as bytes."""

from __future__ import annotations

import gzip
from collections.abc import Iterable

import asyncpg


async def tables_with(
    admin: asyncpg.Connection[asyncpg.Record], wanted: Iterable[str | bytes]
) -> dict[str, set[str]]:
    """By what was looked for, the tables in which it stands; names in any case of letters.

    As the superuser, who sees every row of every organiser.
    """
    found: dict[str, set[str]] = {}
    needles = [(one if isinstance(one, bytes) else one.lower().encode(), one) for one in wanted]
    tables = await admin.fetch(
        """
        SELECT n.nspname AS schema, c.relname AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
          AND n.nspname NOT LIKE 'pg_t%'
        """
    )
    for table in tables:
        name = f"{table['schema']}.{table['name']}"
        for row in await admin.fetch(f"SELECT * FROM {name}"):
            for text in _values(row):
                for needle, label in needles:
                    if needle in text:
                        found.setdefault(str(label), set()).add(name)
    return found


def _values(row: asyncpg.Record) -> Iterable[bytes]:
    for value in row.values():
        if isinstance(value, bytes):
            yield value
            yield value.lower()
            if value.startswith(b"\x1f\x8b"):
                yield gzip.decompress(value).lower()
        elif value is not None:
            yield str(value).lower().encode()
