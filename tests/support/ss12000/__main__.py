"""``python -m tests.support.ss12000``: a made-up school system to connect by hand."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import time
from pathlib import Path

from services.common.clock import SystemClock
from tests.support.ss12000.double import build, running
from tests.support.ss12000.habits import DNP, ODD_PATHS, STANDARD_PATHS, Fault, Habits


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.ss12000", description=__doc__)
    parser.add_argument("--pupils", type=int, default=200)
    parser.add_argument("--weeks", type=int, default=4, help="weeks of lessons before today")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=12000)
    parser.add_argument("--token", default="school-token")
    parser.add_argument("--odd-paths", action="store_true", help="singular and misspelt paths")
    parser.add_argument("--roster-only", action="store_true", help="no attendance, as DNP")
    parser.add_argument("--fault", action="append", default=[], help="KIND[:TIMES[:PATH]]")
    parser.add_argument("--lazy", action="store_true", help="for millions of attendances")
    parser.add_argument("--calls", type=Path, help="write what was asked into this file")
    options = parser.parse_args()
    habits = Habits(
        paths=dict(ODD_PATHS if options.odd_paths else STANDARD_PATHS),
        resources=DNP if options.roster_only else frozenset(STANDARD_PATHS),
        token=options.token,
    )
    double = build(
        pupils=options.pupils,
        weeks=options.weeks,
        seed=options.seed,
        clock=SystemClock(),
        habits=habits,
        lazy=options.lazy,
    )
    for text in options.fault:
        kind, times, path = (*text.split(":"), "", "")[:3]
        double.faults.add(Fault(kind, path=path, times=int(times or 1)))
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _: stop.append(got))
    with running(double, port=options.port, callbacks=True), contextlib.suppress(KeyboardInterrupt):
        counts = double.school.counts()
        print(f"SS 12000 at {double.url}, token {options.token}: {counts}", flush=True)
        while not stop:
            double.catch_up()
            time.sleep(0.5)
    if options.calls:
        lines = (json.dumps(call) for call in double.server.calls)
        options.calls.write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    main()
