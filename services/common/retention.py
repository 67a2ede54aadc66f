"""The one registry of what is kept where, how long, and by whose decision: retention.toml.

Nothing else says how long anything is kept, or which rows are about a pupil.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from services.common.clock import school_year

FILE = Path(__file__).with_name("retention.toml")

Kind = Literal["table", "topic", "changelog", "file", "backup"]
Personal = Literal["none", "staff", "surrogate", "identity"]

_ALIAS = re.compile(r"\bt\.")


@dataclass(frozen=True, slots=True)
class Group:
    """What one gallringsbeslut covers. ``days`` is the period proposed; the decision may differ."""

    name: str
    title: str
    days: int
    counted: str
    ground: str
    standing: str = ""
    """A decision that every organiser has taken before Förvarning; else it must be registered."""


@dataclass(frozen=True, slots=True)
class Store:
    """One row: see the head of retention.toml for its fields."""

    store: str
    kind: Kind
    what: str
    personal: Personal
    group: str
    age: str = ""
    day: str = ""
    year: str = ""
    where: str = ""
    orphan: str = ""
    parent: str = ""
    link: str = ""
    kept: str = ""
    by: str = ""
    pupil: str = ""
    erase: str = ""
    clear: tuple[str, ...] = ()
    stays: str = ""
    hidden: tuple[str, ...] = ()

    @property
    def timed(self) -> bool:
        """Whether `forvarning retention run` erases its rows when their time has come."""
        return self.kind == "table" and bool(
            self.age or self.day or self.year or self.parent or self.orphan
        )

    @property
    def erased(self) -> str:
        """Which rows erasing the pupil $1 takes; empty = none."""
        return "" if self.stays and not self.erase else (self.erase or self.pupil)


class RegistryError(ValueError):
    """The registry cannot be used; the text names the row."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Every group and every store, by name, in the order of the file."""

    groups: Mapping[str, Group]
    stores: Mapping[str, Store] = field(default_factory=dict)

    def tables(self) -> Iterator[Store]:
        """The tables of PostgreSQL."""
        return (store for store in self.stores.values() if store.kind == "table")

    def due(self, store: Store, cutoffs: Mapping[str, Cutoff], alias: str = "t") -> str:
        """SQL that holds for rows whose time has come; 'false' where the group has no decision.

        Cutoffs are constants of our own, never a person's words.
        """
        found: list[str] = []
        cutoff = cutoffs.get(store.group)
        if cutoff is not None:
            clauses = [
                *([f"({store.age}) < TIMESTAMPTZ '{cutoff.instant}'"] if store.age else []),
                *([f"({store.day}) < DATE '{cutoff.first_day}'"] if store.day else []),
                *([f"({store.year}) < {cutoff.school_year}"] if store.year else []),
                *([f"({store.orphan})"] if store.orphan else []),
            ]
            where = f" AND ({store.where})" if store.where else ""
            found += [f"({clause}{where})" for clause in clauses]
        if store.parent:
            inner = self.due(self.stores[store.parent], cutoffs, alias + "p")
            if inner != "false":
                joined = " AND ".join(
                    f"{alias}p.{theirs} = t.{ours}" for ours, theirs in links(store)
                )
                tenant = f"{alias}p.organiser_id = t.organiser_id"
                found.append(
                    f"EXISTS (SELECT FROM {store.parent} {alias}p "
                    f"WHERE {tenant} AND {joined} AND ({inner}))"
                )
        text = " OR ".join(found) or "false"
        return _ALIAS.sub(f"{alias}.", text)


@dataclass(frozen=True, slots=True)
class Cutoff:
    """What is older is due, counted in each of the three ways."""

    instant: str
    first_day: date
    school_year: int

    @classmethod
    def of(cls, today: date, days: int) -> Cutoff:
        """``days`` before today, and the first school year that had not ended then."""
        before = today - timedelta(days=days)
        year = school_year(before)
        return cls(f"{before.isoformat()} 00:00:00 Europe/Stockholm", date(year, 7, 1), year)


def links(store: Store) -> list[tuple[str, str]]:
    """(this table's column, the parent's) for each column that they share."""
    pairs = [part.partition("=") for part in store.link.split(",")]
    return [(ours.strip(), (theirs or ours).strip()) for ours, _, theirs in pairs]


@cache
def registry(file: Path = FILE) -> Registry:
    """The registry as it is in the repository; RegistryError when a row cannot be used."""
    raw = tomllib.loads(file.read_text("utf-8"))
    groups = {name: Group(name=name, **one) for name, one in raw["groups"].items()}
    stores: dict[str, Store] = {}
    for one in raw["store"]:
        store = _store(one)
        if store.store in stores:
            raise RegistryError(f"{store.store}: two rows")
        if store.group not in groups:
            raise RegistryError(f"{store.store}: no group {store.group!r}")
        stores[store.store] = store
    found = Registry(groups, stores)
    for store in stores.values():
        _check(store, found)
    return found


def _store(raw: dict[str, Any]) -> Store:
    known = {one.name for one in fields(Store)}
    if unknown := sorted(raw.keys() - known):
        raise RegistryError(f"{raw.get('store')}: unknown field {unknown[0]!r}")
    values: dict[str, Any] = dict(raw)
    for name in ("clear", "hidden"):
        values[name] = tuple(raw.get(name, ()))
    return Store(**values)


def _check(store: Store, found: Registry) -> None:
    if not (store.timed or store.kept or store.by):
        raise RegistryError(f"{store.store}: neither a time, nor why it is kept, nor who erases it")
    if bool(store.parent) != bool(store.link):
        raise RegistryError(f"{store.store}: parent and link belong together")
    if store.parent and store.parent not in found.stores:
        raise RegistryError(f"{store.store}: no store {store.parent!r}")
    about_pupils = store.personal in {"surrogate", "identity"}
    if store.kind == "table" and about_pupils and not (store.pupil or store.stays):
        raise RegistryError(f"{store.store}: about pupils, and no way to find one's rows")
