"""Erasing a pupil (design D11): the mapping, every service's rows, and the stream's own by an Erase
fact. What remains is a random id that leads to nobody, and the certificate says where.

One transaction of PostgreSQL. What the stream has to be told is written into ingest's outbox with
it, and sent by ingest whenever Kafka is there. A second erasure of the same pupil finds what came
in between, and may be made as often as one likes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from forvarning.facts.v1 import facts_pb2 as facts
from services.common import topics
from services.common.pg import alone
from services.common.retention import Registry, registry
from services.records import certificates
from services.records.archive import Archive
from services.records.certificates import Certificate
from services.records.order import erasing

if TYPE_CHECKING:
    from services.common.pg import Connection

_RECORDS, _FACTS = 1, 2
"""Stages of ingest's outbox (services.ingest.store.outbox)."""


class UnknownPupilError(LookupError):
    """The organiser has no such pupil, and never erased one."""


class Erasure:
    """Erases pupils of organisers that have decided so."""

    def __init__(self, archive: Archive, new_id: Callable[[], UUID] = uuid4) -> None:
        self._archive = archive
        self._known = registry()
        self._new_id = new_id

    async def erase(
        self, organiser_id: UUID, pupil_id: UUID, *, reference: str, by: str
    ) -> Certificate:
        """Erase a pupil by a decision; UnknownPupilError when there is no such pupil."""
        if not reference.strip():
            raise ValueError("a decision's reference is needed")
        async with self._archive.organiser(organiser_id) as connection:
            # What is being written about the pupil is there first, and the roster's writer, who
            # holds the same row, cannot bring the pupil back meanwhile.
            await alone(connection, organiser_id)
            await connection.execute(
                "UPDATE people.organisers SET roster_version = roster_version + 1"
            )
            before = await connection.fetchrow(
                # A pupil of another organiser is in no roster here: a case from outside alone.
                "SELECT EXISTS (SELECT FROM people.pupils WHERE pupil_id = $1) "
                "OR EXISTS (SELECT FROM cases.cases WHERE pupil_id = $1 AND outside) AS known, "
                "EXISTS (SELECT FROM records.erased WHERE pupil_id = $1) AS erased",
                pupil_id,
            )
            assert before is not None  # noqa: S101 - a SELECT of scalars has one row
            if not (before["known"] or before["erased"]):
                raise UnknownPupilError(f"no pupil {pupil_id}")
            certificate_id = self._new_id()
            told = await self._tell_the_stream(connection, organiser_id, pupil_id, certificate_id)
            rows = await self._rows(connection, pupil_id)
            await connection.execute(
                "INSERT INTO records.erased VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                organiser_id,
                pupil_id,
                self._archive.now(),
                certificate_id,
            )
            certificate = Certificate(
                organiser_id=organiser_id,
                certificate_id=certificate_id,
                kind="erasure",
                issued_at=self._archive.now(),
                issued_by=by,
                pupil_id=pupil_id,
                content={
                    "pupil_id": str(pupil_id),
                    "reference": reference.strip(),
                    "again": before["erased"],
                    "erased": rows,
                    "told_the_stream": told,
                    "remains": remains(self._known),
                },
            )
            await certificates.store(connection, certificate)
        return certificate

    async def again(self, *, by: str) -> list[Certificate]:
        """Erase anew whatever came in late of pupils that are erased, or came back with a backup;
        certificates of those for whom there was something."""
        found: list[Certificate] = []
        for organiser_id in await self._archive.organisers():
            async with self._archive.organiser(organiser_id) as connection:
                rows = await connection.fetch(
                    "SELECT e.pupil_id, c.content->>'reference' AS reference FROM records.erased e "
                    "JOIN records.certificates c USING (organiser_id, certificate_id)"
                )
                late = [row for row in rows if await self._any(connection, row["pupil_id"])]
            found += [
                await self.erase(organiser_id, row["pupil_id"], reference=row["reference"], by=by)
                for row in late
            ]
        return found

    async def _any(self, connection: Connection, pupil_id: UUID) -> bool:
        """Whether any row is there that erasing the pupil would take."""
        for store in self._known.tables():
            if store.erased and not store.clear:
                sql = f"SELECT EXISTS (SELECT FROM {store.store} t WHERE {store.erased})"
                if await connection.fetchval(sql, pupil_id):
                    return True
        return False

    async def _rows(self, connection: Connection, pupil_id: UUID) -> dict[str, int]:
        """Erase the rows of every service; how many by table."""
        found: dict[str, int] = {"ingest: elevens plats i en klassgrupp": 0}
        # Before the mapping goes: these find the pupil by what the sources call it.
        found |= await _staged(connection, pupil_id)
        done = await connection.execute(
            "UPDATE ingest.buckets b SET pupils = b.pupils - 1 FROM ingest.pupil_homes h "
            "WHERE h.home_id = b.home_id AND h.bucket = b.bucket AND h.pupil_id = $1",
            pupil_id,
        )
        found["ingest: elevens plats i en klassgrupp"] = _count(done)
        # All are found before any is erased: one table's rows lead to another's.
        order = await erasing(connection, self._known)
        doomed: list[tuple[str, str, list[str]]] = []
        for store in order:
            if store.erased:
                rows = await connection.fetch(
                    f"SELECT t.ctid::text, t.tableoid::regclass::text AS place "
                    f"FROM {store.store} t WHERE {store.erased}",
                    pupil_id,
                )
                for place in sorted({row["place"] for row in rows}):
                    ctids = [row["ctid"] for row in rows if row["place"] == place]
                    doomed.append((store.store, place, ctids))
        for name, place, ctids in doomed:
            if emptied := ", ".join(f"{one} = NULL" for one in self._known.stores[name].clear):
                sql = f"UPDATE {name} SET {emptied} WHERE ctid = ANY ($1::text[]::tid[])"
            else:
                sql = (
                    f"DELETE FROM {name} WHERE ctid = ANY ($1::text[]::tid[]) "
                    f"AND tableoid = '{place}'::regclass"
                )
            found[name] = found.get(name, 0) + _count(await connection.execute(sql, ctids))
        return {name: count for name, count in found.items() if count}

    async def _tell_the_stream(
        self, connection: Connection, organiser_id: UUID, pupil_id: UUID, certificate_id: UUID
    ) -> list[str]:
        """An Erase fact to each home that the pupil has had, and the roster's tombstone."""
        homes = await connection.fetch(
            "SELECT h.home_id, h.bucket, hm.partition FROM ingest.pupil_homes h "
            "JOIN ingest.homes hm USING (organiser_id, home_id) WHERE h.pupil_id = $1",
            pupil_id,
        )
        waiting: list[tuple[int, str, int, bytes, bytes | None]] = [
            (_RECORDS, topics.ROSTER.name, 0, f"pupil:{pupil_id}".encode(), None)
        ]
        for home in homes:
            fact = facts.Fact(
                organiser_id=organiser_id.bytes,
                accepted_unix_ms=int(self._archive.now().timestamp() * 1000),
                erase=facts.Erase(
                    home_id=home["home_id"].bytes,
                    bucket=home["bucket"],
                    pupil_id=pupil_id.bytes,
                    certificate_id=certificate_id.bytes,
                ),
            )
            key = home["home_id"].bytes
            waiting.append(
                (_FACTS, topics.FACTS.name, home["partition"], key, fact.SerializeToString())
            )
        await connection.executemany(
            "INSERT INTO ingest.outbox (organiser_id, stage, topic, partition, key, value) "
            "VALUES ($1, $2, $3, $4, $5, $6)",
            [(organiser_id, *one) for one in waiting],
        )
        return [f"{topic}, del {partition}" for _, topic, partition, _, _ in waiting]


