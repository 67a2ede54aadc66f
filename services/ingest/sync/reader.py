"""Reads resources page by page, wherever this source has them and however it pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.ingest.ss12000.vocabulary import DELETED_KEYS, PATH_VARIANTS, PATHS, Resource
from services.ingest.ss12000.wire import plain_attendances
from services.ingest.sync.errors import AnswerError, FilterError, NotOfferedError, RefusedError
from services.ingest.sync.model import DELETED, Learned, Pull
from services.ingest.sync.remote import Answer, Remote

LEAST_PAGE = 10
MODEST_PAGE = 100
"""What every system is expected to give at once."""
Query = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Page:
    """One page. ``asked_at`` is by the source's clock; ``token`` is None on the last page."""

    data: Any
    token: str | None
    asked_at: datetime


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, which every server reads and no ``+`` needs to be escaped in."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def candidates(resource: Resource) -> tuple[str, ...]:
    """Where systems have ``resource``: as the standard says, then as others spell it."""
    path = PATHS[resource]
    singular = resource.value[0].lower() + resource.value[1:]
    wild = (*PATH_VARIANTS.get(resource, ()), *DELETED_KEYS[resource], singular, path.lower())
    return tuple(dict.fromkeys(name for name in (path, *wild) if name != resource.value))


class Reader:
    """Pages of one source. ``learned`` grows with what its answers show."""

    def __init__(self, pull: Pull, remote: Remote) -> None:
        self._pull = pull
        self._remote = remote
        self.learned: Learned = pull.learned
        self._limit = pull.page_size

    async def resource(
        self,
        resource: Resource,
        *,
        after: datetime | None,
        span: tuple[datetime, datetime] | None,
        token: str | None,
    ) -> Page:
        """The next page of ``resource``: the one that ``token`` names, else the first.

        Raises NotOfferedError, ForbiddenError or FilterError (see ``remote``); when a token is
        refused, that is a FilterError, and the pass has to begin again.
        """
        query: Query = {}
        if after is not None:
            query["meta.modified.after"] = instant(after)
        if span is not None:
            query["startTime.onOrAfter"] = instant(span[0])
            query["startTime.onOrBefore"] = instant(span[1])
        path = await self._path(resource, query if token is None else {"pageToken": token})
        quick = plain_attendances if resource is Resource.ATTENDANCE else None
        page = await self._page(path, query, token, quick)
        if not isinstance(page.data, list):
            raise AnswerError(f"{path}: data is no list")
        return page

    async def deletions(
        self, after: datetime | None, token: str | None
    ) -> tuple[dict[Resource, list[str]], Page]:
        """A page of /deletedEntities; ids by resource. Raises like :meth:`resource`."""
        query: Query = {} if after is None else {"after": instant(after)}
        page = await self._page(self._pull.paths.get(DELETED, DELETED), query, token)
        data = page.data if isinstance(page.data, dict) else {}
        found: dict[Resource, list[str]] = {}
        for resource, keys in DELETED_KEYS.items():
            ids = [one for key in keys for one in _list(data.get(key))]
            # Some give the ids, others the objects that were.
            texts = [str(one.get("id")) if isinstance(one, dict) else str(one) for one in ids]
            if texts:
                found[resource] = list(dict.fromkeys(texts))
        return found, page

    async def one(self, resource: Resource, id_: str) -> Mapping[str, Any] | None:
        """The entity as it is now, None when the source has it no more."""
        path = self._known(resource) or PATHS[resource]
        try:
            answer = await self._remote.call("GET", f"{path}/{id_}")
        except RefusedError:
            return None
        return answer.body if isinstance(answer.body, dict) else None

    async def probe(self, resource: Resource, span: tuple[datetime, datetime] | None) -> str:
        """Ask for one entity; returns the path under which the source has the resource."""
        query: Query = {"limit": 1}
        if span is not None:
            query["startTime.onOrAfter"] = instant(span[0])
            query["startTime.onOrBefore"] = instant(span[1])
        path = await self._path(resource, query)
        await self._remote.call("GET", path, query=query)
        return path

    def _known(self, resource: Resource) -> str | None:
        name = resource.value
        return self._pull.paths.get(name) or self.learned.paths.get(name)

    async def _path(self, resource: Resource, query: Query) -> str:
        """Where ``resource`` is; tries the known spellings until one is not 404."""
        if known := self._known(resource):
            return known
        last: NotOfferedError | None = None
        for path in candidates(resource):
            try:
                await self._remote.call("GET", path, query={**query, "limit": 1})
            except NotOfferedError as error:
                last = last or error
                continue
            except FilterError:
                # It is there, and says no to what was asked: the caller finds out about that.
                pass
            self.learned = self.learned.found(resource.value, path)
            return path
        self.learned = self.learned.lacking(resource.value)
        raise NotOfferedError(str(last))

    async def _page(
        self,
        path: str,
        filters: Query,
        token: str | None,
        quick: Callable[[bytes], Any] | None = None,
    ) -> Page:
        alone = self.learned.limit_alone and token is not None
        base = filters if token is None else {"pageToken": token}

        def smaller() -> Query | None:
            """503 is the standard's word for an answer that was too large."""
            self._limit = max(LEAST_PAGE, self._limit // 2)
            return None if alone else {**base, "limit": self._limit}

        query = dict(base) if alone else {**base, "limit": self._limit}
        try:
            answer = await self._remote.call(
                "GET", path, query=query, on_overload=smaller, quick=quick
            )
        except FilterError:
            if alone or (token is None and self._limit <= MODEST_PAGE):
                raise
            if token is None:
                # Some refuse a page so large; if that is not it, this is refused just as well.
                query = {**base, "limit": MODEST_PAGE}
                answer = await self._remote.call("GET", path, query=query, quick=quick)
                self._limit = MODEST_PAGE
                return self._read(path, answer)
            # Some take no limit beside a token; if that is not it, the token itself is refused.
            answer = await self._remote.call("GET", path, query=base, quick=quick)
            self.learned = replace(self.learned, limit_alone=True)
        return self._read(path, answer)

    @staticmethod
    def _read(path: str, answer: Answer) -> Page:
        body = answer.body
        if isinstance(body, list):
            # A whole list, as the standard's lookups answer: there is no more of it.
            return Page(body, None, answer.asked_at)
        if not isinstance(body, dict) or "data" not in body:
            raise AnswerError(f"{path}: the answer has no data: is this SS 12000:2020?")
        token = body.get("pageToken")
        return Page(body["data"], str(token) if token else None, answer.asked_at)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def as_uuid(text: str) -> UUID | None:
    """The id, None when it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None
