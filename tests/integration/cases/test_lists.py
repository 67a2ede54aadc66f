"""Long lists: a page begins with what needs doing first, says how many there are, and leads to all
of them; what is looked for from the viewer's side is what the policies give, no more and no less.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.store import reading
from services.cases.store.lists import Span
from services.cases.store.scope import Viewer
from services.cases.sweep import Sweep
from services.cases.views.cases import read_cases
from services.cases.views.queue import read_queue
from services.cases.views.today import FIRST, Part, read_part, today
from services.cases.web.today_pages import PARTS
from tests.integration.cases.cast import LOGINS, gather
from tests.integration.cases.site import Site, enter
from tests.integration.cases.world import (
    TUESDAY,
    YEAR,
    A,
    Story,
    World,
    delivery,
    give_duty,
    hire,
)

pytestmark = pytest.mark.anyio
KARIN = A.viewer("karin")
_MANY = 60


async def many(world: World, count: int = _MANY, first: int = 1) -> None:
    """So many more open cases of pupils in Karin's unit, each with a call home and a duty."""
    await world.admin.execute(
        """
        WITH one AS (
            SELECT n, gen_random_uuid() AS pupil, gen_random_uuid() AS case_id
            FROM generate_series($9::int, $9 + $5::int - 1) n),
        pupils AS (
            INSERT INTO people.pupils (organiser_id, pupil_id, given_name, family_name,
                birth_date, sex, protection)
            SELECT $1, pupil, 'Elev', 'Påhittad ' || n, '2013-03-03', 'unknown', 'none' FROM one
            RETURNING pupil_id),
        placed AS (
            INSERT INTO people.placements (organiser_id, placement_id, pupil_id, school_unit_id,
                class_id, school_form, grade, school_year, valid_from)
            SELECT $1, gen_random_uuid(), pupil, $2, $3, 'GR', 7, $6, '2026-08-01' FROM one
            RETURNING pupil_id),
        cases AS (
            INSERT INTO cases.cases (organiser_id, case_id, number, pupil_id, school_year,
                school_unit_id, class_id, state, assigned_staff_id, assigned_as, level, family,
                headline, school_date, woke, opened_at, acknowledged_at, updated_at)
            SELECT $1, case_id, 'F-2026-9' || lpad(n::text, 4, '0'), pupil, $6, $2, $3,
                'acknowledged', $4, 'attendance_officer', 1 + n % 3, 'long_term', 'Frånvarande.',
                $7, true, $8::timestamptz - n * interval '1 minute', $8, $8 FROM one
            RETURNING case_id)
        INSERT INTO cases.duties (organiser_id, duty_id, kind, pupil_id, school_year,
            school_unit_id, class_id, case_id, assigned_staff_id, assigned_as, school_date, due_at,
            created_at)
        SELECT $1, gen_random_uuid(), k.kind, pupil, $6, $2, $3, case_id, $4, 'attendance_officer',
            $7, $8::timestamptz + n * interval '1 hour', $8
        FROM one CROSS JOIN (VALUES ('call_home'), ('take_stand')) k(kind)
        """,
        A.id,
        A.unit(),
        A.group(),
        A.staff("karin"),
        count,
        YEAR,
        TUESDAY,
        world.clock.now(),
        first,
    )


async def absent(world: World, day: date, count: int = _MANY, taken_back: int = 0) -> None:
    """So many more pupils of Karin's unit with ogiltig frånvaro on a day; some of it taken back."""
    names = [f"{day.isoformat()}-{n}" for n in range(count)]
    await world.admin.execute(
        """
        WITH one AS (SELECT pupil, n FROM unnest($2::uuid[]) WITH ORDINALITY u(pupil, n)),
        pupils AS (
            INSERT INTO people.pupils (organiser_id, pupil_id, given_name, family_name,
                birth_date, sex, protection)
            SELECT $1, pupil, 'Elev', 'Påhittad ' || lpad(n::text, 3, '0'), '2013-03-03',
                'unknown', 'none' FROM one)
        INSERT INTO people.placements (organiser_id, placement_id, pupil_id, school_unit_id,
            class_id, school_form, grade, school_year, valid_from)
        SELECT $1, gen_random_uuid(), pupil, $3, $4, 'GR', 7, $5, '2026-08-01' FROM one
        """,
        A.id,
        [A.pupil(name) for name in names],
        A.unit(),
        A.group(),
        YEAR,
    )
    stories = [Story(A, name, pb.FAMILY_UNEXCUSED_TODAY).raised(day) for name in names]
    await world.take(*(story.event(day) for story in stories))
    if taken_back:
        await world.take(*(one.withdrawn().event(day) for one in stories[:taken_back]))


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    """The statements that the service's connections run meanwhile."""
    found: list[str] = []
    pool: Any = world.database.pool
    held = [holder._con for holder in pool._holders if holder._con is not None]

    def note(record: Any) -> None:
        found.append(record.query)

    for connection in held:
        connection.add_query_logger(note)
    try:
        yield found
    finally:
        for connection in held:
            connection.remove_query_logger(note)


