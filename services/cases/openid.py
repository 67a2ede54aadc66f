"""Signing in with OpenID Connect: code flow with PKCE, done by Authlib; who it is, said by us.

The provider says with which login somebody has shown who they are; the roster says whose
login that is, and what the person may see (services.cases.store.scope). A provider vouches
for the staff of its own organisers only, so that the same login elsewhere opens nothing.

What the answer must match (state, nonce, PKCE's verifier) waits in the database under the
digest of a random cookie: it binds the answer to the browser that asked, and is used once.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
from authlib.integrations.starlette_client import OAuth, OAuthError
from joserfc.errors import JoseError

from services.cases import metrics
from services.cases.domain.claims import ClaimedDuty, duties, read
from services.cases.signin import SignedIn, SignIn, token_digest
from services.cases.store import attempts, sessions
from services.cases.store.attempts import Attempt
from services.cases.store.scope import Database
from services.common.clock import Clock, SystemClock
from services.common.logging import get_logger
from services.common.problem import Problem
from services.common.settings import OpenIdProvider

if TYPE_CHECKING:
    from fastapi import Request

_log = get_logger(__name__)

KEPT = timedelta(minutes=15)
"""So long somebody may take at the provider."""
_TIMEOUT_SECONDS = 10
_NOT_DONE = "Inloggningen kunde inte slutföras."


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and the cookie that it comes back with."""

    url: str
    cookie: str


