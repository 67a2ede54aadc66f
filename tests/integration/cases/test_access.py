"""Role by endpoint: every route of the application, every role, and five pupils' cases.

access.txt is the table; every cell of it is asserted. A route that has no row fails
``test_every_route_has_its_row``: add the row to access.txt, and what the route must be sent to
``PROBES`` below. With FORVARNING_WRITE_ACCESS=1 the test writes what it found, for somebody to
read: the invariants at the end hold for whatever stands in it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from services.cases.domain.law.table import BY_NAME
from tests.integration.cases import access
from tests.integration.cases.access import ROLES, Route
from tests.integration.cases.cast import CONTACT, LOGINS, NAMES, Target, gather
from tests.integration.cases.routes import routes_of
from tests.integration.cases.site import Site, csrf, enter
from tests.integration.cases.world import World

pytestmark = pytest.mark.anyio
REASON = "Jag vikarierar på skolan i dag."
STALE = 9999


@dataclass(frozen=True)
class Probe:
    """What a route is sent. A body that is a function of the target makes the route about it."""

    body: dict[str, Any] | Callable[[Target], dict[str, Any]] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)


PLACE = {
    "staff_id": "00000000-0000-0000-0000-00000000abcd",
    "profession": "social_worker",
    "capacity": 5,
    "valid_from": "2026-11-24",
}
PLACE_FORM = {
    "staff_id": PLACE["staff_id"],
    "profession": "social_worker",
    "capacity": "5",
    "since": "2026-11-24",
}

#: A version that nobody saw: whoever gets as far as that may do it, and nothing is changed.
PROBES: dict[Route, Probe] = {
    ("GET", "/api/v1/today/{part}"): Probe(path={"part": "calls"}),
    ("GET", "/idag/{part}"): Probe(path={"part": "ring-hem"}),
    ("POST", "/api/v1/cases/{case_id}/acknowledge"): Probe({"version": STALE}),
    ("POST", "/api/v1/duties/{duty_id}/done"): Probe({"version": STALE}),
    ("POST", "/api/v1/cases/{case_id}/comments"): Probe({"text": "Ett ord."}),
    ("POST", "/api/v1/calls/{duty_id}/called"): Probe({"version": STALE, "outcome": "informed"}),
    ("POST", "/api/v1/cases/{case_id}/steps/{step}"): Probe({"body": CONTACT}, {"step": "contact"}),
    ("PUT", "/api/v1/cases/{case_id}/entries/{entry_id}"): Probe({"version": 1, "body": CONTACT}),
    ("POST", "/api/v1/documents/{document_id}/filed"): Probe({"reference": "PR-1"}),
    ("POST", "/api/v1/openings"): Probe(lambda to: {"number": to.number, "reason": REASON}),
    ("POST", "/oppna"): Probe(lambda to: {"number": to.number, "reason": REASON}),
    ("POST", "/arenden/{number}/ta-emot"): Probe({"version": STALE}),
    ("GET", "/arenden/{number}/steg/{step}"): Probe(path={"step": "contact"}),
    ("POST", "/arenden/{number}/steg/{step}"): Probe(CONTACT, {"step": "contact"}),
    ("POST", "/arenden/{number}/poster/{entry_id}/andra"): Probe({"version": "1"} | CONTACT),
    ("POST", "/api/v1/documents/{document_id}/sent"): Probe({"way": "post"}),
    ("POST", "/handlingar/{document_id}/skickad"): Probe({"way": "post"}),
    ("POST", "/handlingar/{document_id}/journal"): Probe({"reference": "PR-1"}),
    ("POST", "/uppgift/{duty_id}"): Probe({"version": STALE}),
    ("POST", "/api/v1/coordination/team"): Probe(PLACE),
    ("POST", "/koordinator/laget"): Probe(PLACE_FORM),
    ("POST", "/arenden/{number}/koordinator"): Probe({"staff_id": "", "starts_on": "2026-11-24"}),
    ("POST", "/arenden/{number}/anteckna"): Probe({"text": "Ett ord."}),
    ("POST", "/api/v1/classes/{class_id}/assessments"): Probe(
        {
            "body": {
                "on": CONTACT["on"],
                "term": "autumn",
                "round": "first",
                "answers": [{"statement": "a-kamrater", "colour": "red"}],
            }
        }
    ),
    ("POST", "/registerutdrag"): Probe(
        lambda to: {"wanted": to.number, "reference": "Dnr 2026/17", "form": "json"}
    ),
    ("POST", "/ring-hem/{duty_id}"): Probe({"version": STALE, "outcome": "informed"}),
}


@pytest.fixture
async def targets(world: World) -> dict[str, Target]:
    return await gather(world)


def every_route(site: Site) -> list[Route]:
    return routes_of(site.app)


async def test_every_route_has_its_row(site: Site) -> None:
    held, table = set(every_route(site)), set(access.read())
    missing = sorted(held - table, key=lambda route: (route[1], route[0]))
    assert not missing, "add a row to tests/integration/cases/access.txt for " + ", ".join(
        f"{method} {path}" for method, path in missing
    )
    assert not table - held, f"access.txt has rows of routes that are gone: {table - held}"


#: Where a duty is any but a call home.
_TODO = re.compile(r"/uppgift/|/duties/")


class Visitor:
    """One person, who tries everything."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    async def send(self, route: Route, target: Target | None) -> httpx.Response:
        method, template = route
        probe = PROBES.get(route, Probe())
        path = template
        for name in re.findall(r"{(\w+)}", template):
            path = path.replace("{" + name + "}", self._value(template, name, probe, target))
        if method == "GET":
            return await self.client.get(path)
        body = probe.body(target) if callable(probe.body) and target else probe.body
        assert isinstance(body, dict)
        if template.startswith("/api/"):
            return await self.client.request(method, path, json=body, headers=self.headers)
        form = {"csrf": self.headers["X-CSRF-Token"]} | body
        return await self.client.request(method, path, data=form)

    @staticmethod
    def _value(template: str, name: str, probe: Probe, target: Target | None) -> str:
        if name in probe.path:
            return probe.path[name]
        if name == "duty_id" and target and _TODO.search(template):
            return str(target.todo_id)
        if name == "opening_id" and target:
            return str(target.asked["api" if template.startswith("/api/") else "page"])
        return str(getattr(target, name, "none"))

    async def cell(self, route: Route, targets: dict[str, Target]) -> str:
        """What the person meets with each of the five."""
        if about_a_case(route):
            return "".join([letter(await self.send(route, targets[name])) for name in NAMES])
        answer = await self.send(route, None)
        if answer.status_code in {403, 404}:
            return letter(answer) * len(NAMES)
        assert answer.status_code in {200, 303}, (route, answer.status_code, answer.text)
        return "".join(mark(answer.text, targets[name]) for name in NAMES)


