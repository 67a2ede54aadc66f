"""Placements cut into school years (design D1: a home lives for one)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid5


@dataclass(frozen=True, slots=True)
class Placement:
    """A pupil's belonging to a unit within one school year; ``valid_to`` exclusive."""

    placement_id: UUID
    pupil_id: UUID
    school_unit_id: UUID
    class_id: UUID | None
    school_form: str
    grade: int
    school_year: int
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Stay:
    """A pupil's belonging to a unit as the source says it, over any number of school years."""

    pupil_id: UUID
    school_unit_id: UUID
    class_id: UUID | None
    school_form: str
    grade: int
    valid_from: date
    valid_to: date | None

    def cut(self, years: Collection[int]) -> list[Placement]:
        """One placement for each of ``years`` that the stay touches.

        The last one stays open where the stay is open. A placement's id depends on all that
        is said here but the end, so that the same statement is the same placement.
        """
        rows = []
        for year in sorted(years):
            first, after = date(year, 7, 1), date(year + 1, 7, 1)
            begin = max(self.valid_from, first)
            if begin >= after or (self.valid_to is not None and self.valid_to <= begin):
                continue
            end = self.valid_to
            if end is None:
                end = after if any(other > year for other in years) else None
            else:
                end = min(end, after)
            name = "|".join(
                map(str, (self.school_unit_id, self.class_id, self.school_form, self.grade, begin))
            )
            rows.append(
                Placement(
                    placement_id=uuid5(self.pupil_id, f"placement|{name}"),
                    pupil_id=self.pupil_id,
                    school_unit_id=self.school_unit_id,
                    class_id=self.class_id,
                    school_form=self.school_form,
                    grade=self.grade,
                    school_year=year,
                    valid_from=begin,
                    valid_to=end,
                )
            )
        return rows


def first_of_each_year(placements: Iterable[Placement]) -> dict[tuple[UUID, int], Placement]:
    """The first responsible unit of each pupil and school year; ties go by id."""
    first: dict[tuple[UUID, int], Placement] = {}
    for placement in sorted(placements, key=lambda one: (one.valid_from, one.placement_id)):
        first.setdefault((placement.pupil_id, placement.school_year), placement)
    return first
