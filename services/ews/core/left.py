"""Days that stand on ews.absence-days.v1 although the log says nothing of them any more.

A rebuild finds them: retention had taken their facts. They are kept by pupil, so that
an erasure takes them back too, and so that facts that come after all go on from the
revision that was published.
"""

from __future__ import annotations

from collections.abc import Iterator

from forvarning.state.v1.state_pb2 import LeftDays, StateValue
from forvarning.warnings.v1.warnings_pb2 import AbsenceDay
from services.ews.core import rows
from services.ews.core.api import Row


class Left:
    """Revisions by pupil and day, and the state rows that hold them."""

    def __init__(self) -> None:
        self._revisions: dict[bytes, dict[int, int]] = {}
        self._changed: set[bytes] = set()
        """Pupils of whom the row is to be written."""

    def __bool__(self) -> bool:
        """Whether there is any such day: nearly always there is none."""
        return bool(self._revisions)

    def restore(self, pupil_id: bytes, row: bytes) -> None:
        """Take a pupil's state row."""
        value = rows.decode(row).left_days
        self._revisions[pupil_id] = dict(zip(value.days, value.revisions, strict=True))

    def keep(self, event: AbsenceDay) -> None:
        """The day stands as it was published."""
        self._revisions.setdefault(event.pupil_id, {})[event.epoch_day] = event.revision
        self._changed.add(event.pupil_id)

    def has(self, pupil_id: bytes, day: int) -> bool:
        """Whether the pupil's day is such a one."""
        return day in self._revisions.get(pupil_id, ())

    def take(self, pupil_id: bytes, day: int) -> int:
        """The day's revision, which somebody else remembers from now on."""
        days = self._revisions[pupil_id]
        revision = days.pop(day)
        if not days:
            del self._revisions[pupil_id]
        self._changed.add(pupil_id)
        return revision

    def erase(self, pupil_id: bytes) -> list[int]:
        """The pupil's days, of which nothing is kept from now on."""
        found = self._revisions.pop(pupil_id, None)
        if found is None:
            return []
        self._changed.add(pupil_id)
        return list(found)

    def rows(self) -> Iterator[Row]:
        """The rows of what changed since they were last asked for."""
        for pupil_id in sorted(self._changed):
            held = self._revisions.get(pupil_id)
            row = None
            if held is not None:
                value = LeftDays(days=held, revisions=held.values())
                row = rows.encode(StateValue(left_days=value))
            yield Row(f"t:{pupil_id.hex()}".encode(), row)
        self._changed.clear()
