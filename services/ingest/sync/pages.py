"""Passes over a resource, page by page; the cursor is stored when a page is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from services.common.backoff import Backoff
from services.common.clock import Clock
from services.common.logging import get_logger
from services.ingest.errors import NotWrittenError
from services.ingest.ss12000.results import InboxLike
from services.ingest.ss12000.vocabulary import Resource
from services.ingest.ss12000.wire import PlainAttendance
from services.ingest.store.sources import Source
from services.ingest.sync import spans
from services.ingest.sync.errors import (
    AnswerError,
    FilterError,
    ForbiddenError,
    NotAcknowledgedError,
    NotOfferedError,
    RefusedError,
)
from services.ingest.sync.locked import Locked
from services.ingest.sync.model import Cursor, Pull
from services.ingest.sync.reader import Page, Reader
from services.ingest.sync.remote import Remote, Sleep
from services.ingest.sync.tally import Tally, newest_of, timed

log = get_logger(__name__)

T = TypeVar("T")

_TRIES = 6


class Pages:
    """Reads lists of one source into the inbox. ``cursors`` are as they are stored."""

    def __init__(
        self,
        *,
        run_id: int,
        pull: Pull,
        source: Source,
        inbox: InboxLike,
        locked: Locked,
        remote: Remote,
        clock: Clock,
        backoff: Backoff,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.pull = pull
        self.source = source
        self.inbox = inbox
        self.locked = locked
        self.clock = clock
        self.overlap = timedelta(seconds=pull.overlap_seconds)
        self.reader = Reader(pull, remote)
        self.tally = Tally()
        self.cursors: dict[str, Cursor] = {}
        self.unsettled = False
        """Something was taken in since the inbox was settled."""
        self._run_id = run_id
        self._backoff = backoff
        self._sleep = sleep
        self._restarts = 0
        self._learned = pull.learned

    async def read(self, resource: Resource, cursor: Cursor) -> None:
        """Read ``resource`` from where ``cursor`` stands to its end."""
        try:
            while not await self._page(resource, cursor):
                cursor = self.cursor(resource)
        except RefusedError as error:
            # The others are read all the same.
            lasting = isinstance(error, (NotOfferedError, ForbiddenError))
            if lasting:
                self.reader.learned = self.reader.learned.lacking(resource.value)
            self.tally.problem(resource, error.code, "", "Warning" if lasting else "Error")
            log.info("resource_not_read", resource=resource.value, code=error.code)
            await self.save(replace(self.cursor(resource), reading=None, page_token=None))

    async def _page(self, resource: Resource, cursor: Cursor) -> bool:
        """Read one page; True when it was the last."""
        span = self._span(resource, cursor)
        if span is not None and cursor.span_first is None:
            cursor = replace(cursor, span_first=span[0])
        try:
            with timed("fetch"):
                page = await self.reader.resource(
                    resource, after=cursor.pass_after, span=span, token=cursor.page_token
                )
        except (FilterError, NotOfferedError) as error:
            if cursor.page_token is not None:
                self._restarts += 1
                if self._restarts > _TRIES:
                    raise AnswerError(
                        f"{resource}: its page tokens are refused: {error}"
                    ) from error
                # The token has run out: begin again, for where it stood nobody knows.
                await self.save(cursor.begun(cursor.reading or "full", cursor.pass_after))
                return False
            if isinstance(error, NotOfferedError) or cursor.pass_after is None:
                raise
            learned = self.reader.learned
            self.reader.learned = replace(learned, no_delta=learned.no_delta | {resource.value})
            await self.save(cursor.begun("full", None))
            return False
        if page.token is not None and page.token == cursor.page_token:
            raise AnswerError(f"{resource}: the source gives the same page token again and again")
        with timed("take"):
            await self._take(resource, page.data, cursor.pass_after)
        return await self._advance(cursor, page)

    async def _advance(self, cursor: Cursor, page: Page) -> bool:
        stamps = [at for at in (newest_of(page.data), cursor.newest) if at is not None]
        newest = max(stamps, default=None)
        self.tally.pages += 1
        cursor = replace(
            cursor,
            pass_started=cursor.pass_started or page.asked_at,
            newest=newest,
            pages=cursor.pages + 1,
            page_token=page.token,
        )
        if page.token is not None:
            await self.save(cursor)
            return False
        if cursor.span_first is not None and cursor.reading == "full":
            following = spans.next_week(cursor.span_first, self.clock.now())
            if following is not None:
                await self.save(replace(cursor, span_first=following))
                return False
        now = self.clock.now()
        await self.save(cursor.finished(page.asked_at, now, self.overlap))
        return True

    def _span(self, resource: Resource, cursor: Cursor) -> spans.Span | None:
        if resource is not Resource.CALENDAR_EVENT:
            return None
        now = self.clock.now()
        if cursor.reading == "delta":
            return spans.school_year_span(now)
        return spans.week_of(cursor.span_first or spans.first_week(now))

    async def _take(
        self, resource: Resource, entities: Sequence[Any], after: datetime | None
    ) -> None:
        good = [one for one in entities if isinstance(one, (dict, PlainAttendance))]
        if len(good) < len(entities):
            self.tally.problem(resource, "no_object", "", "Error")
        if not good:
            return
        answers = await self.written(partial(self.inbox.take, self.source, resource, good))
        self.tally.answers(resource, good, answers, after)
        self.unsettled = self.unsettled or any(one.status == "accepted" for one in answers)

    async def written(self, work: Callable[[], Awaitable[T]]) -> T:
        """What the inbox answers, once it can write."""
        for attempt in range(1, _TRIES + 1):
            try:
                return await work()
            except NotWrittenError as error:
                if attempt == _TRIES:
                    raise NotAcknowledgedError(
                        "Kafka or PostgreSQL does not take what was read; look at ingest's log"
                    ) from error
                asked = timedelta(seconds=error.retry_after)
                await self._sleep(self._backoff.after(attempt, asked).total_seconds())
        raise AssertionError

    def cursor(self, resource: Resource | str) -> Cursor:
        return self.cursors.get(str(resource), Cursor(str(resource)))

    async def save(self, cursor: Cursor) -> None:
        self.cursors[cursor.resource] = cursor
        if self.reader.learned != self._learned:
            self._learned = self.reader.learned
            await self.locked.set_pull(learned=self._learned.stored())
        with timed("save"):
            await self.locked.save(
                cursor,
                self._run_id,
                self.tally.pages,
                self.tally.counts,
                self.tally.take_problems(),
            )
