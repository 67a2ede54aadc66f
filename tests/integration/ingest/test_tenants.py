"""No table without row-level security, and nothing of one organiser for another."""

from __future__ import annotations

from uuid import UUID, uuid4

import asyncpg
import pytest

from services.common import pg, topics
from tests.integration.ingest.world import World, read_topic, register, roster
from tests.support.stack import TestPostgres

pytestmark = pytest.mark.anyio


async def _tables(world: World) -> list[str]:
    rows = await world.admin.fetch(
        "SELECT n.nspname || '.' || c.relname AS name FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organiser_id' "
        "WHERE n.nspname IN ('people', 'ingest') AND c.relkind IN ('r', 'p') ORDER BY 1"
    )
    return [row["name"] for row in rows]


async def test_every_table_of_an_organiser_forces_row_level_security(world: World) -> None:
    rows = await world.admin.fetch(
        "SELECT n.nspname || '.' || c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity "
        "AS forced, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid "
        "AND a.attname = 'organiser_id') AS tenant, (SELECT count(*) FROM pg_policy p "
        "WHERE p.polrelid = c.oid AND p.polname = 'tenant' AND p.polwithcheck IS NOT NULL) AS own "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname IN ('people', 'ingest') AND c.relkind IN ('r', 'p')"
    )
    assert len(rows) > 25
    free = {row["name"] for row in rows if not row["tenant"]}
    assert free == {"ingest.partition_load", "ingest.profile_contents"}, (
        "a new table without an organiser must be argued for here: it may hold nobody's data"
    )
    for row in rows:
        if row["tenant"]:
            assert row["forced"], row["name"]
            assert row["own"] == 1, row["name"]


async def test_whose_rows_are_seen_is_asked_once_a_statement_of_the_largest_tables(
    world: World,
) -> None:
    """A policy without a subquery reads the setting anew for every row that is looked at; one with
    it hides from the planner whose rows they are, and how many."""
    rows = await world.admin.fetch(
        "SELECT schemaname || '.' || tablename AS name, qual, with_check FROM pg_policies "
        "WHERE policyname = 'tenant' AND schemaname IN ('people', 'ingest')"
    )
    once = {
        row["name"]
        for row in rows
        for condition in (row["qual"], row["with_check"])
        if "SELECT" in condition
    }
    assert once == {"ingest.lessons", "ingest.ss12000_attendances"}


async def test_every_view_is_its_readers_own(world: World) -> None:
    rows = await world.admin.fetch(
        "SELECT c.relname, c.reloptions FROM pg_class c "
        "WHERE c.relnamespace = 'people_v1'::regnamespace AND c.relkind = 'v'"
    )
    assert len(rows) == 14
    assert all("security_invoker=true" in row["reloptions"] for row in rows)


async def test_no_service_role_owns_or_bypasses(world: World) -> None:
    rows = await world.admin.fetch(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'forvarning_%' "
        "AND rolname <> 'forvarning_owner' AND (rolsuper OR rolbypassrls)"
    )
    assert rows == []
    owned = await world.admin.fetchval(
        "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner "
        "WHERE r.rolname IN ('forvarning_ingest', 'forvarning_cases', 'forvarning_notify')"
    )
    assert owned == 0


async def test_one_organiser_sees_nothing_of_another(world: World) -> None:
    await world.put(roster())
    await world.post(register(marks=[{"pupil": "p1"}, {"pupil": "unknown"}]))
    await world.post(register(length_minutes=0))
    await world.service.closer.run(world.organiser_id)
    stranger = UUID((await world.source("other"))["organiser_id"])
    filled = 0
    for table in await _tables(world):
        total = await world.admin.fetchval(
            f"SELECT count(*) FROM {table} WHERE organiser_id = $1", world.organiser_id
        )
        filled += total > 0
        async with pg.tenant(world.service.pool, stranger) as connection:
            seen = await connection.fetchval(
                f"SELECT count(*) FROM {table} WHERE organiser_id <> $1", stranger
            )
        assert seen == 0, table
        async with world.service.pool.acquire() as connection:
            # Without an organiser there is nothing at all.
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    assert filled > 20, "the test must have something to leak"


async def test_nobody_writes_into_another_organiser(world: World) -> None:
    stranger = UUID((await world.source("other"))["organiser_id"])
    async with pg.tenant(world.service.pool, stranger) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "INSERT INTO people.areas VALUES ($1, $2, 'x')", world.organiser_id, uuid4()
            )


@pytest.mark.parametrize("role", ["forvarning_cases", "forvarning_notify"])
async def test_the_other_services_read_the_views_and_no_personnummer(
    world: World, postgres: TestPostgres, role: str
) -> None:
    body = roster()
    body["pupils"][0]["civic_no"] = "201304059999"
    await world.put(body)
    await world.admin.execute(f"ALTER ROLE {role} PASSWORD 'reader'")
    database = await world.admin.fetchval("SELECT current_database()")
    connection = await asyncpg.connect(postgres.dsn(database, user=role, password="reader"))
    try:
        assert await connection.fetch("SELECT * FROM people_v1.pupils") == []
        ids = await connection.fetch("SELECT people_v1.organiser_ids() AS id")
        assert world.organiser_id in {row["id"] for row in ids}
        async with connection.transaction():
            await connection.execute(
                # The case service sees names as the system or as a person, never as nobody.
                "SELECT set_config('app.organiser_id', $1, true), "
                "set_config('app.roles', 'system', true)",
                str(world.organiser_id),
            )
            views = await connection.fetch(
                "SELECT relname FROM pg_class WHERE relnamespace = 'people_v1'::regnamespace "
                "AND relkind = 'v' AND has_table_privilege(oid, 'SELECT')"
            )
            # Which rules hold is for the case service alone: its ladders.
            assert len(views) == (14 if role == "forvarning_cases" else 13)
            for view in views:
                rows = await connection.fetch(f"SELECT * FROM people_v1.{view['relname']}")
                assert {row["organiser_id"] for row in rows} <= {world.organiser_id}
            assert len(await connection.fetch("SELECT * FROM people_v1.pupils")) == 2
        for table in ("people.civic_numbers", "people.external_ids", "ingest.sources"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT * FROM {table}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("UPDATE people.pupils SET given_name = 'x'")
    finally:
        await connection.close()


async def test_the_log_names_nobody(world: World) -> None:
    """Topics carry surrogates, never names, contacts, personnummer or the sources' ids."""
    body = roster()
    body["pupils"][0] |= {"civic_no": "201304059999", "email": "elev@example.org"}
    await world.put(body)
    await world.post(register())
    for topic in (topics.FACTS.name, topics.ROSTER.name):
        for record in await read_topic(world.bootstrap, topic):
            content = (record.key or b"") + (record.value or b"")
            for secret in (b"Elev p1", b"Test", b"201304059999", b"example.org", b"Karin"):
                assert secret not in content
