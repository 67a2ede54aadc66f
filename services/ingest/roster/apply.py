"""PUT /v1/roster without HTTP: check, store, assign homes, and what follows on the topics."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.clock import Clock, school_date
from services.common.pg import tenant
from services.ingest.model.answers import Note
from services.ingest.model.roster import RosterIn
from services.ingest.profiles import Profiles
from services.ingest.roster.changes import Applied, Decided, Delta, RosterRefusedError
from services.ingest.roster.check import check_roster
from services.ingest.roster.duties import coverage
from services.ingest.roster.placements import Placement, first_of_each_year
from services.ingest.roster.publish import publish_changes
from services.ingest.roster.writing import name_all, store
from services.ingest.store.doubts import perhaps_the_same
from services.ingest.store.homes import Homeless, assign_homes
from services.ingest.store.names import known_ids, name_new
from services.ingest.store.people import Ids
from services.ingest.store.pupil_checks import (
    Named,
    losses,
    match_civic_numbers,
    namesakes,
    taken_civic_numbers,
)
from services.ingest.store.sources import Source

if TYPE_CHECKING:
    from services.common.pg import Connection, Pool

_MANY = 100
"""New pupils that change what the planner should expect, where they are half of those known."""
_KINDS = ("area", "school_unit", "group", "pupil", "guardian", "staff", "duty")


def _meant(twins: Mapping[str, list[UUID]], same: Collection[str]) -> dict[str, UUID]:
    return {name: twins[name][0] for name in same if name in twins}


def _unclear(
    who: Mapping[str, UUID],
    twins: Mapping[str, list[UUID]],
    same: Collection[str],
    pointers: Mapping[str, str],
) -> list[Note]:
    """Why these ids cannot be ``who`` it says: of whom nobody knows which is meant, or who is there
    by another id already. ``pointers``: the ids of one roster, with where each stands."""
    problems = []
    first: dict[UUID, str] = {}
    for name, at in pointers.items():
        if name in same and len(twins.get(name, ())) > 1:
            detail = "several known pupils have this name and birth date; send the personnummer"
            problems.append(Note("several_by_that_name", at, f"{at}: {detail}"))
        elif name in who and first.setdefault(who[name], name) != name:
            detail = f"is the same pupil as {pointers[first[who[name]]]}"
            problems.append(Note("same_pupil_twice", at, f"{at}: {detail}"))
    return problems


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
            twins = await namesakes(connection, roster.pupils or [], ids["pupil"] | matched)
            if decided is None:
                problems += [
                    perhaps_the_same(f"/pupils/{index}")
                    for index, pupil in enumerate(roster.pupils or [])
                    if pupil.id in twins
                ]
            else:
                matched |= _meant(twins, decided.same)
            problems += _unclear(
                ids["pupil"] | matched,
                twins,
                () if decided is None else decided.same,
                {one.id: f"/pupils/{index}" for index, one in enumerate(roster.pupils or [])},
            )
            if problems:
                raise RosterRefusedError(problems)
            known = len(ids["pupil"])
            await name_all(connection, source, roster, ids, matched, new_id=self._new_id)
            counts = await store(connection, source, roster, ids, today=today, delta=delta)
            await self._assign(connection, source.organiser_id)
            if len(ids["pupil"]) - known > max(_MANY, known // 2):
                await connection.execute("SELECT ingest.analyze_roster()")
            if delta is None or delta.publish:
                await publish_changes(connection, source, now)
            await self._profiles.activate_standard(connection, source.organiser_id, now)
            notes = await self._duty_notes(connection, roster, ids, today)
        return Applied(counts, notes)

    async def name(
        self,
        connection: Connection,
        source: Source,
        pupils: Collection[Named],
        same: Collection[str],
    ) -> None:
        """A human has said who these pupils are: those of ``same`` the ones whose name and birth
        date they bear, all others somebody else. The next roster that has them finds them known.

        Raises :class:`RosterRefusedError` where that cannot be.
        """
        await connection.execute("UPDATE people.organisers SET roster_version = roster_version + 1")
        known, matched, twins = await self._who(connection, source, pupils)
        matched |= _meant(twins, same)
        if problems := _unclear(
            matched, twins, same, {one.id: f"/persons/{one.id}" for one in pupils}
        ):
            raise RosterRefusedError(problems)
        await name_new(
            connection,
            source.organiser_id,
            source.namespace,
            "pupil",
            known=known,
            wanted=[one.id for one in pupils],
            new_id=self._new_id,
            matched=matched,
        )

    async def perhaps_known(
        self, connection: Connection, source: Source, pupils: Collection[Named]
    ) -> Collection[str]:
        """The ids of those who are perhaps another source's pupils."""
        _, _, twins = await self._who(connection, source, pupils)
        return twins

    @staticmethod
    async def _who(
        connection: Connection, source: Source, pupils: Collection[Named]
    ) -> tuple[dict[str, UUID], dict[str, UUID], dict[str, list[UUID]]]:
        """By the source's ids: who is known, by personnummer, and who bears the same name."""
        known = await known_ids(connection, source.namespace, "pupil")
        matched = await match_civic_numbers(connection, pupils, known)
        return known, matched, await namesakes(connection, pupils, known | matched)

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
