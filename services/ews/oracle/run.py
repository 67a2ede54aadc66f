"""The oracle's phases: read the log, recompute, read what is held, compare."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from google.protobuf.message import DecodeError

from forvarning.facts.v1 import facts_pb2
from forvarning.school.v1.school_pb2 import SchoolSignal
from forvarning.warnings.v1.warnings_pb2 import FAMILY_UNEXCUSED_TODAY, WarningEvent
from services.common.clock import Clock, clock_from
from services.common.settings import OracleSettings
from services.ews.core.api import PartitionCore
from services.ews.core.core import Core
from services.ews.oracle import absences, notices, school, snapshots, stores
from services.ews.oracle.findings import Finding, Report, Scope, in_order
from services.ews.oracle.log import Log, Published
from services.ews.oracle.recompute import ProfileKey, Recomputation
from services.ews.oracle.removal import Grounds, Place, choose
from services.ews.topology import Topology

MakeCore = Callable[[], PartitionCore]
_AGAIN_SECONDS = 1.0


@dataclass(slots=True)
class _Truth:
    """What the log says, all partitions together."""

    threads: dict[bytes, WarningEvent] = field(default_factory=dict)
    absence_days: dict[bytes, bytes] = field(default_factory=dict)
    signals: dict[bytes, SchoolSignal] = field(default_factory=dict)
    organisers: set[bytes] = field(default_factory=set)
    protected: set[bytes] = field(default_factory=set)
    unprotected: set[bytes] = field(default_factory=set)
    covered_from: dict[bytes, int] = field(default_factory=dict)
    scope: Scope = field(default_factory=Scope)


def _recomputing() -> PartitionCore:
    return Core(state=False)


@dataclass(slots=True)
class Oracle:
    """One run. ``compacted``: ews.warnings.v1 may have lost revisions in between."""

    settings: OracleSettings
    topology: Topology = field(default_factory=Topology)
    make_core: MakeCore = _recomputing
    clock: Clock | None = None
    compacted: bool = False
    say: Callable[[str], None] = lambda _: None

    async def run(self, *, without_register: int | None = None) -> Report:
        """Recompute and compare; see :class:`Report`.

        ``without_register`` leaves one register out of what is recomputed, the
        n-th of those that alone bear a warning: a sound oracle then reports a
        difference. While anything differs, services are asked again for up to
        ``oracle_wait_seconds``. Raises OracleError where it cannot be done.
        """
        began = time.monotonic()
        log = Log(self.settings, self.topology)
        await log.partitions()  # so that a wrong broker is said at once
        profiles = await log.profiles()
        left_out = None
        if without_register is not None:
            left_out = await self._place(log, profiles, without_register)
            self.say(f"leaving out the register at {left_out}")
        truth = await self._recompute(log, profiles, left_out)
        deadline = time.monotonic() + self.settings.oracle_wait_seconds
        while True:
            scope, findings = await self._compare(log, truth)
            if not findings or left_out is not None or time.monotonic() > deadline:
                break
            self.say(f"{len(findings)} differences; asking again")
            await asyncio.sleep(_AGAIN_SECONDS)
        scope = replace(
            scope,
            lag=await log.lag(),
            removed_register=str(left_out or ""),
            seconds=round(time.monotonic() - began, 3),
        )
        return Report(scope, in_order(findings))

    async def _recompute(
        self, log: Log, profiles: Mapping[ProfileKey, bytes], left_out: Place | None
    ) -> _Truth:
        truth = _Truth()
        facts = registers = marks = undigested = 0
        sums: list[bytes] = []
        partitions = await log.partitions()
        for partition in partitions:
            work = Recomputation(self.make_core(), partition)
            work.learn(profiles)
            async for fact in log.facts(partition):
                if left_out != Place(partition, fact.offset):
                    work.take(fact.value, fact.offset, fact.replay_of)
            outcome = work.finish()
            threads = outcome.threads
            truth.absence_days |= outcome.absence_days
            sums += outcome.group_days
            covered = await log.covered_from(partition)
            truth.threads |= threads
            truth.covered_from |= dict.fromkeys(threads, covered)
            truth.organisers |= work.organisers
            truth.protected |= work.protected
            truth.unprotected |= work.unprotected
            facts, registers = facts + work.facts, registers + work.registers
            marks, undigested = marks + work.marks, undigested + work.undigested
            self.say(f"partition {partition}: {work.facts} facts, {len(threads)} threads")
        truth.signals = school.recompute(sums, len(partitions))
        truth.scope = Scope(
            facts=facts,
            registers=registers,
            marks=marks,
            undigested=undigested,
            organisers=len(truth.organisers),
        )
        return truth

    async def _compare(self, log: Log, truth: _Truth) -> tuple[Scope, list[Finding]]:
        findings: list[Finding] = []
        published: dict[bytes, list[WarningEvent]] = {}
        newest: dict[bytes, WarningEvent] = {}
        told_days: dict[bytes, bytes] = {}
        covered = dict(truth.covered_from)
        cut_off = False
        for partition in await log.partitions():
            found: Published = await log.published(partition)
            told_days |= await log.absence_days(partition)
            findings += found.findings
            published |= found.threads
            newest |= found.newest()
            since = await log.covered_from(partition)
            covered = dict.fromkeys(found.threads, since) | covered
            cut_off = cut_off or since > 0
        if not cut_off:
            findings += absences.against_published(truth.absence_days, told_days)
            told_schools = await log.school_signals()
            findings += school.against_published(truth.signals, told_schools)
        findings += snapshots.histories(published, compacted=self.compacted)
        old = {thread for thread, event in newest.items() if event.school_year < covered[thread]}
        findings += snapshots.against_published(
            {thread: event for thread, event in truth.threads.items() if thread not in old},
            {thread: event for thread, event in newest.items() if thread not in old},
        )
        scope = replace(
            truth.scope,
            threads=len(newest),
            revisions=sum(map(len, published.values())),
            episodes=sum(len(snapshots.standing(event)) for event in newest.values()),
            absence_days=len(told_days),
            school_signals=len(truth.signals),
            not_covered=len(old),
        )
        findings += await self._against_cases(truth, newest)
        book, wrong = await self._against_notify(truth, published)
        findings += wrong
        return replace(scope, obligations=book[0], deliveries=book[1]), findings

    async def _against_cases(
        self, truth: _Truth, newest: Mapping[bytes, WarningEvent]
    ) -> list[Finding]:
        if self.settings.oracle_cases_url is None:
            return []
        store = stores.Store(
            "The case service", self.settings.oracle_cases_url, self.settings.cases_ops_token
        )
        held: dict[bytes, snapshots.Held] = {}
        try:
            for organiser in sorted(truth.organisers):
                held |= await stores.held_by_cases(store, organiser)
        finally:
            await store.close()
        return list(snapshots.against_cases(newest, held))

    async def _against_notify(
        self, truth: _Truth, published: Mapping[bytes, list[WarningEvent]]
    ) -> tuple[tuple[int, int], list[Finding]]:
        if self.settings.oracle_notify_url is None:
            return (0, 0), []
        clock = self.clock or clock_from(self.settings.clock_file)
        always_protected = frozenset(truth.protected - truth.unprotected)
        store = stores.Store(
            "Notify", self.settings.oracle_notify_url, self.settings.notify_ops_token
        )
        findings: list[Finding] = []
        obligations = deliveries = 0
        try:
            for organiser in sorted(truth.organisers):
                book = await stores.book_of_notify(store, organiser)
                threads = {
                    thread: events
                    for thread, events in published.items()
                    if events[0].organiser_id == organiser
                    and events[0].family == FAMILY_UNEXCUSED_TODAY
                }
                findings += notices.check(threads, book, always_protected, clock.now())
                obligations += len(book.obligations)
                deliveries += len(book.deliveries)
        finally:
            await store.close()
        return (obligations, deliveries), findings

    async def _place(self, log: Log, profiles: Mapping[ProfileKey, bytes], number: int) -> Place:
        truth = await self._recompute(log, profiles, None)
        grounds = Grounds.of(truth.threads)
        for partition in await log.partitions():
            async for fact in log.facts(partition):
                read = _register(fact.value)
                if read is not None:
                    grounds.take(Place(partition, fact.offset), read)
        return choose(grounds.decisive(), number)


def _register(value: bytes) -> facts_pb2.Register | None:
    fact = facts_pb2.Fact()
    try:
        fact.ParseFromString(value)
    except DecodeError:
        return None
    return fact.register if fact.WhichOneof("body") == "register" else None
