"""A made-up school year for the real core: one class a partition, with the trial profile."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from forvarning.rules.v1.rules_pb2 import RuleProfile
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import REPORTED, School, name, weekdays

_STARTS = (490, 560, 640, 780)
_PUPILS = 25


def profile_record() -> bytes:
    """The trial profile as it lies on rules.profiles.v1."""
    return RuleProfile(
        profile_id=TRIAL_ID,
        profile_version=1,
        content=TRIAL,
        digest=hashlib.sha256(TRIAL).digest(),
    ).SerializeToString()


def facts(rng: random.Random, partitions: int, days: int) -> Iterator[tuple[int, bytes]]:
    """(partition, fact): placements first, then each day with late, corrected and doubled marks."""
    schools = [School(home=name(p, "home"), bucket=p) for p in range(partitions)]
    for partition, school in enumerate(schools):
        yield partition, school.profile()
        for pupil in range(_PUPILS):
            yield partition, school.placement(partition * 1000 + pupil)
    # A few who stay away more and more, a few who come and go, and the rest.
    risk = {
        partition * 1000 + pupil: rng.choice([0.02] * 10 + [0.2, 0.5, 0.97])
        for partition in range(partitions)
        for pupil in range(_PUPILS)
    }
    held_back: list[tuple[int, bytes]] = []
    for day in weekdays(days):
        for partition, school in enumerate(schools):
            pupils = [partition * 1000 + pupil for pupil in range(_PUPILS)]
            whole_day = {pupil: rng.random() < risk[pupil] / 2 for pupil in pupils}
            for start in _STARTS:
                marks: dict[int, tuple[int, ...]] = {}
                for pupil in pupils:
                    absent = whole_day[pupil] or rng.random() < risk[pupil] / 2
                    valid = absent and rng.random() < 0.5
                    marks[pupil] = (60 * valid, 60 * (absent and not valid), 0, REPORTED)
                made = school.register(day, start, marks, unit=school.home)
                chance = rng.random()
                if chance < 0.05:
                    held_back.append((partition, made))
                    continue
                yield partition, made
                if chance < 0.10:
                    yield partition, made
                elif chance < 0.16:
                    # Somebody was there after all, or was not.
                    changed = rng.choice(pupils)
                    mark = rng.choice([(0, 0, 0, REPORTED), (0, 60, 0, REPORTED)])
                    held_back.append(
                        (partition, school.register(day, start, {changed: mark}, unit=school.home))
                    )
            yield partition, school.closed(day, unit=school.home)
        rng.shuffle(held_back)
        for _ in range(len(held_back) // 2):
            yield held_back.pop()
    yield from held_back
