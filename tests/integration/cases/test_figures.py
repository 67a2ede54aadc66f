"""Counts for the områdeschef and the nämnd: right, and no small one shown or told by the others."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from uuid import uuid4

import pytest

from services.cases.views.figures import FiguresShown, read_figures
from services.common.problem import Problem
from tests.integration.cases.site import Site, enter
from tests.integration.cases.world import TUESDAY, YEAR, A, B, Organiser, World, give_duty, hire

pytestmark = pytest.mark.anyio
FAMILIES = ("sporadic", "long_term", "escalation")
STATES = ("new", "acknowledged", "closed")


@dataclass(frozen=True)
class Kind:
    """A case as it is counted."""

    unit: str
    family: str | None
    state: str


async def put(world: World, kinds: list[Kind], organiser: Organiser = A, year: int = YEAR) -> None:
    """These cases and no others."""
    await world.admin.execute(
        "DELETE FROM cases.cases WHERE organiser_id = $1 AND school_year = $2", organiser.id, year
    )
    await world.admin.executemany(
        """
        INSERT INTO cases.cases (organiser_id, case_id, number, pupil_id, school_year,
            school_unit_id, state, family, school_date, woke, opened_at, updated_at, closed_at,
            close_reason)
        VALUES ($1, $2, $3, $2, $4, $5, $6, $7, $8, true, now(), now(),
            CASE WHEN $6 = 'closed' THEN now() END, CASE WHEN $6 = 'closed' THEN 'other' END)
        """,
        [
            (
                organiser.id,
                uuid4(),
                f"F-{year}-{number:05d}-{organiser.key}",
                year,
                organiser.unit(kind.unit),
                kind.state,
                kind.family,
                TUESDAY,
            )
            for number, kind in enumerate(kinds)
        ],
    )


async def people(world: World) -> None:
    for login, role, where in (("nils", "board", "all"), ("ove", "area_manager", "area")):
        await hire(world.admin, A, login, login.title(), "Provsson")
        await give_duty(world.admin, A, login, role, where)


def cells(shown: FiguresShown) -> dict[str, dict[str, int | None]]:
    return {
        "unit": {figure.key: figure.cases for figure in shown.units},
        "family": {figure.key: figure.cases for figure in shown.families},
        "state": {figure.key: figure.cases for figure in shown.states},
    }


def truth(kinds: list[Kind]) -> dict[str, Counter[str]]:
    return {
        "unit": Counter(str(A.unit(kind.unit)) for kind in kinds),
        "family": Counter(kind.family or "" for kind in kinds),
        "state": Counter(kind.state for kind in kinds),
    }


def check(kinds: list[Kind], shown: FiguresShown) -> None:
    """Every shown count is right; what is hidden cannot be worked out."""
    total = shown.total
    assert total == (len(kinds) if len(kinds) >= 5 or not kinds else None)
    known = total
    for figures in cells(shown).values():
        # The reader may learn the total from a table that hides nothing.
        if figures and None not in figures.values():
            known = sum(number for number in figures.values() if number is not None)
    for name, figures in cells(shown).items():
        right = truth(kinds)[name]
        assert set(figures) == set(right), name
        hidden = [key for key, number in figures.items() if number is None]
        for key, number in figures.items():
            assert number is None or (number == right[key] and number >= 5), (name, key)
        if hidden and known is not None:
            assert len(hidden) >= 2, f"{name}: the total gives the only hidden one away"
            assert sum(right[key] for key in hidden) >= 5, f"{name}: the hidden are few together"
        if not any(number < 5 for number in right.values()):
            assert not hidden, f"{name}: nothing had to be hidden"


@pytest.mark.parametrize("seed", range(24))
async def test_no_small_count_is_shown_or_can_be_worked_out(world: World, seed: int) -> None:
    await people(world)
    own = random.Random(seed)
    kinds = [
        Kind(
            own.choice(("bjork", "bjork", "bjork", "ek")),
            own.choice((*FAMILIES, "sporadic", "sporadic", None)),
            own.choice((*STATES, "new", "new")),
        )
        for _ in range(own.choice((0, 1, 3, 4, 5, 6, 9, 12, 20, 40)))
    ]
    await put(world, kinds)
    # Another organiser's and another year's count for nothing.
    await put(world, [Kind("bjork", "sporadic", "new")] * 7, B)
    await put(world, [Kind("bjork", "sporadic", "new")] * 7, A, YEAR - 1)
    for login in ("nils", "ove"):
        check(kinds, await read_figures(world.database, A.viewer(login), None))


async def test_the_next_smallest_goes_with_a_lonely_small_one(world: World) -> None:
    await people(world)
    await put(world, [Kind("bjork", "sporadic", "new")] * 30 + [Kind("ek", "long_term", "new")] * 2)
    shown = await read_figures(world.database, A.viewer("nils"), YEAR)
    assert shown.total == 32
    assert set(cells(shown)["unit"].values()) == {None}
    assert set(cells(shown)["family"].values()) == {None}
    assert cells(shown)["state"] == {"new": 32}


async def test_each_year_and_area_for_itself(world: World) -> None:
    await people(world)
    await put(world, [Kind("bjork", "sporadic", "new")] * 6 + [Kind("ek", "sporadic", "new")] * 8)
    await world.admin.execute(
        "UPDATE people.school_units SET area_id = NULL WHERE school_unit_id = $1", A.unit("ek")
    )
    board = await read_figures(world.database, A.viewer("nils"), YEAR)
    manager = await read_figures(world.database, A.viewer("ove"), YEAR)
    assert (board.total, board.scope) == (14, "hela huvudmannen")
    assert (manager.total, manager.scope) == (6, "Område Norr")
    assert [figure.label for figure in manager.units] == ["Björkskolan"]
    empty = await read_figures(world.database, A.viewer("nils"), YEAR - 1)
    assert (empty.total, empty.units) == (0, [])


@pytest.mark.parametrize("login", ["karin", "rolf", "maja", "kim"])
async def test_counts_are_for_those_who_answer_for_them(world: World, login: str) -> None:
    await put(world, [Kind("bjork", "sporadic", "new")] * 6)
    with pytest.raises(Problem) as refused:
        await read_figures(world.database, A.viewer(login), YEAR)
    assert refused.value.status == 403
    async with world.database.person(A.viewer(login)) as connection:
        assert await connection.fetch("SELECT * FROM cases.figures($1)", YEAR) == []
        unit = A.unit("bjork")
        assert await connection.fetch("SELECT * FROM cases.area_cases($1, $2)", unit, YEAR) == []


async def test_the_page_says_what_is_not_shown(world: World, site: Site) -> None:
    await people(world)
    await put(world, [Kind("bjork", "sporadic", "new")] * 30 + [Kind("ek", "long_term", "new")] * 2)
    async with site.browser() as client:
        await enter(client, site, "nils")
        page = (await client.get("/oversikt")).text
        assert page.count("visas inte</span>") == 4
        assert "Antal under 5 visas inte" in page
        assert "Ärendenummer" not in page, "the nämnd goes no further"
    row = await world.admin.fetchval(
        "SELECT count(*) FROM cases.audit WHERE action LIKE 'figures%'"
    )
    assert row == 1
