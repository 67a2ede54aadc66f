"""One school system over HTTP: calls that are tried again, and answers read within limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self

import httpx
from pydantic_core import from_json

from services.common.backoff import Backoff, retry_after
from services.common.clock import Clock
from services.ingest import metrics
from services.ingest.sync.errors import (
    AnswerError,
    BusyError,
    FilterError,
    ForbiddenError,
    NotOfferedError,
    RefusedError,
    UnauthorizedError,
    UnreachableError,
)
from services.ingest.sync.model import Pull
from services.ingest.sync.secrets import Secrets

Sleep = Callable[[float], Awaitable[None]]

ATTEMPTS = 6
LONGEST = timedelta(minutes=1)
PATIENCE = timedelta(minutes=2)
"""What a source may ask for by Retry-After before the run ends and waits for it outside."""
MOST_BYTES = 64 * 1024 * 1024
"""Of one answer. The run of a source that ignores ``limit`` ends, before this process does."""
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """A call that succeeded. ``asked_at`` is when it was asked, by the source's own clock."""

    body: Any
    asked_at: datetime


class _Transient(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, text: str, status: int = 0, asked: timedelta | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.asked = asked


class Remote:
    """Calls ``pull``'s source. Redirects are not followed: the token is for one address only."""

    def __init__(
        self,
        pull: Pull,
        secrets: Secrets,
        clock: Clock,
        *,
        backoff: Backoff,
        sleep: Sleep = asyncio.sleep,
        timeout: float = 60.0,
    ) -> None:
        self._pull = pull
        self._secrets = secrets
        self._clock = clock
        self._backoff = backoff
        self._sleep = sleep
        self._token: str | None = None
        self._skew = timedelta(0)
        self.calls = 0
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout, connect=10.0),
            follow_redirects=False,
            headers={"Accept": "application/json", "User-Agent": "forvarning-ingest"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    def now(self) -> datetime:
        """The present by the source's clock, as far as its answers have told it."""
        return self._clock.now() + self._skew

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Any = None,
        on_overload: Callable[[], Mapping[str, str | int] | None] | None = None,
        quick: Callable[[bytes], Any] | None = None,
    ) -> Answer:
        """One call, tried again while that may help.

        ``quick`` reads what is as it should be, and gives None for all else: that is read as JSON.

        ``on_overload`` is asked for another query when the source answers 503 without saying when
        it is well again: the standard's word for an answer that was too large.
        Raises :class:`SyncError` where the run must end, :class:`RefusedError` where only this
        call cannot be had.
        """
        renewed = False
        failed = 0
        while True:
            try:
                return await self._once(method, path, query, body, quick)
            except _Transient as error:
                failed += 1
                metrics.PULL_RETRIES.labels(str(error.status or "transport")).inc()
                if error.asked is not None and error.asked > PATIENCE:
                    raise BusyError(
                        f"{path}: the source asks to wait {error.asked.total_seconds():.0f} s",
                        self._clock.now() + error.asked,
                    ) from error
                if failed >= ATTEMPTS:
                    kind = AnswerError if error.status == 200 else UnreachableError
                    raise kind(f"{path}: {error}, {failed} times in a row") from error
                if error.status == 503 and error.asked is None and on_overload is not None:
                    query = on_overload() or query
                wait = self._backoff.after(failed, error.asked)
                await self._sleep(wait.total_seconds())
            except UnauthorizedError:
                # A token that has run out is no reason to give up: fetch one anew, once.
                if renewed or self._pull.auth != "client_credentials":
                    raise
                renewed, self._token = True, None

    async def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: Any,
        quick: Callable[[bytes], Any] | None,
    ) -> Answer:
        headers = await self._authorization()
        url = f"{self._pull.base_url.rstrip('/')}/{path}"
        began = self._clock.now()
        status, got, content = await self._exchange(
            method, url, params=dict(query or {}), json=body, headers=headers
        )
        self._learn_time(got.get("date"))
        if 200 <= status < 300:
            found = None if quick is None else quick(content)
            return Answer(_json(content) if found is None else found, began + self._skew)
        text = f"{status} {_reason(content)}".strip()
        if status in _RETRIED:
            raise _Transient(text, status, retry_after(got.get("retry-after"), self.now()))
        where = f"{path}: {text}"
        if status == 401:
            raise UnauthorizedError(
                f"{where}; the source does not accept the secret {self._pull.secret or '(none)'}"
            )
        if status == 403:
            raise ForbiddenError(f"{where}; ask the source's operator for the right to read it")
        if status in {404, 405, 410, 501}:
            raise NotOfferedError(where)
        if 300 <= status < 400:
            target = got.get("location", "?")
            raise AnswerError(
                f"{where}; the address leads on to {target}: give that one as --url if it is right"
            )
        if status in {400, 422}:
            raise FilterError(where)
        raise RefusedError(where)

    async def _exchange(
        self, method: str, url: str, **request: Any
    ) -> tuple[int, httpx.Headers, bytes]:
        self.calls += 1
        content = bytearray()
        try:
            async with self._client.stream(method, url, **request) as response:
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > MOST_BYTES:
                        raise AnswerError(
                            f"{url}: an answer of more than {MOST_BYTES // 2**20} MiB; "
                            "the source seems to ignore limit: give a smaller --page-size"
                        )
                return response.status_code, response.headers, bytes(content)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _Transient(f"{type(error).__name__} {error}".strip()) from error
        except httpx.InvalidURL as error:
            raise AnswerError(f"/base_url: {error}") from error

    def _learn_time(self, header: str | None) -> None:
        if header is None:
            return
        try:
            said = parsedate_to_datetime(header)
        except ValueError:
            return
        if said.tzinfo is None:
            said = said.replace(tzinfo=UTC)
        # It is stamped when the answer is ready, so a slow one was asked for earlier by as much.
        self._skew = said - self._clock.now()

    async def _authorization(self) -> dict[str, str]:
        pull = self._pull
        if pull.auth == "none" or pull.secret is None:
            return {}
        if pull.auth == "bearer":
            return {"Authorization": f"Bearer {self._secrets.get(pull.secret).get_secret_value()}"}
        if self._token is None:
            self._token = await self._fetch_token(pull)
        return {"Authorization": f"Bearer {self._token}"}

    async def _fetch_token(self, pull: Pull) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": pull.client_id or "",
            "client_secret": self._secrets.get(pull.secret or "").get_secret_value(),
        }
        if pull.scope:
            form["scope"] = pull.scope
        status, headers, content = await self._exchange("POST", pull.token_url or "", data=form)
        if status in _RETRIED:
            asked = retry_after(headers.get("retry-after"), self.now())
            raise _Transient(f"/token_url: {status}", status, asked)
        answer = _json(content) if status == 200 else None
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            # RFC 6749 names both 400 and 401 for a client that is not known.
            raise UnauthorizedError(
                f"/token_url: {status} {_reason(content)}; no token for client "
                f"{pull.client_id!r} and the secret {pull.secret}"
            )
        return token


def _json(content: bytes) -> Any:
    if not content.strip():
        return None
    try:
        return from_json(content)
    except ValueError as error:
        raise _Transient(f"no whole JSON ({len(content)} bytes)", 200) from error


def _reason(content: bytes) -> str:
    """The standard's ``{code, message}``, or Skolverket's ``{error: {…}}``: the code only.

    A message may say anything, also about a person; a code does not.
    """
    try:
        body = from_json(content)
    except ValueError:
        return ""
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    if not isinstance(body, dict):
        return ""
    code = body.get("code", body.get("error", ""))
    return str(code)[:60] if isinstance(code, (str, int)) else ""
