"""Notify on a real database, a real mail server and a real webhook receiver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import asyncpg
import pytest
from pydantic import SecretStr

from services.common import migrate as migrations
from services.common import pg
from services.common.clock import FixedClock, local_instant
from services.common.settings import MigrateSettings
from tests.integration.notify.sinks import HookSink, MailSink, hook_sink, mail_sink
from tests.integration.notify.world import TUESDAY, World, settings_for
from tests.support.stack import TestPostgres


@dataclass(frozen=True)
class Database:
    """A fresh database with the schemas of people and notify."""

    admin_dsn: str
    dsn: str


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def migrated(postgres: TestPostgres) -> str:
    """The name of a migrated database, for others to be copied from."""
    admin = postgres.create_database()
    settings = MigrateSettings(
        owner_database_url=SecretStr(admin),
        ingest_database_password=SecretStr("ingest"),
        cases_database_password=SecretStr("cases"),
        notify_database_password=SecretStr("notify"),
    )
    asyncio.run(migrations.migrate(settings))
    return _name(admin)


@pytest.fixture
def database(postgres: TestPostgres, migrated: str) -> Database:
    admin = postgres.create_database(template=migrated)

    async def own_password() -> None:
        # Roles are shared by all databases of the server; another test may have set its own.
        connection = await asyncpg.connect(admin)
        await connection.execute("ALTER ROLE forvarning_notify PASSWORD 'notify'")
        await connection.close()

    asyncio.run(own_password())
    return Database(admin, postgres.dsn(_name(admin), user="forvarning_notify", password="notify"))


@pytest.fixture
def mails() -> Iterator[MailSink]:
    with mail_sink() as sink:
        yield sink


@pytest.fixture
def hooks() -> Iterator[HookSink]:
    with hook_sink() as sink:
        yield sink


@pytest.fixture
async def world(database: Database, mails: MailSink) -> AsyncIterator[World]:
    settings = settings_for(database.dsn, mails.port)
    pool = await pg.connect(SecretStr(database.dsn), service="test", size=6)
    admin = await asyncpg.connect(database.admin_dsn)
    world = World(pool, admin, FixedClock(local_instant(TUESDAY, 9 * 60)), settings)
    try:
        await world.settle()
        await world.open_for_business()
        yield world
    finally:
        await world.webhook.close()
        await admin.close()
        await pool.close()


def _name(dsn: str) -> str:
    return dsn.rsplit("/", 1)[1].partition("?")[0]
