"""Takes batches in: checks each item, splits it by home, writes it, and says what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from forvarning.facts.v1 import facts_pb2 as facts
from services.common.clock import Clock
from services.common.ids import notice_id, reporter_id
from services.common.pg import tenant
from services.ingest import facts_out, metrics
from services.ingest.lessons import check_notice, last_day, notice_years
from services.ingest.model.answers import ItemAnswer
from services.ingest.model.lessons import AnyMark, NoticeIn, Register, RegisterIn
from services.ingest.model.parse import parse_item
from services.ingest.publisher import Outgoing, Publisher
from services.ingest.registers import Entry, drop_superseded, examine, note_capped
from services.ingest.store.directory import Directory, Home, PupilYear
from services.ingest.store.lessons import Cancellation, LessonBook, Seen, version_key
from services.ingest.store.parked import Parked, park
from services.ingest.store.rejects import store_rejects
from services.ingest.store.sources import Source
from services.ingest.store.wake import WakeBook
from services.ingest.turns import Turn
from services.ingest.versions import Sequence as Numbers
from services.ingest.versions import capped, version

if TYPE_CHECKING:
    from services.common.pg import Pool


class Intake:
    """POST /v1/registers and /v1/notices, without HTTP."""

    def __init__(
        self,
        *,
        pool: Pool,
        publisher: Publisher,
        numbers: Numbers,
        clock: Clock,
        directory: Directory,
        book: LessonBook,
        wake: WakeBook,
    ) -> None:
        self._pool = pool
        self._publisher = publisher
        self._numbers = numbers
        self._clock = clock
        self._directory = directory
        self._book = book
        self._wake = wake

    async def registers(self, source: Source, items: Sequence[Any]) -> list[ItemAnswer]:
        """Accept a batch of registers: as they were sent, or as :class:`Register`.

        When it returns, everything of the accepted items is acknowledged by
        Kafka, or kept in PostgreSQL where a pupil is unknown. Raises
        :class:`services.ingest.errors.NotWrittenError` when that is not so.
        """
        arrival = self._clock.now()
        answers, parsed = _parse(RegisterIn, items)
        numbers = await self._numbers.take(len(parsed))
        async with tenant(self._pool, source.organiser_id) as connection:
            names = await self._directory.names(connection, source.organiser_id, source.namespace)
            entries: list[Entry] = []
            turn = Turn()
            for (answer, register), number in zip(parsed, numbers, strict=True):
                if turn.over():
                    await turn.next()
                entry = examine(source, names, answer, register, number=number, arrival=arrival)
                if entry is not None:
                    entries.append(entry)
            drop_superseded(entries)
            live = [entry for entry in entries if entry.answer.status == "accepted"]
            homes, known = await self._directory.homes(
                connection,
                names,
                source.namespace,
                {
                    (mark.pupil, year)
                    for entry in live
                    for year in (entry.school_year,)
                    for mark in entry.marks
                },
            )
            batch = _Batch(source, arrival, homes, known)
            for entry in live:
                if turn.over():
                    await turn.next()
                batch.add(entry)
            for cancellation in await self._book.record(
                connection, source.organiser_id, batch.seen.values()
            ):
                batch.tell(cancellation)
            await park(connection, source.organiser_id, batch.parked, arrival)
            await self._wake.record(connection, source.organiser_id, batch.wake)
            await store_rejects(connection, source, "registers", answers, arrival)
        self._book.committed(batch.seen.values())
        self._wake.committed(source.organiser_id, batch.wake)
        await self._publisher.publish(batch.records)
        _count("registers", answers)
        metrics.PARKED.inc(len(batch.parked))
        metrics.MARKS.inc(sum(len(e.marks) for e in entries if e.answer.status == "accepted"))
        return answers

    async def notices(self, source: Source, items: Sequence[Any]) -> list[ItemAnswer]:
        """Accept a batch of notices; promises what :meth:`registers` does."""
        arrival = self._clock.now()
        answers, parsed = _parse(NoticeIn, items)
        live: list[tuple[ItemAnswer, NoticeIn, int]] = []
        numbers = await self._numbers.take(len(parsed))
        for (answer, incoming), number in zip(parsed, numbers, strict=True):
            if problems := check_notice(incoming):
                answer.refuse(problems)
            else:
                live.append((answer, incoming, number))
        newest: dict[str, tuple[datetime, int]] = {}
        for _, incoming, number in live:
            rank = (incoming.modified, number)
            newest[incoming.id] = max(newest.get(incoming.id, rank), rank)
        for answer, incoming, number in live:
            if (incoming.modified, number) != newest[incoming.id]:
                answer.status = "duplicate"
                answer.note("superseded", "/id", "/id: a newer item of this batch has the same id")
        live = [entry for entry in live if entry[0].status == "accepted"]
        wanted: set[PupilYear] = {
            (incoming.pupil, year) for _, incoming, _ in live for year in notice_years(incoming)
        }
        records: list[Outgoing] = []
        parked: list[Parked] = []
        wake: dict[UUID, date] = {}
        async with tenant(self._pool, source.organiser_id) as connection:
            names = await self._directory.names(connection, source.organiser_id, source.namespace)
            homes, known = await self._directory.homes(connection, names, source.namespace, wanted)
            for answer, incoming, number in live:
                modified, late = capped(incoming.modified, arrival)
                if late:
                    note_capped(answer)
                body = facts_out.notice_of(
                    incoming,
                    notice_id(source.organiser_id, source.source_id, incoming.id),
                    incoming.reporter
                    and reporter_id(source.organiser_id, source.source_id, incoming.reporter),
                    version(source.priority, modified, number),
                )
                fact = facts_out.fact_of(source.organiser_id, arrival, body)
                old = source.builds_state_only(last_day(incoming))
                placed = 0
                for year in notice_years(incoming):
                    home = homes.get((incoming.pupil, year))
                    if home is None:
                        parked.append(Parked(source.namespace, incoming.pupil, year, fact, old))
                        continue
                    placed += 1
                    if old is not None:
                        wake[home.pupil_id] = old
                    own = facts.Fact()
                    own.CopyFrom(fact)
                    own.notice.pupil_id = home.pupil_id.bytes
                    facts_out.to_home(own.notice, home.home_id, home.bucket)
                    records.append(facts_out.record(own, home.partition))
                if not placed:
                    _note_parked(answer, "/pupil", known=incoming.pupil in known)
            await park(connection, source.organiser_id, parked, arrival)
            await self._wake.record(connection, source.organiser_id, wake)
            await store_rejects(connection, source, "notices", answers, arrival)
        self._wake.committed(source.organiser_id, wake)
        await self._publisher.publish(records)
        _count("notices", answers)
        metrics.PARKED.inc(len(parked))
        return answers


class _Batch:
    """Gathers what a batch of registers becomes."""

    def __init__(
        self,
        source: Source,
        arrival: datetime,
        homes: dict[PupilYear, Home],
        known: set[str],
    ) -> None:
        self._source = source
        self._arrival = arrival
        self._homes = homes
        self._known = known
        self._lessons: dict[UUID, facts_out.Lesson] = {}
        self.records: list[Outgoing] = []
        self.parked: list[Parked] = []
        self.wake: dict[UUID, date] = {}
        """Pupils of whom an older day than the source's cut-over is told -> the cut-over."""
        self.seen: dict[UUID, Seen] = {}

    def add(self, entry: Entry) -> None:
        year, known = entry.school_year, self._homes
        homes = {
            mark.pupil: home for mark in entry.marks if (home := known.get((mark.pupil, year)))
        }
        empty = entry.lesson.register(facts_out.STATES[entry.register.state], entry.version)
        pupils = {home.pupil_id for home in homes.values()}
        if len(pupils) < len(homes):
            entry.refuse_same_pupil({name: home.pupil_id for name, home in homes.items()})
            return
        seen = self._see(entry.lesson)
        if entry.register.state == "cancelled":
            seen.cancelled = _newer(seen.cancelled, entry.version)
        old = self._source.builds_state_only(entry.lesson.start.day)
        if old is not None:
            self.wake.update(dict.fromkeys(pupils, old))
        present = entry.marks
        if len(homes) < len(present):
            present = [mark for mark in present if mark.pupil in homes]
            self._park(entry, empty, [one for one in entry.marks if one.pupil not in homes], old)
        for (home_id, bucket, partition), marks in facts_out.by_bucket(present, homes).items():
            fact = self._fact(empty)
            facts_out.fill(fact.register, marks, homes)
            facts_out.to_home(fact.register, home_id, bucket)
            self.records.append(facts_out.record(fact, partition))
            seen.targets.add((home_id, bucket))
        if entry.moved_from is not None:
            # What the source moved is cancelled under its old id (design D2).
            before = self._see(entry.lesson.at(entry.moved_from))
            before.cancelled = _newer(before.cancelled, entry.version)

    def tell(self, cancellation: Cancellation) -> None:
        """Send a cancellation to a bucket that is not told by a register of this batch."""
        register = self._lessons[cancellation.lesson_id].register(
            facts.LESSON_STATE_CANCELLED, cancellation.version
        )
        fact = self._fact(register)
        facts_out.to_home(fact.register, *cancellation.target)
        self.records.append(facts_out.record(fact, cancellation.partition))

    def _park(
        self, entry: Entry, empty: facts.Register, marks: list[AnyMark], old: date | None
    ) -> None:
        """Keep the marks of pupils who have no home yet."""
        for mark in marks:
            fact = self._fact(empty)
            facts_out.fill(fact.register, [mark], {})
            self.parked.append(
                Parked(self._source.namespace, mark.pupil, entry.school_year, fact, old)
            )
            pointer = f"/marks/{entry.register.marks.index(mark)}/pupil"
            _note_parked(entry.answer, pointer, known=mark.pupil in self._known)

    def _see(self, lesson: facts_out.Lesson) -> Seen:
        self._lessons[lesson.lesson_id] = lesson
        return self.seen.setdefault(
            lesson.lesson_id, Seen(lesson.lesson_id, lesson.school_unit_id, lesson.start.day)
        )

    def _fact(self, register: facts.Register) -> facts.Fact:
        return facts_out.fact_of(self._source.organiser_id, self._arrival, register)


def _newer(old: facts.Version | None, new: facts.Version) -> facts.Version:
    return new if old is None or version_key(new) > version_key(old) else old


def _parse(
    model: Any, items: Sequence[Any]
) -> tuple[list[ItemAnswer], list[tuple[ItemAnswer, Any]]]:
    answers = [ItemAnswer(index) for index in range(len(items))]
    parsed = []
    for answer, item in zip(answers, items, strict=True):
        value = item if type(item) is Register else parse_item(model, item, answer)
        if value is not None:
            parsed.append((answer, value))
    return answers, parsed


def _note_parked(answer: ItemAnswer, pointer: str, *, known: bool) -> None:
    if known:
        answer.note(
            "no_placement",
            pointer,
            f"{pointer}: the roster has no placement in that school year; kept until it has",
        )
    else:
        answer.note(
            "unknown_pupil",
            pointer,
            f"{pointer}: the roster does not know this pupil; kept until it does",
        )


def _count(resource: str, answers: Sequence[ItemAnswer]) -> None:
    for answer in answers:
        metrics.ITEMS.labels(resource, answer.status).inc()
        if answer.problems:
            metrics.REFUSALS.labels(resource, answer.problems[0].code).inc()
