"""Skyddade personuppgifter: strings that are in nobody else's data are looked for in every answer
of every route to every role, and in what the service logs, measures, tells onwards and keeps."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import unquote

import httpx
import pypdf
import pytest

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.chain.perform import perform
from tests.integration.cases import access, cast
from tests.integration.cases.cast import LOGINS, Target, gather
from tests.integration.cases.routes import routes_of
from tests.integration.cases.site import Site, csrf, enter
from tests.integration.cases.test_access import Visitor, in_order
from tests.integration.cases.world import (
    TUESDAY,
    YEAR,
    A,
    Story,
    World,
    absence_day,
    delivery,
    give_duty,
    hire,
    made,
)

pytestmark = pytest.mark.anyio
MONDAY = TUESDAY - timedelta(days=1)
#: Each once and nowhere else; no word of the pages has these letters.
SCHOOL, CLASS = "Qvzskolan", "8Qvz"
PERSON = {
    "given name": "Qvzanna",
    "family name": "Qvzdotter",
    "personnummer": "201206019871",
    "phone": "070-987 65 43",
    "mail": "qvz.elev@example.org",
    "guardian": "Qvzmamma",
    "guardian's phone": "070-123 98 76",
    "guardian's mail": "qvz.hem@example.org",
    "what was written": "Qvzhemligt",
}
#: Those at the protected pupil's own unit who see the number only. Their own duty names the unit,
#: and the mentor's the class.
NEAR = {"qvz.tva": {SCHOOL}, "qvz.halsa": {SCHOOL}, "qvz.mentor": {SCHOOL, CLASS}}
NAMED = ("qvz.narvaro", "qvz.rektor")


@pytest.fixture
async def targets(world: World) -> dict[str, Target]:
    found = await gather(world)
    found["protected"] = await _hidden(world, found["protected"])
    return found


async def _hidden(world: World, like: Target) -> Target:
    """A protected pupil at a unit of her own, with a case, a call home, and something written."""
    run, unit, group = world.admin.execute, A.unit("qvz"), A.group(CLASS)
    pupil, guardian = A.pupil("qvz"), made("guardian", "qvz")
    await run(
        "INSERT INTO people.school_units (organiser_id, school_unit_id, name, area_id) "
        "VALUES ($1, $2, $3, $4)",
        *(A.id, unit, SCHOOL, A.area()),
    )
    await run(
        "INSERT INTO people.groups (organiser_id, group_id, school_unit_id, kind, grade, name) "
        "VALUES ($1, $2, $3, 'class', 8, $4)",
        *(A.id, group, unit, CLASS),
    )
    await run(
        "INSERT INTO people.pupils (organiser_id, pupil_id, given_name, family_name, birth_date, "
        "sex, protection, phone, email) "
        "VALUES ($1, $2, $3, $4, $5, 'female', 'confidential', $6, $7)",
        *(A.id, pupil, PERSON["given name"], PERSON["family name"], date(2012, 6, 1)),
        *(PERSON["phone"], PERSON["mail"]),
    )
    await run(
        "INSERT INTO people.civic_numbers VALUES ($1, $2, $3)",
        *(A.id, pupil, PERSON["personnummer"]),
    )
    await run(
        "INSERT INTO people.placements VALUES ($1, $2, $3, $4, $5, 'GR', 8, $6, $7, NULL)",
        *(A.id, made("placement", "qvz"), pupil, unit, group, YEAR, date(2026, 8, 18)),
    )
    await run(
        "INSERT INTO people.guardians VALUES ($1, $2, $3, $4, $5, $6)",
        *(A.id, guardian, PERSON["guardian"], PERSON["family name"], PERSON["guardian's mail"]),
        PERSON["guardian's phone"],
    )
    await run(
        "INSERT INTO people.guardian_relations VALUES ($1, $2, $3, 'guardian')",
        *(A.id, pupil, guardian),
    )
    for login, role, where in (
        ("qvz.narvaro", "attendance_officer", "unit:qvz"),
        ("qvz.rektor", "principal", "unit:qvz"),
        ("qvz.tva", "attendance_officer", "unit:qvz"),
        ("qvz.halsa", "student_health", "unit:qvz"),
        ("qvz.mentor", "mentor", f"group:{CLASS}"),
    ):
        await hire(world.admin, A, login, login.title(), "Personal")
        await give_duty(world.admin, A, login, role, where, substitute=login == "qvz.tva")
    await world.take(
        Story(A, "qvz", pb.FAMILY_LONG_TERM, unit="qvz", group=CLASS).raised(MONDAY).event(MONDAY),
        Story(A, "qvz", pb.FAMILY_UNEXCUSED_TODAY, unit="qvz", group=CLASS)
        .raised(TUESDAY)
        .event(TUESDAY),
    )
    await world.take_deliveries(delivery(A, "qvz", TUESDAY, world.clock.now()))
    await world.take_days(absence_day(A, "qvz", MONDAY, unexplained=300, absent=5))
    case = await world.case(A, "qvz")
    holder = A.viewer("qvz.narvaro")
    text = f"{PERSON['what was written']}: {PERSON['given name']} bor hos {PERSON['guardian']}."
    entry = await perform(
        world.database,
        holder,
        case["case_id"],
        "contact",
        {"on": TUESDAY.isoformat(), "with_whom": ["pupil"], "way": "phone", "what": text},
    )
    opened = await perform(
        world.database,
        holder,
        case["case_id"],
        "open_investigation",
        {"opened_on": TUESDAY.isoformat(), "lead": "Rektorn", "why": text},
    )
    await perform(
        world.database,
        holder,
        case["case_id"],
        "report_to_organiser",
        {"on": TUESDAY.isoformat(), "contact": "Skolans växel"},
        target=opened.entry_id,
    )
    document = await world.admin.fetchval(
        "SELECT document_id FROM cases.documents WHERE case_id = $1", case["case_id"]
    )
    duty = await world.admin.fetchval(
        "SELECT duty_id FROM cases.duties WHERE pupil_id = $1 AND kind = 'call_home'", pupil
    )
    return replace(
        like,
        pupil_name=f"{PERSON['given name']} {PERSON['family name']}",
        pupil_id=pupil,
        number=case["number"],
        case_id=case["case_id"],
        duty_id=duty,
        todo_id=await cast.todo(world, case["case_id"]),
        class_id=group,
        entry_id=entry.entry_id,
        document_id=document,
        unit_id=unit,
    )


def told(answer: httpx.Response) -> str:
    """Everything that an answer says: text, headers, and a PDF's pages."""
    text = answer.text
    if answer.headers.get("content-type", "").startswith("application/pdf"):
        pages = pypdf.PdfReader(io.BytesIO(answer.content)).pages
        text += "".join(page.extract_text() for page in pages)
    return text + unquote(str(answer.headers))


