"""Reads a made-up municipality whole, kills ingest half way, and says where the time went."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench.ews.basics import ROOT, say
from bench.result import Aim, print_result
from bench.sync.ground import (
    OPS_TOKEN,
    Ground,
    Ingest,
    NotMeasuredError,
    School,
    cpu_seconds,
    ground,
    machine_seconds,
    school,
)
from bench.sync.page import PAGE, page
from deploy.local.process import LocalStackError
from services.common.clock import STOCKHOLM

AIMS = (
    Aim("marks_per_s", ">=", 20_000),
    Aim("rss_mb", "<=", 500),
    Aim("pages_repeated_after_resume", "<=", 1),
)
_HEADERS = {"Authorization": f"Bearer {OPS_TOKEN}"}
_STALLED_SECONDS = 300.0
_POLL_SECONDS = 0.2


@dataclass(slots=True)
class Course:
    """How the sync went. ``steps``: seconds by what ingest was doing."""

    seconds: float = 0.0
    elapsed: float = 0.0
    """With the kill and the second start."""
    marks: int = 0
    steps: dict[str, float] = field(default_factory=dict)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.sync", description=__doc__)
    parser.add_argument("--pupils", type=int, default=0, help="a trial: no page is written")
    parser.add_argument("--weeks", type=int, default=14, help="weeks of lessons before today")
    parser.add_argument("--page-size", type=int, default=10_000, help="entities on a page")
    parser.add_argument("--partitions", type=int, default=32)
    parser.add_argument("--profile", default="", help="profile ingest into this file; no kill")
    parser.add_argument(
        "--whole", action="store_true", help="35,000 pupils and the term until today"
    )
    options = parser.parse_args(arguments)
    options.page = not (options.pupils or options.profile)
    options.pupils = options.pupils or 1500
    if options.whole:
        options.pupils, options.weeks = 35_000, 18
    return options


def bench(options: argparse.Namespace, folder: Path) -> dict[str, float | None]:
    """The figures."""
    with school(folder, options.pupils, options.weeks) as double:
        say(f"{options.pupils} pupils, {double.attendances} attendances at {double.url}")
        with ground(folder, partitions=options.partitions, profile=options.profile) as own:
            own.ingest.start()
            before = _taken(own, double)
            course = asyncio.run(_sync(own, double, options))
            work = {name: one - before[name] for name, one in _taken(own, double).items()}
            mine = sum(work[name] for name in ("ingest", "postgres", "kafka", "double"))
            others = work.pop("machine") - mine
            figures: dict[str, float | None] = {
                "whole": int(options.whole),
                "pupils": options.pupils,
                "weeks": options.weeks,
                "attendances": double.attendances,
                "page_size": options.page_size,
                "marks_per_s": double.attendances / course.seconds,
                "seconds": course.seconds,
                "rss_mb": own.ingest.peak_mib,
                "ingest_cpu_seconds": own.ingest.cpu_seconds,
                "double_cpu_seconds": cpu_seconds(double.child.pid),
                "postgres_cpu_seconds": own.postgres_cpu_seconds(),
                "marks_told": course.marks,
                # The kill and the second start lie between, and belong to nobody else.
                "others_percent": 100 * max(0.0, others) / course.elapsed / (os.cpu_count() or 1),
            }
            work["ingest"] -= own.ingest.starting_seconds - before["starting"]
            del work["starting"]
            figures |= {f"{name}_work_seconds": one for name, one in work.items()}
            figures |= {f"{name}_seconds": one for name, one in sorted(course.steps.items())}
    if not options.profile:
        figures["pages_repeated_after_resume"] = repeated(double.calls)
    return figures


async def _sync(own: Ground, double: School, options: argparse.Namespace) -> Course:
    ingest, course = own.ingest, Course()
    first = time.monotonic()
    connection = await asyncpg.connect(own.admin_dsn)
    try:
        await _connect(ingest, double, options.page_size)
        # A process that is profiled has to end as it likes.
        halves = [None] if options.profile else [double.attendances // 2, None]
        for until in halves:
            began = time.monotonic()
            await _watch(connection, ingest, until)
            course.seconds += time.monotonic() - began
            await _scrape(ingest, course)
            if until is not None:
                ingest.end(signal.SIGKILL)
                say("killed half way")
                ingest.start()
    finally:
        await connection.close()
    course.elapsed = time.monotonic() - first
    return course


def _taken(own: Ground, double: School) -> dict[str, float]:
    """Processor time until now, by process."""
    own.ingest.look()
    return {
        "ingest": own.ingest.cpu_seconds,
        "starting": own.ingest.starting_seconds,
        "postgres": own.postgres_cpu_seconds(),
        "kafka": cpu_seconds(own.broker.process.pid),
        "double": cpu_seconds(double.child.pid),
        "machine": machine_seconds(),
    }


async def _connect(ingest: Ingest, double: School, page_size: int) -> None:
    async with httpx.AsyncClient(base_url=ingest.url, headers=_HEADERS, timeout=60) as client:
        made = await client.post(
            "/v1/sources", json={"name": "sis", "organiser_name": "Testköpings kommun"}
        )
        made.raise_for_status()
        path = "/v1/organisers/{organiser_id}/sources/{source_id}/pull".format(**made.json())
        body = {"base_url": double.url, "secret": "SCHOOL", "page_size": page_size}
        (await client.put(path, json=body)).raise_for_status()


async def _watch(connection: Any, ingest: Ingest, until: int | None) -> None:
    """Returns when so many attendances are in, or, without ``until``, when the run is over."""
    known, moved = (0, 0), time.monotonic()
    told = 0.0
    while True:
        row = await connection.fetchrow(
            "SELECT count(*) AS runs, coalesce(sum(pages), 0) AS pages FROM ingest.pull_runs"
        )
        last = await connection.fetchrow(
            "SELECT outcome, code, detail, counts FROM ingest.pull_runs "
            "ORDER BY run_id DESC LIMIT 1"
        )
        ingest.look()
        now = time.monotonic()
        progress = (row["runs"], row["pages"])
        if progress != known:
            known, moved = progress, now
        if last is not None:
            done = sum(json.loads(last["counts"]).get("Attendance", {}).values())
            if now - told > 10:
                told = now
                say(f"{row['pages']} pages, {done} attendances")
            if until is not None and done >= until:
                return
            if last["outcome"] == "done" and until is None:
                return
            if last["outcome"] not in {"running", "done"} and last["code"] != "interrupted":
                raise NotMeasuredError(f"{last['outcome']}: {last['code']}: {last['detail']}")
        if now - moved > _STALLED_SECONDS:
            raise NotMeasuredError(f"nothing moved for {_STALLED_SECONDS:.0f} s; see {ingest.log}")
        await asyncio.sleep(_POLL_SECONDS)


async def _scrape(ingest: Ingest, course: Course) -> None:
    """Seconds by step, out of the process's own metrics."""
    async with httpx.AsyncClient(timeout=60) as client:
        text = (await client.get(f"{ingest.url}/metrics")).text
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith("forvarning_ingest_pull_seconds_total{"):
            step = name.partition('step="')[2].partition('"')[0]
            course.steps[step] = course.steps.get(step, 0.0) + float(value)
        elif name == "forvarning_ingest_marks_total":
            course.marks += int(float(value))


def repeated(calls: Path) -> int:
    """How many pages were asked for more than once."""
    asked: Counter[str] = Counter()
    for line in calls.read_text().splitlines():
        method, path, query = json.loads(line)
        # A probe asks for one entity; deletions are asked for again on purpose.
        if method == "GET" and path != "deletedEntities" and query.get("limit") != "1":
            asked[json.dumps([path, query], sort_keys=True)] += 1
    return sum(count - 1 for count in asked.values())


def main() -> int:
    """0 when it could be measured, met or not; 1 when not."""
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="forvarning-sync-") as folder:
        # PostgreSQL runs as an account of its own where we are root.
        Path(folder).chmod(0o755)
        try:
            figures = bench(options, Path(folder))
        except (LocalStackError, NotMeasuredError) as error:
            log = Path(folder) / "ingest.log"
            say(log.read_text()[-3000:] if log.exists() else "")
            say(f"bench-sync could not measure: {error}")
            return 1
    if options.page:
        PAGE.write_text(page(figures, AIMS, datetime.now(STOCKHOLM).date()), "utf-8")
        say(f"written: {PAGE.relative_to(ROOT)}")
    print_result("bench-sync", figures, AIMS)
    return 0
