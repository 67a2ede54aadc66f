"""Reading a profile's tables: what is missing, misspelt or out of range is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any, NoReturn, TypeVar

from services.ews.core.api import CoreError
from services.ews.core.toml_lines import TomlLines

_E = TypeVar("_E", bound=Enum)
_T = TypeVar("_T")


class ProfileError(CoreError):
    """A profile that cannot be used; ``line`` is 0 where it is not known.

    ``others`` are what else is wrong with it: of each rule and of each table the first thing.
    """

    def __init__(self, field: str, reason: str, line: int = 0) -> None:
        where = f"line {line}, {field}" if line else field
        super().__init__(f"{where}: {reason}")
        self.field = field
        self.reason = reason
        self.line = line
        self.others: tuple[ProfileError, ...] = ()


class Fields:
    """The readers of single keys. ``nth`` is the rule's place in its family, where there is one."""

    def __init__(self, text: str, data: dict[str, Any]) -> None:
        self._lines = TomlLines(text)
        self._data = data
        self._found: list[ProfileError] = []

    def _part(self, read: Callable[..., _T], *given: Any) -> _T | None:
        """What ``read`` makes of it; what it refuses is kept, so that reading goes on."""
        try:
            return read(*given)
        except ProfileError as error:
            self._found.append(error)
            return None

    def _refuse(self, field: str, reason: str, nth: int | None = None) -> NoReturn:
        raise ProfileError(field, reason, self._line(field, nth))

    def _only(
        self, table: dict[str, Any], known: set[str], where: str, nth: int | None = None
    ) -> None:
        for key in table:
            if key not in known:
                field = f"{where}.{key}" if where else key
                self._refuse(field, f"unknown; known are {', '.join(sorted(known))}", nth)

    def _table(
        self, table: dict[str, Any], key: str, field: str, nth: int | None = None
    ) -> dict[str, Any]:
        value = table.get(key)
        if not isinstance(value, dict):
            self._refuse(field, "this table is missing", nth)
        return dict(value)

    def _text(self, table: dict[str, Any], key: str, where: str, nth: int | None = None) -> str:
        value = table.get(key)
        if not isinstance(value, str) or not value.strip():
            self._refuse(f"{where}.{key}", "a text is needed", nth)
        return str(value)

    def _whole(  # noqa: PLR0917  # a private reader; its callers are all in this file
        self,
        table: dict[str, Any],
        key: str,
        where: str,
        least: int,
        most: int,
        otherwise: int | None = None,
        nth: int | None = None,
    ) -> int:
        value = table.get(key, otherwise)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._refuse(f"{where}.{key}", f"a whole number from {least} to {most} is needed", nth)
        return int(value)

    def _number(
        self,
        table: dict[str, Any],
        key: str,
        where: str,
        nth: int,
        otherwise: Decimal | None = None,
    ) -> Decimal:
        value = table.get(key, otherwise)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self._refuse(f"{where}.{key}", "a number is needed", nth)
        number = Decimal(value)
        if not number.is_finite() or number != round(number, 3) or abs(number) > 1_000_000:
            self._refuse(f"{where}.{key}", "at most three decimals, at most a million", nth)
        return number

    def _choice(self, kind: type[_E], table: dict[str, Any], key: str, where: str, nth: int) -> _E:
        value = table.get(key)
        if not isinstance(value, str) or value not in {member.value for member in kind}:
            known = ", ".join(str(member.value) for member in kind)
            self._refuse(f"{where}.{key}", f"one of {known}", nth)
        return kind(value)

    def _line(self, field: str, nth: int | None) -> int:
        """The line of a field's key, else of its table, else 0."""
        if nth is not None:
            path = field.split(".")
            return self._lines.of(".".join(path[:3]), ".".join(path[3:4]), nth)
        table, _, key = field.rpartition(".")
        return self._lines.of(field) or self._lines.of(table, key)
