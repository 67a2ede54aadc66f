"""Sessions with an idle time-out, and signing in with an account: scrypt, throttling.

Where OpenID Connect is set up (services.cases.openid) it takes the accounts' place.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from services.cases import metrics
from services.cases.domain.claims import ClaimedDuty
from services.cases.store import audit, sessions
from services.cases.store.scope import Database, Viewer
from services.cases.store.sessions import Account, Session
from services.common import pg
from services.common.clock import Clock, SystemClock
from services.common.logging import get_logger
from services.common.problem import Problem

_log = get_logger(__name__)

#: OWASP's password storage cheat sheet: N = 2^15, r = 8, p = 3 (32 MiB).
_N, _R, _P = 2**15, 8, 3
_MAX_MEMORY = 64 * 1024 * 1024
#: So many failures of one login within the time make the next try wait.
_MAX_FAILURES, _WINDOW = 5, timedelta(minutes=15)
#: So long the secret before the last one answers, for requests that were under way.
_OVERLAP = timedelta(seconds=60)
#: How often the time of the last request is written.
_TOUCH = timedelta(seconds=30)


def hash_password(password: str) -> str:
    """scrypt with a random salt, as ``scrypt$N$r$p$salt$key`` in base64."""
    salt = secrets.token_bytes(16)
    key = _scrypt(password, salt, _N, _R, _P)
    encoded = [base64.b64encode(part).decode() for part in (salt, key)]
    return f"scrypt${_N}${_R}${_P}${encoded[0]}${encoded[1]}"


def verify_password(password: str, stored: str) -> bool:
    """Whether the password is the one that was hashed, in constant time."""
    kind, n, r, p, salt, key = stored.split("$")
    if kind != "scrypt":
        return False
    found = _scrypt(password, base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(key))


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MAX_MEMORY, dklen=32)


_NOBODYS = hash_password(secrets.token_urlsafe(16))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser with a session: who, and the token that its forms must carry."""

    viewer: Viewer
    csrf_token: str
    cookie: str
    provider: str | None = None
    """The key of the OpenID provider that vouched; None for an account."""
    id_token: str | None = None
    renewed: bool = False
    """The cookie is new: the browser's own will soon be worth nothing."""


