"""Talks to ingest as a careful school system does: sends again until it is acknowledged."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

Body = dict[str, Any]
_GZIP_FROM = 2048
_LONGEST_PAUSE = 30.0
_PATIENCE = 300.0


class FeedError(Exception):
    """Root of what stops a feed.

    FeedError
    ├── RefusedError   ingest said no and will say no again (token, body, address)
    └── GaveUpError    no acknowledgement for longer than the feed's patience
    """


class RefusedError(FeedError):
    """A 4xx answer that sending again would not change."""

    def __init__(self, path: str, status: int, text: str) -> None:
        super().__init__(f"{path}: ingest answered {status}: {text[:500]}")
        self.status = status


class GaveUpError(FeedError):
    """Nothing was acknowledged for too long."""


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header: a number or an HTTP date (RFC 9110 10.2.3)."""
    if value is None:
        return None
    text = value.strip()
    if text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())


def is_local(url: str) -> bool:
    """Whether ``url`` is this machine's own: no proxy of the environment stands in between."""
    return httpx.URL(url).host in {"127.0.0.1", "::1", "localhost"}


class Patience:
    """How long a sender bears that nothing is acknowledged, and what it met meanwhile."""

    def __init__(
        self,
        seconds: float,
        jitter: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.seconds = seconds
        self.jitter = jitter or random.Random()
        self.sleep = sleep
        self.last_success = time.monotonic()
        self.retries = 0
        self.waits = 0
        """Times that the other side asked to wait (Retry-After)."""


async def send_patiently(
    http: httpx.AsyncClient, method: str, path: str, body: Body, patience: Patience | None = None
) -> httpx.Response:
    """Send until answered for good. 2xx and 422 come back; other 4xx raise RefusedError.

    Connection errors, time-outs, 408, 429 and 5xx are tried again, after
    Retry-After where the answer has one and with growing pauses otherwise,
    until nothing has been acknowledged for the patience's seconds (GaveUpError).
    """
    bears = patience or Patience(_PATIENCE)
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json"}
    if len(content) >= _GZIP_FROM:
        content = gzip.compress(content, compresslevel=1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    pause = 0.2
    while True:
        wait: float | None = None
        try:
            answer = await http.request(method, path, content=content, headers=headers)
        except httpx.TransportError as error:
            said = f"{type(error).__name__} {error}"
        else:
            if answer.is_success or answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
                bears.last_success = time.monotonic()
                return answer
            if answer.status_code < 500 and answer.status_code not in (408, 429):
                raise RefusedError(path, answer.status_code, answer.text)
            said = f"{answer.status_code} {answer.text[:200]}"
            wait = retry_after(answer.headers.get("Retry-After"), datetime.now(UTC))
            bears.waits += wait is not None
        bears.retries += 1
        if time.monotonic() - bears.last_success > bears.seconds:
            raise GaveUpError(
                f"{path}: nothing acknowledged for {bears.seconds:.0f} s; last answer: {said}"
            )
        if wait is None:
            wait = pause * (0.5 + bears.jitter.random())
            pause = min(pause * 2, 5.0)
        await bears.sleep(min(wait, _LONGEST_PAUSE))


class IngestClient:
    """One source's connection to ingest, at most ``concurrency`` requests at once."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        concurrency: int,
        patience: float = _PATIENCE,
        jitter: random.Random | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}", "User-Agent": "forvarning-simulator"},
            timeout=httpx.Timeout(60.0, connect=5.0),
            limits=limits,
            transport=transport,
            trust_env=not is_local(url),
        )
        self._patience = Patience(patience, jitter, sleep)

    @property
    def retries(self) -> int:
        """Requests that had to be sent again."""
        return self._patience.retries

    @property
    def waits(self) -> int:
        """Times that ingest asked to wait."""
        return self._patience.waits

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, method: str, path: str, body: Body) -> httpx.Response:
        """See :func:`send_patiently`."""
        return await send_patiently(self._http, method, path, body, self._patience)