async def _staged(connection: Connection, pupil_id: UUID) -> dict[str, int]:
    """Take the pupil out of what a source said about many: lessons, groups, rosters that wait."""
    ids: list[UUID] = await connection.fetchval("SELECT records.source_ids($1)", pupil_id)
    found: dict[str, int] = {}
    if ids:
        done = await connection.execute(
            "UPDATE ingest.ss12000_events SET "
            "said_pupils = ARRAY(SELECT s FROM unnest(said_pupils) s WHERE s <> ALL ($1::uuid[])), "
            "exceptions = exceptions - $2::text[] "
            "WHERE said_pupils && $1::uuid[] OR exceptions ?| $2::text[]",
            ids,
            [str(one) for one in ids],
        )
        found["ingest.ss12000_events: elevens id i lektionen"] = _count(done)
        rows = await connection.fetch(
            "SELECT e.source_id, e.resource, e.id, e.body FROM ingest.ss12000_entities e "
            "WHERE e.resource NOT IN ('Placement', 'Absence') AND EXISTS ("
            "SELECT FROM ingest.ss12000_refs r WHERE r.organiser_id = e.organiser_id "
            "AND r.source_id = e.source_id AND r.resource = e.resource AND r.id = e.id "
            "AND r.target = ANY ($1))",
            ids,
        )
        names = {str(one) for one in ids}
        await connection.executemany(
            "UPDATE ingest.ss12000_entities SET body = $4 "
            "WHERE source_id = $1 AND resource = $2 AND id = $3",
            [
                (
                    row["source_id"],
                    row["resource"],
                    row["id"],
                    json.dumps(without(json.loads(row["body"]), names)),
                )
                for row in rows
            ],
        )
        found["ingest.ss12000_entities: elevens plats i en grupp"] = len(rows)
    # A waiting roster names its pupils inside one packed text: it goes, the next one comes anew.
    done = await connection.execute(
        "UPDATE people.held_rosters SET state = 'superseded', content = NULL, "
        "note = 'ersatt: en elev i den raderades' WHERE state = 'waiting'"
    )
    found["people.held_rosters: väntande register som får komma igen"] = _count(done)
    return found


def without(value: object, names: set[str]) -> object:
    """A JSON value without the list items and fields that mention one of the names."""
    if isinstance(value, dict):
        return {
            key: without(inner, names)
            for key, inner in value.items()
            if not (isinstance(inner, str) and inner in names)
        }
    if isinstance(value, list):
        return [without(inner, names) for inner in value if not mentions(inner, names)]
    return value


def mentions(value: object, names: set[str]) -> bool:
    """Whether one of the names stands anywhere in a JSON value."""
    if isinstance(value, dict):
        return any(mentions(inner, names) for inner in value.values())
    if isinstance(value, list):
        return any(mentions(inner, names) for inner in value)
    return isinstance(value, str) and value in names


def remains(known: Registry) -> list[dict[str, str]]:
    """Where the random id stays, why, and what decides when it goes."""
    return [
        {
            "store": store.store,
            "what": store.what,
            "why": store.stays or store.by,
            "until": known.groups[store.group].title,
        }
        for store in known.stores.values()
        if store.personal in {"surrogate", "identity"} and store.stays
    ]


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])
