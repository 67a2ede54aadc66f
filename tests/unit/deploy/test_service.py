"""When a died service is started again."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from deploy.local.environment import for_settings, load_secrets, service_url
from deploy.local.process import Child
from deploy.local.service import Service, ServiceSpec, ending
from services.common.settings import IngestSettings


class Clock:
    """Moves only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def service(tmp_path: Path, program: str, clock: Clock, **spec: bool) -> Service:
    return Service(
        ServiceSpec("thing", ("-c", program), finishes=spec.get("finishes", False)),
        tmp_path,
        {},
        cwd=tmp_path,
        clock=clock,
    )


def wait_for_end(child: Child) -> None:
    deadline = time.monotonic() + 20
    while child.running:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_delay_doubles_up_to_half_a_minute_and_starts_afresh_after_a_good_run(
    tmp_path: Path,
) -> None:
    clock = Clock()
    one = service(tmp_path, "raise SystemExit(3)", clock)
    delays = []
    one.start()
    for _ in range(9):
        wait_for_end(one.child)
        news = one.tend()
        assert news is not None
        assert "exit status 3" in news
        delays.append(float(news.split("starts again in ")[1].split(" s")[0]))
        assert one.tend() is None
        clock.now += delays[-1]
        assert "started again" in (one.tend() or "")
    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    clock.now += 100
    wait_for_end(one.child)
    assert "in 0.5 s" in (one.tend() or "")


def test_one_that_finishes_is_left_finished_and_one_that_fails_is_not(tmp_path: Path) -> None:
    done = service(tmp_path, "pass", Clock(), finishes=True)
    done.start()
    wait_for_end(done.child)
    assert done.has_finished()
    assert done.tend() is None
    failed = service(tmp_path, "raise SystemExit(1)", Clock(), finishes=True)
    failed.start()
    wait_for_end(failed.child)
    assert not failed.has_finished()
    assert "ended (exit status 1)" in (failed.tend() or "")


def test_a_service_that_is_left_alone_stays_dead(tmp_path: Path) -> None:
    one = service(tmp_path, "raise SystemExit(1)", Clock())
    one.start()
    wait_for_end(one.child)
    one.left_alone = True
    assert one.tend() is None


def test_a_child_that_ignores_the_request_is_ended_at_once_when_asked_twice(
    tmp_path: Path,
) -> None:
    program = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    child = Child("stubborn", [sys.executable, "-c", program], log=tmp_path / "log")
    child.start()
    child.wait_ready(lambda: "ready" in child.log_end(), seconds=20)
    began = time.monotonic()
    assert not child.stop(seconds=60, at_once=lambda: True)
    assert time.monotonic() - began < 10
    assert ending(child.returncode) == "signal 9"


def test_a_tool_that_ends_well_just_after_it_was_asked_has_not_failed(tmp_path: Path) -> None:
    child = Child("tool", [sys.executable, "-c", "pass"], log=tmp_path / "log")
    child.start()
    asked: list[bool] = []

    def ended_well() -> bool:
        """The first answer is from before the end, however late it is heard."""
        asked.append(child.returncode == 0 if asked else False)
        wait_for_end(child)
        return asked[-1]

    child.wait_ready(ended_well, seconds=20)
    assert asked[:2] == [False, True]


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    made = load_secrets(file)
    assert load_secrets(file) == made
    assert len(set(made.values())) == len(made)
    assert file.stat().st_mode & 0o077 == 0


def test_a_service_is_told_only_what_its_settings_declare() -> None:
    values = {"kafka_bootstrap": "x:1", "ingest_ops_token": "t", "cases_ops_token": "other"}
    assert for_settings(IngestSettings, values) == {
        "FORVARNING_KAFKA_BOOTSTRAP": "x:1",
        "FORVARNING_INGEST_OPS_TOKEN": "t",
    }


def test_a_services_url_keeps_server_database_and_options() -> None:
    url = service_url("postgresql://root:p%40ss@db:5433/forv?sslmode=require", "cases", "a/b")
    assert url == "postgresql://forvarning_cases:a%2Fb@db:5433/forv?sslmode=require"
