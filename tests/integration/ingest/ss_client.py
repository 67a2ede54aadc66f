"""A client as school systems have them: it joins absolute paths to its base address."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import httpx


class StandardClient:
    """Calls like the clients in use do; an answer that is no success raises."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, token: str) -> None:
        self._http = http
        self._base = base_url
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Authorization": f"Bearer {token}",
        }

    async def call(
        self, method: str, path: str, params: dict[str, Any] | None = None, body: Any = None
    ) -> Any:
        answer = await self._http.request(
            method, urljoin(self._base, path), params=params, json=body, headers=self._headers
        )
        answer.raise_for_status()
        return None if answer.status_code == 204 else answer.json()

    async def listed(self, path: str, **filters: Any) -> list[dict[str, Any]]:
        """Every page of a list."""
        found: list[dict[str, Any]] = []
        params = dict(filters)
        while True:
            page = await self.call("GET", path, params)
            found += page["data"]
            if page["pageToken"] is None:
                return found
            params = {"pageToken": page["pageToken"]}
            if "limit" in filters:
                params["limit"] = filters["limit"]
