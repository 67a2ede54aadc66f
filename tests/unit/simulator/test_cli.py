"""`forvarning simulate`: what it says when it is asked for the wrong thing, and what it writes."""

from __future__ import annotations

import asyncio
import json
import stat
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from bench.simulator import demo
from bench.simulator.cli import app
from bench.simulator.client import RefusedError

TODAY = date(2026, 11, 24)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments], terminal_width=200, color=False)


def test_files_are_written_and_counted(tmp_path: Path) -> None:
    result = run("--out", str(tmp_path), "--pupils", "60", "--weeks", "1", "--today", "2026-11-24")
    assert result.exit_code == 0, result.output
    counts = json.loads(result.stdout)["written"]
    facts, truth = (
        [json.loads(line) for line in (tmp_path / name).read_text("utf-8").splitlines()]
        for name in ("facts.jsonl", "truth.jsonl")
    )
    assert len(facts) == counts["facts.jsonl"] > 1000
    assert len(truth) == counts["truth.jsonl"] > 50
    assert [f["arrival"] for f in facts] == sorted(f["arrival"] for f in facts)
    assert {f["pupil"] for f in facts} == {t["pupil"] for t in truth}
    assert all(date.fromisoformat(day) <= TODAY for t in truth for day in t["missed"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--ingest"),
        (["--ingest", "http://127.0.0.1:1"], "--token"),
        (["--out", "x", "--today", "24/11"], "24/11"),
        (["--out", "x", "--pupils", "3"], "pupils"),
        (
            [
                "--ingest",
                "http://127.0.0.1:1",
                "--token",
                "t",
                "--pupils",
                "60",
                "--duplicates",
                "2",
            ],
            "duplicates",
        ),
    ],
)
def test_wrong_options_are_named(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORVARNING_SOURCE_TOKEN", raising=False)
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output


class Operator:
    """Ingest's POST /v1/sources: keeps what was asked for, and can lose its answer."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status = 201

    async def handle(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer ops"
        self.asked.append(json.loads(request.content))
        if self.status != 201:
            return httpx.Response(self.status, text="no")
        token = f"fvs_{len(self.asked)}"
        return httpx.Response(201, json=self.asked[-1] | {"source_id": "s", "token": token})


def settled(folder: Path, operator: Operator) -> demo.DemoState:
    transport = httpx.MockTransport(operator.handle)
    return asyncio.run(
        demo.settled(folder, "http://ingest.test", "ops", today=TODAY, transport=transport)
    )


def test_the_demo_makes_its_source_once(tmp_path: Path) -> None:
    operator = Operator()
    first = settled(tmp_path, operator)
    assert settled(tmp_path, operator) == first
    assert first.token == "fvs_1"
    assert first.today == TODAY
    assert len(operator.asked) == 1
    mode = stat.S_IMODE((tmp_path / "demo.json").stat().st_mode)
    assert mode == 0o600, "the file holds a token"


def test_a_start_that_was_cut_off_makes_no_second_municipality(tmp_path: Path) -> None:
    operator = Operator()
    operator.status = 403
    with pytest.raises(RefusedError, match="403"):
        settled(tmp_path, operator)
    operator.status = 201
    settled(tmp_path, operator)
    assert operator.asked[0]["organiser_id"] == operator.asked[1]["organiser_id"]