def name_of(line: Any) -> str:
    """What tells a line apart."""
    duty, case = getattr(line, "duty_id", None), getattr(line, "number", None)
    return str(duty or case or line.pupil.name)


async def whole_part(world: World, part: Part, limit: int) -> list[str]:
    """Every line of a part, page by page, by what tells it apart."""
    found: list[str] = []
    offset: int | None = 0
    while offset is not None:
        shown = await read_part(world.database, KARIN, "mine", part, Span(offset, limit))
        lines = shown.calls or shown.duties or shown.cases or shown.unexcused
        assert len(lines) == min(limit, shown.total - offset)
        found += [name_of(line) for line in lines]
        offset = shown.next_offset
    return found


async def test_a_long_part_begins_with_the_gravest_and_says_how_many_there_are(
    world: World,
) -> None:
    await many(world)
    shown = await today(world.database, KARIN, "mine")
    assert shown.totals.under_way == _MANY
    assert len(shown.under_way) == FIRST["under_way"]
    order = [(-line.level, line.opened_at) for line in shown.under_way]
    assert order == sorted(order)
    assert order[-1][0] == -3
    assert (shown.totals.calls, len(shown.calls)) == (_MANY, FIRST["calls"])
    assert (shown.totals.duties, len(shown.duties)) == (_MANY, FIRST["duties"])
    due = [line.due_at for line in shown.duties]
    assert due == sorted(due)


@pytest.mark.parametrize("part", ["calls", "duties", "under_way", "unexcused", "unexcused_before"])
async def test_page_by_page_nothing_is_lost_and_nothing_comes_twice(
    world: World, part: Part
) -> None:
    if part.startswith("unexcused"):
        # What stands first; what was taken back is listed only on its own day.
        await absent(world, TUESDAY, taken_back=9)
        await absent(world, TUESDAY - timedelta(days=1), _MANY + 9, taken_back=9)
    else:
        await many(world)
    shown = await today(world.database, KARIN, "mine")
    first = [name_of(one) for one in getattr(shown, part)]
    for limit in (7, _MANY - 1, _MANY, _MANY + 1):
        found = await whole_part(world, part, limit)
        assert len(found) == len(set(found)) == _MANY
        # What the list begins with is what the part's own page begins with.
        assert found[: len(first)] == first
    after = await read_part(world.database, KARIN, "mine", part, Span(_MANY + 5, 7))
    assert (after.total, after.next_offset) == (_MANY, None)


async def test_after_the_last_page_there_is_none_and_the_page_says_so(
    world: World, site: Site, client: httpx.AsyncClient
) -> None:
    await many(world)
    await enter(client, site, "karin")
    last = (await client.get("/idag/pagar", params={"visa": "mina", "fran": 50})).text
    assert "51–60 av 60 ärenden" in last
    assert "Nästa sida" not in last
    assert "Föregående sida" in last
    beyond = (await client.get("/idag/pagar", params={"visa": "mina", "fran": 60})).text
    assert beyond.count("Listan är kortare nu") == 1
    assert "Föregående sida" in beyond
    assert "/arenden/" not in beyond.split("<main")[1]
    assert (await client.get("/arenden?fran=100")).text.count("Listan är kortare nu") == 1
    assert (await client.get("/idag/finns-inte")).status_code == 404


async def test_a_part_says_whose_lines_it_has(
    world: World, site: Site, client: httpx.AsyncClient
) -> None:
    await many(world, 1)
    await absent(world, TUESDAY, 2)
    await absent(world, TUESDAY - timedelta(days=1), 2)
    await enter(client, site, "karin")
    own, everything = "Det som står på dig eller på ingen", "Allt i ditt uppdrag"
    for part, mine in (("pagar", own), ("ogiltig", everything), ("ogiltig-tidigare", everything)):
        assert mine in (await client.get(f"/idag/{part}", params={"visa": "mina"})).text, part
        assert everything in (await client.get(f"/idag/{part}", params={"visa": "alla"})).text


