"""Documents between organisers: carried once whatever happens on the way, and nothing beside."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from services.cases.chain import desk
from services.cases.chain.perform import perform
from services.cases.courier import Courier
from tests.integration.cases.site import opened
from tests.integration.cases.world import TUESDAY, A, B, World, absence_day, give_duty, hire

pytestmark = pytest.mark.anyio
KARIN, ROLF = A.viewer("karin"), A.viewer("rolf")
OFFICER = B.viewer("ove")
DAY = TUESDAY.isoformat()
ORDER = {
    "on": DAY,
    "help": "Kontakt med hemmet.",
    "tried": "Samtal varje vecka.",
    "contact": "Rolf Provberg",
    "professions": ["social_worker"],
    "told": True,
}
POINTS = ("read", "inserted", "delivered", "receipt", "done")


class KilledError(BaseException):
    """The courier's process is gone: nothing after this point happens."""


async def begun(world: World, pupil: str = "alva") -> UUID:
    """A fristående school in B's municipality, a case there, and B's teamledare and officer."""
    run = world.admin.execute
    await run(
        "UPDATE people.organisers SET kind = 'independent', municipality_code = '0380' "
        "WHERE organiser_id = $1",
        A.id,
    )
    await run(
        "UPDATE people.organisers SET municipality_code = '0380' WHERE organiser_id = $1", B.id
    )
    await hire(world.admin, B, "ove", "Ove", "Övning")
    await give_duty(world.admin, B, "ove", "organiser_officer", "all")
    await hire(world.admin, B, "tess", "Tess", "Övning")
    await give_duty(world.admin, B, "tess", "team_leader", "all")
    await world.take_days(absence_day(A, pupil, TUESDAY, unexplained=300, absent=5))
    return UUID(await opened(world, pupil))


async def rows(world: World, organiser: UUID) -> list[asyncpg.Record]:
    return await world.admin.fetch(
        "SELECT * FROM cases.documents WHERE organiser_id = $1 ORDER BY created_at", organiser
    )


async def test_a_fristaende_schools_bestallning_reaches_the_municipality(world: World) -> None:
    case = await begun(world)
    await perform(world.database, ROLF, case, "order_coordination", ORDER)
    assert await rows(world, B.id) == []
    assert await Courier(world.database).once() == 1
    assert await Courier(world.database).once() == 0
    [sent], [arrived] = await rows(world, A.id), await rows(world, B.id)
    assert arrived["document_id"] == sent["document_id"]
    assert (arrived["fields"], arrived["pdf"], arrived["digest"]) == (
        sent["fields"],
        sent["pdf"],
        sent["digest"],
    )
    assert (arrived["direction"], arrived["sender"]) == ("received", sent["sender"])
    receipt = json.loads(sent["receipt"])
    assert receipt["sha256"] == sent["digest"].hex()
    assert sent["sent_at"] == arrived["created_at"]
    told = {one["name"]: one["text"] for one in json.loads(arrived["fields"])["fields"]}
    assert told["help"] == "Kontakt med hemmet."
    assert (told["organiser_kind"], told["school_form"]) == ("fristående", "grundskola")
    # The area's own queue is not where it waits.
    assert await world.admin.fetchval("SELECT count(*) FROM cases.case_shares") == 0

    # Taken on by the teamledare there: the school is told, and waits no more.
    tess = B.viewer("tess")
    async with world.database.person(tess) as connection:
        assert await connection.fetchval("SELECT count(*) FROM cases.documents") == 1
    await world.admin.execute(
        "UPDATE cases.documents SET received_at = $2, received_by = $3 WHERE organiser_id = $1",
        B.id,
        world.clock.now(),
        tess.staff_id,
    )
    await Courier(world.database).once()
    await Courier(world.database).once()
    assert (await world.history(A, "alva"))[-1] == "document_taken"
    assert (await world.history(A, "alva")).count("document_taken") == 1
    [sent] = await rows(world, A.id)
    assert sent["received_at"] == world.clock.now()
    waiting = await world.admin.fetchval(
        "SELECT count(*) FROM cases.duties WHERE kind = 'assign_coordinator' AND done_at IS NULL"
    )
    assert waiting == 0


@pytest.mark.parametrize("point", POINTS)
async def test_a_courier_that_dies_on_the_way_delivers_once(world: World, point: str) -> None:
    case = await begun(world)
    await perform(world.database, ROLF, case, "order_coordination", ORDER)

    def die(here: str) -> None:
        if here == point:
            raise KilledError

    with pytest.raises(KilledError):
        await Courier(world.database, at=die).once()
    world.clock.advance(timedelta(minutes=5))
    await Courier(world.database).once()
    [sent], [arrived] = await rows(world, A.id), await rows(world, B.id)
    assert sent["sent_at"] == arrived["created_at"]
    assert json.loads(sent["receipt"])["delivered_at"]
    assert await Courier(world.database).once() == 0


