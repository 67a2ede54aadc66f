"""Reads the cases API as any client would, and hears when a warning becomes readable."""

from __future__ import annotations

import asyncio
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import httpx

from forvarning.warnings.v1 import warnings_pb2 as warnings
from services.common.cancellation import beside

_POLL_SECONDS = 0.05
_PAGE = 500

Heard = Callable[[warnings.WarningEvent, float], None]
"""Gets a snapshot and the moment (``time.monotonic``) at which the answer with it was there."""


class WarningProbe:
    """Polls GET /internal/v1/warnings. A service that is away is asked again."""

    def __init__(self, url: str, token: str, organiser: UUID, heard: Heard) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=5.0,
            trust_env=False,
        )
        self._organiser = organiser
        self._heard = heard
        self._after = 0
        self.changed_at = time.monotonic()
        """When a snapshot was last heard."""

    async def catch_up(self) -> int:
        """Hear everything that is readable now; returns how many snapshots there were."""
        count = 0
        while got := await self._page():
            count += got
        return count

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Poll from now on, to the end of the block."""
        async with beside(self._poll()):
            yield

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def _poll(self) -> None:
        while True:
            try:
                got = await self._page()
            except httpx.HTTPError:
                got = 0
            if got < _PAGE:
                await asyncio.sleep(_POLL_SECONDS)

    async def _page(self) -> int:
        answer = await self._http.get(
            "/internal/v1/warnings",
            params={"organiser": str(self._organiser), "after": self._after, "limit": _PAGE},
        )
        answer.raise_for_status()
        at = time.monotonic()
        page = answer.json()
        for held in page["warnings"]:
            self._heard(warnings.WarningEvent.FromString(b64decode(held["snapshot"])), at)
        if page["warnings"]:
            self.changed_at = at
        self._after = page["next"]
        return len(page["warnings"])
