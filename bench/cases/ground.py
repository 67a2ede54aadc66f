"""What a run stands on: a broker, a database with its ordinary settings, the service's process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
from pydantic import SecretStr

from bench.cases.town import TODAY
from bench.ews.basics import ROOT
from deploy.local.kafka import KafkaServer
from deploy.local.postgres import PostgresServer
from deploy.local.process import free_port
from services.common import migrate
from services.common.clock import local_instant, write_clock_file
from services.common.kafka import create_topics
from services.common.settings import CommonSettings, MigrateSettings

_PASSWORD = "cases-of-the-benchmark"  # noqa: S105 - of a throw-away server on loopback
_START_SECONDS = 120.0


class NotMeasuredError(Exception):
    """The run could not be measured; the text says why."""


@dataclass(slots=True)
class Ground:
    """The servers, and the case service as a process of its own."""

    folder: Path
    postgres: PostgresServer
    kafka: KafkaServer
    admin_dsn: str
    port: int = field(default_factory=free_port)
    child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def dsn(self) -> str:
        """The service's own login."""
        return self.postgres.dsn("bench_cases", user="forvarning_cases", password=_PASSWORD)

    @property
    def log(self) -> Path:
        return self.folder / "cases.log"

    def settings(self) -> CommonSettings:
        return CommonSettings(
            environment="local",
            kafka_bootstrap=self.kafka.bootstrap,
            fact_partitions=8,
            topic_replication=1,
            topic_min_insync=1,
        )

    def start(self) -> None:
        """Start the case service; returns when it is ready."""
        clock = self.folder / "clock.json"
        if not clock.exists():
            write_clock_file(clock, local_instant(TODAY, 7 * 60 + 45))
        own = {name: one for name, one in os.environ.items() if not name.startswith("FORVARNING_")}
        environment = own | {
            "FORVARNING_ENVIRONMENT": "local",
            "FORVARNING_CLOCK_FILE": str(clock),
            "FORVARNING_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "FORVARNING_CASES_DATABASE_URL": self.dsn,
            "FORVARNING_CASES_OPS_TOKEN": "ops-token-of-the-benchmark",
            "FORVARNING_LISTEN_PORT": str(self.port),
            "FORVARNING_LOG_LEVEL": "WARNING",
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto/gen'}",
        }
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "services.cases"],
                cwd=ROOT, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self.child.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200:
                    return
            time.sleep(0.1)
        raise NotMeasuredError(f"the case service did not start:\n{self.tail()}")

    def stop(self) -> None:
        """End the case service, kindly, then not."""
        child, self.child = self.child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(timedelta(seconds=30).total_seconds())
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def check(self) -> None:
        """NotMeasuredError when the process has ended."""
        if self.child is None or self.child.poll() is not None:
            raise NotMeasuredError(f"the case service has ended:\n{self.tail()}")

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8")[-3000:] if self.log.exists() else ""


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """A broker and a PostgreSQL that is safe in a crash; both end with it."""
    kafka = KafkaServer(folder / "kafka", heap="512m")
    postgres = PostgresServer(folder / "postgres")
    made: Ground | None = None
    try:
        kafka.start()
        postgres.start()
        made = Ground(folder, postgres, kafka, postgres.create_database("bench_cases"))
        yield made
    finally:
        if made is not None:
            made.stop()
        if postgres.started:
            postgres.stop()
        if kafka.started:
            kafka.stop()


async def prepare(own: Ground) -> None:
    """Schemas and topics."""
    await migrate.migrate(
        MigrateSettings(
            owner_database_url=SecretStr(own.admin_dsn),
            ingest_database_password=SecretStr(_PASSWORD),
            cases_database_password=SecretStr(_PASSWORD),
            notify_database_password=SecretStr(_PASSWORD),
        )
    )
    await create_topics(own.settings())
