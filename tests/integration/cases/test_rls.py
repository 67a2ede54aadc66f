"""Row-level security: every table, every tenant, every role, and pupils who must not be known."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.chain.perform import perform
from services.cases.store import lists, reading
from services.cases.store.lists import Span
from services.cases.store.scope import Viewer
from services.common import pg
from tests.integration.cases.world import (
    TUESDAY,
    A,
    B,
    Story,
    World,
    absence_day,
    delivery,
    give_duty,
    hire,
    made,
    school_signal,
)

pytestmark = pytest.mark.anyio

MONDAY = TUESDAY - timedelta(days=1)
#: The only tables that belong to no organiser; nobody but the service's own work reads them.
WITHOUT_ORGANISER = {
    "dead_letters",
    "login_failures",
    "logout_tokens",
    "profile_contents",
    "sign_in_attempts",
}


async def fill(world: World) -> None:
    """Rows of both organisers in every table that people can reach."""
    for organiser in (A, B):
        await world.take(
            Story(organiser, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY),
            Story(organiser, "dino", pb.FAMILY_SPORADIC, group="8B").raised(MONDAY).event(MONDAY),
            Story(organiser, "ebba", pb.FAMILY_SPORADIC, unit="ek", group="9C")
            .raised(MONDAY)
            .event(MONDAY),
            Story(organiser, "alva", pb.FAMILY_UNEXCUSED_TODAY).raised(TUESDAY).event(TUESDAY),
        )
        await world.take_deliveries(
            delivery(organiser, "alva", TUESDAY, world.clock.now(), reason="no_address")
        )
        await world.take_signals(
            school_signal(organiser, "wave", "class:7A", TUESDAY),
            school_signal(organiser, "wave", "class:8B", TUESDAY),
            school_signal(organiser, "cluster", "class:7A", TUESDAY),
            school_signal(organiser, "unreported", "subject:Slöjd", TUESDAY, unit="ek"),
        )
        await world.take_days(absence_day(organiser, "alva", MONDAY, unexplained=300, absent=5))
        async with world.database.person(organiser.viewer("karin")) as connection:
            row = await connection.fetchrow("SELECT case_id FROM cases.cases LIMIT 1")
            assert row is not None
            await connection.execute(
                "INSERT INTO cases.comments VALUES ($1, $2, $3, now(), $4, 'ett ord')",
                organiser.id,
                made(organiser.key, "comment"),
                row["case_id"],
                organiser.staff("karin"),
            )

        row = await world.case(organiser, "alva")
        written = await perform(
            world.database,
            organiser.viewer("elias"),
            row["case_id"],
            "register_certificate",
            {"issued_on": "2026-11-20", "received_on": "2026-11-23", "kept": "Journalen"},
        )
        async with world.database.system(organiser.id) as connection:
            await connection.execute(
                """
                INSERT INTO cases.documents (organiser_id, document_id, direction, kind, case_id,
                    entry_id, school_unit_id, sender, recipient, fields, pdf, digest, created_at)
                VALUES ($1, $2, 'sent', 'report_to_organiser', $3, $4, $5, 'skolan', 'huvudmannen',
                    '{}', '', '', now())
                """,
                organiser.id,
                made(organiser.key, "document"),
                row["case_id"],
                written.entry_id,
                organiser.unit(),
            )
            await connection.execute(
                "INSERT INTO cases.organiser_settings (organiser_id) VALUES ($1)", organiser.id
            )


async def tables(admin: asyncpg.Connection[asyncpg.Record]) -> list[asyncpg.Record]:
    """Every table of the schema, partitions included, as PostgreSQL knows them."""
    return await admin.fetch(
        """
        SELECT c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
               EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
                       AND a.attname = 'organiser_id') AS tenant,
               (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'cases' AND c.relkind IN ('r', 'p', 'm', 'f') ORDER BY c.relname
        """
    )


async def test_every_table_is_under_forced_row_level_security(world: World) -> None:
    found = await tables(world.admin)
    assert len(found) > 20
    bare = [t["name"] for t in found if not (t["enabled"] and t["forced"] and t["policies"])]
    assert bare == []
    assert {t["name"] for t in found if not t["tenant"]} == WITHOUT_ORGANISER


async def test_the_services_role_can_bypass_nothing(world: World) -> None:
    role = await world.admin.fetchrow(
        "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles "
        "WHERE rolname = 'forvarning_cases'"
    )
    assert role is not None
    assert not any(role.values())
    owned = await world.admin.fetchval(
        "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner "
        "WHERE r.rolname = 'forvarning_cases'"
    )
    assert owned == 0
    for table in ("audit", "case_events", "comments", "cases"):
        for verb in ("DELETE FROM", "TRUNCATE"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with world.database.system(A.id) as connection:
                    await connection.execute(f"{verb} cases.{table}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with world.database.system(A.id) as connection:
            await connection.execute("UPDATE cases.audit SET action = 'x'")


@pytest.mark.parametrize("who", ["system", "person"])
async def test_a_tenant_sees_nothing_of_another(world: World, who: str) -> None:
    await fill(world)
    reachable = 0
    for table in await tables(world.admin):
        if not table["tenant"]:
            continue
        name = table["name"]
        rows = await world.admin.fetchval(
            f"SELECT count(*) FROM cases.{name} WHERE organiser_id = $1", B.id
        )
        viewer = A.viewer("karin")
        scope = world.database.system(A.id) if who == "system" else world.database.person(viewer)
        async with scope as connection:
            try:
                async with connection.transaction():
                    seen = await connection.fetchval(
                        f"SELECT count(*) FROM cases.{name} WHERE organiser_id <> $1", A.id
                    )
            except asyncpg.InsufficientPrivilegeError:
                seen = 0  # a partition: reached through its parent only
        assert seen == 0, name
        reachable += rows > 0
    assert reachable >= 10


async def test_nothing_is_seen_without_an_organiser_or_a_role(world: World) -> None:
    await fill(world)
    for table in await tables(world.admin):
        async with world.pool.acquire() as connection:
            try:
                assert await connection.fetchval(f"SELECT count(*) FROM cases.{table['name']}") == 0
            except asyncpg.InsufficientPrivilegeError:
                continue
        async with pg.tenant(world.pool, A.id) as connection:
            try:
                async with connection.transaction():
                    assert (
                        await connection.fetchval(f"SELECT count(*) FROM cases.{table['name']}")
                        == 0
                    )
            except asyncpg.InsufficientPrivilegeError:
                continue


async def test_another_tenants_rows_cannot_be_written(world: World) -> None:
    await fill(world)
    case_id = await world.admin.fetchval(
        "SELECT case_id FROM cases.cases WHERE organiser_id = $1 LIMIT 1", B.id
    )
    async with world.database.system(A.id) as connection:
        answer = await connection.execute(
            "UPDATE cases.cases SET headline = 'x' WHERE case_id = $1", case_id
        )
    assert answer == "UPDATE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with world.database.system(A.id) as connection:
            await connection.execute("INSERT INTO cases.inbox VALUES ($1, 'x', 'x', now())", B.id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with world.database.system(A.id) as connection:
            await connection.execute("UPDATE cases.cases SET organiser_id = $1", B.id)


#: login -> the pupils of A whose case that person may see.
SEEN = {
    "karin": {"alva", "dino"},
    "rolf": {"alva", "dino"},
    "elias": {"alva", "dino"},
    "maja": {"alva"},
    "olle": {"ebba"},
    "rut": {"ebba"},
    "kim": set[str](),
}


@pytest.mark.parametrize("login", sorted(SEEN))
async def test_people_see_the_cases_of_their_duties(world: World, login: str) -> None:
    await fill(world)
    async with world.database.person(A.viewer(login)) as connection:
        rows = await connection.fetch("SELECT pupil_id FROM cases.cases")
        events = await connection.fetch("SELECT DISTINCT case_id FROM cases.case_events")
        days = await connection.fetch("SELECT DISTINCT pupil_id FROM cases.absence_days")
        warned = await connection.fetch("SELECT DISTINCT pupil_id FROM cases.warnings")
        comments = await connection.fetchval("SELECT count(*) FROM cases.comments")
        episodes = await connection.fetch("SELECT DISTINCT pupil_id FROM cases.episodes")
        sent = await connection.fetch("SELECT DISTINCT pupil_id FROM cases.deliveries")
    expected = {A.pupil(name) for name in SEEN[login]}
    assert {row["pupil_id"] for row in rows} == expected
    # Of a protected pupil elevhälsa sees the case's number, and nothing of what happened in it.
    told = expected - {A.pupil("dino")} if login == "elias" else expected
    assert len(events) == len(told)
    assert {row["pupil_id"] for row in warned} == expected
    assert {row["pupil_id"] for row in episodes} == expected
    alva = {A.pupil("alva")} & expected
    assert {row["pupil_id"] for row in days} == alva
    assert {row["pupil_id"] for row in sent} == alva
    if not expected:
        assert comments == 0


@pytest.mark.parametrize(
    ("login", "seen"),
    [
        ("karin", {"wave 7A", "wave 8B", "cluster 7A"}),
        ("rolf", {"wave 7A", "wave 8B", "cluster 7A"}),
        ("maja", {"wave 7A"}),
        ("olle", {"unreported Slöjd"}),
        ("rut", {"unreported Slöjd"}),
        ("elias", set[str]()),
        ("kim", set[str]()),
    ],
)
async def test_what_a_school_is_told_is_for_its_rektor_and_officers(
    world: World, login: str, seen: set[str]
) -> None:
    """A mentor learns of the own class's wave only."""
    await fill(world)
    async with world.database.person(A.viewer(login)) as connection:
        rows = await reading.school_signals(connection, MONDAY)
        count = await connection.fetchval("SELECT count(*) FROM cases.school_signals")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM cases.school_signals")
    assert {f"{row['kind']} {row['place']}" for row in rows} == seen
    assert count == len(seen)


async def test_a_duty_that_has_ended_or_not_begun_opens_nothing(world: World) -> None:
    await fill(world)
    await hire(world.admin, A, "ny", "Ny", "Nysson")
    await give_duty(
        world.admin, A, "ny", "principal", "unit:bjork", since=TUESDAY + timedelta(days=1)
    )
    await give_duty(world.admin, A, "ny", "principal", "unit:ek", until=TUESDAY)
    async with world.database.person(A.viewer("ny")) as connection:
        assert await connection.fetchval("SELECT count(*) FROM cases.cases") == 0
    world.clock.advance(timedelta(days=1))
    async with world.database.person(A.viewer("ny")) as connection:
        rows = await connection.fetch("SELECT pupil_id FROM cases.cases")
    assert {row["pupil_id"] for row in rows} == {A.pupil("alva"), A.pupil("dino")}


async def test_an_area_duty_covers_the_areas_units_and_no_more(world: World) -> None:
    await fill(world)
    await hire(world.admin, A, "chef", "Chefa", "Områdsson")
    await give_duty(world.admin, A, "chef", "principal", "area")
    async with world.database.person(A.viewer("chef")) as connection:
        assert await connection.fetchval("SELECT count(*) FROM cases.cases") == 3
    await world.admin.execute(
        "UPDATE people.school_units SET area_id = NULL WHERE school_unit_id = $1", A.unit("ek")
    )
    async with world.database.person(A.viewer("chef")) as connection:
        assert await connection.fetchval("SELECT count(*) FROM cases.cases") == 2


async def test_deciding_is_for_officers_rektor_and_whom_the_case_stands_with(
    world: World,
) -> None:
    await fill(world)
    may = {}
    for login in SEEN:
        async with world.database.person(A.viewer(login)) as connection:
            answer = await connection.execute("UPDATE cases.cases SET updated_at = updated_at")
            may[login] = int(answer.split()[1])
    assert may == {"karin": 2, "rolf": 2, "elias": 0, "maja": 0, "olle": 1, "rut": 1, "kim": 0}


async def test_nobody_writes_in_anothers_name(world: World) -> None:
    await fill(world)
    case = await world.case(A, "alva")
    for table, columns in (
        ("comments", "(organiser_id, comment_id, case_id, at, author_staff_id, body)"),
        ("case_events", "(organiser_id, event_id, case_id, at, actor_staff_id, kind)"),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with world.database.person(A.viewer("karin")) as connection:
                await connection.execute(
                    f"INSERT INTO cases.{table} {columns} VALUES ($1, $2, $3, now(), $4, 'x')",
                    A.id,
                    made("forged", table),
                    case["case_id"],
                    A.staff("rolf"),
                )


@pytest.mark.parametrize(
    ("login", "known"), [("karin", True), ("rolf", True), ("elias", False), ("maja", None)]
)
async def test_protected_pupils_are_known_to_the_holder_and_rektor_only(
    world: World, login: str, known: bool | None
) -> None:
    await fill(world)
    case = await world.case(A, "dino")
    async with world.database.person(A.viewer(login)) as connection:
        row = await reading.one_case(connection, case["case_id"])
    if known is None:
        assert row is None
        return
    assert row is not None
    assert row["known"] is known
    hidden = [row["pupil_name"], row["class_name"], row["unit_name"]]
    assert (hidden == [None, None, None]) is not known


async def test_a_second_officer_of_the_unit_does_not_know_the_protected_pupil(
    world: World,
) -> None:
    await fill(world)
    await hire(world.admin, A, "tva", "Tvåa", "Tvåsson")
    await give_duty(world.admin, A, "tva", "attendance_officer", "unit:bjork", substitute=True)
    async with world.database.person(A.viewer("tva")) as connection:
        found = await lists.sections(connection, world.clock.now(), Span(0, 50), mine=False)
        ids = [case_id for one in found.values() for case_id in one.ids]
        rows = {row["number"]: row for row in await reading.some_cases(connection, ids)}
    dino = rows[(await world.case(A, "dino"))["number"]]
    alva = rows[(await world.case(A, "alva"))["number"]]
    assert (dino["known"], dino["pupil_name"]) == (False, None)
    assert (alva["known"], alva["pupil_name"]) == (True, "Alva Exempelsson")


async def test_a_viewer_of_another_organiser_with_the_same_id_sees_nothing(world: World) -> None:
    await fill(world)
    stranger = Viewer(B.id, A.staff("karin"))
    async with world.database.person(stranger) as connection:
        assert await connection.fetchval("SELECT count(*) FROM cases.cases") == 0
