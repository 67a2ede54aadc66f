"""A filled database of each level that was kept comes to the present one with every row intact."""

from __future__ import annotations

import json
from collections import Counter

import asyncpg
import pytest
from pydantic import SecretStr

from services.common import migrate
from services.common.settings import MigrateSettings
from tests.integration.records.filled import LEVELS
from tests.support.dumps import restore
from tests.support.stack import TestPostgres

pytestmark = pytest.mark.anyio

#: Written anew by every migration.
OWN = {"migrations.applied", "records.retention"}
#: (table, column) whose contents a migration changes on purpose, with the migration.
CHANGED: dict[tuple[str, str], str] = {}
#: Tables that a migration takes away on purpose, with the migration.
GONE: dict[str, str] = {}

#: What of the schema must be the same, whichever level a database comes from.
_SCHEMA = (
    """
    SELECT table_schema, table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns
    WHERE table_schema IN ('people', 'people_v1', 'ingest', 'cases', 'notify', 'records')
    """,
    "SELECT schemaname, tablename, policyname, roles, cmd, qual, with_check FROM pg_policies",
    """
    SELECT table_schema, table_name, grantee, privilege_type
    FROM information_schema.role_table_grants WHERE grantee LIKE 'forvarning%'
    """,
    """
    SELECT schemaname, tablename, indexdef FROM pg_indexes
    WHERE schemaname IN ('people', 'ingest', 'cases', 'notify', 'records')
    """,
)

Rows = dict[str, Counter[str]]


async def rows_of(admin: asyncpg.Connection[asyncpg.Record], columns: dict[str, set[str]]) -> Rows:
    """Every row of every table as JSON, by table; only the columns given."""
    found: Rows = {}
    for table, wanted in columns.items():
        kept = sorted(wanted - {column for name, column in CHANGED if name == table})
        rows = await admin.fetch(f"SELECT to_jsonb(t) AS row FROM {table} t")
        found[table] = Counter(
            json.dumps({name: json.loads(row["row"])[name] for name in kept}) for row in rows
        )
    return found


async def columns_of(admin: asyncpg.Connection[asyncpg.Record]) -> dict[str, set[str]]:
    """The columns of every table, partitions by their parents."""
    rows = await admin.fetch(
        """
        SELECT n.nspname || '.' || c.relname AS name, array_agg(a.attname::text) AS columns
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND n.nspname IN ('people', 'ingest', 'cases', 'notify', 'records', 'migrations')
        GROUP BY 1
        """
    )
    return {row["name"]: set(row["columns"]) for row in rows if row["name"] not in OWN}


@pytest.mark.parametrize("level", sorted(file.name for file in LEVELS.glob("*.sql.gz")))
async def test_every_row_survives(postgres: TestPostgres, level: str) -> None:
    # Roles belong to the server; an older level must not miss a newer one's.
    settings = MigrateSettings(
        owner_database_url=SecretStr(postgres.create_database()),
        ingest_database_password=SecretStr("ingest"),
        cases_database_password=SecretStr("cases"),
        notify_database_password=SecretStr("notify"),
    )
    await migrate.migrate(settings)
    dsn = postgres.create_database()
    restore(dsn, LEVELS / level)
    admin = await asyncpg.connect(dsn)
    try:
        before_columns = {
            name: columns for name, columns in (await columns_of(admin)).items() if name not in GONE
        }
        before = await rows_of(admin, before_columns)
        assert sum(rows.total() for rows in before.values()) > 150
        assert sum(bool(rows) for rows in before.values()) > 35, "the level is filled"
        applied = await migrate.migrate(
            settings.model_copy(update={"owner_database_url": SecretStr(dsn)})
        )
        after_columns = await columns_of(admin)
        for table, columns in before_columns.items():
            kept = columns - {column for name, column in CHANGED if name == table}
            assert kept <= after_columns.get(table, set()), f"{table} lost a column"
        after = await rows_of(admin, before_columns)
        for table, rows in before.items():
            assert after[table] == rows, table
        assert (
            await migrate.migrate(
                settings.model_copy(update={"owner_database_url": SecretStr(dsn)})
            )
            == []
        )
        await _the_same_schema(admin, settings, applied)
    finally:
        await admin.close()


async def _the_same_schema(
    admin: asyncpg.Connection[asyncpg.Record], fresh: MigrateSettings, applied: list[str]
) -> None:
    """What an old database has become is what a new one is: tables, policies, grants."""
    new = await asyncpg.connect(fresh.owner_database_url.get_secret_value())
    try:
        for question in _SCHEMA:
            old_rows = {tuple(map(str, row.values())) for row in await admin.fetch(question)}
            new_rows = {tuple(map(str, row.values())) for row in await new.fetch(question)}
            assert old_rows == new_rows, (applied, old_rows ^ new_rows)
    finally:
        await new.close()


def test_levels_are_kept() -> None:
    """Without a file the test above would test nothing."""
    assert len(list(LEVELS.glob("*.sql.gz"))) >= 2
