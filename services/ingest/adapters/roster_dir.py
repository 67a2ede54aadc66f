"""A roster in a folder: `organiser.toml` and one CSV file for each list.

Encodings, line ends and delimiters are told apart as in an import of marks; a
personnummer may have any of its forms. Every file but those of the lists one
wants to leave alone may be missing. The columns are the fields of PUT
/v1/roster; lists within a cell are separated by a space. Placements,
memberships, relations and calendars have files of their own, whose first
column names what they belong to:

    areas.csv            id, name
    school_units.csv     id, school_unit_code, name, area, school_forms, codes, closes_at
    calendars.csv        school_unit, school_year, kind (term or free), name, first, last
    groups.csv           id, school_unit, kind, grade, name
    pupils.csv           id, given_name, family_name, birth_date, civic_no, sex, protection,
                         email, phone, home_municipality
    placements.csv       pupil, school_unit, class, school_form, grade, from, to
    memberships.csv      pupil, group, from, to
    pupil_guardians.csv  pupil, person, relation
    guardians.csv        id, given_name, family_name, email, phone
    staff.csv            id, given_name, family_name, email, webhook_url, webhook_secret, login
    duties.csv           id, staff, role, area, school_unit, class, grades, substitute, from, to
    suppressions.csv     pupil, reason, from, to
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Any

from services.ingest.adapters.csv_text import UnreadableFileError, read_table
from services.ingest.adapters.report import Finding
from services.ingest.adapters.swedish import read_civic_no

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
_TWELVE = re.compile(r"\d{8}[0-9A-Z]{2}\d{2}", re.ASCII)


class RosterFolderError(Exception):
    """The folder cannot be read; ``findings`` name file, line, field and reason."""

    def __init__(self, findings: list[tuple[str, Finding]]) -> None:
        super().__init__(f"{len(findings)} problems")
        self.findings = findings


def read_roster(folder: Path, today: date) -> dict[str, Any]:
    """The folder as the body of PUT /v1/roster. Raises :class:`RosterFolderError`.

    ``today`` decides the century of a personnummer with ten digits.
    """
    reader = _Folder(folder, today)
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
    def __init__(self, folder: Path, today: date) -> None:
        self._folder = folder
        self._today = today
        self.findings: list[tuple[str, Finding]] = []

    def _find(self, file: str, line: int, field: str, code: str, reason: str) -> None:
        self.findings.append((file, Finding(line, field, "rejected", code, reason)))

    def rows(self, name: str) -> list[tuple[int, Row]] | None:
        """(line, fields) of one file; None when there is none."""
        path = self._folder / f"{name}.csv"
        if not path.exists():
            return None
        try:
            table = read_table(path.read_bytes(), ())
        except UnreadableFileError as error:
            self._find(path.name, 0, "", "unreadable", str(error))
            return []
        found = []
        for line, values in table.rows:
            if len(values) > len(table.heading):
                self._find(path.name, line, "", "wrong_length", "has more columns than the heading")
            elif values:
                raw = dict(zip_longest(table.heading, values, fillvalue=""))
                found.append((line, self._row(path.name, line, raw)))
        # Which of two columns of one name counts cannot be told.
        self.findings += [
            (path.name, replace(one, level="rejected"))
            for one in table.findings
            if one.level == "rejected" or one.code == "repeated_column"
        ]
        return found

    def _row(self, file: str, line: int, raw: dict[str, str]) -> Row:
        row: Row = {}
        for field, value in raw.items():
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
            elif field == "civic_no" and not _TWELVE.fullmatch(value):
                row[field] = self._civic_no(file, line, value)
            else:
                row[field] = value
        return row

    def _int(self, file: str, line: int, field: str, value: str) -> int:
        try:
            return int(value)
        except ValueError:
            self._find(file, line, field, "invalid", f"{value!r} is no whole number")
            return 0

    def _civic_no(self, file: str, line: int, value: str) -> str | None:
        try:
            return read_civic_no(value, self._today)
        except ValueError as error:
            self._find(file, line, "civic_no", "invalid", str(error))
            return None

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
