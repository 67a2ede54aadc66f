"""Erasing a pupil: nothing that can name the pupil stays in any table, and nothing comes back."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import pytest

from forvarning.facts.v1 import facts_pb2 as facts
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.store import audit
from services.common import topics
from services.common.erased import erased
from services.common.retention import registry
from services.records.archive import Archive
from services.records.erasure import Erasure, UnknownPupilError, mentions, without
from tests.integration.cases.world import (
    TUESDAY,
    A,
    B,
    Story,
    World,
    absence_day,
    delivery,
    made,
)
from tests.integration.records.search import tables_with
from tests.integration.records.seed import NAMING, SS_OTHER, seeded

pytestmark = pytest.mark.anyio


async def test_nothing_that_can_name_the_pupil_stays_anywhere(
    world: World, keeper: Archive
) -> None:
    await seeded(world)
    before = await tables_with(world.admin, NAMING)
    assert set(before) == set(NAMING), "the seed reaches every store that it means to"
    alva = A.pupil("alva")
    certificate = await Erasure(keeper).erase(A.id, alva, reference="TN 2026/7", by="Drift")
    assert await tables_with(world.admin, NAMING) == {}
    # The random id stays where the certificate says, and nowhere else.
    left = await tables_with(world.admin, [alva.bytes, str(alva)])
    tables = set().union(*left.values())
    told = {one["store"] for one in certificate.content["remains"]}
    assert tables <= told, tables - told
    assert tables == {"ingest.outbox", "records.certificates", "records.erased"}


async def test_nobody_else_loses_anything(world: World, keeper: Archive) -> None:
    await seeded(world)
    bo = A.pupil("bo")

    async def about_bo() -> dict[str, int]:
        found = {}
        async with keeper.organiser(A.id) as connection:
            for store in registry().tables():
                if store.pupil and store.store != "ingest.outbox":
                    sql = f"SELECT count(*) FROM {store.store} t WHERE {store.pupil}"
                    found[store.store] = await connection.fetchval(sql, bo)
        return found

    before = await about_bo()
    assert sum(count > 0 for count in before.values()) > 20
    await Erasure(keeper).erase(A.id, A.pupil("alva"), reference="TN 2026/7", by="Drift")
    assert await about_bo() == before
    group = json.loads(
        await world.admin.fetchval(
            "SELECT body FROM ingest.ss12000_entities WHERE resource = 'Group'"
        )
    )
    assert [one["person"]["id"] for one in group["groupMemberships"]] == [str(SS_OTHER)]
    event = await world.admin.fetchrow("SELECT said_pupils, exceptions FROM ingest.ss12000_events")
    assert event is not None
    assert (event["said_pupils"], list(json.loads(event["exceptions"]))) == (
        [SS_OTHER],
        [str(SS_OTHER)],
    )
    assert await world.admin.fetchval("SELECT array_agg(pupils) FROM ingest.buckets") == [1, 1]


async def test_the_stream_is_told_in_every_home_the_pupil_had(
    world: World, keeper: Archive
) -> None:
    await seeded(world)
    alva = A.pupil("alva")
    certificate = await Erasure(keeper).erase(A.id, alva, reference="TN 2026/7", by="Drift")
    rows = await world.admin.fetch("SELECT * FROM ingest.outbox ORDER BY outbox_id")
    roster, *erased = [row for row in rows if row["value"] is None or row["value"] != b""]
    assert (roster["topic"], roster["key"], roster["value"]) == (
        topics.ROSTER.name, f"pupil:{alva}".encode(), None,
    )  # fmt: skip
    found = {(row["partition"], row["key"]): facts.Fact.FromString(row["value"]) for row in erased}
    assert set(found) == {
        (2025 % 8, made("home", 2025).bytes),
        (2026 % 8, made("home", 2026).bytes),
    }
    for (_, key), fact in found.items():
        assert fact.organiser_id == A.id.bytes
        assert (fact.erase.home_id, fact.erase.pupil_id, fact.erase.bucket) == (key, alva.bytes, 3)
        assert UUID(bytes=fact.erase.certificate_id) == certificate.certificate_id


async def test_the_audit_logs_chain_survives(world: World, keeper: Archive) -> None:
    await seeded(world)
    before = await world.admin.fetchval("SELECT count(*) FROM cases.audit")
    await Erasure(keeper).erase(A.id, A.pupil("alva"), reference="TN 2026/7", by="Drift")
    assert await world.admin.fetchval("SELECT count(*) FROM cases.audit") == before
    details = await world.admin.fetch(
        "SELECT case_id, detail FROM cases.audit WHERE detail IS NULL"
    )
    assert len(details) == 1
    async with world.database.system(A.id) as connection:
        assert await audit.verify(connection, A.id) == []


async def test_what_comes_late_of_an_erased_pupil_is_not_taken(
    world: World, keeper: Archive
) -> None:
    await seeded(world)
    alva = A.pupil("alva")
    await Erasure(keeper).erase(A.id, alva, reference="TN 2026/7", by="Drift")
    late = Story(A, "alva", pb.FAMILY_SPORADIC).raised(TUESDAY)
    await world.take(
        late.event(TUESDAY), Story(A, "bo", pb.FAMILY_SPORADIC).raised(TUESDAY).event(TUESDAY)
    )
    await world.take_days(absence_day(A, "alva", TUESDAY), absence_day(A, "bo", TUESDAY))
    await world.take_deliveries(delivery(A, "alva", TUESDAY, world.clock.now(), key="late"))
    left = await tables_with(world.admin, [alva.bytes, str(alva)])
    assert set().union(*left.values()) == {
        "ingest.outbox", "records.certificates", "records.erased",
    }  # fmt: skip
    assert (
        await world.admin.fetchval(
            "SELECT count(*) FROM cases.absence_days WHERE pupil_id = $1", A.pupil("bo")
        )
        == 2
    )


async def _someone_waits(world: World) -> None:
    """Until a transaction waits for another's advisory lock."""
    waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
    for _ in range(6000):
        if await world.admin.fetchval(waiting):
            return
        await asyncio.sleep(0.01)
    pytest.fail("nobody waits")


