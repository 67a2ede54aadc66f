"""Transactions of one organiser, roles without BYPASSRLS, migrations that cannot change."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from services.common import migrate as migrations
from services.common import pg
from services.common.settings import MigrateSettings
from tests.support.stack import TestPostgres


def _settings(dsn: str) -> MigrateSettings:
    return MigrateSettings(
        owner_database_url=SecretStr(dsn),
        ingest_database_password=SecretStr("i'ngest"),
        cases_database_password=SecretStr("cases"),
        notify_database_password=SecretStr("notify"),
    )


@pytest.fixture
def one_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Services' folders with a single migration, in place of the real ones."""
    folder = tmp_path / "ingest" / "migrations"
    folder.mkdir(parents=True)
    file = folder / "0001_start.sql"
    file.write_text(
        """
        CREATE SCHEMA box;
        CREATE TABLE box.things (organiser_id uuid NOT NULL, what text NOT NULL);
        ALTER TABLE box.things ENABLE ROW LEVEL SECURITY;
        ALTER TABLE box.things FORCE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON box.things
            USING (organiser_id = nullif(current_setting('app.organiser_id', true), '')::uuid);
        GRANT USAGE ON SCHEMA box TO forvarning_ingest;
        GRANT SELECT, INSERT ON box.things TO forvarning_ingest;
        """,
        "utf-8",
    )
    monkeypatch.setattr(migrations, "_ROOT", tmp_path)
    return file


def test_a_tenant_sees_its_own_rows_and_nothing_stays_on_the_connection(
    postgres: TestPostgres, one_migration: Path
) -> None:
    dsn = postgres.create_database()

    async def scenario() -> None:
        assert await migrations.migrate(_settings(dsn)) == ["ingest/0001_start.sql"]
        assert await migrations.migrate(_settings(dsn)) == []
        database = dsn.split("/")[-1].split("?")[0]
        service = postgres.dsn(database, user="forvarning_ingest", password="i'ngest")
        pool = await pg.connect(SecretStr(service), service="test", size=1)
        try:
            one, two = uuid4(), uuid4()
            for organiser in (one, two):
                async with pg.tenant(pool, organiser) as connection:
                    await connection.execute(
                        "INSERT INTO box.things VALUES ($1, 'thing')", organiser
                    )
            async with pg.tenant(pool, one) as connection:
                rows = await connection.fetch("SELECT organiser_id FROM box.things")
            assert [row["organiser_id"] for row in rows] == [one]
            # The same pooled connection, outside a tenant's transaction: nothing.
            assert await pool.fetchval("SELECT count(*) FROM box.things") == 0
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with pg.tenant(pool, one) as connection:
                    await connection.execute("INSERT INTO box.things VALUES ($1, 'x')", two)
        finally:
            await pool.close()

    asyncio.run(scenario())


def test_the_services_roles_cannot_get_round_row_level_security(
    postgres: TestPostgres, one_migration: Path
) -> None:
    dsn = postgres.create_database()

    async def scenario() -> None:
        await migrations.migrate(_settings(dsn))
        connection = await asyncpg.connect(dsn)
        try:
            rows = await connection.fetch(
                "SELECT rolname, rolbypassrls, rolsuper FROM pg_roles "
                "WHERE rolname LIKE 'forvarning_%'"
            )
            # Roles are the server's: another test may have made the archive's.
            assert {row["rolname"] for row in rows} - {"forvarning_archive"} == {
                "forvarning_owner",
                "forvarning_ingest",
                "forvarning_cases",
                "forvarning_notify",
            }
            assert not any(row["rolbypassrls"] or row["rolsuper"] for row in rows)
        finally:
            await connection.close()

    asyncio.run(scenario())


def test_a_changed_migration_is_refused(postgres: TestPostgres, one_migration: Path) -> None:
    dsn = postgres.create_database()

    async def scenario() -> None:
        await migrations.migrate(_settings(dsn))
        one_migration.write_text("SELECT 1", "utf-8")
        with pytest.raises(migrations.MigrationError, match=r"0001_start\.sql was applied"):
            await migrations.migrate(_settings(dsn))

    asyncio.run(scenario())


def test_a_failing_migration_names_itself_and_leaves_nothing(
    postgres: TestPostgres, one_migration: Path
) -> None:
    dsn = postgres.create_database()
    one_migration.write_text("CREATE SCHEMA half; SELECT 1/0;", "utf-8")

    async def scenario() -> None:
        with pytest.raises(migrations.MigrationError, match=r"0001_start\.sql: division by zero"):
            await migrations.migrate(_settings(dsn))
        connection = await asyncpg.connect(dsn)
        try:
            assert (
                await connection.fetchval(
                    "SELECT count(*) FROM pg_namespace WHERE nspname = 'half'"
                )
                == 0
            )
        finally:
            await connection.close()

    asyncio.run(scenario())
