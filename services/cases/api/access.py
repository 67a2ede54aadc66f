"""Who asks: the session behind a request, and the proof that a form of ours sent it."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from fastapi.responses import Response

from services.cases.signin import SignedIn, SignIn
from services.cases.store.scope import Database
from services.common.problem import Problem
from services.common.settings import CasesSettings

#: With the prefix the browser refuses the cookie from a subdomain or over plain HTTP.
COOKIE, LOCAL_COOKIE = "__Host-forvarning", "forvarning"

#: Which lines of a list somebody asks for, pages and API alike.
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Limit = Annotated[int, Query(ge=1, le=200)]


def database(request: Request) -> Database:
    """The database of the running service."""
    found: Database = request.app.state.database
    return found


async def recognise(request: Request) -> SignedIn | None:
    """The session of the request's cookie, if it still holds."""
    sign_in: SignIn = request.app.state.sign_in
    settings: CasesSettings = request.app.state.settings
    found = await sign_in.recognise(request.cookies.get(cookie_name(settings)))
    if found is not None and found.renewed:
        # Whatever answers the request gives the browser its new cookie.
        request.state.renewed = found
    return found


def give_renewed(request: Request, answer: Response) -> None:
    """The browser's new cookie, where its session got a new secret in this request."""
    renewed: SignedIn | None = getattr(request.state, "renewed", None)
    name = cookie_name(request.app.state.settings)
    # A request that signed somebody in or out has said already what the cookie is.
    told = any(value.startswith(f"{name}=") for value in answer.headers.getlist("set-cookie"))
    if renewed is not None and not told:
        set_session(answer, request.app.state.settings, renewed)


def cookie_name(settings: CasesSettings) -> str:
    """The one cookie that counts: in production never the one that a subdomain could set."""
    return LOCAL_COOKIE if settings.environment == "local" else COOKIE


def set_session(answer: Response, settings: CasesSettings, session: SignedIn) -> None:
    """Give the browser a new session's cookie."""
    set_secret(answer, settings, cookie_name(settings), session.cookie)


def set_secret(answer: Response, settings: CasesSettings, name: str, value: str) -> None:
    """A cookie that no script reads and that comes back also from a link on another site."""
    answer.set_cookie(
        name,
        value,
        httponly=True,
        samesite="lax",
        secure=settings.environment != "local",
        path="/",
    )


async def signed_in(request: Request) -> SignedIn:
    """The session, or 401."""
    found = await recognise(request)
    if found is None:
        raise Problem(401, "not_signed_in", "Logga in först.")
    return found


async def renew(request: Request, session: SignedIn) -> None:
    """A new secret for the session, which the answer gives the browser: what it opens is more."""
    sign_in: SignIn = request.app.state.sign_in
    renewed = await sign_in.renew(session)
    if renewed.renewed:
        request.state.renewed = renewed


def check_token(session: SignedIn, token: str) -> None:
    """The form's token must be the session's (against cross-site request forgery)."""
    if not hmac.compare_digest(session.csrf_token.encode(), token.encode()):
        raise Problem(403, "bad_csrf_token", "Sidan är för gammal. Ladda om den och försök igen.")


async def signed_in_with_token(
    session: Annotated[SignedIn, Depends(signed_in)],
    x_csrf_token: Annotated[str, Header()] = "",
) -> SignedIn:
    """For calls that change something: the session and its token in ``X-CSRF-Token``."""
    check_token(session, x_csrf_token)
    return session


Reader = Annotated[SignedIn, Depends(signed_in)]
"""Whoever is signed in."""
Writer = Annotated[SignedIn, Depends(signed_in_with_token)]
"""The same for what changes something."""
Data = Annotated[Database, Depends(database)]
