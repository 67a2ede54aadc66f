"""`forvarning retention`: what is due by the organisers' decisions, and erasing it.

A plan is the same work in a transaction that is undone: its figures are exact, and nothing in it
can differ from what a run would do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from services.common.clock import school_year
from services.common.retention import Cutoff, Group, Registry, Store, registry
from services.records import certificates, thin
from services.records.archive import Archive
from services.records.certificates import Certificate
from services.records.order import erasing

if TYPE_CHECKING:
    from services.common.pg import Connection

_ABSENCE_DAYS = "cases.absence_days"


@dataclass(frozen=True, slots=True)
class Decision:
    """A gallringsbeslut in force, and how old what it covers may become."""

    group: Group
    reference: str
    decided_on: date | None
    days: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision as the organiser took it; ``days`` where its period is another than proposed."""

    reference: str
    decided_on: date
    days: int | None = None


@dataclass(slots=True)
class Plan:
    """What one organiser's run erases: rows by store, and what waits for a decision."""

    organiser_id: UUID
    decisions: Mapping[str, Decision]
    rows: dict[str, int] = field(default_factory=dict)
    undecided: list[str] = field(default_factory=list)
    certificate: Certificate | None = None

    @property
    def total(self) -> int:
        return sum(self.rows.values())


async def decide(
    archive: Archive,
    organiser_id: UUID,
    group: str,
    taken: Taken,
    *,
    by: str,
) -> None:
    """Register an organiser's gallringsbeslut; the newest of a group holds.

    LookupError when there is no such group.
    """
    if group not in registry().groups:
        raise LookupError(f"no group {group!r}; there are {', '.join(registry().groups)}")
    async with archive.organiser(organiser_id) as connection:
        await connection.execute(
            "INSERT INTO records.decisions VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            organiser_id,
            uuid4(),
            group,
            taken.reference,
            taken.decided_on,
            taken.days,
            archive.now(),
            by,
        )


async def decisions(connection: Connection, known: Registry) -> dict[str, Decision]:
    """The decisions in force of the organiser looked at, by group."""
    found = {
        group.name: Decision(group, group.standing, None, group.days)
        for group in known.groups.values()
        if group.standing
    }
    rows = await connection.fetch(
        "SELECT DISTINCT ON (decision_group) decision_group, reference, decided_on, days "
        "FROM records.decisions ORDER BY decision_group, registered_at DESC, decision_id"
    )
    for row in rows:
        group = known.groups[row["decision_group"]]
        days = group.days if row["days"] is None else row["days"]
        found[group.name] = Decision(group, row["reference"], row["decided_on"], days)
    return found


