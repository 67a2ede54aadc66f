"""Homes, buckets and partitions: where a pupil's facts go (design D1, D3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from services.ingest.store.bulk import insert

if TYPE_CHECKING:
    from services.common.pg import Connection

BUCKET_AIM = 30
"""A class opens about one bucket for this many pupils."""
BUCKET_ROOM = 40
"""No bucket is filled beyond this; a new pupil joins the class's bucket while it holds fewer."""

_LOCK = 0x484F4D45  # "HOME": one choice of partitions at a time, over all organisers


@dataclass(frozen=True, slots=True)
class Homeless:
    """A pupil placed in a school year for the first time: unit and class of the first placement."""

    pupil_id: UUID
    school_year: int
    school_unit_id: UUID
    class_id: UUID | None


def fill(
    newcomers: list[UUID], open_buckets: list[tuple[int, int]], next_bucket: int
) -> tuple[dict[UUID, int], int]:
    """Spread one class's newcomers over its buckets: (bucket of each, next free number).

    ``open_buckets`` are (bucket, pupils in it). Nobody who has a bucket is
    moved. Who finds no room opens new buckets of about :data:`BUCKET_AIM`.
    """
    placed: dict[UUID, int] = {}
    waiting = list(newcomers)
    for bucket, pupils in sorted(open_buckets):
        room = max(0, BUCKET_ROOM - pupils)
        for pupil in waiting[:room]:
            placed[pupil] = bucket
        waiting = waiting[room:]
    if waiting:
        opened = 1 if len(waiting) <= BUCKET_ROOM else -(-len(waiting) // BUCKET_AIM)
        for position, pupil in enumerate(waiting):
            placed[pupil] = next_bucket + position * opened // len(waiting)
        next_bucket += opened
    return placed, next_bucket


async def assign_homes(
    connection: Connection,
    organiser_id: UUID,
    homeless: Iterable[Homeless],
    *,
    partitions: int,
    new_id: Callable[[], UUID],
) -> int:
    """Give each pupil a home and a bucket for the school year; returns how many got one.

    A home once given is never changed within its school year, and a home's
    partition never at all.
    """
    by_home: dict[tuple[UUID, int], list[Homeless]] = defaultdict(list)
    for pupil in homeless:
        by_home[pupil.school_unit_id, pupil.school_year].append(pupil)
    if not by_home:
        return 0
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    # The largest first spreads best; the key makes the order the same every time.
    for (unit, year), pupils in sorted(
        by_home.items(), key=lambda entry: (-len(entry[1]), str(entry[0]))
    ):
        home_id, next_bucket = await _home(
            connection, organiser_id, unit, year, partitions=partitions, new_id=new_id
        )
        await _into_buckets(connection, organiser_id, home_id, next_bucket, pupils)
        await connection.execute(
            "UPDATE ingest.partition_load SET pupils = pupils + $3 "
            "FROM ingest.homes h WHERE h.home_id = $1 AND partition_load.school_year = $2 "
            "AND partition_load.partition = h.partition",
            home_id,
            year,
            len(pupils),
        )
    return sum(len(pupils) for pupils in by_home.values())


async def _home(
    connection: Connection,
    organiser_id: UUID,
    unit: UUID,
    year: int,
    *,
    partitions: int,
    new_id: Callable[[], UUID],
) -> tuple[UUID, int]:
    row = await connection.fetchrow(
        "SELECT home_id, next_bucket FROM ingest.homes "
        "WHERE school_unit_id = $1 AND school_year = $2",
        unit,
        year,
    )
    if row is not None:
        return row["home_id"], row["next_bucket"]
    partition = await connection.fetchval(
        "SELECT p FROM generate_series(0, $2 - 1) AS p "
        "LEFT JOIN ingest.partition_load l ON l.partition = p AND l.school_year = $1 "
        "ORDER BY coalesce(l.pupils, 0), coalesce(l.homes, 0), p LIMIT 1",
        year,
        partitions,
    )
    await connection.execute(
        "INSERT INTO ingest.partition_load (school_year, partition, homes, pupils) "
        "VALUES ($1, $2, 1, 0) ON CONFLICT (school_year, partition) "
        "DO UPDATE SET homes = partition_load.homes + 1",
        year,
        partition,
    )
    home_id = new_id()
    await connection.execute(
        "INSERT INTO ingest.homes (organiser_id, home_id, school_unit_id, school_year, partition) "
        "VALUES ($1, $2, $3, $4, $5)",
        organiser_id,
        home_id,
        unit,
        year,
        partition,
    )
    return home_id, 0


async def _into_buckets(
    connection: Connection,
    organiser_id: UUID,
    home_id: UUID,
    next_bucket: int,
    pupils: list[Homeless],
) -> None:
    rows = await connection.fetch(
        "SELECT bucket, class_id, pupils FROM ingest.buckets WHERE home_id = $1", home_id
    )
    open_buckets: dict[UUID | None, list[tuple[int, int]]] = defaultdict(list)
    held: dict[int, int] = {}
    for row in rows:
        open_buckets[row["class_id"]].append((row["bucket"], row["pupils"]))
        held[row["bucket"]] = row["pupils"]
    by_class: dict[UUID | None, list[Homeless]] = defaultdict(list)
    for pupil in pupils:
        by_class[pupil.class_id].append(pupil)
    opened: dict[int, UUID | None] = {}
    placed: dict[UUID, int] = {}
    for class_id, members in by_class.items():
        first_new = next_bucket
        found, next_bucket = fill(
            [pupil.pupil_id for pupil in members], open_buckets[class_id], next_bucket
        )
        placed |= found
        opened |= dict.fromkeys(range(first_new, next_bucket), class_id)
    for bucket in placed.values():
        held[bucket] = held.get(bucket, 0) + 1
    await insert(
        connection,
        "ingest.buckets",
        {"organiser_id": "uuid", "home_id": "uuid", "bucket": "int", "class_id": "uuid",
         "pupils": "int"},
        [(organiser_id, home_id, bucket, class_id, held[bucket])
         for bucket, class_id in opened.items()],
    )  # fmt: skip
    await connection.executemany(
        "UPDATE ingest.buckets SET pupils = $3 WHERE home_id = $1 AND bucket = $2",
        [(home_id, bucket, held[bucket]) for bucket in set(placed.values()) - set(opened)],
    )
    await connection.execute(
        "UPDATE ingest.homes SET next_bucket = $2 WHERE home_id = $1", home_id, next_bucket
    )
    await insert(
        connection,
        "ingest.pupil_homes",
        {"organiser_id": "uuid", "pupil_id": "uuid", "school_year": "int", "home_id": "uuid",
         "bucket": "int"},
        [(organiser_id, pupil.pupil_id, pupil.school_year, home_id, placed[pupil.pupil_id])
         for pupil in pupils],
    )  # fmt: skip
