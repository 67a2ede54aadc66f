"""Signing in with OpenID Connect, against a real Keycloak."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.common.settings import OpenIdProvider
from tests.integration.cases.site import Site, csrf
from tests.integration.cases.world import A, B, World
from tests.support.keycloak import REALM, Keycloak, keycloak_server

pytestmark = pytest.mark.anyio

SECRET = "the-clients-secret"
PASSWORD = "ett-prov-med-ord"
ELSEWHERE = f"karin.{B.key}".lower()
CALLBACK = "http://cases.test/logga-in/kommun/svar"


def user(name: str, **more: Any) -> dict[str, Any]:
    return {
        "username": name,
        "enabled": True,
        "email": f"{name}@example.com",
        "emailVerified": True,
        "firstName": name.title(),
        "lastName": "Prov",
        "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
    } | more


REALM_FILE = {
    "realm": REALM,
    "enabled": True,
    "sslRequired": "none",
    "clients": [
        {
            "clientId": "forvarning",
            "secret": SECRET,
            "protocol": "openid-connect",
            "standardFlowEnabled": True,
            "redirectUris": [CALLBACK],
            "attributes": {
                "post.logout.redirect.uris": "http://cases.test/logga-in?utloggad=true",
                "pkce.code.challenge.method": "S256",
            },
        }
    ],
    "users": [user("karin"), user(ELSEWHERE), user("okand"), user("utan", emailVerified=False)],
}


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    with keycloak_server(tmp_path_factory.mktemp("keycloak"), REALM_FILE) as server:
        yield server


def provider(keycloak: Keycloak, **changes: Any) -> OpenIdProvider:
    return OpenIdProvider.model_validate(
        {
            "key": "kommun",
            "name": "Testköpings kommun",
            "issuer": keycloak.issuer,
            "client_id": "forvarning",
            "client_secret": SECRET,
            "organisers": [A.id],
        }
        | changes
    )


class Browser:
    """One person's browser, which knows our site and the provider's."""

    def __init__(self, site: Site) -> None:
        self.ours = site.browser()
        self.theirs = httpx.AsyncClient(timeout=60)
        for client in (self.ours, self.theirs):
            client.event_hooks = {"response": [partial(self._secure, client)]}

    @staticmethod
    async def _secure(client: httpx.AsyncClient, _: httpx.Response) -> None:
        """As browsers do for loopback: plain http counts as secure."""
        for cookie in client.cookies.jar:
            cookie.secure = False

    async def close(self) -> None:
        await self.ours.aclose()
        await self.theirs.aclose()

    async def leave(self, to: str = "/arenden") -> str:
        """Off to the provider; returns where."""
        answer = await self.ours.get("/logga-in/kommun", params={"vidare": to})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def prove(self, address: str, login: str = "karin") -> str:
        """Sign in there; returns the address that the provider sends the browser back to."""
        page = await self.theirs.get(address)
        form = re.search(r'<form id="kc-form-login"[^>]*action="([^"]+)"', page.text)
        assert form, page.text
        answer = await self.theirs.post(
            html.unescape(form[1]), data={"username": login, "password": PASSWORD}
        )
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def sign_in(self, login: str = "karin") -> httpx.Response:
        return await self.ours.get(await self.prove(await self.leave(), login))


@pytest.fixture
async def browsers(world: World) -> AsyncIterator[Any]:
    made: list[Browser] = []

    def make(site: Site) -> Browser:
        made.append(Browser(site))
        return made[-1]

    yield make
    for browser in made:
        await browser.close()


async def refused(answer: httpx.Response, browser: Browser) -> str:
    """The page's words; nobody is signed in."""
    assert answer.status_code == 403
    assert (await browser.ours.get("/arenden")).status_code == 303
    return answer.text


async def test_in_and_out_again(keycloak: Keycloak, world: World, browsers: Any) -> None:
    site = Site(world, "production", [provider(keycloak)])
    browser = browsers(site)
    page = (await browser.ours.get("/logga-in")).text
    assert "Logga in med Testköpings kommun" in page
    assert "password" not in page
    answer = await browser.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/arenden")
    set_cookies = "\n".join(answer.headers.get_list("set-cookie"))
    assert re.search(r"__Host-forvarning=\S+; HttpOnly; Path=/; SameSite=lax; Secure", set_cookies)
    assert (await browser.ours.get("/arenden")).status_code == 200
    assert (
        keycloak.issuer.split("/realms")[0]
        in (await browser.ours.get("/arenden")).headers["content-security-policy"]
    )
    token = await csrf(browser.ours)
    answer = await browser.ours.post("/logga-ut", data={"csrf": token["X-CSRF-Token"]})
    assert (await browser.ours.get("/arenden")).status_code == 303, "the session has ended here"
    goodbye = await browser.theirs.get(answer.headers["location"])
    back = urlsplit(goodbye.headers["location"])
    assert (back.netloc, back.path, parse_qs(back.query)["utloggad"]) == (
        "cases.test",
        "/logga-in",
        ["true"],
    )
    again = await browser.theirs.get(await browser.leave())
    assert "kc-form-login" in again.text, "and there"
    assert "Du är utloggad." in (await browser.ours.get(answer_path(goodbye))).text


def answer_path(answer: httpx.Response) -> str:
    return answer.headers["location"].removeprefix("http://cases.test")


