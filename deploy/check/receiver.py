"""A webhook receiver that is as difficult as real ones: some calls are refused or cut off."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_LARGEST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """One call as it came."""

    webhook_id: str
    timestamp: str
    signature: str
    body: bytes
    answered: int
    """The HTTP status given; 0 where the connection was cut without an answer."""


class WebhookReceiver:
    """Listens on loopback until the block ends.

    ``refused`` and ``cut`` are the shares of first calls (of a webhook-id)
    that get 503 with Retry-After, or no answer at all after they were taken;
    a repeat is always accepted.
    """

    def __init__(self, seed: int, *, refused: float = 0.05, cut: float = 0.03) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a test's dice
        self._refused, self._cut = refused, cut
        self._lock = threading.Lock()
        self._calls: list[Received] = []
        self._met: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where to call it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    @property
    def calls(self) -> list[Received]:
        """Every call so far, in order."""
        with self._lock:
            return list(self._calls)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, headers: dict[str, str], body: bytes) -> int:
        key = headers.get("webhook-id", "")
        with self._lock:
            dice = self._random.random()
            status = 204
            if key not in self._met:
                if dice < self._refused:
                    status = 503
                elif dice < self._refused + self._cut:
                    status = 0
            self._met.add(key)
            self._calls.append(
                Received(
                    webhook_id=key,
                    timestamp=headers.get("webhook-timestamp", ""),
                    signature=headers.get("webhook-signature", ""),
                    body=body,
                    answered=status,
                )
            )
        return status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers.get("content-length", "0")), _LARGEST_BYTES)
                body = self.rfile.read(length)
                status = take({k.lower(): v for k, v in self.headers.items()}, body)
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                if status == 503:
                    self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                """Keep standard error for the check's own lines."""

        return Handler
