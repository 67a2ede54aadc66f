"""Absences (frånvaroanmälan, beviljad ledighet) as notices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.common.pg import tenant
from services.ingest.intake import Intake
from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.ss12000 import vocabulary as words
from services.ingest.ss12000.bodies import Body, ref
from services.ingest.ss12000.results import Settled
from services.ingest.ss12000.shelf import Shelf
from services.ingest.ss12000.staged import instant_at, milliseconds
from services.ingest.ss12000.stock import Staged
from services.ingest.ss12000.vocabulary import Resource

if TYPE_CHECKING:
    from services.common.pg import Pool
    from services.ingest.store.sources import Source

CHUNK = 500


def reported_by(body: Body, student: Body | None, registrar: Body | None, *, has_duty: bool) -> str:
    """Who reported: the pupil, a guardian or staff, as far as is known.

    A person who works at the school and has a child there reports for the child
    as a guardian. Nobody known: a leave is granted by staff, and an absence is
    reported by a guardian, unless they say otherwise.
    """
    who, pupil = ref(body, "registeredBy"), ref(body, "student")
    if who is not None and who == pupil:
        return "pupil"
    named = {ref(one, "person") for one in (student or {}).get("responsibles", ())}
    if who is not None and who in named:
        return "guardian"
    if has_duty:
        return "staff"
    if registrar is not None and registrar.get("enrolments"):
        return "pupil"
    return "staff" if body["type"] == "Beviljad ledighet" else "guardian"


def notice(one: Staged, by: str) -> dict[str, Any]:
    """A notice as POST /v1/notices takes it. The reporter is the standard's own random id."""
    who = ref(one.body, "registeredBy")
    return {
        "id": str(one.id),
        "pupil": one.body["student"]["id"],
        "kind": words.ABSENCE_TYPES[one.body["type"]],
        "start": one.body["startTime"],
        "end": one.body["endTime"],
        "reported_by": by,
        "reporter": None if who is None else str(who),
        "modified": instant_at(milliseconds(one.modified)).isoformat(),
        "deleted": one.deleted,
    }


class Noticer:
    """Says what absences mean."""

    def __init__(self, *, pool: Pool, intake: Intake) -> None:
        self._pool = pool
        self._intake = intake

    async def say(
        self, source: Source, staged: Sequence[Staged], *, only_changed: bool = False
    ) -> dict[UUID, ItemAnswer]:
        """Say absences; with ``only_changed`` those of which the reporter turns out another."""
        async with tenant(self._pool, source.organiser_id) as connection:
            by = await self._reporters(Shelf(connection, source), staged)
        wanted = [one for one in staged if not only_changed or one.said != by[one.id]]
        answers = await self._intake.notices(source, [notice(one, by[one.id]) for one in wanted])
        said = [
            (one.id, by[one.id])
            for one, answer in zip(wanted, answers, strict=True)
            if answer.status != "refused"
        ]
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            if not only_changed:
                kept = {identity for identity, _ in said}
                await shelf.put(Resource.ABSENCE, [one for one in staged if one.id in kept])
            await shelf.say(said)
            await shelf.done(Resource.ABSENCE, [one.id for one in staged])
        return {one.id: answer for one, answer in zip(wanted, answers, strict=True)}

    @staticmethod
    async def _reporters(shelf: Shelf, staged: Iterable[Staged]) -> dict[UUID, str]:
        listed = list(staged)
        who = {found for one in listed if (found := ref(one.body, "registeredBy"))}
        pupils = {found for one in listed if (found := ref(one.body, "student"))}
        persons = {
            identity: one.body
            for identity, one in (await shelf.get(Resource.PERSON, who | pupils)).items()
            if not one.deleted
        }
        duties = await shelf.get(Resource.DUTY, await shelf.naming(Resource.DUTY, who))
        staff = {ref(one.body, "person") for one in duties.values() if not one.deleted}
        return {
            one.id: reported_by(
                one.body,
                persons.get(ref(one.body, "student") or one.id),
                persons.get(ref(one.body, "registeredBy") or one.id),
                has_duty=ref(one.body, "registeredBy") in staff,
            )
            for one in listed
        }

    async def look_again(self, source: Source, settled: Settled) -> None:
        """Persons and duties have come: say anew who reported, where that changes."""
        while True:
            async with tenant(self._pool, source.organiser_id) as connection:
                dirty = await Shelf(connection, source).get(
                    Resource.ABSENCE, only="dirty", limit=CHUNK
                )
            if not dirty:
                return
            live = [one for one in dirty.values() if not one.deleted]
            answers = await self.say(source, live, only_changed=True)
            settled.notices += sum(one.status == "accepted" for one in answers.values())
            async with tenant(self._pool, source.organiser_id) as connection:
                await Shelf(connection, source).done(Resource.ABSENCE, list(dirty))


def refusal(answer: ItemAnswer) -> list[Note]:
    """A notice's problems under the standard's names."""
    names = {"/start": "/startTime", "/end": "/endTime", "/pupil": "/student/id"}
    return [
        Note(
            note.code,
            names.get(note.field, note.field),
            note.detail.replace(note.field, names.get(note.field, note.field), 1),
        )
        for note in [*answer.problems, *answer.notes]
    ]