async def leaks_to(site: Site, login: str, targets: dict[str, Target], own: set[str]) -> list[str]:
    """Where one person is told what they may not know; ``own`` is named by their own duty."""
    found = []
    words = {f"the {name}": text for name, text in PERSON.items()}
    words |= {"the school": SCHOOL, "the class": CLASS}
    async with site.browser() as client:
        await enter(client, site, login)
        visitor = Visitor(client, await csrf(client))
        for route in in_order(routes_of(site.app)):
            if access.read().get(route) == "token":
                continue
            answer = await visitor.send(route, targets["protected"])
            text = told(answer)
            for what, word in words.items():
                if word in own or word not in text:
                    continue
                # Counts name the units; who sees one's case numbers manages it.
                if word == SCHOOL and ("oversikt" in route[1] or "figures" in route[1]):
                    continue
                # Who works at the unit is shown its classes, whoever is in them.
                if word == CLASS and own and route[1].startswith(("/klasser", "/api/v1/classes")):
                    continue
                found.append(f"{login}: {what} in {route[0]} {route[1]}")
    return found


@pytest.mark.parametrize("role", LOGINS)
async def test_no_route_tells_a_role_elsewhere_who_it_is(
    world: World, site: Site, targets: dict[str, Target], role: str
) -> None:
    assert await leaks_to(site, LOGINS[role], targets, set()) == []


@pytest.mark.parametrize("login", NEAR)
async def test_no_route_tells_the_pupils_own_school_beyond_the_named(
    world: World, site: Site, targets: dict[str, Target], login: str
) -> None:
    assert await leaks_to(site, login, targets, NEAR[login]) == []


@pytest.mark.parametrize("login", NAMED)
async def test_the_named_are_told(
    world: World, site: Site, targets: dict[str, Target], login: str
) -> None:
    """So the words above would be seen if they were there."""
    found = "\n".join(await leaks_to(site, login, targets, set()))
    for what in ("given name", "family name", "guardian's phone", "what was written"):
        assert f"the {what} in" in found, what
    assert "the class in GET /arenden/{number}" in found


async def test_nothing_that_leaves_or_is_measured_names_the_pupil(
    world: World, site: Site, targets: dict[str, Target], capfd: pytest.CaptureFixture[str]
) -> None:
    """Logs, metrics, the outbox, the audit log's details, documents, a school system's token."""
    for login in (*LOGINS.values(), *NEAR, *NAMED):
        await leaks_to(site, login, targets, set())
    async with site.browser() as client:
        metrics = (await client.get("/metrics")).text
    said = capfd.readouterr()
    outbox = await world.admin.fetch("SELECT payload FROM cases.outbox")
    audit = await world.admin.fetch("SELECT action || coalesce(detail::text, '') FROM cases.audit")
    events = await world.admin.fetch(
        "SELECT kind || detail::text FROM cases.case_events WHERE case_id = $1",
        targets["protected"].case_id,
    )
    papers = await world.admin.fetch(
        "SELECT fields::text, sender || recipient, pdf FROM cases.documents WHERE case_id = $1",
        targets["protected"].case_id,
    )
    assert outbox
    assert audit
    assert papers
    places = {
        "log": said.out + said.err,
        "metrics": metrics,
        "outbox": "".join(row[0].decode("utf-8", "replace") for row in outbox),
        "audit": "".join(row[0] for row in audit),
        "history": "".join(row[0] for row in events),
        "documents": "".join(row[0] + row[1] + _pages(row[2]) for row in papers),
    }
    for place, text in places.items():
        for what, word in (PERSON | {"school": SCHOOL, "class": CLASS}).items():
            assert word not in text, f"the {what} in the {place}"


def _pages(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
