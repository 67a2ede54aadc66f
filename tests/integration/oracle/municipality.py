"""A small made-up municipality as facts: enough absence for every family, with corrections."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID, uuid5

from forvarning.facts.v1 import facts_pb2 as f
from services.common.clock import epoch_day, local_instant
from tests.trial import TRIAL, TRIAL_ID

_SPACE = UUID("00000000-0000-0000-0000-0000000000e5")
FIRST = date(2026, 8, 18)
PUPILS = 12
SUBJECTS = ("MA", "SV", "EN", "IDH")


def named(*parts: object) -> UUID:
    """The same id for the same words."""
    return uuid5(_SPACE, "|".join(map(str, parts)))


def school_days(count: int, last: date) -> list[date]:
    """The last weekdays up to and with ``last``."""
    found: list[date] = []
    day = last
    while len(found) < count:
        if day.weekday() < 5:
            found.append(day)
        day -= timedelta(days=1)
    return found[::-1]


@dataclass
class Municipality:
    """One home with one class in each partition; every fact has a newer version."""

    seed: int
    partitions: int = 4
    organiser: UUID = field(default_factory=lambda: named("organiser"))
    sequence: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def unit(self, partition: int) -> UUID:
        return named("unit", partition)

    def pupil(self, partition: int, number: int) -> UUID:
        return named("pupil", partition, number)

    def version(self) -> f.Version:
        self.sequence += 1
        return f.Version(priority=1, modified_unix_ms=self.sequence, sequence=self.sequence)

    def fact(self, day: date, **body: object) -> bytes:
        """A fact that ingest accepted at noon of ``day``."""
        made = f.Fact(
            organiser_id=self.organiser.bytes,
            accepted_unix_ms=int(local_instant(day, 720).timestamp() * 1000),
            **body,  # type: ignore[arg-type]  # one of the oneof's messages
        )
        return made.SerializeToString()

    def start(
        self, protected: frozenset[tuple[int, int]] = frozenset()
    ) -> Iterator[tuple[int, bytes]]:
        """The profile and every pupil's placement."""
        for partition in range(self.partitions):
            profile = f.ProfileActivated(
                profile_id=TRIAL_ID,
                profile_version=1,
                digest=hashlib.sha256(TRIAL).digest(),
                valid_from_day=epoch_day(date(2026, 7, 1)),
                version=self.version(),
            )
            yield partition, self.fact(FIRST, profile_activated=profile)
            for number in range(PUPILS):
                placement = f.Placement(
                    home_id=self.unit(partition).bytes,
                    pupil_id=self.pupil(partition, number).bytes,
                    placement_id=named("placement", partition, number).bytes,
                    school_unit_id=self.unit(partition).bytes,
                    class_id=named("class", partition).bytes,
                    school_year=2026,
                    member_from_day=epoch_day(FIRST),
                    school_form=f.SCHOOL_FORM_COMPULSORY,
                    grade=7,
                    protection=f.PROTECTION_CONFIDENTIAL
                    if (partition, number) in protected
                    else f.PROTECTION_NONE,
                    version=self.version(),
                )
                yield partition, self.fact(FIRST, placement=placement)

    def day(self, day: date, *, close: bool = True) -> Iterator[tuple[int, bytes]]:
        """A school day's registers, some twice, some corrected; then it is closed everywhere."""
        for partition in range(self.partitions):
            for slot in range(len(SUBJECTS)):
                first = self.register(partition, day, slot)
                yield partition, first
                if self.dice.random() < 0.1:
                    yield partition, first
                if self.dice.random() < 0.1:
                    yield partition, self.register(partition, day, slot, correction=True)
        if close:
            yield from self.closing(day)

    def closing(self, day: date) -> Iterator[tuple[int, bytes]]:
        for held in range(self.partitions):
            closed = f.DayClosed(
                school_unit_id=self.unit(held).bytes,
                epoch_day=epoch_day(day),
                kind=f.DAY_KIND_SCHOOL_DAY,
                version=self.version(),
            )
            for partition in range(self.partitions):
                yield partition, self.fact(day, day_closed=closed)

    def register(self, partition: int, day: date, slot: int, *, correction: bool = False) -> bytes:
        absent = [self._absent(number, day, slot) for number in range(PUPILS)]
        if correction:
            # One pupil was there after all, or was not.
            absent[self.dice.randrange(PUPILS)] ^= True
        valid = [60 * (gone and number % 3 == 0) for number, gone in enumerate(absent)]
        invalid = [60 * (gone and number % 3 != 0) for number, gone in enumerate(absent)]
        register = f.Register(
            home_id=self.unit(partition).bytes,
            lesson_id=named("lesson", partition, day, slot).bytes,
            school_unit_id=self.unit(partition).bytes,
            activity_id=named("activity", partition, slot).bytes,
            group_id=named("class", partition).bytes,
            subject=SUBJECTS[slot],
            epoch_day=epoch_day(day),
            start_minute=480 + 90 * slot,
            length_minutes=60,
            state=f.LESSON_STATE_REPORTED,
            version=self.version(),
            pupil_ids=b"".join(self.pupil(partition, n).bytes for n in range(PUPILS)),
            offered_minutes=[60] * PUPILS,
            valid_minutes=valid,
            invalid_minutes=invalid,
            other_minutes=[0] * PUPILS,
            flags=[f.MARK_FLAG_REPORTED] * PUPILS,
        )
        return self.fact(day, register=register)

    def _absent(self, number: int, day: date, slot: int) -> bool:
        if number == 0:  # away for weeks
            return day.toordinal() % 30 < 16
        if number == 1:  # Mondays and the last lesson
            return day.weekday() == 0 or slot == 3
        return self.dice.random() < (0.12 if number < 4 else 0.02)
