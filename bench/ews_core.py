"""How many marks a second the decision core takes on one core, everything but Kafka included.

The log is that of `make bench-ews`: some of its partitions, fewer days. Facts are
applied in their order and collected every so many records, as a worker does
that catches up.

    python -m bench.ews_core [--partitions 2] [--days 20] [--every 1000] [--profile]
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import pstats
import time

from bench.ews.basics import standard_profile
from bench.ews.ground import workload_of
from bench.ews.options import Options
from services.ews.core.core import Core


def _logs(options: Options, partitions: int) -> tuple[list[list[bytes]], int]:
    """The values of the first partitions in order, and how many marks they hold."""
    logs: list[list[bytes]] = [[] for _ in range(partitions)]
    marks = 0
    for record in workload_of(options).records():
        if record.partition < partitions:
            logs[record.partition].append(record.value)
            marks += record.marks
    return logs, marks


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument("--days", type=int, default=20)
    parser.add_argument("--every", type=int, default=1_000, help="records between two collects")
    parser.add_argument("--pupils", type=int, default=35_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--sort", default="tottime", help="how --profile sorts")
    given = parser.parse_args()
    options = Options(pupils=given.pupils, days=given.days, seed=given.seed)
    logs, marks = _logs(options, given.partitions)
    gc.collect()
    gc.freeze()
    profiler = cProfile.Profile() if given.profile else None
    warnings = rows = state_bytes = 0
    applying = collecting = 0.0
    if profiler:
        profiler.enable()
    for number, values in enumerate(logs):
        core = Core()
        core.learn_profile("standard", 1, standard_profile())
        for at in range(0, len(values), given.every):
            before = time.process_time()
            for offset, value in enumerate(values[at : at + given.every], at):
                core.apply(value, offset, partition=number)
            between = time.process_time()
            batch = core.collect()
            collecting += time.process_time() - between
            applying += between - before
            warnings += len(batch.warnings)
            rows += len(batch.state) + len(batch.absence_days) + len(batch.group_days)
            state_bytes += sum(len(row.value or b"") for row in batch.state)
    if profiler:
        profiler.disable()
        pstats.Stats(profiler).sort_stats(given.sort).print_stats(60)
    records, seconds = sum(map(len, logs)), applying + collecting
    figures = {
        "marks": marks,
        "records": records,
        "marks_a_record": round(marks / records, 2),
        "marks_per_s": round(marks / seconds),
        "us_per_record": round(1e6 * seconds / records, 1),
        "us_per_mark": round(1e6 * seconds / marks, 2),
        "us_per_mark_apply": round(1e6 * applying / marks, 2),
        "us_per_mark_collect": round(1e6 * collecting / marks, 2),
        "warnings": warnings,
        "rows": rows,
        "state_bytes_per_mark": round(state_bytes / marks, 1),
    }
    print(json.dumps({"command": "bench.ews_core", "figures": figures}))


if __name__ == "__main__":
    main()
