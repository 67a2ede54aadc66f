"""Absence days land idempotently, each in its school year, whichever years there are."""

from __future__ import annotations

from datetime import date, timedelta

import asyncpg
import pytest

from services.cases.intake import absence
from services.cases.sweep import Sweep
from tests.integration.cases.world import TUESDAY, A, B, World, absence_day

pytestmark = pytest.mark.anyio


async def held(world: World) -> list[tuple[date, int, int, str]]:
    rows = await world.admin.fetch(
        "SELECT day, valid, revision, tableoid::regclass::text AS place FROM cases.absence_days "
        "ORDER BY organiser_id, pupil_id, day"
    )
    return [(row["day"], row["valid"], row["revision"], row["place"]) for row in rows]


async def test_the_highest_revision_of_a_day_is_kept_whatever_the_order(world: World) -> None:
    first = absence_day(A, "alva", TUESDAY, valid=60, revision=1)
    second = absence_day(A, "alva", TUESDAY, valid=120, revision=2)
    await world.take_days(second, first)
    assert await held(world) == [(TUESDAY, 120, 2, "cases.absence_days_2026")]
    await world.take_days(first)
    await world.take_days(first, second)
    assert await held(world) == [(TUESDAY, 120, 2, "cases.absence_days_2026")]
    await world.take_days(absence_day(A, "alva", TUESDAY, valid=0, revision=3))
    assert await held(world) == [(TUESDAY, 0, 3, "cases.absence_days_2026")]


async def test_the_same_batch_twice_writes_no_row_twice_nor_anew(world: World) -> None:
    days = [absence_day(A, "alva", TUESDAY - timedelta(days=n), valid=n) for n in range(300)]
    await world.take_days(*days)
    before = await world.admin.fetch("SELECT ctid, xmin, * FROM cases.absence_days ORDER BY day")
    await world.take_days(*days)
    after = await world.admin.fetch("SELECT ctid, xmin, * FROM cases.absence_days ORDER BY day")
    assert len(after) == 300
    assert before == after


async def test_what_lands_stays_in_its_tenant(world: World) -> None:
    """Row-level security holds for the landing, too: nothing can be put into another's rows."""
    await world.take_days(absence_day(A, "alva", TUESDAY, valid=60))
    found = absence.decode(absence_day(B, "alva", TUESDAY, valid=60))
    assert found is not None
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await absence.apply(world.database, A.id, [found])
    assert len(await held(world)) == 1
    # And the connection's landing place is empty for whoever takes it next.
    await world.take_days(absence_day(B, "bo", TUESDAY, valid=30))
    assert sorted(row[1] for row in await held(world)) == [30, 60]


async def test_a_day_of_a_year_without_partition_is_kept_and_moves_when_there_is_one(
    world: World,
) -> None:
    far = date(2051, 9, 4)
    await world.take_days(absence_day(A, "alva", far, valid=60))
    await world.take_days(absence_day(B, "bo", date(2052, 7, 1), valid=30))
    assert {row[3] for row in await held(world)} == {"cases.absence_days_other"}
    made = await world.pool.fetchval("SELECT cases.make_absence_year(2051)")
    again = await world.pool.fetchval("SELECT cases.make_absence_year(2051)")
    assert (made, again) == (True, False)
    assert sorted(row[3] for row in await held(world)) == [
        "cases.absence_days_2051",
        "cases.absence_days_other",
    ]
    # The new partition takes corrections, and sees no other tenant.
    await world.take_days(absence_day(A, "alva", far, valid=90, revision=2))
    assert (far, 90, 2, "cases.absence_days_2051") in await held(world)


async def test_a_new_partition_is_under_the_parents_policies(world: World) -> None:
    await world.pool.fetchval("SELECT cases.make_absence_year(2051)")
    policies = {
        (
            *(row["tablename"], row["policyname"], tuple(row["roles"]), row["cmd"]),
            # A condition names the table that it stands on.
            row["qual"].replace(f"{row['tablename']}.", "absence_days."),
        )
        for row in await world.admin.fetch(
            "SELECT * FROM pg_policies WHERE tablename IN ('absence_days', 'absence_days_2051')"
        )
    }
    parents = {policy[1:] for policy in policies if policy[0] == "absence_days"}
    assert parents
    assert {policy[1:] for policy in policies if policy[0] == "absence_days_2051"} == parents
    forced = await world.admin.fetch(
        "SELECT relrowsecurity AND relforcerowsecurity AS forced FROM pg_class "
        "WHERE relname IN ('absence_days_2051', 'absence_days_other')"
    )
    assert [row["forced"] for row in forced] == [True, True]


async def test_the_sweep_makes_the_coming_school_years(world: World) -> None:
    """No hand is needed when the migration's years have run out."""
    world.clock.advance(timedelta(days=366 * 14))
    await Sweep(world.database).once()
    names = {
        row["relname"]
        for row in await world.admin.fetch("SELECT relname FROM pg_class WHERE relkind = 'r'")
    }
    year = world.database.today().year
    assert {f"absence_days_{year}", f"absence_days_{year + 1}"} <= names


@pytest.mark.parametrize("year", [1999, 2201, -1])
async def test_no_partition_is_made_for_a_year_that_is_none(world: World, year: int) -> None:
    with pytest.raises(asyncpg.RaiseError):
        await world.pool.fetchval("SELECT cases.make_absence_year($1)", year)
