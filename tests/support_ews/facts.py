"""Seeded registers for the shell's tests: obviously made-up pupils, lessons and marks."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Iterator

from forvarning.facts.v1.facts_pb2 import LESSON_STATE_REPORTED, Fact, Register

_SPACE = uuid.UUID("00000000-0000-0000-0000-00000000feed")
PUPILS_A_CLASS = 25
FIRST_DAY = 20_000
LESSONS = 60
_sequence = itertools.count(1)
"""Of the whole run: no two statements have the same version."""


def pupil_id(partition: int, number: int) -> bytes:
    return uuid.uuid5(_SPACE, f"pupil {partition} {number}").bytes


def lesson_id(partition: int, number: int) -> bytes:
    return uuid.uuid5(_SPACE, f"lesson {partition} {number}").bytes


def register(
    rng: random.Random, partition: int, lesson: int, sequence: int, *, subject: str = "Ma"
) -> Register:
    """One lesson of the partition's only class, with about one absence in eight."""
    made = Register(
        lesson_id=lesson_id(partition, lesson),
        subject=subject,
        epoch_day=FIRST_DAY + lesson // 5,
        start_minute=480 + 60 * (lesson % 5),
        length_minutes=50,
        state=LESSON_STATE_REPORTED,
        pupil_ids=b"".join(pupil_id(partition, n) for n in range(PUPILS_A_CLASS)),
        offered_minutes=[50] * PUPILS_A_CLASS,
        valid_minutes=[0] * PUPILS_A_CLASS,
        invalid_minutes=[50 * (rng.random() < 0.125) for _ in range(PUPILS_A_CLASS)],
        flags=[1] * PUPILS_A_CLASS,
    )
    made.version.priority = 1
    made.version.modified_unix_ms = sequence
    made.version.sequence = sequence
    return made


def fact(made: Register) -> bytes:
    return Fact(organiser_id=_SPACE.bytes, accepted_unix_ms=1, register=made).SerializeToString()


def stream(rng: random.Random, partitions: int, lessons: int) -> Iterator[tuple[int, Register]]:
    """(partition, register) as they come: duplicates, corrections and old statements among them.

    After :data:`LESSONS` lessons a partition's are all marked anew, so that an
    endless stream has a state of bounded size.
    """
    for number in range(lessons):
        lesson = number % LESSONS
        for partition in range(partitions):
            sequence = next(_sequence)
            made = register(rng, partition, lesson, sequence)
            yield partition, made
            if rng.random() < 0.05:
                yield partition, made
            if lesson and rng.random() < 0.1:
                earlier = rng.randrange(lesson)
                # A correction, or an old statement that must lose, in equal parts.
                stated = sequence if rng.random() < 0.5 else 0
                yield partition, register(rng, partition, earlier, stated)
