"""In which order rows may be erased: whose foreign key points at others goes first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from services.common.retention import Registry, Store

if TYPE_CHECKING:
    from services.common.pg import Connection

_NAMED = re.compile(r"FROM (\w+\.\w+)")


async def erasing(connection: Connection, known: Registry) -> list[Store]:
    """The registry's tables, children before parents; what is due by being left over, last."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT cn.nspname || '.' || c.relname AS child,
               pn.nspname || '.' || p.relname AS parent
        FROM pg_constraint k
        JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
        JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
        WHERE k.contype = 'f' AND c.oid <> p.oid
        """
    )
    return ordered(known, [(row["child"], row["parent"]) for row in rows])


def ordered(known: Registry, keys: Iterable[tuple[str, str]]) -> list[Store]:
    """The same, from the foreign keys (child, parent); rows name their parents as well."""
    graph: TopologicalSorter[str] = TopologicalSorter()
    tables = {store.store for store in known.tables()}
    for name in sorted(tables):
        graph.add(name)
    for child, parent in keys:
        if child in tables and parent in tables:
            graph.add(parent, child)
    for store in known.tables():
        if store.parent:
            graph.add(store.parent, store.store)
        # What is due by being left over is looked at when all that it may belong to has gone.
        graph.add(store.store, *(name for name in _NAMED.findall(store.orphan) if name in tables))
    return [known.stores[name] for name in graph.static_order()]
