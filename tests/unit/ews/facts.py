"""Facts for the core's tests: one made-up school whose lessons are easy to write down."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from forvarning.facts.v1 import facts_pb2 as f
from tests.trial import TRIAL, TRIAL_ID

EXPECTED, CONFIRMED, EXPLICIT, WITHDRAWN = 0, 2, 4, 8
REPORTED = 1


def name(number: int, kind: str = "x") -> bytes:
    """A made-up identifier."""
    return hashlib.sha256(f"{kind}{number}".encode()).digest()[:16]


ORGANISER = name(1, "organiser")
HOME = name(1, "unit")
UNIT = HOME
OTHER_UNIT = name(2, "unit")
CLASS = name(1, "class")


def day(year: int, month: int, number: int) -> int:
    return (date(year, month, number) - date(1970, 1, 1)).days


START = day(2026, 8, 17)
"""The first school day, a Monday."""


def weekdays(count: int, first: int = START) -> list[int]:
    """School days in a row, Saturdays and Sundays left out."""
    found: list[int] = []
    at = first
    while len(found) < count:
        if (date(1970, 1, 1) + timedelta(days=at)).weekday() < 5:
            found.append(at)
        at += 1
    return found


class School:
    """Makes facts, each with a newer version than the one before unless told otherwise."""

    def __init__(self, organiser: bytes = ORGANISER, home: bytes = HOME, bucket: int = 0) -> None:
        self.organiser = organiser
        self.home = home
        self.bucket = bucket
        self.sequence = 0

    def version(self, modified: int | None = None, priority: int = 1) -> f.Version:
        self.sequence += 1
        return f.Version(
            priority=priority,
            modified_unix_ms=1_000 * self.sequence if modified is None else modified,
            sequence=self.sequence,
        )

    def fact(self, **body: object) -> bytes:
        return f.Fact(
            organiser_id=self.organiser,
            accepted_unix_ms=1_700_000_000_000 + self.sequence,
            **body,  # type: ignore[arg-type]
        ).SerializeToString()

    def profile(
        self,
        content: bytes = TRIAL,
        *,
        profile_id: str = TRIAL_ID,
        version: int = 1,
        valid_from: int = 15_000,
        units: Sequence[bytes] = (),
        forms: Sequence[int] = (),
    ) -> bytes:
        return self.fact(
            profile_activated=f.ProfileActivated(
                profile_id=profile_id,
                profile_version=version,
                digest=hashlib.sha256(content).digest(),
                valid_from_day=valid_from,
                school_unit_ids=units,
                school_forms=forms,  # type: ignore[arg-type]
                version=self.version(),
            )
        )

    def placement(
        self,
        pupil: int,
        first: int = START,
        after: int = 0,
        *,
        unit: bytes = UNIT,
        number: int = 0,
        deleted: bool = False,
        school_year: int = 2026,
        class_id: bytes = CLASS,
        form: int = f.SCHOOL_FORM_COMPULSORY,
    ) -> bytes:
        return self.fact(
            placement=f.Placement(
                home_id=self.home,
                bucket=self.bucket,
                pupil_id=name(pupil, "pupil"),
                school_unit_id=unit,
                class_id=class_id,
                school_year=school_year,
                member_from_day=first,
                member_to_day=after,
                school_form=form,  # type: ignore[arg-type]
                grade=8,
                protection=f.PROTECTION_NONE,
                deleted=deleted,
                placement_id=name(1000 * pupil + number, "placement"),
                version=self.version(),
            )
        )

    def register(
        self,
        at: int,
        start: int,
        marks: dict[int, tuple[int, ...]],
        *,
        length: int = 60,
        unit: bytes = UNIT,
        state: int = f.LESSON_STATE_REPORTED,
        subject: str = "MA",
        version: f.Version | None = None,
        lesson: bytes | None = None,
    ) -> bytes:
        """``marks``: pupil to (valid, invalid, other, flags, offered, late, early).

        The tail may be left out; where nobody has times the register has none.
        """
        rows = {
            pupil: (*given, *(0, 0, 0, REPORTED, length, 0, 0)[len(given) :])
            for pupil, given in marks.items()
        }
        late, early = ([row[i] for row in rows.values()] for i in (5, 6))
        return self.fact(
            register=f.Register(
                home_id=self.home,
                bucket=self.bucket,
                lesson_id=lesson or name(at * 10_000 + start, "lesson" + unit.hex()),
                school_unit_id=unit,
                activity_id=name(start, "activity"),
                group_id=CLASS,
                subject=subject,
                epoch_day=at,
                start_minute=start,
                length_minutes=length,
                state=state,  # type: ignore[arg-type]
                version=version or self.version(),
                pupil_ids=b"".join(name(pupil, "pupil") for pupil in rows),
                valid_minutes=[row[0] for row in rows.values()],
                invalid_minutes=[row[1] for row in rows.values()],
                other_minutes=[row[2] for row in rows.values()],
                flags=[row[3] for row in rows.values()],
                offered_minutes=[row[4] for row in rows.values()],
                arrived_late_minutes=late if any(late) else [],
                left_early_minutes=early if any(early) else [],
            )
        )

    def school_day(
        self,
        at: int,
        pupils: Iterable[int],
        absent: dict[int, str] | None = None,
        *,
        close: bool = True,
        starts: Sequence[int] = (490, 560, 640, 780),
        unit: bytes = UNIT,
    ) -> list[bytes]:
        """A day's registers and its closing.

        ``absent`` tells for each absent pupil a letter per lesson: ``v`` valid,
        ``i`` oanmäld, ``c`` ogiltig, ``.`` present, ``-`` not reported.
        """
        minutes = {
            "v": (60, 0, 0, REPORTED),
            "i": (0, 60, 0, REPORTED),
            "c": (0, 60, 0, REPORTED | CONFIRMED),
            ".": (0, 0, 0, REPORTED),
            "-": (0, 0, 0, 0),
        }
        pupils = list(pupils)
        found = []
        for i, start in enumerate(starts):
            marks: dict[int, tuple[int, ...]] = {}
            for pupil in pupils:
                letters = (absent or {}).get(pupil, ".")
                marks[pupil] = minutes[letters if len(letters) == 1 else letters[i]]
            found.append(self.register(at, start, marks, unit=unit))
        if close:
            found.append(self.closed(at, unit=unit))
        return found

    def closed(self, at: int, kind: int = f.DAY_KIND_SCHOOL_DAY, unit: bytes = UNIT) -> bytes:
        return self.fact(
            day_closed=f.DayClosed(
                school_unit_id=unit,
                epoch_day=at,
                kind=kind,  # type: ignore[arg-type]
                version=self.version(),
            )
        )

    def wave(
        self,
        at: int,
        classes: dict[bytes, int],
        *,
        partitions: int = 1,
        revisions: int = 1,
        unit: bytes = UNIT,
    ) -> bytes:
        """``classes``: thousandths by class; no identifier stands for the unit."""
        return self.fact(
            wave=f.Wave(
                school_unit_id=unit,
                epoch_day=at,
                partitions_closed=partitions,
                revision_sum=revisions,
                classes=[
                    f.ClassWave(class_id=class_id, explained_permille=permille)
                    for class_id, permille in sorted(classes.items())
                ],
            )
        )

    def notice(
        self,
        pupil: int,
        start: int,
        end: int,
        number: int = 0,
        *,
        deleted: bool = False,
        version: f.Version | None = None,
        kind: int = f.NOTICE_KIND_ABSENCE_REPORT,
        by: int = f.REPORTED_BY_GUARDIAN,
        account: int = 0,
    ) -> bytes:
        """``start`` and ``end`` are seconds of UTC; ``account`` 0 is not known."""
        return self.fact(
            notice=f.Notice(
                home_id=self.home,
                bucket=self.bucket,
                pupil_id=name(pupil, "pupil"),
                notice_id=name(1000 * pupil + number, "notice"),
                kind=kind,  # type: ignore[arg-type]
                start_unix_s=start,
                end_unix_s=end,
                reported_by=by,  # type: ignore[arg-type]
                reporter_id=name(account, "account") if account else b"",
                deleted=deleted,
                version=version or self.version(),
            )
        )

    def erase(self, pupil: int) -> bytes:
        return self.fact(
            erase=f.Erase(
                home_id=self.home,
                bucket=self.bucket,
                pupil_id=name(pupil, "pupil"),
                certificate_id=name(pupil, "certificate"),
            )
        )
