"""PUT /v1/roster without HTTP: check, store, assign homes, and what follows on the topics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.clock import Clock, school_date, school_year
from services.common.pg import tenant
from services.ingest.model.answers import Note
from services.ingest.model.roster import RosterIn
from services.ingest.profiles import Profiles
from services.ingest.roster.check import check_roster
from services.ingest.roster.duties import coverage
from services.ingest.roster.placements import Placement, first_of_each_year
from services.ingest.roster.publish import publish_changes
from services.ingest.store.homes import Homeless, assign_homes
from services.ingest.store.names import known_ids, name_new
from services.ingest.store.people import Ids, SchoolWriter
from services.ingest.store.pupil_checks import (
    losses,
    match_civic_numbers,
    namesakes,
    taken_civic_numbers,
)
from services.ingest.store.pupils import PupilWriter
from services.ingest.store.sources import Source

if TYPE_CHECKING:
    from services.common.pg import Connection, Pool

_MANY = 100
"""New pupils that change what the planner should expect, where they are half of those known."""
_KINDS = ("area", "school_unit", "group", "pupil", "guardian", "staff", "duty")


@dataclass(frozen=True, slots=True)
class Applied:
    """What a roster did: items per list, and what the sender should know."""

    counts: dict[str, int]
    notes: list[Note]


@dataclass(frozen=True, slots=True)
class Delta:
    """The roster holds what changed; what is no more is named, by the source's own ids."""

    school_units: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    pupils: frozenset[str] = frozenset()
    staff: frozenset[str] = frozenset()
    duties: frozenset[str] = frozenset()
    publish: bool = True
    """False for all parts of a large change but the last: its records go out with that one."""

    def gone(self, kind: str, known: Mapping[str, UUID]) -> list[UUID]:
        """The surrogates of what is no more of a kind, where it was ever known."""
        names = {"school_unit": self.school_units, "group": self.groups, "pupil": self.pupils,
                 "staff": self.staff, "duty": self.duties}[kind]  # fmt: skip
        return [known[name] for name in names if name in known]


@dataclass(frozen=True, slots=True)
class Decided:
    """A human has looked: losses are so, and who bears another pupil's name and birth date is
    that pupil (``same``, by the source's own ids) or somebody else (all others)."""

    same: frozenset[str] = frozenset()


def _gone(delta: Delta | None, kind: str, ids: Ids) -> list[UUID] | None:
    return None if delta is None else delta.gone(kind, ids[kind])


def _perhaps_the_same(roster: RosterIn, twins: Mapping[str, UUID]) -> list[Note]:
    return [
        Note(
            "same_pupil_perhaps",
            f"/pupils/{index}",
            f"/pupils/{index}: another source's pupil has this name and birth date; send the "
            "personnummer, or a human must say whether they are the same",
        )
        for index, pupil in enumerate(roster.pupils or [])
        if pupil.id in twins
    ]


