"""ews.school-signals.v1 becomes 'Skolan just nu', and no more than the school's own eyes see it."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from forvarning.school.v1 import school_pb2 as pb
from services.cases.domain.threads import UnreadableMessageError
from services.cases.intake import school
from services.cases.views.models import SchoolLine
from services.cases.views.today import today
from tests.integration.cases.world import TUESDAY, A, B, World, give_duty, hire, school_signal

pytestmark = pytest.mark.anyio

MONDAY = TUESDAY - timedelta(days=1)
NBSP = "\N{NO-BREAK SPACE}"


async def now(world: World, login: str = "karin") -> list[SchoolLine]:
    return (await today(world.database, A.viewer(login), "all")).school


async def stored(world: World) -> list[asyncpg.Record]:
    return await world.admin.fetch(
        "SELECT *, xmin::text AS written FROM cases.school_signals ORDER BY signal_id"
    )


async def test_a_wave_in_a_class(world: World) -> None:
    await world.take_signals(school_signal(A, "wave", "class:7A", MONDAY))
    (line,) = await now(world)
    assert (line.kind, line.school_unit, line.parts) == ("wave", "Björkskolan", [])
    assert line.text == "Många i 7A är borta med giltig orsak: 9 av 24 i\u00a0går, vanligen 2."


async def test_the_highest_revision_stands_and_of_equal_ones_the_later(world: World) -> None:
    first = school_signal(A, "wave", "class:7A", MONDAY, revision=5)
    await world.take_signals(first)
    before = await stored(world)
    world.clock.advance(timedelta(minutes=1))
    await world.take_signals(first)
    assert await stored(world) == before  # the same again writes nothing
    await world.take_signals(school_signal(A, "wave", "class:7A", TUESDAY, revision=4))
    assert await stored(world) == before
    later = school_signal(A, "wave", "class:7A", TUESDAY, revision=5, absent=10)
    await world.take_signals(first, later)
    (row,) = await stored(world)
    assert (row["absent"], row["snapshot"]) == (10, later)
    # Read again from where the offset was committed: what came last ends last.
    await world.take_signals(first)
    await world.take_signals(later)
    assert (await stored(world))[0]["snapshot"] == later


async def test_what_is_over_taken_back_or_old_takes_no_room(world: World) -> None:
    await world.take_signals(
        school_signal(A, "wave", "class:7A", MONDAY, state="OVER"),
        school_signal(A, "cluster", "slot:first", MONDAY, state="NONE"),
        school_signal(A, "wave", "class:8B", TUESDAY - timedelta(days=15)),
    )
    assert len(await stored(world)) == 3
    assert await now(world) == []
    await world.take_signals(
        school_signal(A, "wave", "class:8B", TUESDAY - timedelta(days=14), revision=2)
    )
    assert len(await now(world)) == 1


async def test_the_units_own_line_holds_those_of_its_classes(world: World) -> None:
    await world.take_signals(
        school_signal(A, "unreported", "subject:Slöjd", MONDAY),
        school_signal(A, "unreported", "class:7A", MONDAY),
        school_signal(A, "unreported", "unit", MONDAY, pupils=300),
        school_signal(A, "cluster", "slot:last", MONDAY),
    )
    cluster, unreported = await now(world)
    assert (cluster.kind, cluster.parts) == ("cluster", [])
    assert "av lektionstiden på skolan är rapporterad" in unreported.text
    assert [part.partition(" är rapporterad")[0] for part in unreported.parts] == [
        f"Bara 61{NBSP}% av lektionstiden i 7A",
        f"Bara 61{NBSP}% av lektionstiden i ämnet Slöjd",
    ]


async def test_who_sees_what(world: World) -> None:
    for organiser in (A, B):
        await world.take_signals(
            school_signal(organiser, "wave", "class:7A", MONDAY),
            school_signal(organiser, "wave", "class:8B", MONDAY),
            school_signal(organiser, "wave", "unit", MONDAY, unit="ek", pupils=200, absent=40),
            school_signal(organiser, "cluster", "class:7A", MONDAY),
        )
    texts = {
        login: [line.text.partition(" är ")[0] for line in await now(world, login)]
        for login in ("karin", "rolf", "maja", "elias", "olle", "rut", "kim")
    }
    bjork = ["Många i 7A", "Många i 8B", "I 7A"]
    assert texts == {
        "karin": bjork,
        "rolf": bjork,
        "maja": ["Många i 7A"],
        "elias": [],
        "olle": ["Många på skolan"],
        "rut": ["Många på skolan"],
        "kim": [],
    }
    await hire(world.admin, A, "chef", "Chefa", "Områdsson")
    await give_duty(world.admin, A, "chef", "principal", "area")
    assert len(await now(world, "chef")) == 4
    # Another organiser's rektor, and one with the same duties elsewhere, see none of it.
    theirs = (await today(world.database, B.viewer("rolf"), "all")).school
    assert len(theirs) == 3
    async with world.database.person(B.viewer("rolf")) as connection:
        units = await connection.fetch("SELECT DISTINCT school_unit_id FROM cases.school_signals")
    assert [row["school_unit_id"] for row in units] == [B.unit("bjork")]


def signal(**changed: object) -> pb.SchoolSignal:
    found = pb.SchoolSignal.FromString(school_signal(A, "wave", "class:7A", MONDAY))
    for name, value in changed.items():
        setattr(found, name, value)
    return found


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff\xff", "malformed"),
        (signal(kind=0).SerializeToString(), "unknown_kind"),
        (signal(scope=pb.SIGNAL_SCOPE_SLOT).SerializeToString(), "unknown_kind"),
        (signal(school_unit_id=b"short").SerializeToString(), "bad_id"),
        (signal(class_id=b"").SerializeToString(), "bad_id"),
        (school_signal(A, "wave", "class:7A", MONDAY, pupils=4), "too_few"),
    ],
)
def test_what_is_no_signal_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(UnreadableMessageError) as refused:
        school.decode(raw)
    assert refused.value.reason == reason


def test_a_tombstone_means_nothing_here() -> None:
    assert school.decode(None) is None
