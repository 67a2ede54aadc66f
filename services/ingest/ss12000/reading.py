"""Fields of an entity, read leniently: what is not needed is ignored, the impossible is named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, TypeGuard
from uuid import UUID

from asyncpg.pgproto import pgproto

from services.ingest.model.answers import Note
from services.ingest.model.fields import offset_is_swedish

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}", re.ASCII)
_FRACTION = re.compile(r"(\.\d{6})\d+")


def is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is a JSON object."""
    # Asking an abstract class is slow, where there are millions.
    return type(value) is dict or isinstance(value, Mapping)


def uuid_of(value: Any) -> UUID | None:
    """A UUID that was written as text; None for anything else."""
    if type(value) is not str or not _UUID.fullmatch(value):
        return None
    # The driver's own: made, hashed and compared in C, where there are millions.
    return pgproto.UUID(value)


def instant_of(value: Any) -> datetime | None:
    """An RFC 3339 instant with an offset; None for anything else."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        try:
            found = datetime.fromisoformat(_FRACTION.sub(r"\1", value.upper()))
        except ValueError:
            return None
    if found.tzinfo is None or not 1900 <= found.year < 2200:
        return None
    return found


class Fields:
    """One object; problems and notes gather in the lists that all of an entity's objects share."""

    def __init__(
        self,
        value: Mapping[str, Any],
        pointer: str = "",
        problems: list[Note] | None = None,
        notes: list[Note] | None = None,
    ) -> None:
        self._value = value
        self._pointer = pointer
        self.problems: list[Note] = [] if problems is None else problems
        self.notes: list[Note] = [] if notes is None else notes

    def has(self, name: str) -> bool:
        return self._value.get(name) is not None

    def refuse(self, code: str, name: str, detail: str) -> None:
        pointer = f"{self._pointer}/{name}"
        self.problems.append(Note(code, pointer, f"{pointer}: {detail}"))

    def note(self, code: str, name: str, detail: str) -> None:
        pointer = f"{self._pointer}/{name}"
        self.notes.append(Note(code, pointer, f"{pointer}: {detail}"))

    def _wrong(self, name: str, detail: str, *, required: bool) -> None:
        if required:
            self.refuse("invalid", name, detail)
        else:
            self.note("ignored", name, f"{detail}; left out")

    def _missing(self, name: str) -> None:
        self.refuse("missing_field", name, "is needed")

    def uuid(self, name: str, *, required: bool = False) -> UUID | None:
        value = self._value.get(name)
        if value is None:
            if required:
                self._missing(name)
            return None
        found = uuid_of(value)
        if found is None:
            self._wrong(name, "is no UUID", required=required)
        return found

    def ref(self, name: str, *, required: bool = False) -> UUID | None:
        """The id of a reference ``{"id": uuid}``; some systems write the bare id."""
        value = self._value.get(name)
        if isinstance(value, Mapping):
            return Fields(value, f"{self._pointer}/{name}", self.problems, self.notes).uuid(
                "id", required=required
            )
        return self.uuid(name, required=required)

    def text(self, name: str, *, required: bool = False, most: int = 200) -> str | None:
        value = self._value.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is None or value == "":
            if required:
                self._missing(name)
            return None
        if not isinstance(value, str):
            self._wrong(name, "is no text", required=required)
            return None
        cleaned = _CONTROL.sub(" ", value).strip()[:most]
        if not cleaned and required:
            self._missing(name)
        return cleaned or None

    def integer(
        self, name: str, *, low: int, high: int, required: bool = False, code: str = "out_of_range"
    ) -> int | None:
        value = self._value.get(name)
        if value is None:
            if required:
                self._missing(name)
            return None
        if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
            value = int(value.strip())
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse("invalid", name, "is no whole number")
            return None
        if not low <= value <= high:
            self.refuse(code, name, f"must be {low} to {high}")
            return None
        return value

    def flag(self, name: str, *, required: bool = False, default: bool = False) -> bool:
        value = self._value.get(name)
        if value is None:
            if required:
                self._missing(name)
            return default
        if isinstance(value, str):
            value = {"true": True, "false": False}.get(value.lower(), value)
        if not isinstance(value, bool):
            self.refuse("invalid", name, "must be true or false")
            return default
        return value

    def day(self, name: str, *, required: bool = False) -> date | None:
        value = self._value.get(name)
        if value is None or value == "":
            if required:
                self._missing(name)
            return None
        try:
            # Some systems write an instant where the standard has a date.
            found = date.fromisoformat(value[:10])
        except (TypeError, ValueError):
            self._wrong(name, "must be a date such as 2026-11-24", required=required)
            return None
        if not 1900 <= found.year < 2200:
            if required:
                self.refuse("out_of_range", name, "lies outside the years 1900 to 2199")
            # An end in the year 9999 is how systems write "open".
            return None
        return found

    def instant(
        self, name: str, *, required: bool = False, swedish: bool = False
    ) -> datetime | None:
        value = self._value.get(name)
        if value is None or value == "":
            if required:
                self._missing(name)
            return None
        found = instant_of(value)
        if found is None:
            bare = isinstance(value, str) and instant_of(f"{value}Z") is not None
            self.refuse(
                "missing_offset" if bare else "invalid",
                name,
                "has no UTC offset; write for instance 2026-11-24T08:10:00+01:00"
                if bare
                else "must be an RFC 3339 instant such as 2026-11-24T08:10:00+01:00",
            )
            return None
        if swedish and not offset_is_swedish(found):
            self.refuse(
                "wrong_time_zone",
                name,
                "the offset is neither UTC nor Sweden's at that moment; "
                "correct the source's time zone",
            )
        return found

    def choice(
        self,
        name: str,
        known: Mapping[str, Any] | tuple[str, ...],
        variants: Mapping[str, str] | None = None,
        *,
        required: bool = False,
    ) -> str | None:
        """One of the standard's words, whatever case it is written in."""
        value = self._value.get(name)
        if value is None or value == "":
            if required:
                self._missing(name)
            return None
        if isinstance(value, str):
            folded = value.strip().casefold()
            for word in known:
                if word.casefold() == folded:
                    return word
            for word, meant in (variants or {}).items():
                if word.casefold() == folded:
                    return meant
        detail = f"must be one of {', '.join(known)}"
        if required:
            self.refuse("unknown_value", name, detail)
        else:
            self.note("ignored", name, f"{detail}; left out")
        return None

    def texts(self, name: str) -> list[str]:
        value = self._value.get(name)
        if not isinstance(value, list):
            return []
        return [one.strip() for one in value if isinstance(one, str) and one.strip()]

    def inner(self, name: str) -> Fields | None:
        value = self._value.get(name)
        if not isinstance(value, Mapping):
            return None
        return Fields(value, f"{self._pointer}/{name}", self.problems, self.notes)

    def items(self, name: str) -> Iterator[Fields]:
        value = self._value.get(name)
        if value is None:
            return
        if not isinstance(value, list):
            self.note("ignored", name, "is no list; left out")
            return
        for index, one in enumerate(value):
            at = f"{self._pointer}/{name}/{index}"
            if isinstance(one, Mapping):
                yield Fields(one, at, self.problems, self.notes)
            else:
                found = uuid_of(one)
                if found is not None:
                    # A list of bare ids where the standard has references.
                    yield Fields({"id": str(found)}, at, self.problems, self.notes)
                else:
                    self.notes.append(Note("ignored", at, f"{at}: is no object; left out"))
