"""The command line's way to a running ingest."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any, Self

import httpx

from services.ingest.errors import DeliveryRefusedError

_PATIENCE_SECONDS = 120.0
_RETRIED = {429, 502, 503, 504}


class Ingest:
    """Calls ingest and waits out what passes (429, 503, no connection) for two minutes."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=120.0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, method: str, path: str, body: Any, *, also: tuple[int, ...] = ()) -> Any:
        """The answer's JSON for 2xx and the statuses in ``also``.

        Raises :class:`DeliveryRefusedError` with the problem's text otherwise.
        """
        content = gzip.compress(json.dumps(body).encode())
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                answer = self._client.request(method, path, content=content, headers=headers)
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise DeliveryRefusedError(
                        f"{self._client.base_url} does not answer: {error}"
                    ) from error
                time.sleep(1)
                continue
            if answer.status_code in _RETRIED and time.monotonic() < deadline:
                time.sleep(min(30.0, float(answer.headers.get("Retry-After", "1"))))
                continue
            if answer.is_success or answer.status_code in also:
                return answer.json() if answer.content else None
            raise DeliveryRefusedError(_text(answer))


def _text(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return f"{answer.status_code}: {answer.text[:500]}"
    lines = [f"{answer.status_code}: {problem.get('detail', '')}"]
    lines += [f"  {error.get('detail', error)}" for error in problem.get("errors", [])]
    return "\n".join(lines)
