"""Signing in with OpenID Connect, against a real Keycloak."""

from __future__ import annotations

import asyncio
import base64
import html
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from deploy.local.process import free_port
from services.cases.backchannel import BackChannel
from services.common.clock import FixedClock
from services.common.settings import OpenIdProvider
from tests.integration.cases.site import Site, csrf, opened
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


_PROFILE = json.dumps(
    {
        "attributes": [
            {"name": name, "permissions": {"view": ["admin", "user"], "edit": ["admin", "user"]}}
            for name in ("username", "email", "firstName", "lastName")
        ],
        "unmanagedAttributePolicy": "ENABLED",
    }
)
#: Where Keycloak tells that somebody has signed out there: the tests listen and pass it on.
BACK_CHANNEL_PORT = free_port()


def _mapper(name: str, kind: str, **config: str) -> dict[str, Any]:
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": kind,
        "config": {"id.token.claim": "true", "access.token.claim": "true"} | config,
    }


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
                "backchannel.logout.url": f"http://127.0.0.1:{BACK_CHANNEL_PORT}/",
                "backchannel.logout.session.required": "true",
            },
            "protocolMappers": [
                _mapper(
                    "roles",
                    "oidc-usermodel-realm-role-mapper",
                    **{"claim.name": "roles", "multivalued": "true", "jsonType.label": "String"},
                ),
                _mapper(
                    "units",
                    "oidc-usermodel-attribute-mapper",
                    **{
                        "claim.name": "skolenhetskod",
                        "user.attribute": "skolenhetskod",
                        "multivalued": "true",
                        "jsonType.label": "String",
                    },
                ),
            ],
        }
    ],
    "roles": {"realm": [{"name": "forvarning-rektor"}, {"name": "forvarning-drift"}]},
    # Attributes that the default profile does not name are kept, too.
    "components": {
        "org.keycloak.userprofile.UserProfileProvider": [
            {
                "providerId": "declarative-user-profile",
                "config": {"kc.user.profile.config": [_PROFILE]},
            }
        ]
    },
    "users": [
        user("karin"),
        user(ELSEWHERE),
        user("okand"),
        user("utan", emailVerified=False),
        user(
            "olle",
            realmRoles=["forvarning-rektor", "forvarning-drift"],
            attributes={"skolenhetskod": ["10000001"]},
        ),
    ],
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


# Roles from claims


RULES = {
    "roles": {"forvarning-rektor": "principal"},
    "units_claim": "skolenhetskod",
    "allow": ["principal"],
}


async def _codes(world: World) -> None:
    await world.admin.execute(
        "UPDATE people.school_units SET school_unit_code = '10000001' "
        "WHERE organiser_id = $1 AND school_unit_id = $2",
        A.id,
        A.unit("bjork"),
    )


