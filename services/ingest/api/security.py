"""Who is calling: a source by its token, or the operator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request

from services.common.problem import Problem
from services.ingest.service import Service
from services.ingest.store.sources import Source


def service_of(request: Request) -> Service:
    """The process's parts."""
    service: Service = request.app.state.service
    return service


def source_with(scope: str | None) -> Callable[[Request], Awaitable[Source]]:
    """A dependency: the calling source, 401 without a good token, 403 without ``scope``."""

    async def check(request: Request) -> Source:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        source = None
        if scheme.lower() == "bearer" and token:
            source = await service_of(request).sources.get(token.strip())
        if source is None:
            detail = (
                "This token belongs to no source, or was revoked."
                if token
                else "Send Authorization: Bearer <the source's token>."
            )
            raise Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})
        if scope is not None and scope not in source.scopes:
            raise Problem(
                403, "forbidden", f"The source {source.name!r} may not send {scope}.", scope=scope
            )
        return source

    return check
