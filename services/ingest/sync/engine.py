"""One run: reads what is new of one source, and remembers how far after each page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from services.common.backoff import Backoff
from services.common.clock import Clock
from services.common.logging import get_logger
from services.ingest.errors import NotWrittenError
from services.ingest.ss12000.results import InboxLike
from services.ingest.ss12000.vocabulary import ROSTER, TAKEN, Resource
from services.ingest.store.sources import Source
from services.ingest.sync import spans
from services.ingest.sync.deletions import Deletions
from services.ingest.sync.errors import (
    AnswerError,
    FilterError,
    ForbiddenError,
    NotOfferedError,
    RefusedError,
    SyncError,
)
from services.ingest.sync.locked import Locked
from services.ingest.sync.model import DELETED, Cursor, Kind, Pull
from services.ingest.sync.reader import Page, Reader
from services.ingest.sync.remote import Remote, Sleep
from services.ingest.sync.tally import Tally, modified

log = get_logger(__name__)

T = TypeVar("T")

_TRIES = 6
BEFORE_LESSONS = (*ROSTER, Resource.SYLLABUS, Resource.ACTIVITY)


class NotAcknowledgedError(SyncError):
    """Kafka or PostgreSQL did not take a page."""

    code = "not_written"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, when no error ended it."""

    held: bool