async def test_who_signs_in_is_written_down(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    browser = browsers(Site(world, "local", [provider(keycloak)]))
    assert (await browser.sign_in()).status_code == 303
    (row,) = await world.admin.fetch(
        "SELECT staff_id, detail FROM cases.audit WHERE action = 'signed_in'"
    )
    assert row["staff_id"] == A.staff("karin")
    assert '"kommun"' in row["detail"]
    assert await world.admin.fetchval("SELECT count(*) FROM cases.sign_in_attempts") == 0


async def test_a_provider_vouches_for_its_own_organisers_only(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    """Somebody of B's, whom A's provider knows as well."""
    browser = browsers(Site(world, "local", [provider(keycloak)]))
    page = await refused(await browser.sign_in(ELSEWHERE), browser)
    assert "finns inte i skolans register" in page
    other = browsers(Site(world, "local", [provider(keycloak, organisers=[B.id])]))
    assert (await other.sign_in(ELSEWHERE)).status_code == 303
    session = (await other.ours.get("/api/v1/session")).json()
    assert session["staff_id"] == str(B.staff("karin"))


async def test_one_login_with_two_organisers_is_nobodys(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    await world.admin.execute(
        "UPDATE people.staff SET login = 'karin' WHERE staff_id = $1", B.staff("karin")
    )
    both = provider(keycloak, organisers=[A.id, B.id])
    browser = browsers(Site(world, "local", [both]))
    page = await refused(await browser.sign_in(), browser)
    assert "hos flera huvudmän" in page


async def test_who_is_not_in_the_roster_is_told_so(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    browser = browsers(Site(world, "local", [provider(keycloak)]))
    page = await refused(await browser.sign_in("okand"), browser)
    assert "Be rektorn eller den som sköter registret om hjälp" in page


async def test_an_answer_counts_once_and_in_the_browser_that_asked(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    site = Site(world, "local", [provider(keycloak)])
    victim, thief = browsers(site), browsers(site)
    answer = await victim.prove(await victim.leave())
    # Somebody else's answer, with no or with an own question: login CSRF.
    await refused(await thief.ours.get(answer), thief)
    await thief.leave()
    await refused(await thief.ours.get(answer), thief)
    assert (await victim.ours.get(answer)).status_code == 303
    await victim.ours.get("/logga-in")
    again = await victim.ours.get(answer)
    assert again.status_code == 403


async def test_state_and_time_must_be_right(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    site = Site(world, "local", [provider(keycloak)])
    browser = browsers(site)
    answer = await browser.prove(await browser.leave())
    forged = re.sub(r"state=[^&]+", "state=another", answer)
    await refused(await browser.ours.get(forged), browser)
    browser = browsers(site)
    answer = await browser.prove(await browser.leave())
    forged = re.sub(r"code=[^&]+", "code=another", answer)
    await refused(await browser.ours.get(forged), browser)
    late = browsers(site)
    answer = await late.prove(await late.leave())
    site.clock.advance(timedelta(minutes=16))
    page = await refused(await late.ours.get(answer), late)
    assert "tog för lång tid" in page


async def test_what_the_provider_says_must_be_enough(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    strong = browsers(Site(world, "local", [provider(keycloak, acr=["loa3"])]))
    page = await refused(await strong.sign_in(), strong)
    assert "starkare inloggning" in page
    by_mail = Site(world, "local", [provider(keycloak, login_claim="email", scope="openid email")])
    unproven = browsers(by_mail)
    page = await refused(await unproven.sign_in("utan"), unproven)
    assert "lämnade inget användarnamn" in page
    wrong = browsers(Site(world, "local", [provider(keycloak, client_secret="wrong")]))
    page = await refused(await wrong.sign_in(), wrong)
    assert "kunde inte slutföras" in page


async def test_a_cancelled_sign_in_and_a_provider_that_is_away(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    browser = browsers(Site(world, "local", [provider(keycloak)]))
    state = parse_qs(urlsplit(await browser.leave()).query)["state"][0]
    answer = await browser.ours.get(f"{CALLBACK}?error=access_denied&state={state}")
    assert "Inloggningen avbröts" in await refused(answer, browser)
    assert (await browser.ours.get("/logga-in/ingen")).status_code == 404
    away = browsers(Site(world, "local", [provider(keycloak, issuer="http://127.0.0.1:9/realm")]))
    answer = await away.ours.get("/logga-in/kommun")
    assert answer.status_code == 503
    assert "svarar inte just nu" in answer.text
    # Another realm's metadata under the issuer's address would let that realm's tokens in.
    elsewhere = keycloak.issuer.replace("127.0.0.1", "localhost")
    strange = browsers(Site(world, "local", [provider(keycloak, issuer=elsewhere + "/../master")]))
    assert (await strange.ours.get("/logga-in/kommun")).status_code == 503


async def test_where_providers_are_set_up_no_password_is_taken(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    site = Site(world, "production", [provider(keycloak)])
    await site.app.state.sign_in.set_password(A.id, "karin", PASSWORD)
    browser = browsers(site)
    page = await browser.ours.get("/logga-in")
    cookie = re.search(r"forvarning-form=([^;]+)", page.headers["set-cookie"])
    assert cookie
    form = {"login": "karin", "password": PASSWORD, "form_token": cookie[1]}
    answer = await browser.ours.post("/logga-in", data=form)
    assert answer.status_code == 403
    assert "Här loggar man in hos sin huvudman." in answer.text
