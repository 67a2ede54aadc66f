"""What the case service and notify hold, asked over HTTP with the operator's token."""

from __future__ import annotations

from base64 import b64decode
from typing import Any
from uuid import UUID

import httpx
from pydantic import SecretStr

from services.ews.oracle.findings import OracleError
from services.ews.oracle.notices import Book, book_from
from services.ews.oracle.snapshots import Held

_MOST_PAGES = 10_000


class Store:
    """One service's /internal/v1."""

    def __init__(self, name: str, url: str, token: SecretStr) -> None:
        self._name = name
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {token.get_secret_value()}"},
            timeout=60,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def get(self, path: str, **parameters: str | int) -> dict[str, Any]:
        """One answer; OracleError names service and status where there is none."""
        try:
            response = await self._client.get(path, params=parameters)
        except httpx.HTTPError as error:
            raise OracleError(
                f"{self._name} does not answer at {self._client.base_url} "
                f"({type(error).__name__}). Is it running?"
            ) from error
        if response.status_code != httpx.codes.OK:
            raise OracleError(
                f"{self._name} answered {response.status_code} to {path}. "
                "Does the operator's token fit?"
            )
        answer: dict[str, Any] = response.json()
        return answer


async def held_by_cases(store: Store, organiser: bytes) -> dict[bytes, Held]:
    """Every thread that the case service holds of an organiser."""
    held: dict[bytes, Held] = {}
    after = 0
    for _ in range(_MOST_PAGES):
        page = await store.get(
            "/internal/v1/warnings", organiser=str(UUID(bytes=organiser)), after=after, limit=5000
        )
        if not page["warnings"]:
            return held
        for one in page["warnings"]:
            thread = UUID(one["thread_id"]).bytes
            held[thread] = Held(
                one["revision"], b64decode(one["snapshot"]), one["case_number"] is not None
            )
        after = page["next"]
    raise OracleError("The case service's pages do not come to an end.")


async def book_of_notify(store: Store, organiser: bytes) -> Book:
    """Everything that notify holds of an organiser."""
    pages: list[dict[str, Any]] = []
    parameters: dict[str, str | int] = {"organiser": str(UUID(bytes=organiser))}
    for _ in range(_MOST_PAGES):
        page = await store.get("/internal/v1/deliveries", **parameters)
        pages.append(page)
        if page["after"] is None:
            return book_from(pages)
        parameters["after"] = page["after"]
    raise OracleError("Notify's pages do not come to an end.")
