from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from deploy.local.kafka import KafkaServer
from services.common import migrate as migrations
from services.common.clock import FixedClock
from services.common.kafka import create_topics
from services.common.settings import IngestSettings, MigrateSettings
from services.ingest.main import create_app
from tests.integration.ingest.world import NOON, OPS_TOKEN, PARTITIONS, World
from tests.support.stack import TestPostgres

PASSWORD = "ingest-of-the-tests"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def migrated(postgres: TestPostgres) -> str:
    """The name of a migrated database, for others to be copied from."""
    admin = postgres.create_database()
    settings = MigrateSettings(
        owner_database_url=SecretStr(admin),
        ingest_database_password=SecretStr(PASSWORD),
        cases_database_password=SecretStr("cases"),
        notify_database_password=SecretStr("notify"),
    )
    asyncio.run(migrations.migrate(settings))
    return admin.rsplit("/", 1)[1]


@pytest.fixture(scope="session")
def shared_database(postgres: TestPostgres, migrated: str) -> str:
    """The superuser's DSN of a migrated database for tests that bring their own organisers."""
    return postgres.create_database(template=migrated)


@pytest.fixture
def database(postgres: TestPostgres, shared_database: str) -> tuple[str, str]:
    """(The superuser's DSN, ingest's DSN). A module that needs a fresh one overrides this."""
    return shared_database, ingest_dsn(postgres, shared_database)


def ingest_dsn(postgres: TestPostgres, admin: str) -> str:
    """Ingest's own DSN on the database of ``admin``."""

    async def own_password() -> None:
        # Roles are shared by all databases of the server; another test may have set its own.
        connection = await asyncpg.connect(admin)
        await connection.execute(f"ALTER ROLE forvarning_ingest PASSWORD '{PASSWORD}'")
        await connection.close()

    asyncio.run(own_password())
    name = admin.rsplit("/", 1)[1]
    return postgres.dsn(name, user="forvarning_ingest", password=PASSWORD)


def settings_for(dsn: str, bootstrap: str, **changes: Any) -> IngestSettings:
    values: dict[str, Any] = {
        "environment": "local",
        "kafka_bootstrap": bootstrap,
        "fact_partitions": PARTITIONS,
        "topic_replication": 1,
        "topic_min_insync": 1,
        "ingest_database_url": SecretStr(dsn),
        "ingest_ops_token": SecretStr(OPS_TOKEN),
        # Rounds of background work are driven by the tests.
        "ingest_background_seconds": 3600.0,
    }
    return IngestSettings(**(values | changes))


@pytest.fixture(scope="session")
def topics_made(kafka: KafkaServer) -> str:
    asyncio.run(create_topics(settings_for("postgresql://none", kafka.bootstrap)))
    return kafka.bootstrap


StartWorld = Callable[..., Awaitable[World]]


@pytest.fixture
async def start_world(
    database: tuple[str, str], topics_made: str, kafka: KafkaServer
) -> AsyncIterator[StartWorld]:
    """Starts ingest processes on the test's database, with settings of its own."""
    async with AsyncExitStack() as stack:

        async def start(clock: FixedClock | None = None, **changes: Any) -> World:
            admin_dsn, dsn = database
            bootstrap = changes.pop("kafka_bootstrap", kafka.bootstrap)
            settings = settings_for(dsn, bootstrap, **changes)
            the_clock = clock or FixedClock(NOON)
            app = create_app(settings, the_clock)
            await stack.enter_async_context(app.router.lifespan_context(app))
            client = await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(app), base_url="http://ingest", timeout=60
                )
            )
            admin = await asyncpg.connect(admin_dsn)
            stack.push_async_callback(admin.close)
            sql = await asyncpg.connect(dsn)
            stack.push_async_callback(sql.close)
            return World(app, client, the_clock, settings, admin, sql, bootstrap)

        yield start


@pytest.fixture
async def world(start_world: StartWorld) -> World:
    """One ingest process and one organiser with a source that may send everything."""
    world = await start_world()
    made = await world.source()
    world.tokens["sis"] = made["token"]
    world.organiser_id = UUID(made["organiser_id"])
    await world.sql.execute(
        "SELECT set_config('app.organiser_id', $1, false)", str(world.organiser_id)
    )
    return world
