"""What a roster must fulfil as a whole, before any of it is applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.ingest.model.answers import Note
from services.ingest.model.roster import PupilIn, RosterIn

Known = Mapping[str, Mapping[str, Any]]
"""Kind -> the ids stored already."""


class _Checker:
    def __init__(self, roster: RosterIn, known: Known, *, snapshot: bool) -> None:
        self._snapshot = snapshot
        self.problems: list[Note] = []
        self._sent = {
            "area": _ids(roster.areas),
            "school_unit": _ids(roster.school_units),
            "group": _ids(roster.groups),
            "pupil": _ids(roster.pupils),
            "guardian": _ids(roster.guardians),
            "staff": _ids(roster.staff),
        }
        self._known = known

    def refers(self, kind: str, wanted: str | None, pointer: str) -> None:
        if wanted is None or wanted in (self._sent[kind] or ()):
            return
        # A list that was sent is a snapshot: what it lacks is gone.
        whole = self._snapshot and self._sent[kind] is not None
        if not whole and wanted in self._known.get(kind, {}):
            return
        name = kind.replace("_", " ")
        self.problems.append(
            Note(f"unknown_{kind}", pointer, f"{pointer}: no {name} of the roster has this id")
        )

    def unique(self, values: Iterable[tuple[str | None, str]], what: str) -> None:
        first: dict[str, str] = {}
        for value, pointer in values:
            if value is None:
                continue
            if value in first:
                self.problems.append(
                    Note(f"duplicate_{what}", pointer, f"{pointer}: the same as {first[value]}")
                )
            first.setdefault(value, pointer)


def _ids(entries: Iterable[Any] | None) -> set[str] | None:
    return None if entries is None else {entry.id for entry in entries}


def check_roster(roster: RosterIn, known: Known, *, snapshot: bool = True) -> list[Note]:
    """Every reason not to apply ``roster``; each names its item.

    In a ``snapshot`` a list that was sent is all there is; else what is known stays.
    """
    checker = _Checker(roster, known, snapshot=snapshot)
    for name in ("areas", "school_units", "groups", "pupils", "guardians", "staff", "duties"):
        entries = getattr(roster, name) or []
        checker.unique(
            ((entry.id, f"/{name}/{index}/id") for index, entry in enumerate(entries)), "id"
        )
    for index, unit in enumerate(roster.school_units or []):
        checker.refers("area", unit.area, f"/school_units/{index}/area")
    checker.unique(
        (
            (code, f"/school_units/{index}/codes")
            for index, unit in enumerate(roster.school_units or [])
            for code in sorted(unit.all_codes)
        ),
        "code",
    )
    for index, group in enumerate(roster.groups or []):
        checker.refers("school_unit", group.school_unit, f"/groups/{index}/school_unit")
    for index, pupil in enumerate(roster.pupils or []):
        _check_pupil(checker, pupil, f"/pupils/{index}")
    checker.unique(
        (
            (pupil.civic_no, f"/pupils/{index}/civic_no")
            for index, pupil in enumerate(roster.pupils or [])
        ),
        "civic_no",
    )
    checker.unique(
        ((one.login, f"/staff/{index}/login") for index, one in enumerate(roster.staff or [])),
        "login",
    )
    for index, duty in enumerate(roster.duties or []):
        at = f"/duties/{index}"
        checker.refers("staff", duty.staff, f"{at}/staff")
        checker.refers("area", duty.area, f"{at}/area")
        checker.refers("school_unit", duty.school_unit, f"{at}/school_unit")
        checker.refers("group", duty.class_, f"{at}/class")
    for index, suppression in enumerate(roster.suppressions or []):
        checker.refers("pupil", suppression.pupil, f"/suppressions/{index}/pupil")
    checker.unique(
        (
            (f"{one.pupil}|{one.from_}", f"/suppressions/{index}")
            for index, one in enumerate(roster.suppressions or [])
        ),
        "suppression",
    )
    return checker.problems


def _check_pupil(checker: _Checker, pupil: PupilIn, at: str) -> None:
    for index, placement in enumerate(pupil.placements):
        checker.refers("school_unit", placement.school_unit, f"{at}/placements/{index}/school_unit")
        checker.refers("group", placement.class_, f"{at}/placements/{index}/class")
    for index, membership in enumerate(pupil.memberships):
        checker.refers("group", membership.group, f"{at}/memberships/{index}/group")
    for index, relation in enumerate(pupil.guardians):
        checker.refers("guardian", relation.person, f"{at}/guardians/{index}/person")
    checker.unique(
        (
            (
                f"{one.school_unit}|{one.class_}|{one.school_form}|{one.grade}|{one.from_}",
                f"{at}/placements/{index}",
            )
            for index, one in enumerate(pupil.placements)
        ),
        "placement",
    )
    checker.unique(
        (
            (f"{one.group}|{one.from_}", f"{at}/memberships/{index}")
            for index, one in enumerate(pupil.memberships)
        ),
        "membership",
    )
    checker.unique(
        ((one.person, f"{at}/guardians/{index}") for index, one in enumerate(pupil.guardians)),
        "guardian",
    )