@pytest.mark.parametrize("part", ["unexcused", "calls"])
async def test_a_parts_own_page_counts_what_stands_like_the_list(
    world: World, site: Site, client: httpx.AsyncClient, part: Part
) -> None:
    """What was taken back is shown last, and is no pupil to call home about."""
    if part == "unexcused":
        await absent(world, TUESDAY, 6, taken_back=2)
    else:
        await many(world, 6)
        await world.admin.execute(
            "UPDATE cases.duties d SET withdrawn_at = d.created_at FROM cases.cases c "
            "WHERE c.case_id = d.case_id AND d.kind = 'call_home' AND c.number < 'F-2026-90003'"
        )
    await enter(client, site, "karin")
    for address in ("/", f"/idag/{PARTS[part].path}"):
        text = (await client.get(address, params={"visa": "mina"})).text
        heading = f'{PARTS[part].title} <span class="n">4</span>'
        assert text.count(heading) == 1, address
    assert "2 som inte längre gäller står sist." in text.replace("\xa0", " ")
    shown = (await client.get(f"/api/v1/today/{part}")).json()
    assert (shown["standing"], shown["total"]) == (4, 6)


async def test_what_is_due_later_is_counted_whole(
    world: World, site: Site, client: httpx.AsyncClient
) -> None:
    await many(world)
    await world.admin.execute(
        "UPDATE cases.duties d SET due_at = d.due_at + interval '20 days' FROM cases.cases c "
        "WHERE c.case_id = d.case_id AND c.number > 'F-2026-90015'"
    )
    await enter(client, site, "karin")
    text = (await client.get("/")).text.replace("\xa0", " ")
    assert "Här visas 20 av 60 uppgifter" in text
    assert "Senare: 45 uppgifter" in text


async def test_the_page_leads_from_the_beginning_of_each_part_to_all_of_it(
    world: World, site: Site, client: httpx.AsyncClient
) -> None:
    await many(world)
    await enter(client, site, "karin")
    text = (await client.get("/")).text
    for part, words in (
        ("under_way", "Här visas 10 av 60 ärenden"),
        ("calls", "Här visas 30 av 60 samtal"),
        ("duties", "Här visas 20 av 60 uppgifter"),
    ):
        assert words in text.replace("\xa0", " ")
        address = f"/idag/{PARTS[part].path}?visa=mina"  # type: ignore[index]  # a part's name
        assert f'href="{address}"' in text
        numbers = set()
        while address:
            page = (await client.get(address)).text
            numbers |= set(re.findall(r"F-2026-9\d{4}", page))
            found = re.search(r'href="([^"]*)" rel="next"', page)
            address = found[1].replace("&amp;", "&") if found else ""
        assert len(numbers) == _MANY


async def test_what_fits_leads_nowhere_else(
    world: World, site: Site, client: httpx.AsyncClient
) -> None:
    await many(world, FIRST["under_way"])
    await enter(client, site, "karin")
    assert "Här visas" not in (await client.get("/")).text


async def test_all_cases_are_counted_and_paged(
    world: World, site: Site, client: httpx.AsyncClient
) -> None:
    await many(world)
    await world.admin.execute(
        "UPDATE cases.cases SET state = 'closed', closed_at = opened_at, close_reason = 'resolved' "
        "WHERE number LIKE 'F-2026-9000%'"
    )
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = await read_cases(world.database, KARIN, "open", Span(offset, 20))
        assert page.total == _MANY - 9
        seen += [line.number for line in page.cases]
        offset = page.next_offset
    assert len(seen) == len(set(seen)) == _MANY - 9
    closed = await read_cases(world.database, KARIN, "closed", Span(0, 20))
    assert (closed.total, len(closed.cases), closed.next_offset) == (9, 9, None)
    assert (await read_cases(world.database, KARIN, "any", Span(0, 1))).total == _MANY
    await enter(client, site, "karin")
    assert "1–50 av 51 ärenden" in (await client.get("/arenden")).text


