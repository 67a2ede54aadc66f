"""What every test may ask for: one real broker and one real database server per test process.

Under pytest-xdist each worker has its own, so a test that kills the broker disturbs no other.
Both start only when the first test asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import hypothesis
import pytest

from deploy.local.kafka import KafkaServer
from tests.support.stack import NewKafka, TestPostgres, kafka_server, postgres_server

# How long an example takes says how busy the machine is, and nothing about the code.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """The run's broker: ``bootstrap``, ``start/stop/kill/restart/freeze/thaw``.

    Shared by the tests of one process: use topic and group names of your own, or ``new_kafka``.
    """
    with kafka_server(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestPostgres]:
    """The run's database server: ``admin_dsn`` and ``create_database() -> dsn``."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def new_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewKafka]:
    """Start brokers of the test's own (about four seconds each); they end with the test."""
    with ExitStack() as stack:

        def start(**options: object) -> KafkaServer:
            folder = tmp_path_factory.mktemp("own-kafka")
            return stack.enter_context(kafka_server(folder, **options))

        yield start


@pytest.fixture(autouse=True)
def _shared_servers_run(request: pytest.FixtureRequest) -> None:
    """A test that killed or stopped the shared broker or server leaves no trace for the next."""
    if "kafka" in request.fixturenames:
        broker: KafkaServer = request.getfixturevalue("kafka")
        broker.thaw()
        if not broker.running:
            broker.start()
    if "postgres" in request.fixturenames:
        database: TestPostgres = request.getfixturevalue("postgres")
        if not database.server.running:
            database.server.start()
