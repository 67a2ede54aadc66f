"""Who is told by mail that something is due, and that a case was read: the events that say so."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest

from forvarning.cases.v1 import cases_pb2 as pb
from services.cases.chain.perform import perform
from services.cases.openings import Openings
from services.cases.reminders import Reminders
from services.common.clock import epoch_day, local_instant
from tests.integration.cases.site import opened
from tests.integration.cases.world import TUESDAY, A, World

pytestmark = pytest.mark.anyio
KARIN, ROLF = A.viewer("karin"), A.viewer("rolf")
DAY = TUESDAY.isoformat()


async def told(world: World, kind: str) -> list[pb.CaseEvent]:
    rows = await world.admin.fetch(
        "SELECT payload FROM cases.outbox WHERE type = $1 ORDER BY seq", kind
    )
    return [pb.CaseEvent.FromString(row["payload"]) for row in rows]


async def round_at(world: World, day: date, hour: int = 8) -> int:
    """A process that has just started."""
    world.clock.at = local_instant(day, hour * 60)
    return await Reminders(world.database).once()


async def test_whom_a_duty_stands_with_is_told_once_a_day_it_is_due_or_late(world: World) -> None:
    case = UUID(await opened(world))
    utredning = {"opened_on": DAY, "lead": "Rolf"}
    await perform(world.database, KARIN, case, "open_investigation", utredning)
    # The anmälan is due on Thursday, with the rektor; the utredning three school weeks later.
    assert await round_at(world, TUESDAY + timedelta(days=1)) == 0
    thursday = TUESDAY + timedelta(days=2)
    assert await round_at(world, thursday, 5) == 0
    assert await round_at(world, thursday) == 1
    # Another process, a restart: the same event, and it is there once.
    await round_at(world, thursday, 9)
    [event] = await told(world, "duty_due")
    assert (event.assigned_staff_id, event.epoch_day, event.case_number) == (
        A.staff("rolf").bytes,
        epoch_day(thursday),
        "F-2026-00001",
    )
    assert event.kind == pb.CASE_EVENT_KIND_DUTY_DUE
    friday, monday = thursday + timedelta(days=1), thursday + timedelta(days=4)
    assert [await round_at(world, day) for day in (friday, monday)] == [1, 1]
    assert await round_at(world, monday + timedelta(days=1)) == 0
    assert len({event.event_id for event in await told(world, "duty_due")}) == 3
    # Done: nothing is told any more.
    entry = await world.admin.fetchval(
        "SELECT entry_id FROM cases.entries WHERE kind = 'investigation'"
    )
    body = {"on": world.database.today().isoformat()}
    await perform(world.database, ROLF, case, "report_to_organiser", body, target=entry)
    assert await round_at(world, monday + timedelta(days=7)) == 0


async def test_a_running_process_asks_once_a_day(world: World) -> None:
    await opened(world)
    reminders = Reminders(world.database)
    world.clock.at = local_instant(TUESDAY + timedelta(days=2), 8 * 60)
    # The new case is to be looked at within two school days.
    assert [await reminders.once(), await reminders.once()] == [1, 0]
    assert [e.assigned_staff_id for e in await told(world, "duty_due")] == [A.staff("karin").bytes]


@pytest.mark.parametrize("pupil", ["alva", "dino"])
async def test_the_rektor_is_told_when_somebody_has_read_a_case_with_a_reason(
    world: World, pupil: str
) -> None:
    await opened(world, pupil)
    number = (await world.case(A, pupil))["number"]
    # Olle works at the other school.
    asked = await Openings(world.database).ask(
        A.viewer("olle"), number, "Vikarierar på Björkskolan i dag."
    )
    if pupil == "dino":
        assert await told(world, "read_with_reason") == []
        await Openings(world.database).approve(ROLF, asked.opening_id)
    [event] = await told(world, "read_with_reason")
    assert event.assigned_staff_id == A.staff("rolf").bytes
    assert event.kind == pb.CASE_EVENT_KIND_READ_WITH_REASON
    assert event.epoch_day == epoch_day(TUESDAY)
