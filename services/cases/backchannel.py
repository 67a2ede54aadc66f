"""A provider says that somebody has signed out there: the sessions here end, too.

OpenID Connect Back-Channel Logout 1.0. The logout token is a signed statement, so the call needs
no session and no form token; it counts once, for a few minutes, and ends sessions of that
provider only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from services.cases.openid import OpenId
from services.cases.signin import token_digest
from services.cases.store import audit, sessions
from services.cases.store.scope import Database
from services.common.clock import Clock, SystemClock
from services.common.logging import get_logger
from services.common.problem import Problem
from services.common.settings import OpenIdProvider

_log = get_logger(__name__)
_EVENT = "http://schemas.openid.net/event/backchannel-logout"
#: Signatures with a key that only the provider has; never "none", never a shared secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
#: A token is told at once; clocks differ a little.
_OLDEST, _AHEAD = timedelta(minutes=5), timedelta(minutes=1)


class BackChannel:
    """Verifies logout tokens and ends what they name."""

    def __init__(self, database: Database, openid: OpenId, *, clock: Clock | None = None) -> None:
        self._database = database
        self._openid = openid
        # Real time, as for sessions.
        self._clock = clock or SystemClock()

    async def take(self, key: str, token: str) -> None:
        """End the sessions that the token names. Problem 400 where it is not what it must be."""
        provider, claims = await self._claims(key, token)
        subject, session = _text(claims, "sub"), _text(claims, "sid")
        if subject is None and session is None:
            raise _refused("names nobody")
        now = self._clock.now()
        async with self._database.nobody() as connection:
            if not await sessions.first_time(connection, token_digest(token), now):
                raise _refused("told before")
        for organiser_id in sorted(provider.organisers):
            async with self._database.system(organiser_id) as connection:
                for staff_id in await sessions.end_of_provider(connection, key, subject, session):
                    await audit.write(
                        connection,
                        organiser_id,
                        self._database.now(),
                        staff_id,
                        "signed_out",
                        by=key,
                    )

    async def _claims(self, key: str, token: str) -> tuple[OpenIdProvider, Mapping[str, Any]]:
        provider, issuer, keys = await self._openid.keys(key)
        try:
            decoded = _decode(token, keys)
        except InvalidKeyIdError:
            # The provider may have changed its keys since they were read.
            provider, issuer, keys = await self._openid.keys(key, again=True)
            try:
                decoded = _decode(token, keys)
            except (JoseError, ValueError) as error:
                raise _refused(type(error).__name__) from error
        except (JoseError, ValueError) as error:
            raise _refused(type(error).__name__) from error
        claims = decoded.claims
        audience = claims.get("aud")
        if claims.get("iss") != issuer:
            raise _refused("issuer")
        if provider.client_id not in (audience if isinstance(audience, list) else [audience]):
            raise _refused("audience")
        self._check_time(claims)
        events = claims.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(_EVENT), dict):
            raise _refused("event")
        # An ID token must not pass as a logout token.
        if "nonce" in claims:
            raise _refused("nonce")
        if not isinstance(claims.get("jti"), str):
            raise _refused("jti")
        return provider, claims

    def _check_time(self, claims: Mapping[str, Any]) -> None:
        now = self._clock.now().timestamp()
        issued, expires = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int | float) or isinstance(issued, bool):
            raise _refused("iat")
        if issued < now - _OLDEST.total_seconds() or issued > now + _AHEAD.total_seconds():
            raise _refused("old")
        if expires is not None and (not isinstance(expires, int | float) or expires < now):
            raise _refused("expired")


def _decode(token: str, keys: Any) -> jwt.Token:
    return jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(_ALGORITHMS))


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) and value else None


def _refused(reason: str) -> Problem:
    """The reason is a code: a token's contents are personal data."""
    _log.info("logout token refused", reason=reason)
    return Problem(
        400,
        "invalid_request",
        "The logout token is not valid.",
        headers={"Cache-Control": "no-store"},
    )
