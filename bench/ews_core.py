"""How many marks a second the decision core takes on one core, everything but Kafka included.

A term of made-up classes: registers with absence at about published base rates
(Skolverket 2019: one pupil in seven at 15 % or more), unreported lessons,
notices, three per cent of the marks corrected days later, every day closed, and
a collect for about every school day, as a worker that is catching up does.

    python -m bench.ews_core [--days 40] [--buckets 12] [--profile]
"""

from __future__ import annotations

import argparse
import cProfile
import hashlib
import json
import pstats
import random
import time
from datetime import date, timedelta
from pathlib import Path

from forvarning.facts.v1 import facts_pb2 as f
from services.ews.core.core import Core

_STANDARD = Path(__file__).parents[1] / "services" / "ews" / "profiles" / "standard.toml"
_STARTS = (490, 560, 640, 700, 780, 850)
_PUPILS = 25


def _name(*parts: object) -> bytes:
    return hashlib.sha256("|".join(map(str, parts)).encode()).digest()[:16]


class Term:
    """Facts of a term for the buckets of one partition, a school day at a time."""

    def __init__(self, buckets: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._buckets = buckets
        self._sequence = 0
        self.marks = 0
        self.organiser = _name("organiser")
        self._units = [_name("unit", i // 6) for i in range(buckets)]
        self._pupils = [
            [_name("pupil", bucket, i) for i in range(_PUPILS)] for bucket in range(buckets)
        ]
        self._habits = [
            [self._random.choices((0.02, 0.06, 0.18, 0.6), (50, 35, 13, 2))[0] for _ in row]
            for row in self._pupils
        ]
        self._away: dict[tuple[int, int], int] = {}

    def _version(self) -> f.Version:
        self._sequence += 1
        return f.Version(priority=1, modified_unix_ms=self._sequence, sequence=self._sequence)

    def _fact(self, **body: object) -> bytes:
        return f.Fact(
            organiser_id=self.organiser,
            accepted_unix_ms=self._sequence,
            **body,  # type: ignore[arg-type]
        ).SerializeToString()

    def opening(self, content: bytes, first: int) -> list[bytes]:
        """The profile and the placements."""
        activated = f.ProfileActivated(
            profile_id="standard",
            profile_version=1,
            digest=hashlib.sha256(content).digest(),
            valid_from_day=first - 400,
            version=self._version(),
        )
        found = [self._fact(profile_activated=activated)]
        found.extend(
            self._fact(
                placement=f.Placement(
                    home_id=self._units[bucket],
                    bucket=bucket,
                    pupil_id=pupil,
                    school_unit_id=self._units[bucket],
                    class_id=_name("class", bucket),
                    school_year=2026,
                    member_from_day=first,
                    school_form=f.SCHOOL_FORM_COMPULSORY,
                    placement_id=_name("placement", pupil.hex()),
                    version=self._version(),
                )
            )
            for bucket, row in enumerate(self._pupils)
            for pupil in row
        )
        return found

    def _register(  # noqa: PLR0917  # what a register holds
        self, bucket: int, day: int, start: int, rows: list[int], flags: int, kinds: list[int]
    ) -> bytes:
        self.marks += len(rows)
        return self._fact(
            register=f.Register(
                home_id=self._units[bucket],
                bucket=bucket,
                lesson_id=_name("lesson", bucket, day, start),
                school_unit_id=self._units[bucket],
                activity_id=_name("activity", bucket, start),
                group_id=_name("class", bucket),
                subject=("MA", "SV", "EN", "SO", "NO", "IDH")[start % 6],
                epoch_day=day,
                start_minute=start,
                length_minutes=60,
                state=f.LESSON_STATE_REPORTED,
                version=self._version(),
                pupil_ids=b"".join(self._pupils[bucket][row] for row in rows),
                offered_minutes=[60] * len(rows),
                valid_minutes=[60 if kind == 1 else 0 for kind in kinds],
                invalid_minutes=[60 if kind == 2 else 0 for kind in kinds],
                other_minutes=[0] * len(rows),
                flags=[flags] * len(rows),
            )
        )

    def day(self, day: int, earlier: list[int]) -> list[bytes]:
        """One school day's facts in the order in which they would come, then its closing."""
        chance = self._random
        found: list[bytes] = []
        absent: dict[tuple[int, int], int] = {}
        for bucket, habits in enumerate(self._habits):
            for row, habit in enumerate(habits):
                key = (bucket, row)
                left = self._away.get(key, 0)
                if not left and chance.random() < habit / 2.5:
                    left = 1 + int(chance.expovariate(0.6))
                self._away[key] = max(left - 1, 0)
                if left:
                    absent[key] = 2 if chance.random() < 0.15 else 1
        for start in _STARTS:
            for bucket, habits in enumerate(self._habits):
                if chance.random() < 0.03:
                    continue
                kinds = [
                    absent.get((bucket, row)) or (2 if chance.random() < habit / 12 else 0)
                    for row, habit in enumerate(habits)
                ]
                found.append(self._register(bucket, day, start, list(range(_PUPILS)), 1, kinds))
        corrections = int(0.03 * self._buckets * len(_STARTS) * _PUPILS)
        for _ in range(corrections if earlier else 0):
            bucket, row = chance.randrange(self._buckets), chance.randrange(_PUPILS)
            found.append(
                self._register(
                    bucket,
                    chance.choice(earlier[-5:]),
                    chance.choice(_STARTS),
                    [row],
                    1,
                    [chance.choice((0, 1, 1, 2))],
                )
            )
        found.extend(
            self._fact(
                day_closed=f.DayClosed(
                    school_unit_id=unit,
                    epoch_day=day,
                    kind=f.DAY_KIND_SCHOOL_DAY,
                    version=self._version(),
                )
            )
            for unit in dict.fromkeys(self._units)
        )
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--buckets", type=int, default=12)
    parser.add_argument("--collects", type=float, default=1.0, help="collects a school day")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--sort", default="tottime", help="how --profile sorts")
    given = parser.parse_args()
    content = _STANDARD.read_bytes()
    term = Term(given.buckets, given.seed)
    first = (date(2026, 8, 17) - date(1970, 1, 1)).days
    days = [
        first + i
        for i in range(given.days * 2)
        if (date(2026, 8, 17) + timedelta(days=i)).weekday() < 5
    ][: given.days]
    log = [term.opening(content, first)] + [term.day(day, days[:i]) for i, day in enumerate(days)]
    core = Core()
    core.learn_profile("standard", 1, content)
    offset = warnings = state_bytes = rows = 0
    applying = collecting = 0.0
    profiler = cProfile.Profile() if given.profile else None
    started = time.process_time()
    if profiler:
        profiler.enable()
    for facts in log:
        step = max(1, int(len(facts) / given.collects))
        for at in range(0, len(facts), step):
            before = time.process_time()
            for value in facts[at : at + step]:
                core.apply(value, offset, partition=0)
                offset += 1
            between = time.process_time()
            batch = core.collect()
            applying += between - before
            collecting += time.process_time() - between
            warnings += len(batch.warnings)
            state_bytes += sum(len(row.value or b"") for row in batch.state)
            rows += len(batch.state) + len(batch.absence_days) + len(batch.group_days)
    if profiler:
        profiler.disable()
        pstats.Stats(profiler).sort_stats(given.sort).print_stats(60)
    seconds = time.process_time() - started
    print(
        json.dumps(
            {
                "command": "bench.ews_core",
                "figures": {
                    "marks": term.marks,
                    "facts": offset,
                    "cpu_seconds": round(seconds, 3),
                    "marks_per_s": round(term.marks / seconds),
                    "us_per_mark": round(1e6 * seconds / term.marks, 2),
                    "us_per_mark_apply": round(1e6 * applying / term.marks, 2),
                    "us_per_mark_collect": round(1e6 * collecting / term.marks, 2),
                    "warnings": warnings,
                    "rows": rows,
                    "state_bytes_per_mark": round(state_bytes / term.marks, 1),
                },
            }
        )
    )


if __name__ == "__main__":
    main()
