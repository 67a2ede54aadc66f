"""Koordinator: what a beställning, a samtycke and a koordinator who begins or ends lead to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.cases.chain import closing, consequences, others, sending, sharing
from services.cases.chain.consequences import EFFECTS, LAST
from services.cases.chain.context import Context
from services.cases.chain.preparing import PREPARE
from services.cases.documents import building
from services.cases.domain import coordination
from services.cases.domain.assignment import Assignment
from services.cases.domain.coordination import Consenters
from services.cases.domain.entries.closing import Closure
from services.cases.domain.entries.coordination import Coordination, CoordinationRequest
from services.cases.store import carrying, entries
from services.cases.store.entries import Entry
from services.cases.store.scope import as_system

_CONSENT_GONE = "Samtycket är återkallat."


async def consenters(context: Context) -> Consenters:
    """Whose consent a sharing needs, by the register and by the newest judgement of maturity."""
    async with as_system(context.connection):
        rows = await context.connection.fetch(
            "SELECT DISTINCT guardian_id FROM people_v1.guardians WHERE pupil_id = $1",
            context.case.pupil_id,
        )
    return Consenters(
        guardians=frozenset(row["guardian_id"] for row in rows),
        age=context.chain.age,
        mature=coordination.mature(context.chain.facts),
    )


async def describe(context: Context, raw: dict[str, Any], parent: Entry | None) -> dict[str, Any]:  # noqa: ARG001
    """What a beställning says by itself: huvudmannatyp, skolform and kön, from the register."""
    async with as_system(context.connection):
        sex = await context.connection.fetchval(
            "SELECT sex FROM people_v1.pupils WHERE pupil_id = $1", context.case.pupil_id
        )
    return raw | {
        "organiser_kind": "independent" if context.chain.independent else "municipal",
        "school_form": context.chain.school_form or "",
        "sex": sex or "unknown",
    }


async def gate(context: Context, raw: dict[str, Any], parent: Entry | None) -> dict[str, Any]:  # noqa: ARG001
    """Whose consent is missing for these actors."""
    actors = raw.get("actors", ())
    wanted = [one for one in actors if isinstance(one, str)] if isinstance(actors, list) else []
    who = await consenters(context)
    return raw | {"lacking": coordination.lacking(context.chain.facts, who, wanted)}


async def ordered(context: Context, entry: Entry) -> None:
    """The case waits in the queue of the school's area, or the beställning is carried to the
    municipality whose koordinatorer the organiser orders from."""
    await consequences.take_on(context)
    assert isinstance(entry.body, CoordinationRequest)  # noqa: S101 - the step's kind
    async with as_system(context.connection):
        municipality = await carrying.coordination_municipality(context.connection)
        other = await carrying.address(context.connection, municipality)
    if other is None or other == context.case.organiser_id:
        await sharing.enter_queue(context)
        return
    about = await sending.about_case(context, "order_coordination")
    recipient = f"Koordinatorerna ({municipality})"
    sheet = building.coordination_request(about, entry.body, recipient)
    await sending.send(context, entry, sheet, at_once=False, municipality=municipality)


async def not_ordered(context: Context, entry: Entry) -> None:
    """The beställning was taken back, or not taken up: all that a case from outside was about."""
    if context.case.outside:
        assert isinstance(entry.body, CoordinationRequest)  # noqa: S101 - the step's kind
        await closing.close(context, "other", entry.body.ended_why)
        await sharing.keep_for_leader(context)
    await sharing.leave_queue(context)


async def assigned(context: Context, entry: Entry) -> None:
    """Somebody works in the case, and the beställning is taken up."""
    assert isinstance(entry.body, Coordination)  # noqa: S101 - the step's kind
    assert entry.parent_id is not None  # noqa: S101 - it hangs on its beställning
    await others.move(context, entry.parent_id, "accepted")
    if context.case.outside and not context.chain.has("coordination", "assigned", "started"):
        # No school has it: it stands with the first who works in it.
        to = Assignment(entry.body.staff_id, "coordinator")
        await consequences.save_case(context, context.case.assigned(to))
    await sharing.join(context, entry.body.staff_id)


async def theirs(context: Context, entry: Entry) -> None:
    """To begin is for the koordinator who was named, not for whom the case stands with."""
    assert isinstance(entry.body, Coordination)  # noqa: S101 - the step's kind
    async with as_system(context.connection):
        await context.connection.execute(
            """
            UPDATE cases.duties SET assigned_staff_id = $2, assigned_as = 'coordinator',
                owner = 'coordinator', version = version + 1
            WHERE organiser_id = cases.organiser() AND entry_id = $1
              AND kind = 'start_coordination' AND done_at IS NULL
            """,
            entry.entry_id,
            entry.body.staff_id,
        )


async def ended(context: Context, entry: Entry) -> None:
    """A koordinator's part is over; the others' goes on."""
    assert entry.parent_id is not None  # noqa: S101 - it hangs on its koordinator
    assert isinstance(entry.body, Closure)  # noqa: S101 - the step's kind
    await others.move(context, entry.parent_id, "ended", ended_on=entry.body.on)


async def left(context: Context, entry: Entry) -> None:
    """Who has ended sees the case no more, nor does the leader when it was the last."""
    assert entry.parent_id is not None  # noqa: S101 - it hangs on its koordinator
    async with as_system(context.connection):
        held = await entries.one(context.connection, entry.parent_id)
    assert held is not None  # noqa: S101 - entries are never deleted
    assert isinstance(held.body, Coordination)  # noqa: S101 - the step's own
    working = [
        fact
        for fact in context.chain.of("coordination", "assigned", "started")
        if fact.entry_id != entry.parent_id
    ]
    if context.case.outside and working:
        # It stands with one of those who go on.
        tag = next(one for one in working[0].tags if one.startswith("staff:"))
        to = Assignment(UUID(tag.removeprefix("staff:")), "coordinator")
        await consequences.save_case(context, context.case.assigned(to))
    elif context.case.outside:
        # There is no other part of the case; the leader can read what became of it.
        assert isinstance(entry.body, Closure)  # noqa: S101 - the step's kind
        body = entry.body
        await closing.close(context, body.reason, body.note or body.below_reason)
    await sharing.leave(context, held.body.staff_id, last=not working and not context.case.outside)


async def withdrawn(context: Context, entry: Entry) -> None:
    """What built on the consent ends with it, whoever may read it."""
    async with as_system(context.connection):
        facts = await entries.facts(
            context.connection,
            context.case.case_id,
            context.case.class_id,
            context.case.school_year,
        )
    who = await consenters(context)
    for fact in facts:
        if fact.kind != "network" or fact.status != "active":
            continue
        actors = [tag.removeprefix("with:") for tag in fact.tags]
        if coordination.lacking(facts, who, actors):
            await others.move(
                context,
                fact.entry_id,
                "ended",
                ended_on=context.today,
                ended_why=_CONSENT_GONE,
            )
            await consequences.tell(context, "sharing_ended", {"entry_id": str(entry.entry_id)})


def install() -> None:
    """Into the registries of the chain."""
    PREPARE["order_coordination"] = describe
    PREPARE["share"] = gate
    EFFECTS["order_coordination"] = ordered
    LAST["withdraw_request"] = LAST["decline_request"] = not_ordered
    EFFECTS["assign_coordinator"] = assigned
    LAST["assign_coordinator"] = theirs
    EFFECTS["end_coordination"] = EFFECTS["end_coordination_below"] = ended
    LAST["end_coordination"] = LAST["end_coordination_below"] = left
    EFFECTS["withdraw_consent"] = withdrawn
