"""A re-imported timetable's new names for the same activities (design D2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from services.ingest.store.bulk import upsert

if TYPE_CHECKING:
    from services.common.pg import Connection


class AliasLoopError(Exception):
    """An activity would be an alias of itself; ``index`` is the pair that closes the loop."""

    def __init__(self, index: int) -> None:
        super().__init__("the aliases go in a circle")
        self.index = index


async def activity_aliases(connection: Connection, namespace: str) -> dict[UUID, UUID]:
    """Other name -> first name, of activities whose names are UUIDs."""
    rows = await connection.fetch(
        "SELECT activity, same_as FROM ingest.activity_aliases WHERE namespace = $1", namespace
    )
    found: dict[UUID, UUID] = {}
    for row in rows:
        try:
            found[UUID(row["activity"])] = UUID(row["same_as"])
        except ValueError:
            continue
    return found


async def add_aliases(
    connection: Connection,
    organiser_id: UUID,
    namespace: str,
    pairs: Iterable[tuple[str, str]],
) -> int:
    """Make each pair's first activity another name of its second; returns how many there are now.

    An alias of an alias means the first name of all. Raises :class:`AliasLoopError`.
    """
    # Caches go by the roster's version; the row also makes writers wait for each other.
    await connection.execute("UPDATE people.organisers SET roster_version = roster_version + 1")
    rows = await connection.fetch(
        "SELECT activity, same_as FROM ingest.activity_aliases WHERE namespace = $1", namespace
    )
    known = {row["activity"]: row["same_as"] for row in rows}
    for index, (activity, same_as) in enumerate(pairs):
        first = known.get(same_as, same_as)
        if first == activity:
            raise AliasLoopError(index)
        known[activity] = first
        # Whatever was another name of `activity` is now one of `first`.
        known |= {name: first for name, target in known.items() if target == activity}
    await upsert(
        connection,
        "ingest.activity_aliases",
        {"organiser_id": "uuid", "namespace": "text", "activity": "text", "same_as": "text"},
        [(organiser_id, namespace, activity, same_as) for activity, same_as in known.items()],
        key=("organiser_id", "namespace", "activity"),
    )
    return len(known)