class Gallring:
    """Plans and runs, organiser by organiser."""

    def __init__(self, archive: Archive, new_id: Callable[[], UUID] = uuid4) -> None:
        self._archive = archive
        self._known = registry()
        self._new_id = new_id

    async def plan(self) -> list[Plan]:
        """What a run would erase now. Nothing is changed."""
        found: list[Plan] = []
        for organiser_id in await self._archive.organisers():
            async with self._archive.organiser(organiser_id, keep=False) as connection:
                found.append(await self._erase(connection, organiser_id))
        return found

    async def run(self, by: str) -> list[Plan]:
        """Erase what is due: a transaction and a certificate an organiser, then what belongs to
        none. A school year of absence days that all may lose goes as a whole first."""
        whole = await self._whole_years()
        found: list[Plan] = []
        for organiser_id in await self._archive.organisers():
            async with self._archive.organiser(organiser_id) as connection:
                plan = await self._erase(connection, organiser_id)
                for year, gone in whole.get(organiser_id, {}).items():
                    if gone:
                        plan.rows[f"{_ABSENCE_DAYS}_{year}"] = gone
                if plan.total:
                    plan.certificate = self._certificate(plan, by)
                    await certificates.store(connection, plan.certificate)
            found.append(plan)
        async with self._archive.everything() as connection:
            await self._of_nobody(connection)
            await connection.execute(
                "INSERT INTO records.runs (run_by, erased) VALUES ($1, $2)",
                by,
                sum(plan.total for plan in found),
            )
        return found

    async def _erase(self, connection: Connection, organiser_id: UUID) -> Plan:
        known = await decisions(connection, self._known)
        plan = Plan(organiser_id, known)
        plan.undecided = sorted(
            {store.group for store in self._known.tables() if store.timed} - known.keys()
        )
        cutoffs = self._cutoffs(known)
        tenants = await _tenants(connection)
        for store in await erasing(connection, self._known):
            if not store.timed or store.store not in tenants:
                continue
            due = self._known.due(store, cutoffs)
            if due != "false":
                plan.rows[store.store] = await _take(connection, store, due)
        thinned = await thin.without_case(connection, self._archive.today())
        if thinned:
            plan.rows["cases.warnings: lektioner utan ärende"] = thinned
        plan.rows = {name: count for name, count in plan.rows.items() if count}
        return plan

    def _cutoffs(self, known: Mapping[str, Decision]) -> dict[str, Cutoff]:
        today = self._archive.today()
        return {name: Cutoff.of(today, one.days) for name, one in known.items()}

    async def _whole_years(self) -> dict[UUID, dict[int, int]]:
        """School years of absence days dropped as partitions, with each organiser's rows.

        Certified right after in the organiser's own transaction; a crash in between loses that
        line, never a row that had to stay.
        """
        agreed: dict[UUID, int] = {}
        for organiser_id in await self._archive.organisers():
            async with self._archive.organiser(organiser_id) as connection:
                known = await decisions(connection, self._known)
            if decision := known.get(self._known.stores[_ABSENCE_DAYS].group):
                cutoff = Cutoff.of(self._archive.today(), decision.days)
                agreed[organiser_id] = cutoff.school_year
        found: dict[UUID, dict[int, int]] = {}
        last = school_year(self._archive.today())
        for year in range(last - 30, max(agreed.values(), default=last - 30)):
            may = [one for one, first in agreed.items() if year < first]
            async with self._archive.everything() as connection:
                rows = await connection.fetch(
                    "SELECT organiser_id, gone FROM records.drop_absence_year($1, $2)", year, may
                )
            for row in rows:
                found.setdefault(row["organiser_id"], {})[year] = row["gone"]
        return found

    async def _of_nobody(self, connection: Connection) -> None:
        """Tables without organiser, by the standing decision."""
        standing = {
            group.name: Cutoff.of(self._archive.today(), group.days)
            for group in self._known.groups.values()
            if group.standing
        }
        tenants = await _tenants(connection)
        for store in self._known.tables():
            if store.timed and store.store not in tenants:
                due = self._known.due(store, standing)
                if due != "false":
                    await _take(connection, store, due)

    def _certificate(self, plan: Plan, by: str) -> Certificate:
        groups = {
            self._known.stores[name].group for name in plan.rows if name in self._known.stores
        }
        if any(name.startswith(_ABSENCE_DAYS) for name in plan.rows):
            groups.add(self._known.stores[_ABSENCE_DAYS].group)
        return Certificate(
            organiser_id=plan.organiser_id,
            certificate_id=self._new_id(),
            kind="retention",
            issued_at=self._archive.now(),
            issued_by=by,
            content={
                "erased": plan.rows,
                "decisions": [
                    {
                        "group": one.group.title,
                        "reference": one.reference,
                        "decided_on": one.decided_on.isoformat() if one.decided_on else None,
                        "days": one.days,
                        "counted": one.group.counted,
                    }
                    for name, one in sorted(plan.decisions.items())
                    if name in groups
                ],
            },
        )


async def _take(connection: Connection, store: Store, due: str) -> int:
    """Erase, or empty, the rows for which ``due`` holds; how many."""
    if store.clear:
        emptied = ", ".join(f"{name} = NULL" for name in store.clear)
        done = await connection.execute(f"UPDATE {store.store} t SET {emptied} WHERE {due}")
    else:
        done = await connection.execute(f"DELETE FROM {store.store} t WHERE {due}")
    return int(done.rpartition(" ")[2])


async def _tenants(connection: Connection) -> set[str]:
    """The tables whose rows belong to an organiser each."""
    rows = await connection.fetch(
        """
        SELECT n.nspname || '.' || c.relname AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organiser_id'
        WHERE c.relkind IN ('r', 'p') AND NOT a.attisdropped
        """
    )
    return {row["name"] for row in rows}
