"""The real process and the real command line: source, roster, file, SIGTERM."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.kafka import KafkaServer
from deploy.local.process import free_port
from forvarning.facts.v1.facts_pb2 import Fact
from services.common import topics
from tests.integration.ingest.world import OPS_TOKEN, PARTITIONS, read_topic, register, roster

CONTOSO = Path("tests/data/contoso")


@dataclass
class Process:
    url: str
    child: subprocess.Popen[bytes]
    environment: dict[str, str]

    def forvarning(self, *arguments: object, status: int = 0) -> Any:
        """Run a command of ingest's; returns the JSON object that it prints."""
        done = subprocess.run(
            [sys.executable, "-c", _COMMAND, *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout) if status == 0 and done.stdout else done.stderr


# As deploy.cli does: the first argument names the application.
_COMMAND = """
import sys
from services.ingest import cli
getattr(cli, sys.argv.pop(1))(prog_name="forvarning")
"""


@pytest.fixture
def process(
    database: tuple[str, str], topics_made: str, kafka: KafkaServer, tmp_path: Path
) -> Iterator[Process]:
    port = free_port()
    environment = os.environ | {
        "FORVARNING_ENVIRONMENT": "local",
        "FORVARNING_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "FORVARNING_FACT_PARTITIONS": str(PARTITIONS),
        "FORVARNING_INGEST_DATABASE_URL": database[1],
        "FORVARNING_INGEST_OPS_TOKEN": OPS_TOKEN,
        "FORVARNING_LISTEN_PORT": str(port),
        "FORVARNING_INGEST_URL": f"http://127.0.0.1:{port}",
        "FORVARNING_CLOCK_FILE": str(tmp_path / "clock.json"),
    }
    (tmp_path / "clock.json").write_text(
        json.dumps({"simulated": "2026-11-24T12:00:00+01:00", "real": 0, "rate": 0})
    )
    with (tmp_path / "log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "services.ingest"], env=environment, stderr=log
        )
        try:
            made = Process(environment["FORVARNING_INGEST_URL"], child, environment)
            _await_ready(made)
            yield made
        finally:
            child.kill()
            child.wait()
    text = (tmp_path / "log").read_text()
    assert "Traceback" not in text, text
    for secret in ("Elev p1", "fvs_", "st1", "/v1/registers"):
        assert secret not in text, "a log names nobody and keeps no secret"


def _await_ready(made: Process) -> None:
    for _ in range(300):
        assert made.child.poll() is None, "the process ended"
        try:
            if httpx.get(f"{made.url}/readyz", timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            pass
        made.child.poll()
        asyncio.run(asyncio.sleep(0.1))
    raise AssertionError("not ready in time")


def test_from_a_new_source_to_an_imported_file(
    process: Process, kafka: KafkaServer, tmp_path: Path
) -> None:
    made = process.forvarning("sources", "add", "contoso", "--organiser-name", "Contoso friskola",
                              "--kind", "independent")  # fmt: skip
    token = made["token"]
    answer = process.forvarning("roster", "import", CONTOSO / "roster", "--token", token)
    assert answer["applied"] == {
        "organiser": 1, "school_units": 1, "groups": 1, "pupils": 1, "pupils_left": 0,
        "guardians": 1, "staff": 1, "duties": 1,
    }  # fmt: skip
    assert answer["notes"] == []

    file = tmp_path / "attendance.csv"
    shutil.copy(CONTOSO / "contoso_sis_period_attendance.csv", file)
    # Older than the simulated noon, or its time would be capped.
    os.utime(file, (1_600_000_000, 1_600_000_000))
    command = ("imports", "csv", file, "--mapping", CONTOSO / "mapping.toml")
    dry = process.forvarning(*command, "--dry-run")
    assert (dry["registers"], dry["accepted"]) == (1461, 0)
    report = tmp_path / "report.csv"
    done = process.forvarning(*command, "--token", token, "--report", report)
    assert (done["rows"], done["accepted"], done["rejected_rows"]) == (1462, 1461, 1)
    with report.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert Counter(row["code"] for row in rows) == {
        "contradiction": 1462,
        "ambiguous_date": 529,
        "weekend": 420,
        "repeated_id": 1,
        "duplicate_row": 1,
    }

    def registers() -> list[Fact]:
        found = []
        for record in asyncio.run(read_topic(kafka.bootstrap, topics.FACTS.name)):
            fact = Fact.FromString(record.value)
            if fact.organiser_id.hex() == made["organiser_id"].replace("-", ""):
                found.append(fact)
        return [fact for fact in found if fact.HasField("register")]

    written = registers()
    assert len(written) == 1461
    assert sum(sum(fact.register.invalid_minutes) for fact in written) == 292 * 50

    # The same file by way of a folder: one row is a duplicate, so it lands beside its report.
    folder = tmp_path / "drop"
    folder.mkdir()
    shutil.copy2(file, folder)
    watch = ("imports", "watch", folder, "--mapping", CONTOSO / "mapping.toml", "--once")
    line = process.forvarning(*watch, "--token", token)
    assert (line["state"], line["accepted"]) == ("rejected", 1461)
    assert (folder / "rejected" / "attendance.csv.report.csv").exists()
    said = Counter(
        (fact.register.lesson_id, fact.register.version.modified_unix_ms) for fact in registers()
    )
    assert set(said.values()) == {2}, "the same lessons, and nothing newer about them"
    # The same file again says the same of the same lessons, at the same time.
    process.forvarning(*command, "--token", token)
    again = registers()[1461:]
    assert {f.register.lesson_id for f in again} == {f.register.lesson_id for f in written}
    assert {f.register.version.modified_unix_ms for f in again} == {1_600_000_000_000}

    assert "contoso is revoked" in process.forvarning("sources", "revoke", "contoso")
    said = process.forvarning(*command, "--token", token, status=1)
    assert "401" in said


def test_the_command_line_says_what_is_missing(process: Process, tmp_path: Path) -> None:
    said = process.forvarning("roster", "import", CONTOSO / "roster", status=1)
    assert "--token" in said
    folder = tmp_path / "roster"
    shutil.copytree(CONTOSO / "roster", folder)
    (folder / "placements.csv").write_text(
        "pupil,school_unit,class,school_form,grade,from,to\nst9,sch0,,GY,ett,2019-08-20,\n"
    )
    said = process.forvarning("roster", "import", folder, "--dry-run", status=1)
    assert "placements.csv:2: grade" in said
    assert "placements.csv:2: pupil" in said
    empty = tmp_path / "empty.csv"
    empty.write_text("id\n")
    said = process.forvarning(
        "imports", "csv", empty, "--mapping", CONTOSO / "mapping.toml", "--dry-run", status=1
    )
    assert "lacks column" in said


def test_sigterm_under_load_finishes_what_it_promised(process: Process, kafka: KafkaServer) -> None:
    made = process.forvarning("sources", "add", "sis", "--organiser-name", "Testköping")
    headers = {"Authorization": f"Bearer {made['token']}"}
    answer = httpx.put(f"{process.url}/v1/roster", json=roster(), headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    acknowledged: set[str] = set()

    async def feed() -> None:
        enough = asyncio.Event()
        async with httpx.AsyncClient(base_url=process.url, headers=headers, timeout=30) as client:

            async def lane(name: int) -> None:
                for number in range(10_000):
                    subject = f"{name}-{number}"
                    body = {"registers": [register(activity=subject, subject=subject)]}
                    try:
                        answer = await client.post("/v1/registers", json=body)
                    except httpx.TransportError:
                        return
                    if answer.status_code != 202:
                        return
                    acknowledged.add(subject)
                    if len(acknowledged) == 50:
                        enough.set()

            async with asyncio.TaskGroup() as group:
                for name in range(8):
                    group.create_task(lane(name))
                await enough.wait()
                process.child.send_signal(signal.SIGTERM)

    asyncio.run(feed())
    process.child.wait(timeout=30)
    written = {
        Fact.FromString(record.value).register.subject
        for record in asyncio.run(read_topic(kafka.bootstrap, topics.FACTS.name))
    }
    assert len(acknowledged) >= 50
    assert acknowledged <= written


def test_it_does_not_start_as_a_role_that_sees_everything(
    database: tuple[str, str], topics_made: str, tmp_path: Path
) -> None:
    environment = os.environ | {
        "FORVARNING_KAFKA_BOOTSTRAP": topics_made,
        "FORVARNING_INGEST_DATABASE_URL": database[0],
        "FORVARNING_INGEST_OPS_TOKEN": OPS_TOKEN,
    }
    done = subprocess.run(
        [sys.executable, "-m", "services.ingest"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "bypasses row-level security" in done.stderr
