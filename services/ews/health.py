"""/healthz, /readyz and /metrics, served from a thread of their own.

A busy main loop must not make the worker look dead, and a dead one must not
look alive: liveness is progress (design, stack.md 1.2).
"""

from __future__ import annotations

import socket
import threading

from fastapi import FastAPI

from services.common.http import add_health, server
from services.common.logging import get_logger
from services.ews.shell import Shell
from services.ews.watchdog import Watchdog

log = get_logger(__name__)

_LOOP_SECONDS = 15.0


def health_app(shell: Shell, watchdog: Watchdog) -> FastAPI:
    """The three endpoints over a shell's state."""
    app = FastAPI(title="Förvarning EWS", openapi_url=None)

    async def moving() -> str | None:
        return shell.inspector.stuck()

    async def looping() -> str | None:
        age = watchdog.loop_age
        return f"the main loop has not run for {age:.0f} s" if age > _LOOP_SECONDS else None

    async def assigned() -> str | None:
        if shell.stopping:
            return "stopping"
        return None if shell.assigned_once else "not yet assigned and restored"

    async def profiles() -> str | None:
        missing = shell.waiting()
        return f"waiting for the content of {', '.join(missing)}" if missing else None

    add_health(
        app,
        live={"progress": moving, "loop": looping},
        ready={"assignment": assigned, "profiles": profiles},
    )
    return app


def serve(app: FastAPI, host: str, port: int) -> int:
    """Serve in a daemon thread; returns the port (0 asks for any free one)."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    taken: int = listener.getsockname()[1]
    http = server(app, host, taken, stop_seconds=1)
    threading.Thread(
        target=http.run, kwargs={"sockets": [listener]}, name="health", daemon=True
    ).start()
    log.info("listening", host=host, port=taken)
    return taken
