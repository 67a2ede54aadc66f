"""What every batch has in common: its size, the source's quota, an answer for each item."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi.responses import JSONResponse

from services.common.problem import MEDIA_TYPE, Problem
from services.ingest import metrics
from services.ingest.model.answers import ItemAnswer
from services.ingest.service import Service
from services.ingest.store.sources import Source

Feed = Callable[[Source, Sequence[Any]], Awaitable[list[ItemAnswer]]]


async def run_batch(
    service: Service, source: Source, name: str, items: Sequence[Any], feed: Feed
) -> JSONResponse:
    """Feed ``items`` and answer for each: 202, or 422 where all of them are refused.

    Raises Problem 413 (too many items) and 429 (over quota).
    """
    most = service.settings.ingest_max_batch
    if len(items) > most:
        raise Problem(
            413,
            "batch_too_large",
            f"At most {most} items in a batch.",
            field=f"/{name}",
            limit=most,
        )
    wait = service.quotas.take(source.source_id, source.quota_per_minute, len(items))
    if wait:
        metrics.ITEMS.labels(name, "over_quota").inc(len(items))
        raise Problem(
            429,
            "over_quota",
            f"This source may send {source.quota_per_minute} items a minute.",
            headers={"Retry-After": str(wait)},
        )
    try:
        answers = await feed(source, items)
    except BaseException:
        service.quotas.give_back(source.source_id, len(items))
        raise
    refused = sum(answer.status == "refused" for answer in answers)
    accepted = sum(answer.status == "accepted" for answer in answers)
    content: dict[str, Any] = {
        "accepted": accepted,
        "refused": refused,
        "items": [answer.body() for answer in answers],
    }
    if answers and refused == len(answers):
        problem = Problem(422, "all_refused", "Every item was refused; see items.", **content)
        return JSONResponse(problem.body(), 422, media_type=MEDIA_TYPE)
    return JSONResponse(content, 202)
