"""Pages to sign in and out; the way to an OpenID provider and back is in openid.py."""

from __future__ import annotations

import hmac
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.cases.api.access import check_token, cookie_name, recognise, set_session, signed_in
from services.cases.openid import OpenId
from services.cases.signin import SignedIn, SignIn
from services.cases.web.render import page
from services.cases.web.targets import safe
from services.common.problem import Problem
from services.common.settings import CasesSettings

router = APIRouter(include_in_schema=False)

#: Before there is a session: a random cookie that the sign-in form repeats, so that nobody can
#: be signed in as somebody else by a form on another site.
_FORM_COOKIE = "forvarning-form"


@router.get("/logga-in")
async def sign_in_page(
    request: Request,
    vidare: Annotated[str, Query(max_length=200)] = "/",
    utloggad: Annotated[bool, Query()] = False,
) -> Response:
    """The form."""
    if await recognise(request) is not None:
        return RedirectResponse(safe(vidare), status_code=303)
    return _form(request, vidare=vidare, note="Du är utloggad." if utloggad else "")


@router.post("/logga-in")
async def sign_in(
    request: Request,
    login: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=500)] = "",
    vidare: Annotated[str, Form(max_length=200)] = "/",
    form_token: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """A new session, always: an older one in the browser is not continued."""
    expected = request.cookies.get(_FORM_COOKIE, "")
    if not expected or not hmac.compare_digest(expected.encode(), form_token.encode()):
        return _form(
            request,
            vidare=vidare,
            login=login,
            problem=Problem(403, "bad_csrf_token", "Sidan var för gammal. Försök igen."),
        )
    if not _takes_passwords(request):
        raise Problem(403, "no_passwords", "Här loggar man in hos sin huvudman.")
    service: SignIn = request.app.state.sign_in
    try:
        session = await service.sign_in(login, password)
    except Problem as problem:
        return _form(request, vidare=vidare, login=login, problem=problem)
    settings: CasesSettings = request.app.state.settings
    await service.forget(request.cookies.get(cookie_name(settings)))
    answer = RedirectResponse(safe(vidare), status_code=303)
    set_session(answer, settings, session)
    answer.delete_cookie(_FORM_COOKIE, path="/logga-in")
    return answer


@router.post("/logga-ut")
async def sign_out(
    request: Request,
    session: Annotated[SignedIn, Depends(signed_in)],
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """End the session, here and with the provider that vouched for it."""
    check_token(session, csrf)
    service: SignIn = request.app.state.sign_in
    await service.sign_out(session)
    openid: OpenId = request.app.state.openid
    farewell = await openid.farewell(session)
    answer = RedirectResponse(farewell or "/logga-in?utloggad=true", status_code=303)
    settings: CasesSettings = request.app.state.settings
    answer.delete_cookie(cookie_name(settings), path="/", secure=settings.environment != "local")
    return answer


def _form(
    request: Request,
    *,
    vidare: str,
    login: str = "",
    note: str = "",
    problem: Problem | None = None,
) -> Response:
    settings: CasesSettings = request.app.state.settings
    token = secrets.token_urlsafe(24)
    answer = page(
        "signin.html",
        problem.status if problem else 200,
        vidare=safe(vidare),
        login=login,
        note=note,
        problem=problem,
        form_token=token,
        demo=settings.cases_demo_password is not None,
        passwords=_takes_passwords(request),
        providers=settings.cases_openid,
    )
    answer.set_cookie(
        _FORM_COOKIE,
        token,
        httponly=True,
        samesite="strict",
        secure=settings.environment != "local",
        path="/logga-in",
    )
    return answer


def _takes_passwords(request: Request) -> bool:
    """Accounts of our own are for the local stack, and for where no provider is set up."""
    settings: CasesSettings = request.app.state.settings
    return settings.cases_demo_password is not None or not settings.cases_openid
