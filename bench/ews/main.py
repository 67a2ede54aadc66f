"""One run: the parts in their order, the ratios, the aims, the line and the page."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import fields
from pathlib import Path

from aiokafka.errors import KafkaError

from bench.ews import against, live, measure, page, replaying, workers
from bench.ews.basics import ROOT, say
from bench.ews.ground import Figures, Ground, broker, settings_for
from bench.ews.options import Options
from bench.result import Aim, print_result
from deploy.local.process import LocalStackError
from services.ews.errors import EwsError

AIMS = (
    Aim("marks_per_s", ">=", 150_000),
    Aim("ratio_naive", ">=", 30),
    Aim("changelog_bytes_per_mark", "<=", 60),
    Aim("state_kb_per_pupil_year", "<=", 3),
    Aim("checkpoint_lag_p99_seconds", "<=", 2),
    Aim("two_worker_cpu_ratio", "<=", 1.15),
    Aim("recovery_seconds_100k_pupils", "<=", 15),
    Aim("replay_20m_marks_seconds", "<=", 90),
)
PARTS: dict[str, Callable[[Ground], Awaitable[Figures]]] = {
    "worker": workers.one,
    "naive": against.naive,
    "quix": against.quix,
    "quix-windows": against.quix_windows,
    "quix-core": against.quix_core,
    "plain": against.plain,
    "ceiling": against.ceiling,
    "two": workers.two,
    "state": live.state,
    "live": live.live,
    "replay": replaying.replay,
}
_PEERS = ("naive", "quix", "quix_windows", "quix_core", "plain", "ceiling")


async def bench(options: Options, folder: Path) -> tuple[Figures, list[str]]:
    """The parts asked for, on one broker; and why some could not be measured."""
    figures: Figures = {}
    failed: list[str] = []
    with broker(folder) as server:
        ground = Ground(options, folder, server, settings_for(server, options.partitions))
        for name, part in PARTS.items():
            if options.only and name not in options.only:
                continue
            began = time.monotonic()
            try:
                figures |= await part(ground)
            except (measure.MeasureError, LocalStackError, KafkaError, EwsError) as error:
                # One part that cannot be measured takes no other with it.
                failed.append(f"{name}: {type(error).__name__}: {error}")
                say(failed[-1])
            figures[f"part_{name.replace('-', '_')}_seconds"] = time.monotonic() - began
    return figures | compared(figures), failed


def compared(figures: Figures) -> Figures:
    """The worker against everybody else, and two workers against one, where both were measured."""
    found: Figures = {}
    ours = figures.get("marks_per_s")
    for peer in _PEERS:
        theirs = figures.get(f"{peer}_marks_per_s")
        found[f"ratio_{peer}"] = ours / theirs if ours and theirs else None
    one = figures.get("cpu_seconds_per_million_marks")
    two = figures.get("two_workers_cpu_seconds_per_million_marks")
    found["two_worker_cpu_ratio"] = two / one if one and two else None
    return found


def kafka_version() -> str:
    """Of the jars that the broker runs."""
    lock = tomllib.loads((ROOT / "deploy/local/kafka-jars.lock.toml").read_text("utf-8"))
    return str(lock["kafka"])


def quix_version() -> str:
    """Of the lock that the peers are installed from."""
    lines = (ROOT / "requirements/peers.txt").read_text("utf-8").splitlines()
    pinned = next(line for line in lines if line.startswith("quixstreams=="))
    return pinned.removeprefix("quixstreams==").split()[0]


def parse(arguments: list[str] | None = None) -> Options:
    """The command line; for trying things out, `make bench-ews` gives none."""
    defaults = Options()
    parser = argparse.ArgumentParser(prog="python -m bench.ews", description=__doc__)
    for name in (field.name for field in fields(Options) if field.name != "only"):
        default = getattr(defaults, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    parser.add_argument("--only", default="", help=f"some of {','.join(PARTS)}")
    given = vars(parser.parse_args(arguments))
    only = tuple(name for name in given.pop("only").split(",") if name)
    if strange := set(only) - set(PARTS):
        parser.error(f"--only knows no {', '.join(sorted(strange))}")
    return Options(**given, only=only)


def main() -> int:
    """0 when it could measure everything, met or not; 1 when not."""
    options = parse()
    # Told to stop, it still takes its servers and its folder with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="forvarning-bench-") as folder:
        try:
            figures, failed = asyncio.run(bench(options, Path(folder)))
        except LocalStackError as error:
            say(f"bench-ews could not measure: {error}")
            return 1
    versions = {"kafka": kafka_version(), "quixstreams": quix_version()}
    if options.whole:
        page.write(figures, AIMS, versions, failed)
    print_result("bench-ews", figures, AIMS, versions=versions)
    if failed:
        say("bench-ews could not measure: " + "; ".join(one.split(":")[0] for one in failed))
    return 1 if failed else 0