class Run:
    """Reads one source once. Whatever stops it, the next run goes on at the page it had reached."""

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
        self._run_id = run_id
        self._pull = pull
        self._source = source
        self._inbox = inbox
        self._locked = locked
        self._remote = remote
        self._clock = clock
        self._backoff = backoff
        self._sleep = sleep
        self._overlap = timedelta(seconds=pull.overlap_seconds)
        self._cursors: dict[str, Cursor] = {}
        self.reader = Reader(pull, remote)
        self.tally = Tally()
        self._held = False
        self._unsettled = False
        self._restarts = 0
        self._learned = pull.learned

    async def run(self, kind: Kind) -> Outcome:
        """Raises :class:`SyncError` where it ends early."""
        self._cursors = await self._locked.cursors()
        await self._inbox.begin_reading(self._source)
        since = self._pull.full_since
        if kind == "full" and since is None:
            since = self._clock.now()
            await self._locked.set_pull(full_since=since)
        if since is not None:
            self.reader.learned = replace(self.reader.learned, missing=frozenset())
            await self._full(since)
            await self._locked.set_pull(full_since=None, full_done_at=self._clock.now())
        else:
            await self._delta()
        return Outcome(self._held)

    async def _full(self, since: datetime) -> None:
        """Everything whole: what a source no longer has is gone afterwards."""
        if self._cursor(DELETED).high is None or (self._cursor(DELETED).whole_at or since) < since:
            await self._mark_deletions(since)
        wanted = [one for one in TAKEN if one in self._pull.resources]
        for resource in wanted:
            if resource in BEFORE_LESSONS:
                await self._whole(resource, since)
        await self._settle_roster(since)
        for resource in wanted:
            if resource not in BEFORE_LESSONS:
                await self._whole(resource, since)
        await self._delete()
        await self._finish()

    async def _delta(self) -> None:
        """What has changed: deletions first, so that what came back in their place stays."""
        await self._delete()
        for resource in (one for one in TAKEN if one in self._pull.resources):
            if resource.value in self.reader.learned.missing:
                continue
            if resource is Resource.CALENDAR_EVENT:
                # What refers to the roster comes when that has taken effect.
                await self._settle()
            cursor = self._cursor(resource)
            whole = cursor.high is None or resource.value in self.reader.learned.no_delta
            if cursor.reading is None:
                cursor = cursor.begun("full", None) if whole else cursor.begun("delta", cursor.high)
            await self._pass(resource, cursor)
        await self._finish()

    async def _whole(self, resource: Resource, since: datetime) -> None:
        cursor = self._cursor(resource)
        if cursor.reading != "full":
            if cursor.whole_at is not None and cursor.whole_at >= since:
                return
            cursor = cursor.begun("full", None)
        await self._pass(resource, cursor)

    async def _snapshot(self, since: datetime) -> frozenset[Resource]:
        """Which resources were read whole and undisturbed.

        What is deleted while a list is read may shift its later pages, and an entity slips through
        between two of them; then nobody may conclude that it is gone. Such a list is read again.
        """
        found = {
            one
            for one in BEFORE_LESSONS
            if (at := self._cursor(one).whole_at) is not None and at >= since
        }
        began = self._cursor(DELETED).high
        shifted, began = await self._deleted_since(began)
        for resource in sorted(found & shifted):
            await self._pass(resource, self._cursor(resource).begun("full", None))
        again, _ = await self._deleted_since(began)
        for resource in sorted(found & shifted & again):
            self.tally.problem(resource, "pages_shifted", "", "Warning")
            found.discard(resource)
        return frozenset(found)

    async def _deleted_since(self, at: datetime | None) -> tuple[set[Resource], datetime | None]:
        """Of which resources something was deleted, and when that was asked."""
        found: set[Resource] = set()
        asked, token = at, None
        try:
            while True:
                listed, page = await self.reader.deletions(at, token)
                found |= set(listed)
                asked, token = page.asked_at if token is None else asked, page.token
                if token is None:
                    return found, asked
        except RefusedError:
            return set(), at

    async def _mark_deletions(self, since: datetime) -> None:
        """From where deletions count, before the first page is read."""
        try:
            _, page = await self.reader.deletions(self._remote.now(), None)
        except RefusedError:
            return
        cursor = replace(self._cursor(DELETED), high=page.asked_at, ended=page.asked_at)
        await self._save(replace(cursor, whole_at=since, deleted=frozenset()))

    async def _pass(self, resource: Resource, cursor: Cursor) -> None:
        """Read ``resource`` from where ``cursor`` stands to its end."""
        try:
            while not await self._page(resource, cursor):
                cursor = self._cursor(resource)
        except RefusedError as error:
            # The others are read all the same.
            lasting = isinstance(error, (NotOfferedError, ForbiddenError))
            if lasting:
                self.reader.learned = self.reader.learned.lacking(resource.value)
            self.tally.problem(resource, error.code, "", "Warning" if lasting else "Error")
            log.info("resource_not_read", resource=resource.value, code=error.code)
            await self._save(replace(self._cursor(resource), reading=None, page_token=None))

    async def _page(self, resource: Resource, cursor: Cursor) -> bool:
        """Read one page; True when it was the last."""
        span = self._span(resource, cursor)
        if span is not None and cursor.span_first is None:
            cursor = replace(cursor, span_first=span[0])
        try:
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
                await self._save(cursor.begun(cursor.reading or "full", cursor.pass_after))
                return False
            if isinstance(error, NotOfferedError) or cursor.pass_after is None:
                raise
            learned = self.reader.learned
            self.reader.learned = replace(learned, no_delta=learned.no_delta | {resource.value})
            await self._save(cursor.begun("full", None))
            return False
        if page.token is not None and page.token == cursor.page_token:
            raise AnswerError(f"{resource}: the source gives the same page token again and again")
        await self._take(resource, page.data, cursor.pass_after)
        return await self._advance(cursor, page)

    async def _advance(self, cursor: Cursor, page: Page) -> bool:
        stamps = [at for at in map(modified, page.data) if at is not None]
        newest = max([*stamps, *([cursor.newest] if cursor.newest else [])], default=None)
        self.tally.pages += 1
        cursor = replace(
            cursor,
            pass_started=cursor.pass_started or page.asked_at,
            newest=newest,
            pages=cursor.pages + 1,
            page_token=page.token,
        )
        if page.token is not None:
            await self._save(cursor)
            return False
        if cursor.span_first is not None and cursor.reading == "full":
            following = spans.next_week(cursor.span_first, self._clock.now())
            if following is not None:
                await self._save(replace(cursor, span_first=following))
                return False
        now = self._clock.now()
        await self._save(cursor.finished(page.asked_at, now, self._overlap))
        return True

    def _span(self, resource: Resource, cursor: Cursor) -> spans.Span | None:
        if resource is not Resource.CALENDAR_EVENT:
            return None
        now = self._clock.now()
        if cursor.reading == "delta":
            return spans.school_year_span(now)
        return spans.week_of(cursor.span_first or spans.first_week(now))

    async def _take(
        self, resource: Resource, entities: Sequence[Any], after: datetime | None
    ) -> None:
        good = [one for one in entities if isinstance(one, dict)]
        if len(good) < len(entities):
            self.tally.problem(resource, "no_object", "", "Error")
        if not good:
            return
        answers = await self._written(partial(self._inbox.take, self._source, resource, good))
        self.tally.answers(resource, good, answers, after)
        self._unsettled = self._unsettled or any(one.status == "accepted" for one in answers)

    async def _delete(self) -> None:
        cursor = self._cursor(DELETED)
        if cursor.reading is None:
            cursor = cursor.begun("delta", cursor.high)
        applied = Deletions(self._inbox, self._source, self.reader, self.tally)
        listed = frozenset(cursor.deleted)
        found: set[str] = set()
        while True:
            try:
                ids, page = await self.reader.deletions(cursor.pass_after, cursor.page_token)
            except FilterError:
                if cursor.page_token is None:
                    raise AnswerError(f"{DELETED}: the filter `after` is refused") from None
                cursor = cursor.begun("delta", cursor.pass_after)
                continue
            except RefusedError:
                return
            for resource, gone in ids.items():
                if resource in self._pull.resources:
                    at = self._cursor(resource).ended or page.asked_at
                    await self._written(
                        partial(applied.apply, resource, gone, listed=listed, at=at)
                    )
                    found.update(gone)
                    self._unsettled = True
            cursor = replace(
                cursor,
                pass_started=cursor.pass_started or page.asked_at,
                page_token=page.token,
                pages=cursor.pages + 1,
            )
            if page.token is None:
                break
            await self._save(cursor)
        done = cursor.finished(page.asked_at, None, self._overlap)
        await self._save(replace(done, deleted=frozenset(sorted(found)[:5000])))

    async def _settle_roster(self, since: datetime) -> None:
        """The roster takes effect, and what it lacked is gone: once in a full sync, and no more.

        Said twice it would mean that nothing has been read in between, and so that all is gone.
        That it was said is written down beforehand: a run that is killed here leaves what it
        would have ended to /deletedEntities and to the next full sync.
        """
        if self._pull.snapshot_at is not None and self._pull.snapshot_at >= since:
            return
        snapshot = await self._snapshot(since)
        await self._locked.set_pull(snapshot_at=self._clock.now())
        try:
            await self._apply(snapshot)
        except NotWrittenError:
            await self._written(self._apply)
        await self._inbox.begin_reading(self._source)

    async def _settle(self) -> None:
        """What was read so far takes effect, and this reading goes on."""
        if self._unsettled:
            await self._written(self._apply)
            await self._inbox.begin_reading(self._source)

    async def _finish(self) -> None:
        await self._written(self._apply)

    async def _apply(self, snapshot: frozenset[Resource] = frozenset()) -> None:
        settled = await self._inbox.settle(
            self._source, snapshot=snapshot, accept_losses=self._pull.accept_losses
        )
        self._unsettled = False
        self._held = self._held or settled.held
        self.tally.settled(settled)

    async def _written(self, work: Callable[[], Awaitable[T]]) -> T:
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

    def _cursor(self, resource: Resource | str) -> Cursor:
        return self._cursors.get(str(resource), Cursor(str(resource)))

    async def _save(self, cursor: Cursor) -> None:
        self._cursors[cursor.resource] = cursor
        if self.reader.learned != self._learned:
            self._learned = self.reader.learned
            await self._locked.set_pull(learned=self._learned.stored())
        await self._locked.save(
            cursor, self._run_id, self.tally.pages, self.tally.counts, self.tally.take_problems()
        )
