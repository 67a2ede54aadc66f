"""Real Apache Kafka and real PostgreSQL for tests, as the launcher starts them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.local.kafka import QUICK_JVM, KafkaServer
from deploy.local.postgres import UNSAFE_FAST, PostgresServer

#: Makes a broker of a test's own: keyword arguments go to KafkaServer.
NewKafka = Callable[..., KafkaServer]


class TestPostgres:
    """A PostgreSQL server shared by a test run; each test takes a database of its own."""

    __test__ = False

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._numbers = itertools.count(1)

    @property
    def admin_dsn(self) -> str:
        """The superuser's DSN on the maintenance database."""
        return self.server.dsn()

    def create_database(self, *, template: str = "") -> str:
        """A new, empty database (or a copy of ``template``); returns the superuser's DSN on it.

        Roles belong to the whole server: two databases share them.
        """
        return self.server.create_database(f"test_{next(self._numbers)}", template=template)

    def dsn(self, database: str, *, user: str, password: str) -> str:
        """A DSN for a role that the test has made."""
        return self.server.dsn(database, user=user, password=password)


@contextmanager
def kafka_server(folder: Path, **options: Any) -> Iterator[KafkaServer]:
    """A running broker, ended afterwards whatever the test did to it."""
    server = KafkaServer(folder, **{"jvm": QUICK_JVM, **options})
    server.start()
    try:
        yield server
    finally:
        server.stop(seconds=10)


@contextmanager
def postgres_server(folder: Path) -> Iterator[TestPostgres]:
    """A running server with tests' settings, ended afterwards."""
    server = PostgresServer(folder, settings=UNSAFE_FAST)
    server.start()
    try:
        yield TestPostgres(server)
    finally:
        server.stop(seconds=10)