async def desk(world: World) -> None:
    """A desk of koordinatorer with 70 cases that wait, 35 under way, 25 closed and 55 received."""
    await hire(world.admin, A, "tess", "Tess", "Övning")
    await give_duty(world.admin, A, "tess", "team_leader", "area")
    await many(world)
    await many(world, 70, first=100)
    run = world.admin.execute
    await run(
        "UPDATE cases.cases SET state = 'closed', closed_at = opened_at, close_reason = 'other' "
        "WHERE number <= 'F-2026-90025'"
    )
    await run(
        """
        INSERT INTO cases.case_shares (organiser_id, share_id, case_id, audience, since)
        SELECT organiser_id, gen_random_uuid(), case_id,
            CASE WHEN number < 'F-2026-90100' THEN 'coordination' ELSE 'queue' END, opened_at
        FROM cases.cases
        """
    )
    order = {"on": TUESDAY.isoformat(), "help": "Hjälp.", "contact": "Rolf", "told": True}
    await run(
        """
        INSERT INTO cases.entries (organiser_id, entry_id, case_id, school_unit_id, class_id, kind,
            status, body, sensitivity, school_date, created_at, created_by, updated_at, updated_by)
        SELECT organiser_id, gen_random_uuid(), case_id, school_unit_id, class_id,
            'coordination_request', 'ordered', $1, 'ordinary', $2, opened_at, $3, opened_at, $3
        FROM cases.cases WHERE number >= 'F-2026-90100'
        """,
        json.dumps(order),
        TUESDAY,
        A.staff("rolf"),
    )
    await run(
        """
        INSERT INTO cases.documents (organiser_id, document_id, direction, kind, school_unit_id,
            sender, recipient, fields, pdf, digest, created_at)
        SELECT $1, gen_random_uuid(), 'received', 'coordination_request',
            '00000000-0000-0000-0000-000000000000', 'Friskola ' || n, 'Koordinatorerna', '{}', '',
            '', $2::timestamptz - n * interval '1 minute'
        FROM generate_series(1, 55) n
        """,
        A.id,
        world.clock.now(),
    )


