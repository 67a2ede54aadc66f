"""The roster changes without a message: open cases and calls home follow it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from forvarning.cases.v1 import cases_pb2
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.metrics import OVERDUE, UNASSIGNED
from services.cases.store import people
from services.cases.sweep import Sweep
from services.common.clock import epoch_day
from tests.integration.cases.world import (
    TUESDAY,
    A,
    B,
    Story,
    World,
    delivery,
    give_duty,
    hire,
    made,
)

if TYPE_CHECKING:
    from services.common.pg import Connection

pytestmark = pytest.mark.anyio
MONDAY = TUESDAY - timedelta(days=1)


async def opened(world: World, pupil: str = "alva") -> None:
    await world.take(Story(A, pupil, pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY))


async def test_a_duty_that_ends_at_midnight_hands_its_cases_on(world: World) -> None:
    await opened(world)
    await world.take_deliveries(delivery(A, "hugo", TUESDAY, world.clock.now()))
    await give_duty(world.admin, A, "elias", "attendance_officer", "unit:bjork", substitute=True)
    await world.admin.execute(
        "UPDATE people.duties SET valid_to = $2 WHERE staff_id = $1",
        A.staff("karin"),
        TUESDAY + timedelta(days=1),
    )
    sweep = Sweep(world.database)
    await sweep.once()
    assert (await world.case(A, "alva"))["assigned_staff_id"] == A.staff("karin")
    # 23.59 is still Karin's, one minute past midnight in Stockholm is not (UTC is an hour behind).
    world.clock.advance(timedelta(hours=14, minutes=59))
    await sweep.once()
    assert (await world.case(A, "alva"))["assigned_staff_id"] == A.staff("karin")
    world.clock.advance(timedelta(minutes=2))
    await sweep.once()
    case = await world.case(A, "alva")
    assert (case["assigned_staff_id"], case["version"]) == (A.staff("elias"), 2)
    holders = await world.admin.fetch("SELECT DISTINCT assigned_staff_id FROM cases.duties")
    assert [row["assigned_staff_id"] for row in holders] == [A.staff("elias")]
    assert (await world.history(A, "alva"))[-1] == "assigned"
    told = cases_pb2.CaseEvent.FromString(
        await world.admin.fetchval("SELECT payload FROM cases.outbox ORDER BY seq DESC LIMIT 1")
    )
    assert told.kind == cases_pb2.CASE_EVENT_KIND_ASSIGNED
    # The day that woke the case: a mended roster wakes nobody about old cases.
    assert told.epoch_day == epoch_day(MONDAY)
    await sweep.once()
    assert (await world.case(A, "alva"))["version"] == 2


async def test_an_unassigned_case_is_counted_and_found_its_holder_when_there_is_one(
    world: World,
) -> None:
    await world.admin.execute(
        "DELETE FROM people.duties WHERE organiser_id = $1 AND role IN "
        "('attendance_officer', 'principal')",
        A.id,
    )
    await opened(world)
    sweep = Sweep(world.database)
    await sweep.once()
    assert UNASSIGNED._value.get() == 1
    await hire(world.admin, A, "ny", "Ny", "Nysson")
    await give_duty(world.admin, A, "ny", "attendance_officer", "unit:bjork")
    await sweep.once()
    assert (await world.case(A, "alva"))["assigned_staff_id"] == A.staff("ny")
    assert UNASSIGNED._value.get() == 0


async def test_a_pupil_who_changes_school_takes_the_open_case_along(world: World) -> None:
    await opened(world)
    await world.admin.execute(
        "UPDATE people.placements SET school_unit_id = $2, class_id = $3 WHERE placement_id = $1",
        made(A.key, "placement", "alva"),
        A.unit("ek"),
        A.group("9C"),
    )
    await Sweep(world.database).once()
    case = await world.case(A, "alva")
    assert (case["school_unit_id"], case["assigned_staff_id"]) == (A.unit("ek"), A.staff("olle"))
    assert (await world.history(A, "alva"))[-2:] == ["moved", "assigned"]
    async with world.database.person(A.viewer("karin")) as connection:
        assert await connection.fetchval("SELECT count(*) FROM cases.cases") == 0


async def test_a_call_home_without_a_case_goes_along_to_the_new_school(world: World) -> None:
    # Whoever is närvaroansvarig of both schools goes on holding it.
    await give_duty(world.admin, A, "karin", "attendance_officer", "unit:ek")
    await world.admin.execute(
        "DELETE FROM people.duties WHERE staff_id = $1 AND role = 'attendance_officer'",
        A.staff("olle"),
    )
    await world.take_deliveries(delivery(A, "alva", TUESDAY, world.clock.now()))
    await world.admin.execute(
        "UPDATE people.placements SET school_unit_id = $2, class_id = $3 WHERE placement_id = $1",
        made(A.key, "placement", "alva"),
        A.unit("ek"),
        A.group("9C"),
    )
    sweep = Sweep(world.database)
    await sweep.once()
    await sweep.once()
    stands = "SELECT school_unit_id, class_id, assigned_staff_id, version FROM cases.duties"
    [row] = await world.admin.fetch(stands)
    assert tuple(row) == (A.unit("ek"), A.group("9C"), A.staff("karin"), 2)


async def test_a_closed_case_stays_where_it_was(world: World) -> None:
    await opened(world)
    case = await world.case(A, "alva")
    await world.close(A.viewer("karin"), case["case_id"])
    await world.admin.execute("DELETE FROM people.duties WHERE staff_id = $1", A.staff("karin"))
    await Sweep(world.database).once()
    assert (await world.case(A, "alva"))["assigned_staff_id"] == A.staff("karin")


async def test_a_roster_that_changes_during_a_round_moves_no_case_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(A, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY)
    await world.take(story.event(MONDAY))
    await give_duty(world.admin, A, "elias", "attendance_officer", "unit:bjork", substitute=True)

    async def meanwhile(connection: Connection) -> dict[UUID, UUID | None]:
        found = await areas(connection)
        if await connection.fetchval("SELECT cases.organiser()") != A.id:
            return found
        monkeypatch.setattr(people, "areas", areas)
        await world.admin.execute("DELETE FROM people.duties WHERE staff_id = $1", A.staff("karin"))
        await world.take(story.escalated(TUESDAY).event(TUESDAY))
        return found

    areas = people.areas
    monkeypatch.setattr(people, "areas", meanwhile)
    await Sweep(world.database).once()
    assert (await world.case(A, "alva"))["assigned_staff_id"] == A.staff("elias")
    assert (await world.history(A, "alva")).count("assigned") == 2
    assert (await world.told()).count("assigned") == 1


async def test_overdue_duties_are_counted(world: World) -> None:
    await opened(world)
    await world.take_deliveries(delivery(A, "hugo", TUESDAY, world.clock.now()))
    sweep = Sweep(world.database)
    world.clock.advance(timedelta(minutes=1))
    await sweep.once()
    assert OVERDUE.labels("call_home")._value.get() == 1
    assert OVERDUE.labels("acknowledge")._value.get() == 0
    world.clock.advance(timedelta(days=3))
    await sweep.once()
    assert OVERDUE.labels("acknowledge")._value.get() == 1


async def test_what_may_go_is_forgotten_and_nothing_else(world: World) -> None:
    await opened(world)
    await world.take(Story(B, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY))
    await world.admin.execute("UPDATE cases.outbox SET published_at = $1", world.clock.now())
    world.clock.advance(timedelta(days=8))
    await opened(world, "bo")
    await Sweep(world.database).once()
    assert await world.told() == ["opened"]
    assert await world.admin.fetchval("SELECT count(*) FROM cases.inbox") == 3
    world.clock.advance(timedelta(days=101))
    await Sweep(world.database).once()
    assert await world.admin.fetchval("SELECT count(*) FROM cases.inbox") == 0
    # Not published yet: it waits however long it takes.
    assert await world.told() == ["opened"]


async def test_more_cases_than_one_portion(world: World) -> None:
    stories = [
        Story(A, f"pupil-{number}", pb.FAMILY_LONG_TERM).raised(MONDAY) for number in range(450)
    ]
    await world.take(*(story.event(MONDAY) for story in stories))
    await world.admin.execute("DELETE FROM people.duties WHERE staff_id = $1", A.staff("karin"))
    await Sweep(world.database).once()
    holders = await world.admin.fetch("SELECT DISTINCT assigned_staff_id FROM cases.cases")
    assert [row["assigned_staff_id"] for row in holders] == [A.staff("rolf")]