class SignIn:
    """Sign in, recognise, sign out."""

    def __init__(
        self,
        database: Database,
        *,
        idle: timedelta,
        longest: timedelta = timedelta(hours=10),
        demo_password: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._database = database
        # Real time also where the school's clock is simulated (design D8): a demo that runs
        # sixty times as fast must not sign people out every half minute.
        self._clock = clock or SystemClock()
        self._idle = idle
        self._longest = longest
        self._demo_password = demo_password
        # scrypt takes memory and time by design: a few at once, the rest wait.
        self._hashing = asyncio.Semaphore(2)

    async def sign_in(self, login: str, password: str) -> SignedIn:
        """A new session. 401 for a wrong login or password (not told apart), 429 after too many
        failures of the same login, whoever they came from."""
        name = login.strip().lower()
        subject = hashlib.sha256(name.encode()).digest()
        now = self._clock.now()
        async with self._database.nobody() as connection:
            failed = await sessions.failures(connection, subject, now - _WINDOW)
        if failed >= _MAX_FAILURES:
            metrics.SIGN_INS.labels("throttled").inc()
            raise Problem(
                429,
                "too_many_tries",
                "För många misslyckade försök. Vänta en kvart och försök igen.",
                headers={"Retry-After": str(int(_WINDOW.total_seconds()))},
            )
        account = await self._account(name, password)
        # As long for a login that does not exist as for a wrong password.
        stored = account.password_hash if account else _NOBODYS
        async with self._hashing:
            right = await asyncio.to_thread(verify_password, password, stored)
        if account is None or not right:
            async with self._database.nobody() as connection:
                await sessions.add_failure(connection, subject, self._database.new_id(), now)
            metrics.SIGN_INS.labels("refused").inc()
            raise Problem(401, "wrong_login", "Användarnamnet eller lösenordet stämmer inte.")
        metrics.SIGN_INS.labels("ok").inc()
        return await self.start(account.organiser_id, account.staff_id, account=account.account_id)

    async def recognise(self, cookie: str | None) -> SignedIn | None:
        """The session that a cookie belongs to; None when there is none or it has run out.

        Where the person's duties are others than when the secret was made, it gets a new one.
        """
        parsed = _parse(cookie)
        if parsed is None or cookie is None:
            return None
        organiser_id, token_hash = parsed
        now = self._clock.now()
        async with self._database.system(organiser_id) as connection:
            found = await sessions.find(connection, token_hash, now - _OVERLAP)
            if found is None:
                return None
            session = found.session
            idle = now - session.seen_at
            if idle > self._idle or now - session.started_at > self._longest:
                await sessions.end(connection, token_hash)
                return None
            if idle > _TOUCH:
                await sessions.touch(connection, session.session_id, now)
            if found.privileges != found.given_for and not found.by_previous:
                renewed = await self._renew(connection, session, found.privileges)
                if renewed is not None:
                    return renewed
        return _signed_in(session, cookie)

    async def renew(self, signed_in: SignedIn) -> SignedIn:
        """A new secret for the session, since what it opens has changed."""
        parsed = _parse(signed_in.cookie)
        if parsed is None:
            return signed_in
        organiser_id, token_hash = parsed
        async with self._database.system(organiser_id) as connection:
            found = await sessions.find(connection, token_hash, self._clock.now() - _OVERLAP)
            if found is None or found.by_previous:
                return signed_in
            renewed = await self._renew(connection, found.session, found.privileges)
        return renewed or signed_in

    async def _renew(
        self, connection: pg.Connection, session: Session, privileges: bytes
    ) -> SignedIn | None:
        token = secrets.token_urlsafe(32)
        changed = await sessions.rotate(
            connection, session.session_id, token_digest(token), privileges, self._clock.now()
        )
        if not changed:
            return None
        await audit.write(
            connection,
            session.organiser_id,
            self._database.now(),
            session.staff_id,
            "session.renewed",
        )
        renewed = _signed_in(session, f"{session.organiser_id.hex}.{token}")
        return replace(renewed, renewed=True)

    async def sign_out(self, signed_in: SignedIn) -> None:
        """End the session; the cookie is worth nothing afterwards."""
        await self.forget(signed_in.cookie, "signed_out")

    async def forget(self, cookie: str | None, action: str = "signed_out.by_new_sign_in") -> None:
        """End the session of a cookie, if there is one; audited."""
        parsed = _parse(cookie)
        if parsed is None:
            return
        organiser_id, token_hash = parsed
        async with self._database.system(organiser_id) as connection:
            staff_id = await sessions.end(connection, token_hash)
            if staff_id is not None:
                await audit.write(connection, organiser_id, self._database.now(), staff_id, action)

    async def set_password(self, organiser_id: UUID, login: str, password: str) -> None:
        """Make the account of a member of staff, or give it a new password.

        LookupError when nobody in the organiser's roster has that login.
        """
        name = login.strip().lower()
        async with self._hashing:
            hashed = await asyncio.to_thread(hash_password, password)
        async with self._database.system(organiser_id) as connection:
            staff_id = await sessions.staff_with_login(connection, name)
            if staff_id is None:
                msg = f"nobody in the roster has the login {name!r}"
                raise LookupError(msg)
            account = Account(organiser_id, self._database.new_id(), staff_id, hashed)
            await sessions.put_account(connection, name, account, self._database.now())

    async def _account(self, name: str, password: str) -> Account | None:
        async with self._database.pool.acquire() as connection:
            organiser_id = await sessions.organiser_of_login(connection, name)
        if organiser_id is None and self._demo_password is not None:
            organiser_id = await self._demo_account(name, password)
        if organiser_id is None:
            return None
        async with self._database.system(organiser_id) as connection:
            return await sessions.account(connection, name)

    async def _demo_account(self, name: str, password: str) -> UUID | None:
        """On the local stack whoever has a login in the roster gets an account at the first
        right demo password."""
        assert self._demo_password is not None  # noqa: S101 - asked by the caller
        if not hmac.compare_digest(password.encode(), self._demo_password.encode()):
            return None
        for organiser_id in await pg.organiser_ids(self._database.pool):
            try:
                await self.set_password(organiser_id, name, password)
            except LookupError:
                continue
            return organiser_id
        return None

    async def start(
        self,
        organiser_id: UUID,
        staff_id: UUID,
        *,
        account: UUID | None = None,
        provider: str | None = None,
        id_token: str | None = None,
        subject: str | None = None,
        provider_session: str | None = None,
        duties: Sequence[ClaimedDuty] = (),
    ) -> SignedIn:
        """A new session of a member of staff who has shown who it is; audited.

        An older one in the same browser is never continued. ``duties`` are what the provider's
        claims give beside the roster's, for this session.
        """
        now = self._clock.now()
        token = secrets.token_urlsafe(32)
        session = Session(
            organiser_id=organiser_id,
            account_id=account,
            staff_id=staff_id,
            csrf_token=secrets.token_urlsafe(32),
            started_at=now,
            seen_at=now,
            provider=provider,
            id_token=id_token,
            provider_subject=subject,
            provider_session=provider_session,
            session_id=self._database.new_id(),
        )
        async with self._database.system(organiser_id) as connection:
            await sessions.start(connection, token_digest(token), session)
            await sessions.claim(connection, session, duties)
            await sessions.set_privileges(connection, session.session_id)
            await audit.write(
                connection,
                organiser_id,
                self._database.now(),
                staff_id,
                "signed_in",
                by=provider or "password",
                claimed=sorted({duty.role for duty in duties}),
            )
        return _signed_in(session, f"{organiser_id.hex}.{token}")


def _signed_in(session: Session, cookie: str) -> SignedIn:
    viewer = Viewer(session.organiser_id, session.staff_id, session.session_id)
    return SignedIn(viewer, session.csrf_token, cookie, session.provider, session.id_token)


def _parse(cookie: str | None) -> tuple[UUID, bytes] | None:
    """Organiser and token digest. The organiser in it opens nothing: the token must be found
    within that organiser's rows."""
    organiser, _, token = (cookie or "").partition(".")
    if not token or len(organiser) != 32:
        return None
    try:
        return UUID(hex=organiser), token_digest(token)
    except ValueError:
        return None


def token_digest(token: str) -> bytes:
    """What is stored of a browser's secret, so that the database lets nobody in."""
    return hashlib.sha256(token.encode()).digest()