def about_a_case(route: Route) -> bool:
    """A parameter that is the same for all five is about none of them."""
    probe = PROBES.get(route, Probe())
    return bool(set(re.findall(r"{(\w+)}", route[1])) - set(probe.path)) or callable(probe.body)


def letter(answer: httpx.Response) -> str:
    """What became of a request about one case."""
    if answer.status_code == 404:
        return "-"
    if answer.status_code == 403:
        masked = (
            "protected_pupil" in answer.text or "Eleven har skyddade personuppgifter" in answer.text
        )
        return "p" if masked else "x"
    assert answer.status_code < 500, answer.text
    assert answer.status_code != 401, answer.text
    return "r" if answer.request.method == "GET" else "w"


def mark(text: str, target: Target) -> str:
    """How much of the target a list tells."""
    if target.pupil_name in text or any(part in text for part in target.pupil_name.split()):
        return "N"
    return "#" if target.number in text else "."


def in_order(routes: list[Route]) -> list[Route]:
    """Reading first; opening cases last, for it changes what one may read."""
    return sorted(
        routes,
        key=lambda route: (
            route[1] == "/logga-ut",
            route[1] in {"/oppna", "/api/v1/openings"} and route[0] == "POST",
            route[0] != "GET",
            route,
        ),
    )


@pytest.mark.parametrize("role", ROLES)
async def test_what_each_role_meets(
    world: World, site: Site, targets: dict[str, Target], role: str
) -> None:
    table = access.read()
    writing = os.environ.get("FORVARNING_WRITE_ACCESS") == "1"
    found: dict[Route, str] = {}
    async with site.browser() as client:
        await enter(client, site, LOGINS[role])
        visitor = Visitor(client, await csrf(client))
        for route in in_order(every_route(site)):
            if isinstance(table.get(route), str):
                continue
            found[route] = await visitor.cell(route, targets)
    if writing:
        _keep(role, found)
        return
    wrong = {
        f"{method} {path}": f"is {cell}, not {expected[role]}"
        for (method, path), cell in found.items()
        if not isinstance(expected := table[method, path], str) and expected[role] != cell
    }
    assert not wrong, json.dumps(wrong, indent=1)


def _keep(role: str, found: dict[Route, str]) -> None:
    """Write what was found into the file: for a new route, and read it before it is kept."""
    table = access.read()
    for route, cell in found.items():
        held = table.setdefault(route, dict.fromkeys(ROLES, "....."))
        assert isinstance(held, dict)
        held[role] = cell
    comments = [
        line for line in access.TABLE.read_text("utf-8").splitlines() if line.startswith("#")
    ]
    rows = [access.row(route, table[route]) for route in sorted(table, key=lambda r: (r[1], r[0]))]
    access.TABLE.write_text("\n".join([*comments, *rows]) + "\n", "utf-8")


