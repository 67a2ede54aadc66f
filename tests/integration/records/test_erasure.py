"""Erasing a pupil: nothing that can name the pupil stays in any table, and nothing comes back."""

from __future__ import annotations

import json
from datetime import date, timedelta
from uuid import UUID

import pytest

from forvarning.facts.v1 import facts_pb2 as facts
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.actions import CaseActions
from services.cases.store import audit
from services.common import topics
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

pytestmark = pytest.mark.anyio

MONDAY = TUESDAY - timedelta(days=1)
CIVIC = "201304059991"
SOURCE, OTHER = made("source"), made("source", 2)
SS_PERSON, SS_OTHER = made("ss", "alva"), made("ss", "bo")
#: What can name the pupil or lead to her. The surnames of her guardians are hers.
NAMING = (
    "Alvaunik", "Exempelssonunik", CIVIC, "alva.unik@example.org", "070-999 00 01",
    "Verasunik", "vera.unik@example.org", "elev-unik-4711", str(SS_PERSON),
    "Ett ord om Alvaunik",
)  # fmt: skip


async def seeded(world: World) -> None:
    """Alva in every store that has a place for her, and another pupil beside her."""
    run, alva, bo = world.admin.execute, A.pupil("alva"), A.pupil("bo")
    await run(
        "UPDATE people.pupils SET given_name = 'Alvaunik', family_name = 'Exempelssonunik', "
        "email = 'alva.unik@example.org', phone = '070-999 00 01' WHERE pupil_id = $1",
        alva,
    )
    await run(
        "UPDATE people.guardians SET given_name = 'Verasunik', family_name = 'Exempelssonunik', "
        "email = 'vera.unik@example.org' WHERE guardian_id IN "
        "(SELECT guardian_id FROM people.guardian_relations WHERE pupil_id = $1)",
        alva,
    )
    await run("INSERT INTO people.civic_numbers VALUES ($1, $2, $3)", A.id, alva, CIVIC)
    await run("INSERT INTO people.memberships VALUES ($1, $2, $3, $4)", A.id, alva,
              A.group(), date(2026, 8, 18))  # fmt: skip
    await run("INSERT INTO people.wake_from VALUES ($1, $2, $3)", A.id, alva, MONDAY)
    await run("INSERT INTO people.notice_suppressions VALUES ($1, $2, 'Elevhälsan ringer', $3)",
              A.id, alva, MONDAY)  # fmt: skip
    for source, namespace in ((SOURCE, "sis"), (OTHER, "sis2")):
        await run(
            "INSERT INTO ingest.sources (organiser_id, source_id, name, namespace, token_sha256, "
            "scopes, priority, quota_per_minute) VALUES ($1, $2, $3, $3, $4, '{}', 1, 1)",
            A.id, source, namespace, source.bytes,
        )  # fmt: skip
    for namespace, name, pupil in (
        ("sis", "elev-unik-4711", alva), ("sis", "elev-2", bo),
        ("sis2", str(SS_PERSON), alva), ("sis2", str(SS_OTHER), bo),
    ):  # fmt: skip
        await run("INSERT INTO people.external_ids VALUES ($1, $2, 'pupil', $3, $4)",
                  A.id, namespace, name, pupil)  # fmt: skip
    await _homes(world)
    await _ss12000(world)
    parked = facts.Fact(organiser_id=A.id.bytes).SerializeToString()
    for name in ("elev-unik-4711", "elev-2"):
        await run(
            "INSERT INTO ingest.parked VALUES ($1, 'sis', $2, $3, 2026, 1, 1, 1, $4, now())",
            A.id, name, made("about", name), parked,
        )  # fmt: skip
    await run(
        "INSERT INTO people.held_rosters (organiser_id, held_id, source_id, state, received_at, "
        "reasons, content) VALUES ($1, $2, $3, 'waiting', now(), '[]', $4)",
        A.id, made("held"), SOURCE, b"Alvaunik",
    )  # fmt: skip
    await _cases(world)


async def _homes(world: World) -> None:
    run = world.admin.execute
    for year, home in ((2025, made("home", 2025)), (2026, made("home", 2026))):
        await run("INSERT INTO ingest.homes VALUES ($1, $2, $3, $4, $5)",
                  A.id, home, A.unit(), year, year % 8)  # fmt: skip
        await run("INSERT INTO ingest.buckets VALUES ($1, $2, 3, $3, 2)", A.id, home, A.group())
        for pupil in ("alva", "bo"):
            await run("INSERT INTO ingest.pupil_homes VALUES ($1, $2, $3, $4, 3)",
                      A.id, A.pupil(pupil), year, home)  # fmt: skip
    for pupil in ("alva", "bo"):
        await run("INSERT INTO ingest.published VALUES ($1, $2, $3, 'd', $4)", A.id,
                  topics.ROSTER.name, f"pupil:{A.pupil(pupil)}".encode(),
                  A.pupil(pupil).bytes)  # fmt: skip
        await run("INSERT INTO ingest.published VALUES ($1, $2, $3, 'd', $4)", A.id,
                  topics.FACTS.name, made(A.key, "placement", pupil).bytes,
                  A.pupil(pupil).bytes)  # fmt: skip


