"""The way to an OpenID provider and back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.cases.api.access import cookie_name, set_secret, set_session
from services.cases.backchannel import BackChannel
from services.cases.openid import OpenId
from services.cases.signin import SignIn
from services.cases.web.targets import safe
from services.common.settings import CasesSettings

router = APIRouter(include_in_schema=False)

#: With the prefix no subdomain and no plain HTTP can set it.
_COOKIE, _LOCAL_COOKIE = "__Host-forvarning-in", "forvarning-in"


@router.get("/logga-in/{provider}")
async def begin(
    request: Request, provider: str, vidare: Annotated[str, Query(max_length=200)] = "/"
) -> Response:
    """Off to the provider."""
    openid: OpenId = request.app.state.openid
    begun = await openid.begin(request, provider, safe(vidare))
    answer = RedirectResponse(begun.url, status_code=303)
    settings: CasesSettings = request.app.state.settings
    set_secret(answer, settings, _name(settings), begun.cookie)
    return answer


@router.get("/logga-in/{provider}/svar")
async def finish(request: Request, provider: str) -> Response:
    """Back from the provider: a new session, or a page that says why not."""
    openid: OpenId = request.app.state.openid
    settings: CasesSettings = request.app.state.settings
    cookie = request.cookies.get(_name(settings), "")
    session, target = await openid.finish(request, provider, cookie)
    sign_in: SignIn = request.app.state.sign_in
    await sign_in.forget(request.cookies.get(cookie_name(settings)))
    answer = RedirectResponse(target, status_code=303)
    set_session(answer, settings, session)
    answer.delete_cookie(_name(settings), path="/", secure=settings.environment != "local")
    return answer


@router.post("/logga-in/{provider}/utloggning")
async def back_channel(
    request: Request, provider: str, logout_token: Annotated[str, Form(max_length=20_000)] = ""
) -> Response:
    """The provider says that somebody has signed out there (OpenID Connect Back-Channel Logout)."""
    channel: BackChannel = request.app.state.back_channel
    await channel.take(provider, logout_token)
    return Response(status_code=200, headers={"Cache-Control": "no-store"})


def _name(settings: CasesSettings) -> str:
    return _LOCAL_COOKIE if settings.environment == "local" else _COOKIE
