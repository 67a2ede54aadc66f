"""Puts the pages on the application: routes, templates, headers, and pages for errors."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from services.cases import metrics
from services.cases.api.access import give_renewed
from services.cases.backchannel import BackChannel
from services.cases.openid import OpenId
from services.cases.signin import SignIn
from services.cases.web import (
    access,
    chain_pages,
    demo,
    desk_pages,
    due_pages,
    extract,
    openid,
    pages,
    queue_pages,
    signing,
    today_pages,
)
from services.cases.web.render import error_page, page
from services.common import pg
from services.common.logging import get_logger
from services.common.problem import Problem
from services.common.settings import CasesSettings

_log = get_logger(__name__)
_STATIC = Path(__file__).with_name("static")
# No script at all, nothing from elsewhere, in nobody's frame.
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action {forms}; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Nothing here is for a search engine, whoever links to it.
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def install(app: FastAPI, settings: CasesSettings) -> None:
    """Add the pages."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        async with inner(application):
            demo_password = settings.cases_demo_password
            application.state.sign_in = SignIn(
                application.state.database,
                idle=timedelta(minutes=settings.cases_session_idle_minutes),
                longest=timedelta(hours=settings.cases_session_hours),
                demo_password=demo_password.get_secret_value() if demo_password else None,
            )
            application.state.openid = OpenId(
                application.state.database,
                application.state.sign_in,
                settings.cases_openid,
                public_url=settings.cases_public_url,
            )
            application.state.back_channel = BackChannel(
                application.state.database, application.state.openid
            )
            yield

    app.router.lifespan_context = lifespan
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.include_router(signing.router)
    app.include_router(openid.router)
    app.include_router(today_pages.router)
    app.include_router(pages.router)
    app.include_router(chain_pages.router)
    app.include_router(desk_pages.router)
    app.include_router(due_pages.router)
    app.include_router(queue_pages.router)
    app.include_router(access.router)
    app.include_router(extract.router)
    if settings.environment == "local":
        app.include_router(demo.router)
    _headers(app, settings)
    _errors(app)


def _policy(settings: CasesSettings) -> str:
    """Signing out is a form that ends at the provider, which browsers count as its target."""
    origins = {urlsplit(one.issuer) for one in settings.cases_openid}
    forms = ["'self'", *sorted({f"{one.scheme}://{one.netloc}" for one in origins})]
    return _POLICY.format(forms=" ".join(forms))


def _headers(app: FastAPI, settings: CasesSettings) -> None:
    fixed = _HEADERS | {"Content-Security-Policy": _policy(settings)}

    @app.middleware("http")
    async def headers(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        began = time.perf_counter()
        response = await call_next(request)
        give_renewed(request, response)
        for name, value in fixed.items():
            response.headers.setdefault(name, value)
        if not request.url.path.startswith("/static/"):
            # Pages name pupils: no cache keeps them, on no machine.
            response.headers.setdefault("Cache-Control", "no-store")
        if settings.environment != "local":
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        route = request.scope.get("route")
        # The template, never the address: it would hold case numbers.
        template = getattr(route, "path", "none")
        status = f"{response.status_code // 100}xx"
        seconds = time.perf_counter() - began
        metrics.REQUESTS.labels(template, status).observe(seconds)
        if settings.environment == "local":
            # For whoever measures; elsewhere it would tell strangers what takes long.
            response.headers["Server-Timing"] = f"app;dur={seconds * 1000:.1f}"
        return response


def _errors(app: FastAPI) -> None:
    """People get a page, programs a problem document."""
    problems = app.exception_handlers[Problem]
    plain = app.exception_handlers[HTTPException]

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101 - registered for this class only
        if _is_page(request):
            return await error_page(request, error)
        return await problems(request, error)  # type: ignore[misc, no-any-return]  # Starlette allows sync handlers too

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
        if _is_page(request):
            text = "Sidan finns inte." if error.status_code == 404 else str(error.detail)
            return await error_page(request, Problem(error.status_code, "http", text))
        return await plain(request, error)  # type: ignore[misc, no-any-return]  # as above

    async def on_away(request: Request, error: Exception) -> Response:
        if not pg.is_away(error):
            raise error
        _log.warning("database away", error=type(error).__name__)
        away = Problem(
            503,
            "database_away",
            "Databasen svarar inte just nu. Försök igen om en liten stund. "
            "Om du skrev något: se efter om det har sparats.",
            headers={"Retry-After": "5"},
        )
        if not _is_page(request):
            return away.response()
        # Who is signed in cannot be looked up now.
        answer = page("error.html", away.status, problem=away)
        answer.headers.update(away.headers or {})
        return answer

    for kind in pg.AWAY:
        app.add_exception_handler(kind, on_away)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)


def _is_page(request: Request) -> bool:
    path = request.url.path
    return not path.startswith(
        ("/api/", "/internal/", "/journal/")
    ) and "text/html" in request.headers.get("accept", "")
