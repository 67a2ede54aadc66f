"""One run: reads what is new of one source, and remembers how far after each page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from services.ingest.ss12000.vocabulary import ROSTER, TAKEN, Resource
from services.ingest.sync.deletions import Deletions
from services.ingest.sync.errors import AnswerError, FilterError, RefusedError
from services.ingest.sync.model import DELETED, Kind
from services.ingest.sync.pages import Pages
from services.ingest.sync.remote import Remote
from services.ingest.sync.tally import timed

BEFORE_LESSONS = (*ROSTER, Resource.SYLLABUS, Resource.ACTIVITY)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, when no error ended it."""

    held: bool


class Run:
    """Reads one source once. Whatever stops it, the next run goes on at the page it had reached."""

    def __init__(self, pages: Pages, remote: Remote) -> None:
        self._pages = pages
        self._remote = remote
        self._pull = pages.pull
        self._source = pages.source
        self._inbox = pages.inbox
        self._locked = pages.locked
        self._clock = pages.clock
        self._held = False

    async def run(self, kind: Kind) -> Outcome:
        """Raises :class:`SyncError` where it ends early."""
        self._pages.cursors = await self._locked.cursors()
        await self._inbox.begin_reading(self._source)
        since = self._pull.full_since
        if kind == "full" and since is None:
            since = self._clock.now()
            await self._locked.set_pull(full_since=since)
        if since is not None:
            self._pages.reader.learned = replace(self._pages.reader.learned, missing=frozenset())
            await self._full(since)
            await self._locked.set_pull(full_since=None, full_done_at=self._clock.now())
        else:
            await self._delta()
        return Outcome(self._held)

    async def _full(self, since: datetime) -> None:
        """Everything whole: what a source no longer has is gone afterwards."""
        if (
            self._pages.cursor(DELETED).high is None
            or (self._pages.cursor(DELETED).whole_at or since) < since
        ):
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
            if resource.value in self._pages.reader.learned.missing:
                continue
            if resource is Resource.CALENDAR_EVENT:
                # What refers to the roster comes when that has taken effect.
                await self._settle()
            cursor = self._pages.cursor(resource)
            whole = cursor.high is None or resource.value in self._pages.reader.learned.no_delta
            if cursor.reading is None:
                cursor = cursor.begun("full", None) if whole else cursor.begun("delta", cursor.high)
            await self._pages.read(resource, cursor)
        await self._finish()

    async def _whole(self, resource: Resource, since: datetime) -> None:
        cursor = self._pages.cursor(resource)
        if cursor.reading != "full":
            if cursor.whole_at is not None and cursor.whole_at >= since:
                return
            cursor = cursor.begun("full", None)
        await self._pages.read(resource, cursor)

    async def _snapshot(self, since: datetime) -> frozenset[Resource]:
        """Which resources were read whole and undisturbed.

        What is deleted while a list is read may shift its later pages, and an entity slips through
        between two of them; then nobody may conclude that it is gone. Such a list is read again.
        """
        found = {
            one
            for one in BEFORE_LESSONS
            if (at := self._pages.cursor(one).whole_at) is not None and at >= since
        }
        began = self._pages.cursor(DELETED).high
        shifted, began = await self._deleted_since(began)
        for resource in sorted(found & shifted):
            await self._pages.read(resource, self._pages.cursor(resource).begun("full", None))
        again, _ = await self._deleted_since(began)
        for resource in sorted(found & shifted & again):
            self._pages.tally.problem(resource, "pages_shifted", "", "Warning")
            found.discard(resource)
        return frozenset(found)

    async def _deleted_since(self, at: datetime | None) -> tuple[set[Resource], datetime | None]:
        """Of which resources something was deleted, and when that was asked."""
        found: set[Resource] = set()
        asked, token = at, None
        try:
            while True:
                listed, page = await self._pages.reader.deletions(at, token)
                found |= set(listed)
                asked, token = page.asked_at if token is None else asked, page.token
                if token is None:
                    return found, asked
        except RefusedError:
            return set(), at

    async def _mark_deletions(self, since: datetime) -> None:
        """From where deletions count, before the first page is read."""
        try:
            _, page = await self._pages.reader.deletions(self._remote.now(), None)
        except RefusedError:
            return
        cursor = replace(self._pages.cursor(DELETED), high=page.asked_at, ended=page.asked_at)
        await self._pages.save(replace(cursor, whole_at=since, deleted=frozenset()))

    async def _delete(self) -> None:
        cursor = self._pages.cursor(DELETED)
        if cursor.reading is None:
            cursor = cursor.begun("delta", cursor.high)
        applied = Deletions(self._inbox, self._source, self._pages.reader, self._pages.tally)
        listed = frozenset(cursor.deleted)
        found: set[str] = set()
        restarts = 0
        while True:
            try:
                ids, page = await self._pages.reader.deletions(cursor.pass_after, cursor.page_token)
            except FilterError as error:
                restarts += 1
                if cursor.page_token is None or restarts > 3:
                    raise AnswerError(str(error)) from error
                cursor = cursor.begun("delta", cursor.pass_after)
                continue
            except RefusedError:
                return
            for resource, gone in ids.items():
                if resource in self._pull.resources:
                    at = self._pages.cursor(resource).ended or page.asked_at
                    await self._pages.written(
                        partial(applied.apply, resource, gone, listed=listed, at=at)
                    )
                    found.update(gone)
                    self._pages.unsettled = True
            cursor = replace(
                cursor,
                pass_started=cursor.pass_started or page.asked_at,
                page_token=page.token,
                pages=cursor.pages + 1,
            )
            if page.token is None:
                break
            await self._pages.save(cursor)
        done = cursor.finished(page.asked_at, None, self._pages.overlap)
        await self._pages.save(replace(done, deleted=frozenset(sorted(found)[:5000])))

    async def _settle_roster(self, since: datetime) -> None:
        """The roster takes effect, and what it lacked is gone: once in a full sync, and no more.

        The inbox knows the reading by its name, so that a run that was killed here says it again.
        """
        if self._pull.snapshot_at is not None and self._pull.snapshot_at >= since:
            return
        snapshot = await self._snapshot(since)
        await self._pages.written(partial(self._apply, snapshot, since.isoformat()))
        await self._locked.set_pull(snapshot_at=self._clock.now())
        await self._inbox.begin_reading(self._source)

    async def _settle(self) -> None:
        """What was read so far takes effect, and this reading goes on."""
        if self._pages.unsettled:
            await self._pages.written(self._apply)
            await self._inbox.begin_reading(self._source)

    async def _finish(self) -> None:
        await self._pages.written(self._apply)

    async def _apply(
        self, snapshot: frozenset[Resource] = frozenset(), reading: str | None = None
    ) -> None:
        with timed("settle"):
            settled = await self._inbox.settle(
                self._source,
                snapshot=snapshot,
                reading=reading,
                accept_losses=self._pull.accept_losses,
            )
        self._pages.unsettled = False
        self._held = self._held or settled.held
        self._pages.tally.settled(settled)
