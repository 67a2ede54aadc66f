"""Forward-only migrations: numbered SQL files, one transaction each, in a fixed order.

The roles of the services are made here too: logins without BYPASSRLS that own
nothing, so that row-level security holds for them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import asyncpg

from services.common.retention import registry
from services.common.settings import MigrateSettings

# ingest first: the others' grants name its views.
# records last: it is about all of them.
SERVICES = ("ingest", "cases", "notify", "records")
_ROOT = Path(__file__).resolve().parent.parent
_LOCK = 0x464F5256  # "FORV": one migration run at a time


class MigrationError(RuntimeError):
    """A file that was applied has been changed, or one failed; the text names it."""


async def migrate(settings: MigrateSettings) -> list[str]:
    """Apply what is missing; returns the names of the files applied."""
    connection = await asyncpg.connect(settings.owner_database_url.get_secret_value())
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await _roles(connection, settings)
        await connection.execute("SET ROLE forvarning_owner")
        await connection.execute(
            """
            CREATE SCHEMA IF NOT EXISTS migrations;
            CREATE TABLE IF NOT EXISTS migrations.applied (
                name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz DEFAULT now())
            """
        )
        done = await _apply(connection)
        await _keeping(connection)
        return done
    finally:
        await connection.close()


async def _apply(connection: asyncpg.Connection[asyncpg.Record]) -> list[str]:
    rows = await connection.fetch("SELECT name, sha256 FROM migrations.applied")
    known = {row["name"]: row["sha256"] for row in rows}
    done: list[str] = []
    for service in SERVICES:
        for file in sorted((_ROOT / service / "migrations").glob("[0-9][0-9][0-9][0-9]_*.sql")):
            name = f"{service}/{file.name}"
            text = file.read_text("utf-8")
            digest = hashlib.sha256(text.encode()).hexdigest()
            if name in known:
                if known[name] != digest:
                    msg = f"{name} was applied and has been changed since; add a new file instead"
                    raise MigrationError(msg)
                continue
            try:
                async with connection.transaction():
                    await connection.execute(text)
                    await connection.execute(
                        "INSERT INTO migrations.applied (name, sha256) VALUES ($1, $2)",
                        name,
                        digest,
                    )
            except asyncpg.PostgresError as error:
                msg = f"{name}: {error}"
                raise MigrationError(msg) from error
            done.append(name)
    return done


async def _keeping(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """The retention registry as the code has it, and no table without the archive's policy."""
    known = registry()
    if await connection.fetchval("SELECT to_regnamespace('records')") is None:
        # An older level, as tests of migrations have it.
        return
    async with connection.transaction():
        await connection.execute("SELECT records.adopt()")
        await connection.execute("DELETE FROM records.retention")
        await connection.executemany(
            "INSERT INTO records.retention VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            [
                (
                    store.store,
                    store.kind,
                    store.what,
                    store.personal,
                    store.group,
                    known.groups[store.group].days,
                    known.groups[store.group].counted,
                    store.kept,
                    store.pupil,
                    list(store.hidden),
                )
                for store in known.stores.values()
            ],
        )


async def _roles(connection: asyncpg.Connection[asyncpg.Record], settings: MigrateSettings) -> None:
    passwords = {
        "forvarning_ingest": settings.ingest_database_password,
        "forvarning_cases": settings.cases_database_password,
        "forvarning_notify": settings.notify_database_password,
    }
    present = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    if "forvarning_owner" not in present:
        await connection.execute("CREATE ROLE forvarning_owner NOLOGIN")
    if "forvarning_archive" not in present:
        # Nobody signs in with it: the operator's commands take it on.
        await connection.execute("CREATE ROLE forvarning_archive NOLOGIN NOSUPERUSER NOBYPASSRLS")
    for role, password in passwords.items():
        verb = "ALTER" if role in present else "CREATE"
        # Role statements take no parameters; format() quotes for us.
        statement = await connection.fetchval(
            "SELECT format($1 || ' ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD %L', "
            "$2::text, $3::text)",
            verb,
            role,
            password.get_secret_value(),
        )
        await connection.execute(statement)
    await connection.execute("GRANT forvarning_owner TO CURRENT_USER")
    await connection.execute("GRANT forvarning_archive TO forvarning_owner")
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f'GRANT CREATE, CONNECT ON DATABASE "{name}" TO forvarning_owner')
