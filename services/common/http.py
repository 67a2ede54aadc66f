"""What every service's HTTP side has: liveness, readiness, metrics, and a way to run it."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from hmac import compare_digest

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from services.common.logging import get_logger
from services.common.metrics import metrics_endpoint
from services.common.problem import Problem

Check = Callable[[], Awaitable[str | None]]
"""Returns None when well, else one sentence that says what is not."""


def add_health(app: FastAPI, *, live: dict[str, Check], ready: dict[str, Check]) -> None:
    """Add /healthz (restart me when it fails), /readyz (send me work) and /metrics."""

    def endpoint(checks: dict[str, Check]) -> Callable[[], Awaitable[JSONResponse]]:
        async def answer() -> JSONResponse:
            results = {name: await check() for name, check in checks.items()}
            well = all(result is None for result in results.values())
            return JSONResponse(
                {name: result or "ok" for name, result in results.items()},
                status_code=200 if well else 503,
            )

        return answer

    app.add_api_route("/healthz", endpoint(live), include_in_schema=False)
    app.add_api_route("/readyz", endpoint(ready), include_in_schema=False)
    app.add_route("/metrics", metrics_endpoint, include_in_schema=False)


def require_bearer(expected: SecretStr) -> Callable[[Request], Awaitable[None]]:
    """A dependency that lets only the holder of ``expected`` in, in constant time."""

    async def check(request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        right = compare_digest(token.encode(), expected.get_secret_value().encode())
        if scheme.lower() != "bearer" or not right:
            raise Problem(
                401,
                "unauthorized",
                "A valid bearer token is needed in the Authorization header.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    return check


def server(app: FastAPI, host: str, port: int, *, stop_seconds: int = 10) -> uvicorn.Server:
    """A uvicorn server that drains requests for ``stop_seconds`` after SIGTERM."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=stop_seconds,
        lifespan="on",
    )
    return uvicorn.Server(config)


def run(app: FastAPI, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. With port 0 the log says which port was taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    taken = listener.getsockname()[1]
    get_logger(__name__).info("listening", host=host, port=taken)
    server(app, host, port).run(sockets=[listener])
