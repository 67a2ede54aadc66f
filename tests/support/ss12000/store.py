"""What the double's school system knows, with every change's time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Any, Protocol
from uuid import uuid4

from tests.support.ss12000.archive import Archive
from tests.support.ss12000.municipality import Change, Entity, stamp

RESOURCES = (
    "Organisation", "Person", "Group", "Duty", "Placement", "Programme", "StudyPlan", "Syllabus",
    "SchoolUnitOffering", "Activity", "CalendarEvent", "Attendance", "AttendanceEvent",
    "AttendanceSchedule", "Absence", "Grade", "Resource", "Room",
)  # fmt: skip


class Listener(Protocol):
    """Hears which resources changed and whether anything was deleted."""

    def __call__(self, changed: set[str], *, deleted: bool) -> None: ...


@dataclass(slots=True)
class Row:
    """An entity and the instants behind its ``meta``."""

    entity: Entity
    created: datetime
    modified: datetime
    number: int
    """Order of first arrival."""


@dataclass(slots=True)
class Subscription:
    """A registered webhook."""

    id: str
    name: str
    target: str
    resources: list[str]
    expires: datetime

    def body(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "target": self.target,
            "resourceTypes": [{"resource": name} for name in self.resources],
            "expires": stamp(self.expires),
        }


@dataclass(slots=True)
class School:
    """Tables, deletions and what clients left behind. Safe to use from several threads."""

    now: Callable[[], datetime]
    tables: dict[str, dict[str, Row]] = field(
        default_factory=lambda: {name: {} for name in RESOURCES}
    )
    deleted: list[tuple[str, str, datetime]] = field(default_factory=list)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    statistics: list[dict[str, Any]] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)
    archive: Archive | None = None
    """Calendar events and attendances that are not in the tables, for there are too many."""
    on_change: Listener | None = None
    """Told which resources changed and whether anything was deleted."""
    _numbers: int = 0

    def load(self, changes: Iterable[Change]) -> None:
        """Take ``changes`` in without telling anybody."""
        with self.lock:
            for change in changes:
                self._put(change.resource, change.entity, change.at)

    def put(self, resource: str, entity: Entity) -> None:
        """Create or replace one entity now."""
        with self.lock:
            self._put(resource, entity, self.now())
        self._tell({resource}, deleted=False)

    def change(self, resource: str, id_: str, **values: Any) -> None:
        """Change some of an entity's members now."""
        with self.lock:
            entity = dict(self.tables[resource][id_].entity) | values
        self.put(resource, entity)

    def remove(self, resource: str, id_: str) -> None:
        """Delete an entity now."""
        with self.lock:
            self._remove(resource, id_, self.now())
        self._tell(set(), deleted=True)

    def any_id(self, resource: str) -> str:
        """The first entity's id."""
        return next(iter(self.tables[resource]))

    def counts(self) -> dict[str, int]:
        """How many entities there are of each resource that has any."""
        counts = {name: len(rows) for name, rows in self.tables.items()}
        if self.archive is not None:
            counts |= self.archive.counts
        return {name: count for name, count in counts.items() if count}

    def rows(self, resource: str) -> list[Row]:
        with self.lock:
            return list(self.tables[resource].values())

    def subscribe(self, body: dict[str, Any], expires: datetime) -> Subscription:
        made = Subscription(
            id=str(uuid4()),
            name=body["name"],
            target=body["target"],
            resources=[one["resource"] for one in body["resourceTypes"]],
            expires=expires,
        )
        with self.lock:
            self.subscriptions[made.id] = made
        return made

    def _put(self, resource: str, entity: Entity, at: datetime) -> None:
        if entity.get("deleted"):
            self._remove(resource, entity["id"], at)
            return
        table = self.tables[resource]
        known = table.get(entity["id"])
        created = known.created if known else at
        self._numbers += 1
        number = known.number if known else self._numbers
        body = entity | {"meta": {"created": stamp(created), "modified": stamp(at)}}
        table[entity["id"]] = Row(body, created, at, number)

    def _remove(self, resource: str, id_: str, at: datetime) -> None:
        if self.tables[resource].pop(id_, None) is not None:
            self.deleted.append((resource, id_, at))

    def _tell(self, changed: set[str], *, deleted: bool) -> None:
        if self.on_change is not None:
            self.on_change(changed, deleted=deleted)