async def test_what_was_being_written_when_the_pupil_was_erased_is_erased_too(
    world: World, keeper: Archive
) -> None:
    await seeded(world)
    alva = A.pupil("alva")
    async with world.database.system(A.id) as connection:
        assert await erased(connection, [alva]) == set()
        erasing = asyncio.create_task(
            Erasure(keeper).erase(A.id, alva, reference="TN 2026/7", by="Drift")
        )
        await _someone_waits(world)
        await connection.execute(
            "INSERT INTO cases.deliveries VALUES "
            "($1, $2, 'same_day', 'sent', 'mail', '', $3, NULL, $4, now())",
            A.id, made("meanwhile"), alva, TUESDAY,
        )  # fmt: skip
    certificate = await erasing
    left = await tables_with(world.admin, [alva.bytes, str(alva)])
    assert set().union(*left.values()) == {
        "ingest.outbox", "records.certificates", "records.erased",
    }  # fmt: skip
    assert certificate.content["erased"]["cases.deliveries"] > 0


async def test_an_erasure_that_waits_does_not_keep_back_what_others_wait_for(
    world: World, keeper: Archive
) -> None:
    await seeded(world)
    async with world.database.system(A.id):
        erasing = asyncio.create_task(
            Erasure(keeper).erase(A.id, A.pupil("alva"), reference="TN 2026/7", by="Drift")
        )
        await _someone_waits(world)
        # The first transaction ends when this one has: it must get by.
        async with asyncio.timeout(60), world.database.system(A.id) as connection:
            assert await erased(connection, [A.pupil("alva")]) == set()
        assert not erasing.done()
    await erasing