async def test_two_couriers_at_once_deliver_once(world: World) -> None:
    case = await begun(world)
    await perform(world.database, ROLF, case, "order_coordination", ORDER)
    answers = await asyncio.gather(
        *(Courier(world.database).once() for _ in range(4)), return_exceptions=True
    )
    await Courier(world.database).once()
    assert len(await rows(world, B.id)) == 1
    assert all(not isinstance(a, BaseException) for a in answers), answers
    [sent] = await rows(world, A.id)
    assert sent["receipt"]


async def test_the_uppgift_of_seven_twentytwo_and_nothing_else_crosses(world: World) -> None:
    case = await begun(world)
    await perform(
        world.database, KARIN, case, "open_investigation", {"opened_on": DAY, "lead": "Rolf"}
    )
    notice = {"on": DAY, "municipality": "0380", "ground": "investigation", "since": DAY}
    await perform(world.database, ROLF, case, "notify_home_municipality", notice)
    await Courier(world.database).once()
    [arrived] = await rows(world, B.id)
    assert (arrived["kind"], arrived["case_id"], arrived["entry_id"], arrived["created_by"]) == (
        "home_municipality_notice",
        None,
        None,
        None,
    )
    # Not one id of the sender's tenant but the organiser's own and the document's.
    text = json.dumps({key: str(value) for key, value in arrived.items() if key != "pdf"})
    foreign = [case, A.pupil("alva"), A.unit(), A.group(), A.staff("rolf"), A.staff("karin")]
    assert [one for one in foreign if str(one) in text or one.hex in text] == []
    names = {one["name"] for one in json.loads(arrived["fields"])["fields"]}
    assert names == {"pupil_name", "civic_number", "school_unit", "ground", "since"}
    # Nothing else of A's is in B's tenant.
    tables = await world.admin.fetch(
        "SELECT c.table_name AS name FROM information_schema.columns c JOIN "
        "information_schema.tables t USING (table_schema, table_name) "
        "WHERE c.table_schema = 'cases' AND c.column_name = 'organiser_id' "
        "AND t.table_type = 'BASE TABLE'"
    )
    filled = {
        row["name"]
        for row in tables
        if await world.admin.fetchval(
            f"SELECT count(*) FROM cases.{row['name']} WHERE organiser_id = $1", B.id
        )
    }
    assert filled == {"documents"}
    # The officer there reads it; nobody of A's reads B's row, and nobody of B's A's.
    shown = await desk.read_document(world.database, OFFICER, arrived["document_id"])
    assert shown.words == "Uppgift till hemkommunen"
    assert shown.case_number is None
    for viewer, organiser in ((OFFICER, A), (ROLF, B)):
        async with world.database.person(viewer) as connection:
            seen = await connection.fetchval(
                "SELECT count(*) FROM cases.documents WHERE organiser_id = $1", organiser.id
            )
        assert seen == 0


async def test_a_municipality_that_is_not_here_is_not_carried_to(world: World) -> None:
    case = await begun(world)
    notice = {"on": DAY, "municipality": "0180", "ground": "started", "since": DAY}
    await perform(world.database, ROLF, case, "notify_home_municipality", notice)
    assert await Courier(world.database).once() == 0
    [waiting] = await rows(world, A.id)
    assert (waiting["sent_at"], waiting["other_organiser_id"]) == (None, None)


async def test_a_document_that_is_not_what_was_written_is_not_carried(world: World) -> None:
    case = await begun(world)
    await perform(world.database, ROLF, case, "order_coordination", ORDER)
    await world.admin.execute("UPDATE cases.documents SET pdf = pdf || 'x'::bytea")
    assert await Courier(world.database).once() == 0
    assert await rows(world, B.id) == []


async def test_a_protected_pupil_is_a_case_number_and_no_text(world: World) -> None:
    case = await begun(world, "dino")
    await perform(world.database, ROLF, case, "order_coordination", ORDER)
    await Courier(world.database).once()
    [arrived] = await rows(world, B.id)
    fields = {one["name"] for one in json.loads(arrived["fields"])["fields"]}
    assert not fields & {"pupil_name", "civic_number", "school_unit", "help", "tried"}
    assert "Dino" not in arrived["fields"]
    assert "Björkskolan" not in arrived["fields"]
