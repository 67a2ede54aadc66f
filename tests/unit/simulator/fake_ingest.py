"""Ingest's HTTP contract in memory, with failures on demand: what the feeder must live with."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx

Answer = Callable[[], httpx.Response | Exception]


class FakeIngest:
    """Keeps what it acknowledged. ``failures`` are given, in order, before good answers.

    ``lose_answers`` is the share of batches that are taken but whose answer is lost.
    """

    def __init__(self, *, lose_answers: float = 0.0, seed: int = 1) -> None:
        self.failures: list[Answer] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.taken: dict[str, dict[str, Any]] = {}
        self.rosters: list[dict[str, Any]] = []
        self.refuse: Callable[[dict[str, Any]], dict[str, str] | None] = lambda _: None
        self._lose, self._random = lose_answers, random.Random(seed)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        content = request.content
        if request.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        body = json.loads(content)
        path = request.url.path
        if self.failures:
            failure = self.failures.pop(0)()
            if isinstance(failure, Exception):
                raise failure
            return failure
        self.requests.append((path, body))
        if path == "/v1/roster":
            self.rosters.append(body)
            return httpx.Response(200, json={"organiser_id": "x", "applied": {}, "notes": []})
        kind = path.rsplit("/", 1)[1]
        assert 1 <= len(body[kind]) <= 500
        items = [self._take(index, item) for index, item in enumerate(body[kind])]
        if self._random.random() < self._lose:
            raise httpx.ReadError("the connection broke after the batch was written")
        refused = sum(item["status"] == "refused" for item in items)
        status = 422 if refused == len(items) else 202
        answer = {"accepted": len(items) - refused, "refused": refused, "items": items}
        return httpx.Response(status, json=answer)

    def _take(self, index: int, item: dict[str, Any]) -> dict[str, Any]:
        problem = self.refuse(item)
        modified = datetime.fromisoformat(item["modified"])
        key = f"{item['id']}@{round(modified.timestamp() * 1000)}"
        status = "refused" if problem else ("duplicate" if key in self.taken else "accepted")
        if not problem:
            self.taken[key] = item
        return {"index": index, "id": item["id"], "status": status, "notes": [], "problem": problem}