class RosterRefusedError(Exception):
    """Nothing of the roster was applied; ``problems`` names every reason."""

    def __init__(self, problems: list[Note]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


class RosterService:
    """Applies rosters. The caller drains the organiser's outbox afterwards."""

    def __init__(
        self,
        *,
        pool: Pool,
        clock: Clock,
        profiles: Profiles,
        partitions: int,
        new_id: Callable[[], UUID],
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._profiles = profiles
        self._partitions = partitions
        self._new_id = new_id

    async def put(
        self,
        source: Source,
        roster: RosterIn,
        *,
        accept_losses: bool = False,
        delta: Delta | None = None,
        decided: Decided | None = None,
    ) -> Applied:
        """Apply all of ``roster`` in one transaction, or raise :class:`RosterRefusedError`.

        Its lists are snapshots, unless a ``delta`` says what else is gone. Sending
        the same roster twice changes nothing and sends nothing. A snapshot that
        takes more than a tenth of a unit's pupils away is half a file more often
        than the truth, so a human must accept it.
        """
        now = self._clock.now()
        today = school_date(now)
        async with tenant(self._pool, source.organiser_id) as connection:
            # One roster of an organiser at a time; its outbox rows then keep their order.
            await connection.execute(
                "UPDATE people.organisers SET roster_version = roster_version + 1"
            )
            ids: Ids = {
                kind: await known_ids(connection, source.namespace, kind) for kind in _KINDS
            }
            problems = check_roster(roster, ids, snapshot=delta is None)
            problems += await self._check_pupils(
                connection,
                source,
                roster,
                ids,
                losses_on=None if accept_losses or decided else today,
                delta=delta,
            )
            matched = await match_civic_numbers(connection, roster.pupils or [], ids["pupil"])
            twins = await self._namesakes(connection, roster, ids["pupil"] | matched, delta)
            if decided is None:
                problems += _perhaps_the_same(roster, twins)
            else:
                matched |= {name: twins[name] for name in decided.same if name in twins}
            if problems:
                raise RosterRefusedError(problems)
            known = len(ids["pupil"])
            await self._name(connection, source, roster, ids, matched)
            counts = await self._store(connection, source, roster, ids, today=today, delta=delta)
            await self._assign(connection, source.organiser_id)
            if len(ids["pupil"]) - known > max(_MANY, known // 2):
                await connection.execute("SELECT ingest.analyze_roster()")
            if delta is None or delta.publish:
                await publish_changes(connection, source, now)
            await self._profiles.activate_standard(connection, source.organiser_id, now)
            notes = await self._duty_notes(connection, roster, ids, today)
        return Applied(counts, notes)

    @staticmethod
    async def _check_pupils(
        connection: Connection,
        source: Source,
        roster: RosterIn,
        ids: Ids,
        *,
        losses_on: date | None,
        delta: Delta | None,
    ) -> list[Note]:
        pupils = roster.pupils or []
        problems = [
            Note(
                "civic_no_taken",
                f"/pupils/{index}/civic_no",
                f"/pupils/{index}/civic_no: the roster has it for another pupil",
            )
            for index in await taken_civic_numbers(connection, pupils, ids["pupil"])
        ]
        if delta is not None and not delta.pupils:
            return problems
        if losses_on is not None and (delta is not None or roster.pupils is not None):
            matched = await match_civic_numbers(connection, pupils, ids["pupil"])
            known = ids["pupil"] | matched
            staying = [known[one.id] for one in pupils if one.id in known]
            if delta is not None:
                gone = set(delta.gone("pupil", known))
                staying = [pupil for pupil in known.values() if pupil not in gone]
            problems += [
                Note(
                    "too_many_left",
                    "/pupils",
                    f"/pupils: {name} would lose {loses} of its {has} pupils; "
                    "a human must say that it is so",
                )
                for name, loses, has in await losses(
                    connection, source.namespace, staying, losses_on
                )
            ]
        return problems

    @staticmethod
    async def _namesakes(
        connection: Connection, roster: RosterIn, known: dict[str, UUID], delta: Delta | None
    ) -> dict[str, UUID]:
        # Changes come one by one and are not held: what a school system sends so has personnummer.
        if delta is not None or not roster.pupils:
            return {}
        return await namesakes(connection, roster.pupils, known)

    async def _name(
        self,
        connection: Connection,
        source: Source,
        roster: RosterIn,
        ids: Ids,
        matched: Mapping[str, UUID],
    ) -> None:
        lists = {
            "area": roster.areas,
            "school_unit": roster.school_units,
            "group": roster.groups,
            "pupil": roster.pupils,
            "guardian": roster.guardians,
            "staff": roster.staff,
            "duty": roster.duties,
        }
        for kind, entries in lists.items():
            await name_new(
                connection,
                source.organiser_id,
                source.namespace,
                kind,
                known=ids[kind],
                wanted=[entry.id for entry in entries or []],
                new_id=self._new_id,
                matched=matched if kind == "pupil" else None,
            )

    async def _store(
        self,
        connection: Connection,
        source: Source,
        roster: RosterIn,
        ids: Ids,
        *,
        today: date,
        delta: Delta | None,
    ) -> dict[str, int]:
        school = SchoolWriter(connection, source.organiser_id, source.namespace, ids)
        people = PupilWriter(connection, source.organiser_id, source.namespace, ids)
        counts: dict[str, int] = {}
        if roster.organiser is not None:
            await school.organiser(roster.organiser)
            counts["organiser"] = 1
        if roster.areas is not None:
            await school.areas(roster.areas)
        if roster.school_units is not None:
            await school.units(roster.school_units, _gone(delta, "school_unit", ids))
        if roster.groups is not None:
            await school.groups(roster.groups, _gone(delta, "group", ids))
        if roster.guardians is not None:
            await people.guardians(roster.guardians)
        if roster.pupils is not None:
            await people.pupils(roster.pupils)
            await people.placements(roster.pupils, await self._years(connection, today))
            counts["pupils_left"] = await people.gone(
                roster.pupils, today, _gone(delta, "pupil", ids)
            )
        if roster.staff is not None:
            await school.staff(roster.staff, _gone(delta, "staff", ids))
        if roster.duties is not None:
            await school.duties(roster.duties, _gone(delta, "duty", ids))
        if roster.suppressions is not None:
            await people.suppressions(roster.suppressions)
        for name in (
            "areas", "school_units", "groups", "pupils", "guardians", "staff", "duties",
            "suppressions",
        ):  # fmt: skip
            entries = getattr(roster, name)
            if entries is not None:
                counts[name] = len(entries)
        return counts

    @staticmethod
    async def _years(connection: Connection, today: date) -> set[int]:
        """The school years in which placements count: the present one and those with a calendar."""
        rows = await connection.fetch("SELECT DISTINCT school_year FROM people.calendars")
        return {school_year(today), *(row["school_year"] for row in rows)}

    async def _assign(self, connection: Connection, organiser_id: UUID) -> None:
        rows = await connection.fetch(
            "SELECT l.* FROM people.placements l LEFT JOIN ingest.pupil_homes h "
            "USING (organiser_id, pupil_id, school_year) WHERE h.home_id IS NULL"
        )
        placements = [
            Placement(**{name: row[name] for name in Placement.__dataclass_fields__})
            for row in rows
        ]
        await assign_homes(
            connection,
            organiser_id,
            [
                Homeless(pupil, year, first.school_unit_id, first.class_id)
                for (pupil, year), first in sorted(
                    first_of_each_year(placements).items(), key=lambda entry: str(entry[0])
                )
            ],
            partitions=self._partitions,
            new_id=self._new_id,
        )

    @staticmethod
    async def _duty_notes(
        connection: Connection, roster: RosterIn, ids: Ids, today: date
    ) -> list[Note]:
        found = await coverage(connection, today)
        names = {entity: name for name, entity in ids["school_unit"].items()}
        position = {unit.id: index for index, unit in enumerate(roster.school_units or [])}

        def note(unit: UUID, code: str, detail: str) -> Note:
            name = names.get(unit, "")
            pointer = f"/school_units/{position[name]}" if name in position else "/duties"
            return Note(code, pointer, f"{pointer}: {detail}")

        return [
            note(unit, "no_recipient", "neither attendance officer nor principal today: "
                 "its warnings stand in the unassigned list")
            for unit in found.unassigned
        ] + [
            note(unit, "falls_to_principal", "pupils without an attendance officer today: "
                 "their warnings fall to the principal")
            for unit in found.on_principal
        ]  # fmt: skip
