"""Warnings through the whole domain: from the topic, by the process's own consumer, to the case.

Every record stands in the topic twice. What they did is counted afterwards; then all are delivered
a third time, as after a crash that lost the group's offsets, and nothing may have changed.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from itertools import zip_longest
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from bench.cases.fill import is_open
from bench.cases.ground import Ground, NotMeasuredError
from bench.cases.town import TODAY, Town, warning
from bench.ews.basics import say
from forvarning.cases.v1 import cases_pb2
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common import topics
from services.common.kafka import connection as connection_of
from services.common.kafka import idempotent_producer

_STALLED_SECONDS = 120.0
#: Nothing has changed for so long: longer than the sweep's and the clocks' rounds.
_QUIET_SECONDS = 25.0
_SETTLE_SECONDS = 900.0
#: A repeat follows when so many others have come in between.
_REPEAT_AFTER = 700

_EFFECTS = """
    SELECT (SELECT count(*) FROM cases.warnings) AS warnings,
           (SELECT sum(revision) FROM cases.warnings) AS revisions,
           (SELECT max(change_seq) FROM cases.warnings) AS changes,
           (SELECT count(*) FROM cases.episodes) AS episodes,
           (SELECT count(*) FROM cases.cases) AS cases,
           (SELECT sum(version) FROM cases.cases) AS versions,
           (SELECT count(*) FROM cases.case_events) AS history,
           (SELECT count(*) FROM cases.duties) AS duties,
           (SELECT sum(version) FROM cases.duties) AS duties_changed,
           (SELECT count(*) FROM cases.outbox) AS told
"""
#: Of cases: duties follow in a task of their own, and until it is done more of them come.
_UNSETTLED = """
    SELECT count(*) FROM cases.cases c LEFT JOIN cases.settled s USING (organiser_id, case_id)
    WHERE CASE WHEN s.case_id IS NULL THEN c.state <> 'closed'
               ELSE s.case_version <> c.version END