async def test_claims_give_a_role_for_the_session_and_no_longer(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    """Olle is närvaroansvarig at Ekskolan; the provider says that he is rektor of Björkskolan."""
    await _codes(world)
    number = await _case_at_bjork(world)
    plain = browsers(Site(world, "local", [provider(keycloak)]))
    assert (await plain.sign_in("olle")).status_code == 303
    assert (await plain.ours.get(f"/arenden/{number}")).status_code == 404
    mapped = browsers(Site(world, "local", [provider(keycloak, claims={A.id: RULES})]))
    assert (await mapped.sign_in("olle")).status_code == 303
    page = await mapped.ours.get(f"/arenden/{number}")
    assert page.status_code == 200
    assert "Alva Exempelsson" in page.text
    held = await world.admin.fetch("SELECT role, school_unit_id FROM cases.session_duties")
    assert [tuple(row) for row in held] == [("principal", A.unit("bjork"))], "drift is not mapped"
    assert (await plain.ours.get(f"/arenden/{number}")).status_code == 404, "the other session's"
    token = (await csrf(mapped.ours))["X-CSRF-Token"]
    await mapped.ours.post("/logga-ut", data={"csrf": token})
    assert await world.admin.fetchval("SELECT count(*) FROM cases.session_duties") == 0


async def test_a_claim_never_goes_beyond_what_the_organiser_allows(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    """A code that the roster does not know is no school, and another organiser's rules are not
    this one's."""
    number = await _case_at_bjork(world)
    for claims in (
        {A.id: RULES},
        {A.id: RULES | {"roles": {"forvarning-annat": "principal"}}},
        {B.id: RULES},
    ):
        both = provider(keycloak, organisers=[A.id, B.id], claims=claims)
        browser = browsers(Site(world, "local", [both]))
        assert (await browser.sign_in("olle")).status_code == 303
        assert (await browser.ours.get(f"/arenden/{number}")).status_code == 404
    assert await world.admin.fetchval("SELECT count(*) FROM cases.session_duties") == 0


async def _case_at_bjork(world: World) -> str:
    await opened(world)
    return str((await world.case(A, "alva"))["number"])


# Back-channel logout


class Listener:
    """Hears what Keycloak tells, on the port that its realm names."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._hear, "127.0.0.1", BACK_CHANNEL_PORT)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        assert length, head
        body = (await reader.readexactly(int(length[1]))).decode()
        self.told += parse_qs(body)["logout_token"]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


async def logout_token(browser: Browser, keycloak: Keycloak, world: World) -> str:
    """The person signs out at the provider; what the provider tells because of it."""
    id_token = await world.admin.fetchval("SELECT id_token FROM cases.sessions")
    async with Listener() as listener:
        await browser.theirs.get(
            f"{keycloak.issuer}/protocol/openid-connect/logout", params={"id_token_hint": id_token}
        )
        for _ in range(200):
            if listener.told:
                break
            await asyncio.sleep(0.05)
    (token,) = listener.told
    return token


def _site(keycloak: Keycloak, world: World) -> Site:
    site = Site(world, "local", [provider(keycloak)])
    # The token says when it was made by Keycloak's clock, which is the host's.
    site.app.state.back_channel = BackChannel(world.database, site.app.state.openid)
    return site


async def _tell(browser: Browser, token: str, key: str = "kommun") -> int:
    answer = await browser.ours.post(f"/logga-in/{key}/utloggning", data={"logout_token": token})
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code


async def test_signing_out_at_the_provider_ends_the_session_here(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    site = _site(keycloak, world)
    browser, stranger = browsers(site), browsers(site)
    assert (await browser.sign_in()).status_code == 303
    token = await logout_token(browser, keycloak, world)
    assert (await browser.ours.get("/arenden")).status_code == 200, "not told yet"
    assert await _tell(stranger, token) == 200
    assert (await browser.ours.get("/arenden")).status_code == 303
    (row,) = await world.admin.fetch("SELECT staff_id FROM cases.audit WHERE action = 'signed_out'")
    assert row["staff_id"] == A.staff("karin")
    # The same words once more end nothing: somebody who has them cannot keep her out.
    again = browsers(site)
    assert (await again.sign_in()).status_code == 303
    assert await _tell(stranger, token) == 400
    assert (await again.ours.get("/arenden")).status_code == 200


async def test_what_is_no_logout_token_of_the_provider_ends_nothing(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    site = _site(keycloak, world)
    browser = browsers(site)
    assert (await browser.sign_in()).status_code == 303
    id_token = await world.admin.fetchval("SELECT id_token FROM cases.sessions")
    token = await logout_token(browser, keycloak, world)
    head, body, signature = token.split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    symmetric = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    forged = _changed(body, sub="someone-else")
    for wrong in (
        "",
        "x",
        "a.b.c",
        id_token,
        f"{unsigned}.{body}.",
        f"{symmetric}.{body}.{signature}",
        f"{head}.{forged}.{signature}",
        f"{head}.{body}.{signature[:-4]}AAAA",
    ):
        assert await _tell(browser, wrong) == 400, wrong[:40]
    assert (await browser.ours.get("/arenden")).status_code == 200
    assert (
        await browser.ours.post("/logga-in/ingen/utloggning", data={"logout_token": token})
    ).status_code == 404


async def test_a_logout_token_is_for_this_client_and_for_now(
    keycloak: Keycloak, world: World, browsers: Any
) -> None:
    browser = browsers(_site(keycloak, world))
    assert (await browser.sign_in()).status_code == 303
    token = await logout_token(browser, keycloak, world)
    other = Site(world, "local", [provider(keycloak, client_id="another")])
    other.app.state.back_channel = BackChannel(world.database, other.app.state.openid)
    assert await _tell(browsers(other), token) == 400
    for shift in (timedelta(minutes=6), timedelta(minutes=-3)):
        late = Site(world, "local", [provider(keycloak)])
        clock = FixedClock(datetime.fromtimestamp(time.time(), UTC) + shift)
        late.app.state.back_channel = BackChannel(
            world.database, late.app.state.openid, clock=clock
        )
        assert await _tell(browsers(late), token) == 400
    assert (await browser.ours.get("/arenden")).status_code == 200


def _changed(body: str, **claims: str) -> str:
    held = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    text = json.dumps(held | claims).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")