async def _ss12000(world: World) -> None:
    run = world.admin.execute
    event, group = made("event"), made("ss-group")
    for person, body in ((SS_PERSON, {"givenName": "Alvaunik"}), (SS_OTHER, {"givenName": "Bo"})):
        await run(
            "INSERT INTO people.ss12000_persons (organiser_id, source_id, id, created, modified, "
            "body) VALUES ($1, $2, $3, now(), now(), $4)",
            A.id, OTHER, person, json.dumps(body),
        )  # fmt: skip
        await run(
            "INSERT INTO ingest.ss12000_attendances (organiser_id, source_id, id, calendar_event, "
            "student, created, modified, present, valid, invalid, other, reported) "
            "VALUES ($1, $2, $3, $4, $5, now(), now(), 0, 60, 0, 0, true)",
            A.id, OTHER, made("att", person), event, person,
        )  # fmt: skip
        await run("INSERT INTO ingest.ss12000_refs VALUES ($1, $2, 'groups', $3, $4)",
                  A.id, OTHER, group, person)  # fmt: skip
        await run("INSERT INTO ingest.ss12000_refs VALUES ($1, $2, 'absences', $3, $4)",
                  A.id, OTHER, made("abs", person), person)  # fmt: skip
        await run(
            "INSERT INTO ingest.ss12000_entities (organiser_id, source_id, resource, id, created, "
            "modified, body) VALUES ($1, $2, 'absences', $3, now(), now(), $4)",
            A.id, OTHER, made("abs", person), json.dumps({"student": str(person)}),
        )  # fmt: skip
    members = [{"person": {"id": str(one)}, "startDate": "2026-08-18"} for one in
               (SS_PERSON, SS_OTHER)]  # fmt: skip
    await run(
        "INSERT INTO ingest.ss12000_entities (organiser_id, source_id, resource, id, created, "
        "modified, body) VALUES ($1, $2, 'groups', $3, now(), now(), $4)",
        A.id, OTHER, group, json.dumps({"groupMemberships": members, "displayName": "7A"}),
    )  # fmt: skip
    await run(
        "INSERT INTO ingest.ss12000_events (organiser_id, source_id, id, created, modified, "
        "activity, starts, ends, cancelled, exceptions, said_pupils) "
        "VALUES ($1, $2, $3, now(), now(), $4, now(), now(), false, $5, $6)",
        A.id, OTHER, event, made("activity"),
        json.dumps({str(SS_PERSON): [True, 40], str(SS_OTHER): [False, None]}),
        [SS_PERSON, SS_OTHER],
    )  # fmt: skip
    await run(
        "INSERT INTO ingest.pulls (organiser_id, source_id, base_url, auth, resources, page_size, "
        "interval_seconds, overlap_seconds, full_every_hours, subscribe, feedback, since, next_at) "
        "VALUES ($1, $2, 'http://x', 'none', '{}', 1, 1, 0, 1, false, false, now(), now())",
        A.id, OTHER,
    )  # fmt: skip
    await run("INSERT INTO ingest.pull_problems VALUES "
              "($1, $2, 'persons', 'x', '/y', 'Error', $3, 1, 1, now())",
              A.id, OTHER, str(SS_PERSON))  # fmt: skip


async def _cases(world: World) -> None:
    await world.take(
        Story(A, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY),
        Story(A, "alva", pb.FAMILY_UNEXCUSED_TODAY).raised(TUESDAY).event(TUESDAY),
        Story(A, "bo", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY),
    )
    await world.take_days(
        *(absence_day(A, name, MONDAY, unexplained=300, absent=5) for name in ("alva", "bo"))
    )
    await world.take_deliveries(
        *(delivery(A, name, TUESDAY, world.clock.now()) for name in ("alva", "bo"))
    )
    for name in ("alva", "bo"):
        case = await world.case(A, name)
        text = "Ett ord om Alvaunik" if name == "alva" else "Ett ord"
        await CaseActions(world.database).comment(A.viewer("karin"), case["case_id"], text)
        message, obligation = made("message", name), made("obligation", name)
        await world.admin.execute(
            "INSERT INTO notify.obligations (organiser_id, obligation_id, thread_id, revision, "
            "pupil_id, school_unit_id, school_date, state, raised_at, due_at) "
            "VALUES ($1, $2, $3, 1, $4, $5, $6, 'arranged', now(), now())",
            A.id, obligation, made("thread", name), A.pupil(name), A.unit(), TUESDAY,
        )  # fmt: skip
        await world.admin.execute(
            "INSERT INTO notify.threads VALUES ($1, $2, 1)", A.id, made("thread", name)
        )
        await world.admin.execute(
            "INSERT INTO notify.messages (organiser_id, message_id, kind, channel, recipient_kind, "
            "recipient_id, school_date, occurred_at, state, due_at, give_up_at) VALUES "
            "($1, $2, 'same_day', 'mail', 'guardian', $3, $4, now(), 'sent', now(), now())",
            A.id, message, made("guardian", name), TUESDAY,
        )  # fmt: skip
        await world.admin.execute(
            "INSERT INTO notify.attempts VALUES ($1, $2, 1, now(), 'sent', '250')", A.id, message
        )
        await world.admin.execute(
            "INSERT INTO notify.deliveries (organiser_id, delivery_id, kind, state, pupil_id, "
            "school_unit_id, school_date, message_id, obligation_id, changed_at) "
            "VALUES ($1, $2, 'same_day', 'sent', $3, $4, $5, $6, $7, now())",
            A.id, made("delivery", name), A.pupil(name), A.unit(), TUESDAY, message, obligation,
        )  # fmt: skip
        await world.admin.execute(
            "INSERT INTO notify.outbox (organiser_id, aggregatetype, aggregateid, type, payload, "
            "created_at) VALUES ($1, 'delivery', $2, 'sent', $3, now())",
            A.id, message, A.pupil(name).bytes,
        )  # fmt: skip
        await world.admin.execute(
            "INSERT INTO notify.dead_letters (topic, partition, record_offset, reason, payload, at)"
            " VALUES ('t', 0, $1, 'x', $2, now())", len(name), b"x" + A.pupil(name).bytes,
        )  # fmt: skip


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
            "SELECT body FROM ingest.ss12000_entities WHERE resource = 'groups'"
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
