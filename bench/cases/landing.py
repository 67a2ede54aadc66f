"""ews.absence-days.v1 into its table: the service's own way, and by an array a column beside it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from uuid import UUID

from bench.cases.town import TODAY, Town, uid
from bench.ews.basics import say
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.intake import absence
from services.cases.intake.absence import AbsenceDay
from services.cases.store.scope import Database
from services.common.clock import epoch_day

#: As many as the service's consumer takes at once.
BATCH = 5000
_COMPARED = 300_000
#: The aim is for so many; a trial with fewer says nothing about it.
_AIMED = 3_000_000

Apply = Callable[[Database, UUID, Sequence[AbsenceDay]], Awaitable[None]]


async def land(database: Database, town: Town) -> dict[str, float]:
    """Both ways on an equal number of rows of other organisers, then all days of the town."""
    figures: dict[str, float] = {}
    compared = min(_COMPARED, town.days)
    # Twice each, turn by turn: what else the machine does then falls on both.
    for turn in range(2):
        for name, way in (("unnest", by_unnest), ("copy", absence.apply)):
            stranger = UUID(int=(0xA0 + 2 * turn + (name == "copy")) << 100)
            seconds = await _timed(database, stranger, _days(town, stranger), compared, way)
            figures[f"{name}_rows_per_s"] = max(
                figures.get(f"{name}_rows_per_s", 0.0), compared / seconds
            )
    figures["absence_days"] = town.days
    own = _days(town, town.organiser)
    seconds = await _timed(database, town.organiser, own, town.days, absence.apply)
    figures["absence_days_seconds"] = seconds
    if town.days == _AIMED:
        figures["absence_days_3m_seconds"] = seconds
    again = _days(town, town.organiser)
    figures["absence_days_again_rows_per_s"] = compared / await _timed(
        database, town.organiser, again, compared, absence.apply
    )
    return figures


async def _timed(
    database: Database, organiser: UUID, days: Iterator[bytes], count: int, way: Apply
) -> float:
    """Seconds of decoding and writing; making the records is not among them."""
    seconds, done = 0.0, 0
    while batch := list(islice(days, min(BATCH, count - done))):
        began = time.perf_counter()
        read = [found for raw in batch if (found := absence.decode(raw)) is not None]
        await way(database, organiser, read)
        seconds += time.perf_counter() - began
        done += len(batch)
        if done % 500_000 == 0:
            say(f"{done} absence days, {done / seconds:.0f} a second")
    return seconds


def _days(town: Town, organiser: UUID) -> Iterator[bytes]:
    """As the stream publishes them: day by day, all pupils of each; the newest day first."""
    day = TODAY
    while True:
        if day.weekday() < 5 and day.month != 7:
            for pupil in range(town.pupils):
                yield _day(town, organiser, pupil, day)
        day -= timedelta(days=1)


def _day(town: Town, organiser: UUID, pupil: int, day: date) -> bytes:
    absent = (pupil + day.toordinal()) % 12 == 0
    return pb.AbsenceDay(
        organiser_id=organiser.bytes,
        pupil_id=uid("pupil", pupil).bytes,
        epoch_day=epoch_day(day),
        school_unit_id=uid("unit", town.unit_of(pupil)).bytes,
        offered=300,
        reported=300,
        valid=0,
        invalid_unexplained=300 if absent else 0,
        lessons=5,
        lessons_reported=5,
        lessons_absent=5 if absent else 0,
        revision=1,
    ).SerializeToString()


_FIELDS = AbsenceDay._fields
_TYPES = ("uuid", "uuid", "date", "uuid", *("int",) * 10)


async def by_unnest(database: Database, organiser_id: UUID, batch: Sequence[AbsenceDay]) -> None:
    """The way that COPY is compared with: one statement, an array a column."""
    newest = {(day.pupil_id, day.day): day for day in batch}
    rows = [newest[key] for key in sorted(newest)]
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_TYPES, start=1))
    changed = ", ".join(
        f"{name} = excluded.{name}"
        for name in _FIELDS
        if name not in {"organiser_id", "pupil_id", "day"}
    )
    async with database.system(organiser_id) as connection:
        await connection.execute(
            f"""
            INSERT INTO cases.absence_days AS a ({", ".join(_FIELDS)})
            SELECT * FROM unnest({arrays})
            ON CONFLICT (organiser_id, pupil_id, day) DO UPDATE SET {changed}
            WHERE a.revision < excluded.revision
            """,
            *zip(*rows, strict=True),
        )