# What holds whatever the table says


def test_no_role_meets_another_organisers_case() -> None:
    at = NAMES.index("organiser")
    for route, cells in access.read().items():
        if isinstance(cells, dict):
            for role, cell in cells.items():
                assert cell[at] in "-x.", f"{route}: {role} reaches another organiser"


def test_the_protected_pupil_is_known_to_the_holder_and_the_rektor_only() -> None:
    at = NAMES.index("protected")
    for route, cells in access.read().items():
        if isinstance(cells, dict):
            for role, cell in cells.items():
                assert cell[at] != "N" or role in {"holder", "principal"}, f"{route}: {role}"
                if _TODO.search(route[1]) and route[0] == "GET":
                    continue  # a masked line; test_leaks.py looks at what it says
                about = "{case_id}" in route[1] or "{number}" in route[1] or "{duty_id}" in route[1]
                if about and role not in {"holder", "principal"}:
                    assert cell[at] in "-xp", f"{route}: {role}"


@pytest.mark.parametrize("role", ["board", "operations"])
def test_board_and_operations_meet_no_pupil(role: str) -> None:
    for route, cells in access.read().items():
        if isinstance(cells, dict):
            assert set(cells[role]) <= set(".-x"), f"{route}: {cells[role]}"


def test_area_managers_meet_no_name_before_they_give_a_reason() -> None:
    for route, cells in access.read().items():
        if isinstance(cells, dict):
            assert "N" not in cells["area_manager"], route


async def test_whoever_is_not_signed_in_meets_nothing(
    site: Site, targets: dict[str, Target]
) -> None:
    async with site.browser() as client:
        visitor = Visitor(client, {"X-CSRF-Token": "none"})
        for route, cells in access.read().items():
            answer = await visitor.send(route, targets["own"])
            if cells == "anyone":
                assert not any(target.pupil_name in answer.text for target in targets.values())
                continue
            status = answer.status_code
            assert status in {401, 303, 404}, (route, status)
            if status == 303:
                assert answer.headers["location"].startswith("/logga-in"), route
            assert not any(mark(answer.text, target) != "." for target in targets.values()), route


async def test_a_session_opens_nothing_that_is_for_a_token(
    site: Site, targets: dict[str, Target]
) -> None:
    async with site.browser() as client:
        await enter(client, site, "rolf")
        visitor = Visitor(client, await csrf(client))
        rows = [route for route, cells in access.read().items() if cells == "token"]
        assert rows
        for route in rows:
            assert (await visitor.send(route, targets["own"])).status_code == 401, route


@pytest.mark.parametrize("verb", ["without", "wrong"])
async def test_nothing_changes_without_the_sessions_token(
    site: Site, targets: dict[str, Target], verb: str
) -> None:
    """Cross-site request forgery: every route that changes something, told by its method."""
    headers = {} if verb == "without" else {"X-CSRF-Token": "someone-elses"}
    tried = 0
    async with site.browser() as client:
        await enter(client, site, "karin")
        for route in every_route(site):
            if route[0] == "GET" or route in _NO_SESSION:
                continue
            visitor = Visitor(client, {"X-CSRF-Token": ""} | headers)
            answer = await visitor.send(route, targets["own"])
            expected = 401 if access.read()[route] == "token" else 403
            assert answer.status_code == expected, (route, answer.status_code)
            tried += 1
    assert tried >= 15


#: These have no session yet, or none at all: a form token of their own, and a signed statement.
_NO_SESSION = {("POST", "/logga-in"), ("POST", "/logga-in/{provider}/utloggning")}


async def test_no_get_changes_anything(
    world: World, site: Site, targets: dict[str, Target]
) -> None:
    """Reading is written down in the audit log, and nowhere else."""
    ignored = {"audit", "audit_heads", "sessions", "sign_in_attempts"}

    async def state() -> dict[str, int]:
        rows = await world.admin.fetch(
            "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'cases' AND c.relkind IN ('r', 'p')"
        )
        names = {row["relname"] for row in rows} - ignored
        return {
            name: await world.admin.fetchval(
                "SELECT hashtextextended(string_agg(t::text, '' ORDER BY t::text), 0) "
                f"FROM cases.{name} t"
            )
            for name in names
        }

    before = await state()
    async with site.browser() as client:
        await enter(client, site, "rolf")
        visitor = Visitor(client, await csrf(client))
        for route in every_route(site):
            if route[0] == "GET":
                await visitor.send(route, targets["own"])
    assert await state() == before


def test_the_steps_probe_is_a_step() -> None:
    assert "contact" in BY_NAME


def test_the_page_is_current() -> None:
    """``python -m tests.integration.cases.access`` writes it anew."""
    assert access.PAGE.read_text("utf-8") == access.page()
