"""The processes of one run: broker, database, the made-up school system, ingest."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydantic import SecretStr

from bench.ews.basics import ROOT
from deploy.local.kafka import KafkaServer
from deploy.local.postgres import MUNICIPALITY, PostgresServer
from deploy.local.process import free_port
from services.common import migrate
from services.common.kafka import create_topics
from services.common.settings import CommonSettings, MigrateSettings

TOKEN = "school-token"  # noqa: S105 - of a made-up school system on loopback
OPS_TOKEN = "ops-token-of-the-benchmark"  # noqa: S105
_PASSWORD = "ingest-of-the-benchmark"  # noqa: S105
_PATIENCE_SECONDS = 1800.0
_READY = re.compile(r"SS 12000 at (http://\S+), token .*?: (\{.*\})")


class NotMeasuredError(Exception):
    """The run could not be measured; the text says why."""


@dataclass(slots=True)
class School:
    """The double as a process of its own."""

    child: subprocess.Popen[str]
    url: str
    attendances: int
    calls: Path
    """One line for each call it has answered."""


@dataclass(slots=True)
class Ingest:
    """The ingest process, which may be killed and started again."""

    environment: dict[str, str]
    url: str
    log: Path
    profile: str = ""
    child: subprocess.Popen[bytes] | None = None
    cpu_seconds: float = 0.0
    starting_seconds: float = 0.0
    """Processor time until it was ready, of all its starts."""
    peak_mib: float = 0.0
    _ended: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Returns when it is ready."""
        command = [sys.executable, "-m", "services.ingest"]
        if self.profile:
            command[1:1] = ["-m", "cProfile", "-o", self.profile]
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                command, env=self.environment, cwd=ROOT, stdout=log, stderr=log
            )
        until = time.monotonic() + 120
        while time.monotonic() < until and self.child.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200:
                    self.starting_seconds += cpu_seconds(self.child.pid)
                    return
            time.sleep(0.1)
        raise NotMeasuredError(f"ingest did not start; see {self.log}")

    def look(self) -> None:
        """Note what it has taken; to be called while it runs."""
        if self.child is None or self.child.poll() is not None:
            raise NotMeasuredError(f"ingest has ended; see {self.log}")
        own = Path(f"/proc/{self.child.pid}")
        peak = re.search(r"VmHWM:\s+(\d+)", (own / "status").read_text())
        self.peak_mib = max(self.peak_mib, int(peak[1]) / 1024 if peak else 0.0)
        self.cpu_seconds = sum(self._ended) + cpu_seconds(self.child.pid)

    def end(self, number: signal.Signals) -> None:
        """End it in a way of the caller's."""
        if self.child is not None:
            with suppress(NotMeasuredError):
                self.look()
            self._ended.append(self.cpu_seconds - sum(self._ended))
            self.child.send_signal(number)
            self.child.wait(60)
            self.child = None


@dataclass(slots=True)
class Ground:
    """What a run stands on."""

    folder: Path
    broker: KafkaServer
    postgres: PostgresServer
    admin_dsn: str
    ingest: Ingest

    def postgres_cpu_seconds(self) -> float:
        """Of the server and its processes, those that have ended included."""
        server = self.postgres.process.pid
        return cpu_seconds(server, ended_children=True) + sum(
            cpu_seconds(int(one.name))
            for one in Path("/proc").glob("[0-9]*")
            if _parent(one) == server
        )


def machine_seconds() -> float:
    """What all processes of the machine have taken together since it started."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    # user, nice, system, irq, softirq, steal; not idle and iowait.
    busy = [int(fields[at]) for at in (0, 1, 2, 5, 6, 7)]
    return sum(busy) / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int, *, ended_children: bool = False) -> float:
    """What a process has taken, 0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    last = 15 if ended_children else 13
    return sum(map(int, fields[11:last])) / os.sysconf("SC_CLK_TCK")


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


@contextmanager
def school(folder: Path, pupils: int, weeks: int) -> Iterator[School]:
    """The double, once it answers."""
    calls = folder / "calls.jsonl"
    child = subprocess.Popen(
        [
            sys.executable, "-m", "tests.support.ss12000", "--port", "0", "--token", TOKEN,
            "--pupils", str(pupils), "--weeks", str(weeks), "--calls", str(calls), "--lazy",
        ],
        cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert child.stdout is not None
        found = _READY.search(child.stdout.readline())
        if found is None:
            raise NotMeasuredError("the double did not start")
        marks = re.search(r"'Attendance': (\d+)", found[2])
        yield School(child, found[1], int(marks[1]) if marks else 0, calls)
    finally:
        child.terminate()
        child.wait(30)


def _environment() -> dict[str, str]:
    own = {name: one for name, one in os.environ.items() if not name.startswith("FORVARNING_")}
    return own | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto/gen'}"}


@contextmanager
def ground(folder: Path, *, partitions: int, profile: str) -> Iterator[Ground]:
    """Kafka, a migrated PostgreSQL with a municipality's settings, and ingest."""
    broker = KafkaServer(
        folder / "kafka", heap="1g", settings={"broker.session.timeout.ms": "60000"}
    )
    postgres = PostgresServer(folder / "postgres", settings=MUNICIPALITY)
    made: Ground | None = None
    try:
        broker.start()
        postgres.start()
        admin = postgres.create_database("bench_sync")
        asyncio.run(_prepare(admin, broker.bootstrap, partitions))
        port = free_port()
        environment = _environment() | {
            "FORVARNING_ENVIRONMENT": "local",
            "FORVARNING_KAFKA_BOOTSTRAP": broker.bootstrap,
            "FORVARNING_FACT_PARTITIONS": str(partitions),
            "FORVARNING_TOPIC_REPLICATION": "1",
            "FORVARNING_TOPIC_MIN_INSYNC": "1",
            "FORVARNING_INGEST_DATABASE_URL": postgres.dsn(
                "bench_sync", user="forvarning_ingest", password=_PASSWORD
            ),
            "FORVARNING_INGEST_OPS_TOKEN": OPS_TOKEN,
            "FORVARNING_LISTEN_PORT": str(port),
            "FORVARNING_SOURCE_SECRET_SCHOOL": TOKEN,
        }
        ingest = Ingest(environment, f"http://127.0.0.1:{port}", folder / "ingest.log", profile)
        made = Ground(folder, broker, postgres, admin, ingest)
        yield made
    finally:
        if made is not None and made.ingest.child is not None:
            made.ingest.end(signal.SIGINT)
        if postgres.started:
            postgres.stop()
        if broker.started:
            broker.stop()


async def _prepare(admin: str, bootstrap: str, partitions: int) -> None:
    await migrate.migrate(
        MigrateSettings(
            owner_database_url=SecretStr(admin),
            ingest_database_password=SecretStr(_PASSWORD),
            cases_database_password=SecretStr(_PASSWORD),
            notify_database_password=SecretStr(_PASSWORD),
        )
    )
    await create_topics(
        CommonSettings(
            environment="local",
            kafka_bootstrap=bootstrap,
            fact_partitions=partitions,
            topic_replication=1,
            topic_min_insync=1,
        )
    )