"""


def workload(town: Town, count: int) -> list[bytes]:
    """So many warnings, mixed: what is known gets worse, what is new joins its case, and of
    pupils without a case one is opened."""
    open_pupils = [pupil for number, pupil, year in town.case_places() if is_open(number, year)]
    known = {pupil for _, pupil, year in town.case_places() if year == TODAY.year}
    kinds = [
        [(pupil, pb.FAMILY_LONG_TERM, 2) for pupil in open_pupils],
        [(pupil, pb.FAMILY_SPORADIC, 2) for pupil in open_pupils],
        [(pupil, pb.FAMILY_ESCALATION, 1) for pupil in open_pupils],
        [(pupil, pb.FAMILY_LONG_TERM, 1) for pupil in range(town.pupils) if pupil not in known],
    ]
    found = [
        (pupil, family, revision)
        for row in zip_longest(*kinds)
        for pupil, family, revision in filter(None, row)
    ]
    return [
        warning(town, pupil, TODAY.year, TODAY, family=family, revision=revision)
        for pupil, family, revision in found[:count]
    ]


async def run(own: Ground, connection: Any, town: Town, count: int) -> dict[str, float]:
    """The figures; the process must not run yet."""
    batch = workload(town, count)
    own.stop()
    before = await connection.fetchrow(_EFFECTS)
    # The third part of them is still in the service's hands when its repeat comes.
    await _send(own, _twice(batch))
    say(f"{len(batch)} warnings stand in the topic, each twice")
    own.start()
    await _until_quiet(own, 2 * len(batch))
    took = await connection.fetchrow(
        """
        SELECT count(*) AS written,
               extract(epoch FROM max(recorded_at) - min(recorded_at))::float AS seconds
        FROM cases.warnings WHERE change_seq > $1
        """,
        before["changes"],
    )
    if took["written"] != len(batch):
        raise NotMeasuredError(f"{took['written']} of {len(batch)} warnings were applied")
    say(f"{len(batch)} warnings, {len(batch) / took['seconds']:.0f} a second")
    once = await _settled(own, connection)
    await _send(own, batch)
    await _until_quiet(own, 3 * len(batch))
    again = await _settled(own, connection)
    repeats = await _repeated(connection)
    moved = {name: again[name] - once[name] for name in once.keys() if again[name] != once[name]}  # noqa: SIM118 - a Record
    for name, difference in (repeats | moved).items():
        say(f"duplicate effect: {name} {difference:+}")
    return {
        "warnings": len(batch),
        "warnings_per_s": len(batch) / took["seconds"],
        "warning_seconds": took["seconds"],
        "warning_cases_opened": once["cases"] - before["cases"],
        "duplicate_effects": sum(map(abs, (repeats | moved).values())),
    }


async def _settled(own: Ground, connection: Any) -> Any:
    """The effects once nothing follows any more: the clocks have been through all that changed,
    and the sweep after them. That nothing changes is not enough: going through cases whose duties
    stay as they are, the clocks may be long on their way to those that get new ones."""
    known, began = None, time.monotonic()
    changed = busy = began
    still = 0.0
    while (now := time.monotonic()) - max(changed, busy) < _QUIET_SECONDS:
        own.check()
        if await connection.fetchval(_UNSETTLED):
            busy, still = now, max(still, now - changed)
        found = await connection.fetchrow(_EFFECTS)
        if found != known:
            known, changed = found, now
        if now - began > _SETTLE_SECONDS:
            raise NotMeasuredError(f"still changing after {_SETTLE_SECONDS:.0f} s: {found}")
        await asyncio.sleep(1)
    say(f"settled in {now - began:.0f} s; {still:.0f} s of them the clocks went on unseen")
    return known


def _twice(batch: list[bytes]) -> list[bytes]:
    """Each with its repeat some way behind it."""
    found: list[bytes] = []
    for at, raw in enumerate(batch):
        found.append(raw)
        if at >= _REPEAT_AFTER:
            found.append(batch[at - _REPEAT_AFTER])
    return found + batch[max(0, len(batch) - _REPEAT_AFTER) :]


async def _send(own: Ground, batch: list[bytes]) -> None:
    producer = idempotent_producer(own.settings())
    await producer.start()
    try:
        sends = []
        for raw in batch:
            event = pb.WarningEvent.FromString(raw)
            sends.append(await producer.send(topics.WARNINGS.name, raw, key=event.thread_id))
        await asyncio.gather(*sends)
    finally:
        await producer.stop()


async def _until_quiet(own: Ground, total: int) -> None:
    """Until the group has committed everything that was sent."""
    moved, known = time.monotonic(), -1
    admin = AIOKafkaAdminClient(**connection_of(own.settings()))
    await admin.start()
    try:
        while True:
            own.check()
            offsets = await admin.list_consumer_group_offsets("forvarning-cases-warnings")
            done = sum(max(0, one.offset) for one in offsets.values())
            if done >= total:
                return
            if done != known:
                moved, known = time.monotonic(), done
            if time.monotonic() - moved > _STALLED_SECONDS:
                raise NotMeasuredError(f"{done} of {total} warnings read:\n{own.tail()}")
            await asyncio.sleep(0.25)
    finally:
        await admin.close()


async def _repeated(connection: Any) -> dict[str, int]:
    """Effects that stand there more than once: lines of history, events told, duties."""
    found = await connection.fetchrow(
        """
        SELECT (SELECT coalesce(sum(n - 1), 0)::bigint FROM (
                    SELECT count(*) AS n FROM cases.case_events WHERE thread_revision IS NOT NULL
                    GROUP BY case_id, thread_id, thread_revision, episode_id, kind) h)
                   AS "lines of history there twice",
               (SELECT coalesce(sum(n - 1), 0)::bigint FROM (
                    SELECT count(*) AS n FROM cases.duties WHERE kind = 'acknowledge'
                    GROUP BY case_id) d) AS "duties there twice"
        """
    )
    told: Counter[tuple[bytes, bytes, int, int]] = Counter()
    for row in await connection.fetch("SELECT payload FROM cases.outbox"):
        event = cases_pb2.CaseEvent.FromString(row["payload"])
        told[event.case_id, event.thread_id, event.thread_revision, event.kind] += 1
    twice = dict(found) | {"events told twice": sum(count - 1 for count in told.values())}
    return {name: count for name, count in twice.items() if count}