class OpenId:
    """The providers that staff may sign in with."""

    def __init__(
        self,
        database: Database,
        sign_in: SignIn,
        providers: Sequence[OpenIdProvider],
        *,
        public_url: str,
        clock: Clock | None = None,
    ) -> None:
        self._database = database
        self._sign_in = sign_in
        self._public_url = public_url.rstrip("/")
        # Real time, as for sessions: the provider's clock is no simulated one.
        self._clock = clock or SystemClock()
        self._clients = OAuth()
        self.providers = {provider.key: provider for provider in providers}
        for provider in providers:
            self._clients.register(
                provider.key,
                client_id=provider.client_id,
                client_secret=provider.client_secret.get_secret_value(),
                server_metadata_url=f"{provider.issuer}/.well-known/openid-configuration",
                client_kwargs={
                    "scope": provider.scope,
                    "code_challenge_method": "S256",
                    "timeout": _TIMEOUT_SECONDS,
                },
            )

    async def begin(self, request: Request, key: str, target: str) -> Begun:
        """Send the browser to a provider; ``target`` is the page to come back to.

        Problem 404 without such a provider, 503 where it does not answer.
        """
        provider = self._provider(key)
        # Authlib keeps what it expects here; it is stored below, and never in a cookie.
        request.scope["session"] = {}
        more = {"acr_values": " ".join(provider.acr)} if provider.acr else {}
        client = await self._client(provider)
        answer = await client.authorize_redirect(request, self._callback(key), **more)
        cookie = secrets.token_urlsafe(32)
        attempt = Attempt(key, json.dumps(request.session), target, self._clock.now())
        async with self._database.nobody() as connection:
            await attempts.keep(connection, token_digest(cookie), attempt)
        return Begun(answer.headers["location"], cookie)

    async def finish(self, request: Request, key: str, cookie: str) -> tuple[SignedIn, str]:
        """A new session, and the page to go to, when the provider's answer is what it must be.

        Problem 403 where it is not, where the login is nobody's in the roster, or where
        signing in was not strong enough; 404 and 503 as above.
        """
        provider = self._provider(key)
        async with self._database.nobody() as connection:
            attempt = await attempts.take(connection, token_digest(cookie))
        if (
            attempt is None
            or attempt.provider != key
            or attempt.begun_at < self._clock.now() - KEPT
        ):
            raise _refused("late", "Inloggningen tog för lång tid. Försök igen.")
        request.scope["session"] = json.loads(attempt.expected)
        claims, id_token = await self._claims(provider, request)
        organiser_id, staff_id = await self._staff(provider, _login(provider, claims))
        session = await self._sign_in.start(
            organiser_id,
            staff_id,
            provider=key,
            id_token=id_token,
            subject=str(claims["sub"]),
            provider_session=_text(claims.get("sid")),
            duties=await self._duties(provider, organiser_id, claims),
        )
        metrics.SIGN_INS.labels("ok").inc()
        return session, attempt.target

    async def farewell(self, session: SignedIn) -> str | None:
        """Where to send somebody who has signed out here to be signed out there, too.

        None where the provider has no such page or does not answer: the session here is
        ended all the same (OpenID Connect RP-Initiated Logout 1.0).
        """
        provider = self.providers.get(session.provider or "")
        if provider is None:
            return None
        try:
            client = await self._client(provider)
        except Problem:
            return None
        if not client.server_metadata.get("end_session_endpoint"):
            return None
        told = await client.create_logout_url(
            post_logout_redirect_uri=f"{self._public_url}/logga-in?utloggad=true",
            id_token_hint=session.id_token,
            client_id=provider.client_id,
        )
        return str(told["url"])

    async def keys(self, key: str, *, again: bool = False) -> tuple[OpenIdProvider, str, Any]:
        """The provider, its issuer as it writes it, and the keys that it signs with."""
        provider = self._provider(key)
        client = await self._client(provider)
        try:
            found = await client.fetch_jwk_set(force=again)
        except (httpx.HTTPError, ValueError) as error:
            raise _away(provider, error) from error
        return provider, str(client.server_metadata["issuer"]), found

    async def _duties(
        self, provider: OpenIdProvider, organiser_id: UUID, claims: Mapping[str, Any]
    ) -> tuple[ClaimedDuty, ...]:
        rules = provider.claims.get(organiser_id)
        if rules is None:
            return ()
        claimed = read(rules, claims)
        if not claimed.roles:
            return ()
        async with self._database.system(organiser_id) as connection:
            units = await sessions.units_by_code(connection)
            areas = await sessions.areas_by_name(connection)
        return duties(claimed, units, areas)

    def _provider(self, key: str) -> OpenIdProvider:
        provider = self.providers.get(key)
        if provider is None:
            raise Problem(404, "no_such_provider", "Det finns ingen sådan inloggning.")
        return provider

    def _callback(self, key: str) -> str:
        return f"{self._public_url}/logga-in/{key}/svar"

    async def _client(self, provider: OpenIdProvider) -> Any:
        """Authlib's client, which has read the provider's metadata."""
        client = self._clients.create_client(provider.key)
        try:
            metadata = await client.load_server_metadata()
        except (httpx.HTTPError, ValueError) as error:
            raise _away(provider, error) from error
        # OpenID Connect Discovery 1.0, 4.3: else somebody else's tokens would be taken.
        if metadata.get("issuer", "").rstrip("/") != provider.issuer:
            client.server_metadata.pop("_loaded_at", None)
            raise _away(provider, ValueError("its metadata names another issuer"))
        return client

    async def _claims(
        self, provider: OpenIdProvider, request: Request
    ) -> tuple[Mapping[str, Any], str]:
        client = await self._client(provider)
        options = {
            "iss": {"essential": True, "value": client.server_metadata["issuer"]},
            "aud": {"essential": True, "value": provider.client_id},
            "sub": {"essential": True},
        }
        try:
            token = await client.authorize_access_token(request, claims_options=options)
        except OAuthError as error:
            detail = "Inloggningen avbröts." if error.error == "access_denied" else _NOT_DONE
            raise _refused(error.error, f"{detail} Försök igen.") from error
        except JoseError as error:
            raise _refused(error.error, f"{_NOT_DONE} Försök igen.") from error
        except (httpx.HTTPError, ValueError) as error:
            raise _away(provider, error) from error
        claims: Mapping[str, Any] = token.get("userinfo") or {}
        if not claims:
            raise _refused("no_id_token", f"{_NOT_DONE} Försök igen.")
        if provider.acr and claims.get("acr") not in provider.acr:
            raise _refused(
                "weak",
                "Det krävs en starkare inloggning, till exempel med e-legitimation.",
            )
        return claims, str(token["id_token"])

    async def _staff(self, provider: OpenIdProvider, login: str) -> tuple[UUID, UUID]:
        found = []
        for organiser_id in sorted(provider.organisers):
            async with self._database.system(organiser_id) as connection:
                staff_id = await sessions.staff_with_login(connection, login)
            if staff_id is not None:
                found.append((organiser_id, staff_id))
        if not found:
            raise _refused(
                "not_in_roster",
                f"Du är inloggad hos {provider.name}, men ditt användarnamn finns inte i skolans "
                "register. Be rektorn eller den som sköter registret om hjälp.",
            )
        if len(found) > 1:
            raise _refused(
                "several_organisers",
                "Ditt användarnamn finns hos flera huvudmän, så det går inte att veta vem du är. "
                "Be den som sköter registret om hjälp.",
            )
        return found[0]


def _login(provider: OpenIdProvider, claims: Mapping[str, Any]) -> str:
    login = claims.get(provider.login_claim)
    unproven = provider.login_claim == "email" and claims.get("email_verified") is not True
    if not isinstance(login, str) or not login.strip() or unproven:
        raise _refused(
            "no_login",
            f"{provider.name} lämnade inget användarnamn. Be den som sköter inloggningen om hjälp.",
        )
    return login.strip().lower()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _refused(reason: str, detail: str) -> Problem:
    """The reason is a code: claims are personal data, and error descriptions may hold some."""
    _log.info("sign-in refused", reason=reason)
    metrics.SIGN_INS.labels("refused").inc()
    return Problem(403, "sign_in_refused", detail)


def _away(provider: OpenIdProvider, error: Exception) -> Problem:
    _log.warning("OpenID provider away", provider=provider.key, error=type(error).__name__)
    metrics.SIGN_INS.labels("provider_away").inc()
    return Problem(
        503,
        "provider_away",
        f"Inloggningen hos {provider.name} svarar inte just nu. Försök igen om en liten stund.",
        headers={"Retry-After": "30"},
    )