async def test_the_koordinators_desk_is_counted_and_paged_and_what_is_closed_is_not_read(
    world: World, site: Site, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk(world)
    read: set[UUID] = set()
    some_cases = reading.some_cases

    async def noting(connection: Any, case_ids: Sequence[UUID]) -> Any:
        read.update(case_ids)
        return await some_cases(connection, case_ids)

    monkeypatch.setattr(reading, "some_cases", noting)
    tess = A.viewer("tess")
    shown = await read_queue(world.database, tess)
    closed = await world.admin.fetch("SELECT case_id FROM cases.cases WHERE state = 'closed'")
    assert read.isdisjoint(row["case_id"] for row in closed)
    for name, total in (("waiting", 70), ("received", 55), ("mine", 35)):
        found: list[str] = []
        offset: int | None = 0
        while offset is not None:
            shown = await read_queue(world.database, tess, **{name: Span(offset, 20)})
            stretch = getattr(shown, f"{name}_part")
            assert (stretch.total, stretch.offset) == (total, offset)
            lines: list[Any] = getattr(shown, name)
            found += [one.sender if name == "received" else one.case.number for one in lines]
            offset = stretch.next_offset
        assert len(found) == len(set(found)) == total
    await enter(client, site, "tess")
    assert (await client.get("/api/v1/today")).json()["queue"] == 125
    text = (await client.get("/koordinator")).text.replace("\xa0", " ")
    assert "70 beställningar väntar" in text
    assert "1–50 av 70 beställningar" in text
    assert "1–50 av 55 beställningar" in text
    last = (await client.get("/koordinator", params={"vantar": 50, "andra": 50, "fran": 40})).text
    for words in ("51–70 av 70", "51–55 av 55"):
        assert words in last
    beyond = (await client.get("/koordinator", params={"vantar": 100})).text
    assert beyond.count("Listan är kortare nu") == 1


async def test_what_is_found_from_the_viewers_side_is_what_the_policies_give(
    world: World,
) -> None:
    targets = await gather(world)
    run = world.admin.execute
    # Closed with something still open; standing with nobody; standing with who works elsewhere now;
    # known to the huvudman; and a duty that stands with another than its case.
    await run(
        "UPDATE cases.cases SET state = 'closed', closed_at = now(), close_reason = 'resolved' "
        "WHERE case_id = $1",
        targets["unit"].case_id,
    )
    await run(
        "UPDATE cases.cases SET assigned_staff_id = NULL, assigned_as = NULL WHERE case_id = $1",
        targets["area"].case_id,
    )
    await run(
        "UPDATE cases.cases SET assigned_staff_id = $2 WHERE case_id = $1",
        targets["own"].case_id,
        A.staff("olle"),
    )
    await run(
        "UPDATE cases.cases SET assigned_staff_id = $2 WHERE case_id = $1",
        targets["unit"].case_id,
        A.staff("karin"),
    )
    await run(
        "UPDATE cases.duties SET assigned_staff_id = $2 WHERE duty_id = $1",
        targets["area"].todo_id,
        A.staff("rut"),
    )
    # A closed one that a warning has moved to another school, with a call home still open.
    mine = Story(A, "bo", pb.FAMILY_LONG_TERM).raised(TUESDAY)
    await world.take(mine.event(TUESDAY))
    await world.take_deliveries(delivery(A, "bo", TUESDAY, world.clock.now()))
    await run(
        "UPDATE cases.cases SET state = 'closed', closed_at = now(), close_reason = 'resolved' "
        "WHERE pupil_id = $1",
        A.pupil("bo"),
    )
    await run(
        "UPDATE people.placements SET school_unit_id = $2, class_id = $3 WHERE pupil_id = $1",
        A.pupil("bo"),
        A.unit("ek"),
        A.group("9C"),
    )
    await world.take(mine.resolved(TUESDAY).event(TUESDAY))
    everybody = {*LOGINS.values(), "olle", "rut", "vik"}
    found = set()
    for login in sorted(everybody):
        viewer = Viewer(A.id, A.staff(login))
        async with world.database.person(viewer) as connection:
            for near, whole in (
                (
                    "SELECT cases.open_cases_in_reach()",
                    "SELECT ARRAY(SELECT case_id FROM cases.cases WHERE state <> 'closed')",
                ),
                (
                    "SELECT cases.open_duties_in_reach()",
                    "SELECT ARRAY(SELECT duty_id FROM cases.duties WHERE done_at IS NULL)",
                ),
                (
                    "SELECT cases.unexcused_in_reach('2026-11-24', '2026-11-24', 2026)",
                    """SELECT ARRAY(SELECT DISTINCT thread_id FROM cases.episodes
                    WHERE family = 'unexcused_today' AND raised_day = '2026-11-24')""",
                ),
            ):
                of_reach: list[UUID] = await connection.fetchval(near)
                assert len(of_reach) == len(set(of_reach)), (login, near)
                assert set(of_reach) == set(await connection.fetchval(whole)), (login, near)
                found.add((near, len(of_reach) > 0))
    # Somebody finds something of each, and somebody nothing.
    assert len(found) == 6


async def test_a_page_costs_as_many_statements_however_long_the_list_is(
    world: World, site: Site, client: httpx.AsyncClient
) -> None:
    await many(world, 12)
    await enter(client, site, "karin")
    number = "F-2026-90001"
    pages = ("/", "/arenden", f"/arenden/{number}", "/idag/pagar", "/idag/att-gora")
    for address in pages:
        assert (await client.get(address)).status_code == 200
    few, transactions = {}, {}
    for address in pages:
        with counted(world) as statements:
            await client.get(address)
        few[address] = len(statements)
        transactions[address] = sum(one.startswith("BEGIN") for one in statements)
    await many(world, _MANY, first=13)
    for address in pages:
        with counted(world) as statements:
            await client.get(address)
        assert len(statements) <= few[address], address
    # The session, who one is, and the page itself; today's list is read with the second.
    assert transactions.pop("/") == 2
    assert set(transactions.values()) == {3}
    assert few["/"] <= 30
    assert few[f"/arenden/{number}"] <= 40
    assert max(few["/arenden"], few["/idag/pagar"], few["/idag/att-gora"]) <= 20


async def test_an_open_duty_goes_with_its_case_to_another_school(world: World) -> None:
    await world.take(
        Story(A, "alva", pb.FAMILY_LONG_TERM).raised(TUESDAY).event(TUESDAY),
    )
    await world.take_deliveries(
        delivery(A, "alva", TUESDAY, world.clock.now(), reason="no_address")
    )
    await world.admin.execute(
        "UPDATE people.placements SET school_unit_id = $2, class_id = $3 WHERE pupil_id = $1",
        A.pupil("alva"),
        A.unit("ek"),
        A.group("9C"),
    )
    await Sweep(world.database).once()
    rows = await world.admin.fetch(
        "SELECT school_unit_id, class_id, assigned_staff_id FROM cases.duties "
        "WHERE pupil_id = $1 AND done_at IS NULL",
        A.pupil("alva"),
    )
    assert len(rows) >= 2
    assert {tuple(row) for row in rows} == {(A.unit("ek"), A.group("9C"), A.staff("olle"))}
    assert (await today(world.database, KARIN, "all")).calls == []
    assert len((await today(world.database, A.viewer("olle"), "mine")).calls) == 1