async def test_erasing_again_finds_what_a_backup_brought_back(
    world: World, keeper: Archive
) -> None:
    await seeded(world)
    alva = A.pupil("alva")
    erasure = Erasure(keeper)
    await erasure.erase(A.id, alva, reference="TN 2026/7", by="Drift")
    assert await erasure.again(by="Drift") == []
    await world.admin.execute(
        "INSERT INTO cases.deliveries VALUES "
        "($1, $2, 'same_day', 'sent', 'mail', '', $3, NULL, $4, now())",
        A.id, made("back"), alva, TUESDAY,
    )  # fmt: skip
    [certificate] = await erasure.again(by="Drift")
    assert certificate.content["again"] is True
    assert certificate.content["reference"] == "TN 2026/7"
    assert certificate.content["erased"] == {"cases.deliveries": 1}
    assert await erasure.again(by="Drift") == []


async def test_a_guardian_of_a_sibling_stays(world: World, keeper: Archive) -> None:
    await world.admin.execute(
        "INSERT INTO people.guardian_relations SELECT organiser_id, $2, guardian_id, 'guardian' "
        "FROM people.guardian_relations WHERE pupil_id = $1 ORDER BY guardian_id LIMIT 1",
        A.pupil("alva"), A.pupil("bo"),
    )  # fmt: skip
    await Erasure(keeper).erase(A.id, A.pupil("alva"), reference="x", by="Drift")
    assert (
        await world.admin.fetchval(
            "SELECT count(*) FROM people.guardian_relations WHERE pupil_id = $1", A.pupil("bo")
        )
        == 3
    )
    assert (
        await world.admin.fetchval(
            "SELECT count(*) FROM people.guardians WHERE organiser_id = $1", A.id
        )
        == 15
    )


async def test_a_mail_about_several_pupils_stays_until_the_last_of_them_is_erased(
    world: World, keeper: Archive
) -> None:
    await seeded(world)
    # What is due today is one mail to a person, as is a day's notice about siblings.
    shared = made("message", "bo")
    await world.admin.execute(
        "INSERT INTO notify.deliveries (organiser_id, delivery_id, kind, state, pupil_id, "
        "school_unit_id, school_date, message_id, changed_at) "
        "VALUES ($1, $2, 'case', 'sent', $3, $4, $5, $6, now())",
        A.id, made("together"), A.pupil("alva"), A.unit(), TUESDAY, shared,
    )  # fmt: skip

    async def left(table: str) -> int:
        count: int = await world.admin.fetchval(
            f"SELECT count(*) FROM notify.{table} WHERE message_id = $1", shared
        )
        return count

    erasure = Erasure(keeper)
    await erasure.erase(A.id, A.pupil("alva"), reference="TN 2026/7", by="Drift")
    assert [await left(one) for one in ("messages", "attempts", "deliveries")] == [1, 1, 1]
    await erasure.erase(A.id, A.pupil("bo"), reference="TN 2026/8", by="Drift")
    assert [await left(one) for one in ("messages", "attempts", "deliveries")] == [0, 0, 0]


async def test_an_erasure_needs_a_decision_and_a_pupil_of_the_organiser(
    world: World, keeper: Archive
) -> None:
    erasure = Erasure(keeper)
    with pytest.raises(ValueError, match="decision"):
        await erasure.erase(A.id, A.pupil("alva"), reference="  ", by="Drift")
    with pytest.raises(UnknownPupilError):
        await erasure.erase(B.id, A.pupil("alva"), reference="x", by="Drift")
    assert await world.admin.fetchval("SELECT count(*) FROM people.pupils") == 16
    assert await world.admin.fetchval("SELECT count(*) FROM records.certificates") == 0


def test_a_json_value_without_a_name() -> None:
    value = {"a": ["x", {"b": "x"}, {"b": "y"}], "c": "x", "d": {"e": ["y", "x"]}}
    assert without(value, {"x"}) == {"a": [{"b": "y"}], "d": {"e": ["y"]}}
    assert mentions(value, {"y"})
    assert not mentions(without(value, {"x"}), {"x"})
