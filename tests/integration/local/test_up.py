"""The launcher: clean stop, its own SIGKILL, resume, taken ports, dying services, bad jars."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from deploy.local import jars
from deploy.local.console import Screen
from deploy.local.kafka import QUICK_JVM
from deploy.local.options import StackOptions
from deploy.local.process import command_line, free_port, identity
from deploy.local.service import ServiceSpec
from deploy.local.stack import LocalStack
from tests.support.fake_up import FAKE, ROOT

pytestmark = pytest.mark.fault


class Launcher:
    """`forvarning up` in a process of its own."""

    def __init__(self, data: Path, ports: dict[str, int], output: Path) -> None:
        self.data = data
        self.ports = ports
        self._output = output
        asked = [f"{name}={port}" for name, port in ports.items()]
        with output.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.fake_up", str(data), *asked],
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
            )

    @property
    def text(self) -> str:
        return self._output.read_text("utf-8")

    def wait_for(self, text: str, *, seconds: float = 60) -> None:
        wait_until(
            lambda: text in self.text or self.process.poll() is not None,
            seconds=seconds,
            why=lambda: self.text,
        )
        assert text in self.text, self.text

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(60)

    def book(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(
            (self.data / "run" / "processes.json").read_text("utf-8")
        )
        return found


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Launcher]]:
    started: list[Launcher] = []
    ports = {name: free_port() for name in ("ingest", "web", "postgres", "kafka")}

    def start(data: Path = tmp_path / "data", **changed: int) -> Launcher:
        output = tmp_path / f"output-{len(started)}"
        started.append(Launcher(data, ports | changed, output))
        return started[-1]

    yield start
    for launcher in started:
        if launcher.process.poll() is None:
            launcher.end(signal.SIGTERM)


def wait_until(
    condition: Callable[[], bool], *, seconds: float = 30, why: Callable[[], str] = lambda: ""
) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not happen in {seconds} s. {why()}"
        time.sleep(0.05)


def get(port: int, path: str) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def postgres_dsn(launcher: Launcher) -> str:
    password = (launcher.data / "postgres" / "superuser-password").read_text("ascii")
    return f"postgresql://postgres:{password}@127.0.0.1:{launcher.ports['postgres']}/forvarning"


def execute(launcher: Launcher, statement: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(postgres_dsn(launcher))
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(run())


def test_it_stops_cleanly_and_goes_on_from_the_same_data(launch: Callable[..., Launcher]) -> None:
    first = launch()
    first.wait_for("Ctrl-C stops everything")
    execute(first, "CREATE TABLE kept AS SELECT 42 AS x")
    book = first.book()
    # At a first start on a slow machine what compiles ahead may still be at it.
    names = {str(row["name"]) for row in book} - {"compiler"}
    assert names == {"PostgreSQL", "Kafka", "ingest", "cases"}
    pids = [int(str(row["pid"])) for row in book]
    assert first.end(signal.SIGINT) == 0
    assert all(identity(pid) is None for pid in pids)
    assert first.book() == []
    assert "did not stop in time" not in first.text

    again = launch()
    again.wait_for("Ctrl-C stops everything")
    assert execute(again, "SELECT x FROM kept") == 42
    assert "up to date" in again.text
    assert "all there" in again.text
    assert "interrupted" not in again.text
    assert again.end(signal.SIGTERM) == 0


def test_its_own_sigkill_leaves_nothing_that_locks_the_data(
    launch: Callable[..., Launcher],
) -> None:
    first = launch()
    first.wait_for("Ctrl-C stops everything")
    execute(first, "CREATE TABLE kept AS SELECT 42 AS x")
    pids = [int(str(row["pid"])) for row in first.book()]
    first.end(signal.SIGKILL)

    again = launch()
    again.wait_for("Ctrl-C stops everything")
    assert execute(again, "SELECT x FROM kept") == 42
    assert all(identity(pid) is None for pid in pids)


def test_an_orphan_that_the_kernel_did_not_end_is_ended_by_proof_and_no_other(
    launch: Callable[..., Launcher], tmp_path: Path
) -> None:
    """As on a system that ties no child to its parent, and with a pid that was used again."""
    (tmp_path / "data" / "run").mkdir(parents=True)
    ours = subprocess.Popen(["sleep", "600"])
    stranger = subprocess.Popen(["sleep", "600"])
    rows = [
        {"name": "ours", "pid": ours.pid, "identity": identity(ours.pid), "stop_signal": 15},
        {"name": "gone", "pid": stranger.pid, "identity": "another/1", "stop_signal": 15},
    ]
    (tmp_path / "data" / "run" / "processes.json").write_text(json.dumps(rows), "utf-8")
    try:
        launcher = launch()
        launcher.wait_for("Ended what an interrupted run left: ours.")
        assert ours.wait(10) == -signal.SIGTERM
        assert stranger.poll() is None
        assert launcher.end(signal.SIGTERM) == 0
    finally:
        for process in (ours, stranger):
            process.kill()
            process.wait()


@pytest.mark.parametrize("moment", ["PostgreSQL", "topics"])
def test_a_stop_while_it_starts_leaves_nothing_behind(
    launch: Callable[..., Launcher], moment: str
) -> None:
    launcher = launch()
    book = launcher.data / "run" / "processes.json"
    if moment == "PostgreSQL":
        wait_until(book.exists)
    else:
        launcher.wait_for(moment)
    pids = [int(str(row["pid"])) for row in launcher.book()]
    assert pids
    assert launcher.end(signal.SIGTERM) == 0
    assert all(identity(pid) is None for pid in pids)
    assert launcher.book() == []


def test_two_launchers_never_share_a_folder(launch: Callable[..., Launcher]) -> None:
    first = launch()
    first.wait_for("Ctrl-C stops everything")
    second = launch()
    assert second.process.wait(30) == 1
    assert f"in use by another `forvarning up` (pid {first.process.pid})" in second.text
    assert get(first.ports["web"], "/readyz") == "ok"


def test_a_port_that_was_asked_for_and_is_taken_is_named(launch: Callable[..., Launcher]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        launcher = launch(web=port)
        assert launcher.process.wait(60) == 1
        assert f"Port {port}, asked for web, is taken" in launcher.text
    assert launcher.book() == []
    assert not (launcher.data / "postgres").exists()


def test_a_died_service_is_started_again_and_said_so(launch: Callable[..., Launcher]) -> None:
    launcher = launch()
    launcher.wait_for("Ctrl-C stops everything")
    port = launcher.ports["ingest"]
    before = get(port, "/pid")
    with pytest.raises((http.client.HTTPException, OSError)):
        get(port, "/die")
    launcher.wait_for("ingest ended (exit status 7); it starts again in 0.5 s")
    launcher.wait_for("ingest has been started again")
    wait_until(lambda: answers_pid(port) not in ("", before))


def answers_pid(port: int) -> str:
    try:
        return get(port, "/pid")
    except (http.client.HTTPException, OSError):
        return ""


def test_a_died_server_is_started_again_on_the_same_data(launch: Callable[..., Launcher]) -> None:
    launcher = launch()
    launcher.wait_for("Ctrl-C stops everything")
    pids = {str(row["name"]): int(str(row["pid"])) for row in launcher.book()}
    for name in ("Kafka", "PostgreSQL"):
        os.kill(pids[name], signal.SIGKILL)

    def both_are_new() -> bool:
        now = {str(row["name"]): int(str(row["pid"])) for row in launcher.book()}
        return all(now.get(name, pid) != pid for name, pid in pids.items() if name[0] in "KP")

    wait_until(both_are_new)
    assert launcher.process.poll() is None
    assert execute(launcher, "SELECT 1") == 1


def test_a_service_learns_its_own_secrets_and_no_others(launch: Callable[..., Launcher]) -> None:
    launcher = launch()
    launcher.wait_for("Ctrl-C stops everything")
    ingest = json.loads(get(launcher.ports["ingest"], "/env"))
    assert ingest["FORVARNING_ENVIRONMENT"] == "local"
    assert ingest["FORVARNING_LISTEN_PORT"] == str(launcher.ports["ingest"])
    assert "forvarning_ingest:" in ingest["FORVARNING_INGEST_DATABASE_URL"]
    assert not [
        name
        for name in ingest
        if "CASES" in name or "NOTIFY" in name or "OWNER" in name or "PASSWORD" in name
    ]
    secrets = launcher.data / "secrets.json"
    assert secrets.stat().st_mode & 0o077 == 0


def test_a_shell_reaches_the_stack_with_the_file_it_is_told_of(
    launch: Callable[..., Launcher],
) -> None:
    launcher = launch()
    launcher.wait_for("Ctrl-C stops everything")
    file = launcher.data / "run" / "environment"
    assert str(file) in launcher.text
    assert file.stat().st_mode & 0o077 == 0
    assert "postgresql://" not in file.read_text("utf-8")
    done = subprocess.run(
        ["sh", "-c", f". {file} && exec {sys.executable} -m deploy.cli topics verify"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
    )
    assert "All topics are as the registry says." in done.stdout, done.stdout + done.stderr


def stack_of(tmp_path: Path, *specs: ServiceSpec, **options: object) -> LocalStack:
    return LocalStack(
        StackOptions(data=tmp_path / "data", kafka_jvm=QUICK_JVM, **options),  # type: ignore[arg-type] # keyword arguments of the test
        lambda _at: specs,
        Screen(),
    )


def test_a_service_that_cannot_start_shows_its_log_and_leaves_nothing_running(
    tmp_path: Path,
) -> None:
    spec = ServiceSpec("ingest", (FAKE, "0", "--fail"), port=1)
    stack = stack_of(tmp_path, spec)
    with pytest.raises(Exception, match=r"(?s)ingest ended.*FORVARNING_SOMETHING is missing"):
        stack.start()
    assert not any(child.running for child in stack.children())


def test_a_service_that_will_not_stop_is_ended_within_its_bound(tmp_path: Path) -> None:
    port = free_port()
    spec = ServiceSpec("ingest", (FAKE, str(port), "--ignore-sigterm"), port=port, stop_seconds=1)
    stack = stack_of(tmp_path, spec)
    stack.start()
    pid = stack.services["ingest"].child.pid
    assert command_line(pid)
    began = time.monotonic()
    stack.stop()
    assert time.monotonic() - began < 15
    assert identity(pid) is None


def test_a_corrupt_jar_stops_the_start_before_anything_runs(tmp_path: Path) -> None:
    good = jars.ensure()
    cache = tmp_path / "cache" / good.name
    shutil.copytree(good, cache, ignore=shutil.ignore_patterns("*.jsa"))
    victim = next(iter(sorted(cache.glob("kafka-clients-*.jar"))))
    with victim.open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\0\0\0")
    stack = stack_of(tmp_path, jar_cache=tmp_path / "cache")
    with pytest.raises(jars.JarRefusedError, match=victim.name):
        stack.start()
    assert stack.children() == []
    assert not (tmp_path / "data" / "postgres").exists()
