"""The case service's pages and API in tests: the application without its consumers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import httpx
from pydantic import SecretStr

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.app import build
from services.cases.backchannel import BackChannel
from services.cases.openid import OpenId
from services.cases.signin import SignIn
from services.common.clock import FixedClock
from services.common.settings import CasesSettings, OpenIdProvider
from tests.integration.cases.world import TUESDAY, A, Organiser, Story, World

MONDAY = TUESDAY - timedelta(days=1)
PASSWORD = "demo-demo"
TOKEN = "operators-token"
JOURNAL_TOKEN = "journal-systems-token"


class Site:
    """The application without its consumers, on the world's database."""

    def __init__(
        self,
        world: World,
        environment: str = "local",
        providers: Sequence[OpenIdProvider] = (),
    ) -> None:
        settings = CasesSettings.model_validate(
            {
                "environment": environment,
                "cases_database_url": SecretStr("postgresql://unused"),
                "cases_ops_token": SecretStr(TOKEN),
                "cases_journal_token": SecretStr(JOURNAL_TOKEN),
                "cases_demo_password": SecretStr(PASSWORD) if environment == "local" else None,
                "cases_public_url": "http://cases.test",
            }
        ).model_copy(update={"cases_openid": tuple(providers)})
        self.app = build(settings)
        self.clock = FixedClock(world.clock.now())
        self.app.state.database = world.database
        self.app.state.sign_in = SignIn(
            world.database,
            idle=timedelta(minutes=30),
            demo_password=PASSWORD if environment == "local" else None,
            clock=self.clock,
        )
        self.app.state.openid = OpenId(
            world.database,
            self.app.state.sign_in,
            providers,
            public_url=settings.cases_public_url,
            clock=self.clock,
        )
        self.app.state.back_channel = BackChannel(
            world.database, self.app.state.openid, clock=self.clock
        )

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://cases.test",
            headers={"Accept": "text/html"},
        )


def hidden(page: str, name: str) -> str:
    """The value of a form's hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


async def sign_in(
    client: httpx.AsyncClient, login: str = "karin", password: str = PASSWORD, to: str = "/"
) -> httpx.Response:
    page = await client.get("/logga-in", params={"vidare": to})
    return await client.post(
        "/logga-in",
        data={
            "login": login,
            "password": password,
            "vidare": to,
            "form_token": hidden(page.text, "form_token"),
        },
    )


async def enter(
    client: httpx.AsyncClient, site: Site, login: str, organiser: Organiser = A
) -> None:
    """A session without the sign-in page, whose password check takes its time by design."""
    service: SignIn = site.app.state.sign_in
    session = await service.start(organiser.id, organiser.staff(login), provider="prov")
    client.cookies.set("forvarning", session.cookie, domain="cases.test", path="/")


async def csrf(client: httpx.AsyncClient) -> dict[str, str]:
    answer = await client.get("/api/v1/session")
    return {"X-CSRF-Token": answer.json()["csrf_token"]}


async def opened(world: World, pupil: str = "alva") -> str:
    await world.take(Story(A, pupil, pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY))
    return str((await world.case(A, pupil))["case_id"])
