"""The case service as a process of its own, on a real broker and a real database."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import asyncpg
import httpx
from aiokafka import AIOKafkaProducer

from deploy.local.process import free_port
from services.common import topics
from services.common.clock import write_clock_file
from services.common.kafka import create_topics
from services.common.settings import CommonSettings
from tests.integration.cases.world import run

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "demo-demo"
OPS_TOKEN = "ops-token-of-the-tests"


def common_settings(bootstrap: str) -> CommonSettings:
    """Settings to make topics on a broker of one node."""
    return CommonSettings(
        environment="local",
        kafka_bootstrap=bootstrap,
        fact_partitions=2,
        topic_replication=1,
        topic_min_insync=1,
    )


class CasesProcess:
    """`python -m services.cases` with its surroundings; the clock stands where it is put."""

    def __init__(self, folder: Path, bootstrap: str, dsn: str, **extra: str) -> None:
        self.folder = folder
        self.bootstrap = bootstrap
        self.dsn = dsn
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.extra = extra
        self._clock = folder / "clock.json"
        self._log = folder / "cases.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8") if self._log.exists() else ""

    def set_clock(self, at: datetime) -> None:
        """Stop the simulated clock at an instant; readers notice within 0.1 s."""
        write_clock_file(self._clock, at, rate=0.0)
        time.sleep(0.15)

    def start(self, *, seconds: float = 150.0) -> None:
        """Start, and wait until it is ready."""
        environment = {
            **os.environ,
            "FORVARNING_ENVIRONMENT": "local",
            "FORVARNING_CLOCK_FILE": str(self._clock),
            "FORVARNING_KAFKA_BOOTSTRAP": self.bootstrap,
            "FORVARNING_CASES_DATABASE_URL": self.dsn,
            "FORVARNING_CASES_OPS_TOKEN": OPS_TOKEN,
            "FORVARNING_CASES_DEMO_PASSWORD": PASSWORD,
            "FORVARNING_LISTEN_PORT": str(self.port),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}",
            **self.extra,
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.cases"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"the case service did not start:\n{self.log[-4000:]}")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def stop(self, *, seconds: float = 20.0) -> int:
        """SIGTERM; returns the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(seconds)


@contextmanager
def cases_process(folder: Path, bootstrap: str, dsn: str, **extra: str) -> Iterator[CasesProcess]:
    """A process with its topics made, not started yet; ended afterwards whatever happens."""

    async def topics_made() -> None:
        await create_topics(common_settings(bootstrap))

    run(topics_made())
    process = CasesProcess(folder, bootstrap, dsn, **extra)
    try:
        yield process
    finally:
        process.kill()


async def send(bootstrap: str, *records: tuple[topics.Topic, bytes, bytes | None]) -> None:
    """Put records (topic, key, value) on their topics."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for topic, key, value in records:
            await producer.send_and_wait(topic.name, value, key=key)
    finally:
        await producer.stop()


async def until(
    question: Callable[[], Awaitable[bool]], what: str, *, seconds: float = 120.0
) -> None:
    """Wait until the answer is yes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if await question():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


async def count(admin: asyncpg.Connection[asyncpg.Record], sql: str) -> int:
    """One number."""
    found: int = await admin.fetchval(sql)
    return found
