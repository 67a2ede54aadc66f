"""A roster in a folder: `organiser.toml` and one CSV file for each list.

Every file but those of the lists one wants to leave alone may be missing. The
columns are the fields of PUT /v1/roster; lists within a cell are separated by
a space. Placements, memberships, relations and calendars have files of their
own, whose first column names what they belong to:

    areas.csv            id, name
    school_units.csv     id, school_unit_code, name, area, school_forms, codes, closes_at
    calendars.csv        school_unit, school_year, kind (term or free), name, first, last
    groups.csv           id, school_unit, kind, grade, name
    pupils.csv           id, given_name, family_name, birth_date, civic_no, sex, protection,
                         email, phone
    placements.csv       pupil, school_unit, class, school_form, grade, from, to
    memberships.csv      pupil, group, from, to
    pupil_guardians.csv  pupil, person, relation
    guardians.csv        id, given_name, family_name, email, phone
    staff.csv            id, given_name, family_name, email, webhook_url, webhook_secret, login
    duties.csv           id, staff, role, area, school_unit, class, grades, substitute, from, to
    suppressions.csv     pupil, reason, from, to
"""

from __future__ import annotations

import csv
import tomllib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.ingest.adapters.report import Finding

_INTEGERS = {"grade", "school_year"}
_LISTS = {"school_forms", "codes"}
_TOP = ("areas", "school_units", "groups", "pupils", "guardians", "staff", "duties", "suppressions")
_PARTS = {
    "calendars": ("school_units", "school_unit"),
    "placements": ("pupils", "pupil"),
    "memberships": ("pupils", "pupil"),
    "pupil_guardians": ("pupils", "pupil"),
}

Row = dict[str, Any]


class RosterFolderError(Exception):
    """The folder cannot be read; ``findings`` name file, line, field and reason."""

    def __init__(self, findings: list[tuple[str, Finding]]) -> None:
        super().__init__(f"{len(findings)} problems")
        self.findings = findings


def read_roster(folder: Path) -> dict[str, Any]:
    """The folder as the body of PUT /v1/roster. Raises :class:`RosterFolderError`."""
    reader = _Folder(folder)
    body: dict[str, Any] = {}
    if (folder / "organiser.toml").exists():
        body["organiser"] = tomllib.loads((folder / "organiser.toml").read_text("utf-8"))
    for name in _TOP:
        rows = reader.rows(name)
        if rows is not None:
            body[name] = [row for _, row in rows]
    reader.attach(body)
    if reader.findings:
        raise RosterFolderError(reader.findings)
    return body


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.findings: list[tuple[str, Finding]] = []

    def _find(self, file: str, line: int, field: str, code: str, reason: str) -> None:
        self.findings.append((file, Finding(line, field, "rejected", code, reason)))

    def rows(self, name: str) -> list[tuple[int, Row]] | None:
        """(line, fields) of one file; None when there is none."""
        path = self._folder / f"{name}.csv"
        if not path.exists():
            return None
        found = []
        with path.open(encoding="utf-8-sig", newline="") as file:
            heading = file.readline()
            file.seek(0)
            delimiter = max(";,\t", key=heading.count)
            reader = csv.DictReader(file, delimiter=delimiter, restkey="", strict=True)
            try:
                for raw in reader:
                    if raw.get(""):
                        self._find(path.name, reader.line_num, "", "wrong_length",
                                   "has more columns than the heading")  # fmt: skip
                        continue
                    found.append((reader.line_num, self._row(path.name, reader.line_num, raw)))
            except (csv.Error, UnicodeDecodeError) as error:
                self._find(path.name, reader.line_num, "", "unreadable", str(error))
        return found

    def _row(self, file: str, line: int, raw: dict[str, str | None]) -> Row:
        row: Row = {}
        for field, text in raw.items():
            value = (text or "").strip()
            if field in _LISTS:
                row[field] = value.split()
            elif field == "grades":
                row[field] = [self._int(file, line, field, part) for part in value.split()]
            elif field == "substitute":
                row[field] = value.lower() in ("true", "yes", "ja", "1")
            elif value == "":
                continue
            elif field in _INTEGERS:
                row[field] = self._int(file, line, field, value)
            else:
                row[field] = value
        return row

    def _int(self, file: str, line: int, field: str, value: str) -> int:
        try:
            return int(value)
        except ValueError:
            self._find(file, line, field, "invalid", f"{value!r} is no whole number")
            return 0

    def attach(self, body: dict[str, Any]) -> None:
        """Put placements, memberships, relations and calendars into what they belong to."""
        attachers: dict[str, Callable[[Row, Row], None]] = {
            "calendars": _calendar,
            "placements": lambda owner, row: owner.setdefault("placements", []).append(row),
            "memberships": lambda owner, row: owner.setdefault("memberships", []).append(row),
            "pupil_guardians": lambda owner, row: owner.setdefault("guardians", []).append(row),
        }
        for name, (owners, column) in _PARTS.items():
            by_id: dict[str, Row] = {row.get("id", ""): row for row in body.get(owners, [])}
            for line, row in self.rows(name) or []:
                owner = by_id.get(row.pop(column, ""))
                if owner is None:
                    self._find(f"{name}.csv", line, column, "unknown", f"is not in {owners}.csv")
                else:
                    attachers[name](owner, row)


def _calendar(unit: Row, row: Row) -> None:
    years: dict[int, Row] = defaultdict(dict)
    for calendar in unit.setdefault("calendars", []):
        years[calendar["school_year"]] = calendar
    year = row.get("school_year", 0)
    if year not in years:
        years[year] = {"school_year": year, "terms": [], "free": []}
        unit["calendars"].append(years[year])
    span = {"first": row.get("first"), "last": row.get("last")}
    if row.get("kind") == "term":
        years[year]["terms"].append({"name": row.get("name", "")} | span)
    else:
        years[year]["free"].append({"reason": row.get("name", "")} | span)
