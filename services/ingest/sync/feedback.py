"""Tells the source how its data fared: /statistics and /log, without personal data."""

from __future__ import annotations

from typing import Any

from services.common.logging import get_logger
from services.ingest.sync.errors import NotOfferedError, RefusedError, SyncError
from services.ingest.sync.model import Pull
from services.ingest.sync.reader import as_uuid, instant
from services.ingest.sync.remote import Remote
from services.ingest.sync.store import Counts, Problem

log = get_logger(__name__)

MOST = 50
"""Log entries of one run; the rest is the same again."""
# As most have them, and as the standard's YAML writes them.
_LOG = ("log", "log/")
_STATISTICS = ("statistics", "statistics/")


class Feedback:
    """Reports one run; a source that does not listen is no trouble."""

    def __init__(self, pull: Pull, remote: Remote) -> None:
        self._pull = pull
        self._remote = remote

    async def send(self, counts: Counts, problems: list[Problem]) -> bool:
        """False when the source did not take it, so that it may be told the next time."""
        at = instant(self._remote.now())
        try:
            for resource, own in sorted(counts.items()):
                body = {
                    "resourceType": resource,
                    "newCount": own.get("new", 0),
                    "updatedCount": own.get("updated", 0),
                    "deletedCount": own.get("deleted", 0),
                    "timeOfOccurance": at,
                }
                if any(body[name] for name in ("newCount", "updatedCount", "deletedCount")):
                    await self._post(_STATISTICS, body)
            for problem in problems[:MOST]:
                if problem.severity != "Info":
                    await self._post(_LOG, entry(problem, at))
        except (RefusedError, SyncError) as error:
            log.info("feedback_not_taken", code=error.code)
            return isinstance(error, RefusedError)
        return True

    async def _post(self, paths: tuple[str, ...], body: dict[str, Any]) -> None:
        for path in paths:
            try:
                await self._remote.call("POST", path, body=body)
            except NotOfferedError:
                if path == paths[-1]:
                    raise
            else:
                return


def entry(problem: Problem, at: str) -> dict[str, Any]:
    """A log entry of the standard: what is wrong with which field of how many, and one's id."""
    where = f" in {problem.field}" if problem.field else ""
    body: dict[str, Any] = {
        "message": f"{problem.code}{where}: {problem.entities} {problem.resource}",
        "messageType": problem.code,
        "resourceType": problem.resource,
        "severityLevel": problem.severity,
        "timeOfOccurance": at,
    }
    if as_uuid(problem.sample) is not None:
        body["resourceId"] = problem.sample
    return body
