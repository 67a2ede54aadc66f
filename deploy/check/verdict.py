"""After the run: everything is read again, from the logs and from those who were told."""

from __future__ import annotations

import time
from collections.abc import Iterator

import asyncpg

from bench.simulator import ledger as ledgers
from bench.simulator.events import NoticeEvent, RegisterEvent
from bench.simulator.feeder import FeedStats
from deploy.check import identities, logs, oracle
from deploy.check.acknowledged import Mark, NoticeStatement, lost
from deploy.check.context import Run
from deploy.check.live import LiveResult
from deploy.check.mails import calls, mails
from deploy.check.notices import tally
from deploy.check.report import latency_figures
from deploy.check.stack import PARTITIONS
from deploy.check.traffic import key_of
from services.common.ids import notice_id

_SHOWN = 5


async def verdict(
    run: Run, history: FeedStats, live: LiveResult, calls_before_live: int
) -> dict[str, float | None]:
    """Every figure of the run."""
    figures: dict[str, float | None] = {}
    figures |= latency_figures(
        live.matcher.samples,
        live.traffic.accepted_at,
        live.injector.faults,
        run.watch.moments,
        partitions=PARTITIONS,
        began=live.began,
        ended=live.ended,
    )
    figures |= {
        "kills": live.injector.kills,
        "zombies_fenced": live.injector.zombies_fenced,
        "broker_kills": live.injector.broker_kills,
        "overdue": live.injector.overdue,
        "samples_unattributed": live.matcher.unattributed,
        "registers_live": len(live.traffic.accepted_at),
        "registers_history": history.registers,
        "duplicates_sent": history.duplicates_sent + live.traffic.duplicates_sent,
        "late_facts": history.late_facts + live.traffic.late_facts,
        "corrections": history.corrections + live.traffic.corrections,
        "refused": history.refused + live.traffic.refused,
        "given_up": live.traffic.given_up,
    }
    figures |= await _published(run)
    figures |= await _acknowledged(run)
    figures |= await _notices(run, calls_before_live)
    figures |= await _cases(run)
    figures |= await oracle.ask(run)
    return figures


async def _published(run: Run) -> dict[str, float | None]:
    found = await logs.published(run.stack.settings)
    kinds = ("raised", "escalated", "amended", "resolved", "withdrawn")
    families = (f"raised_{name}" for name in logs.FAMILY.values())
    figures: dict[str, float | None] = {kind: found.changes[kind] for kind in (*kinds, *families)}
    return figures | {"warning_events": found.events, "warning_threads": len(found.threads)}


async def _acknowledged(run: Run) -> dict[str, float | None]:
    began = time.monotonic()
    index = await logs.input_log(run.stack.settings)
    known = await identities.read(run.stack.database_url, run.organiser)
    waiting = await identities.parked(run.stack.database_url, run.organiser)
    path = run.options.folder / "acknowledged.jsonl"
    accepted = {line["key"] for line in ledgers.read(path) if line["status"] != "refused"}
    said = [event for event in run.events if key_of(event) in accepted]
    marks = [mark for e in said if isinstance(e, RegisterEvent) for mark in _marks(run, known, e)]
    notices = [
        NoticeStatement(notice_id(run.organiser, run.source, event.id).bytes, event.modified)
        for event in said
        if isinstance(event, NoticeEvent)
    ]
    gone, unheard = lost(index, marks, notices, waiting)
    for mark in gone[:_SHOWN]:
        run.diary.say(f"LOST: pupil {_shown(mark.pupil)} in lesson {mark.lesson.hex()}")
    for notice in unheard[:_SHOWN]:
        run.diary.say(f"LOST: notice {notice.notice.hex()}")
    run.diary.say(
        f"the log holds {index.registers} registers; of {len(marks)} acknowledged marks and "
        f"{len(notices)} notices {len(gone) + len(unheard)} are lost "
        f"({time.monotonic() - began:.1f} s)"
    )
    return {
        "acknowledged_lost": len(gone) + len(unheard),
        "acknowledged_marks": len(marks),
        "acknowledged_parked": len(waiting),
        "log_registers": index.registers,
    }


def _marks(run: Run, known: identities.Identities, event: RegisterEvent) -> Iterator[Mark]:
    world = run.simulation.world
    lesson, _ = identities.lesson_of(run.organiser, world, event)
    columns = zip(
        event.pupils.tolist(),
        event.valid.tolist(),
        event.invalid.tolist(),
        event.other.tolist(),
        strict=True,
    )
    for index, valid, invalid, other in columns:
        source_id = world.pupils[index].id
        minutes = (valid, invalid, other) if event.state == "reported" else None
        yield Mark(lesson, known.pupil(source_id) or source_id, event.modified, minutes)


async def _notices(run: Run, calls_before_live: int) -> dict[str, float | None]:
    events = await logs.case_events(run.stack.settings)
    received = [*mails(run.stack.mail_file), *calls(run.receiver.calls)]
    found = tally(received, events)
    return {
        "notices": found.distinct,
        "notices_received": found.received,
        "notices_doubled": found.doubled,
        "notices_mails": len({n.id for n in mails(run.stack.mail_file)}),
        "notices_webhooks": len({n.id for n in calls(run.receiver.calls)}),
        "notices_before_live": calls_before_live,
    }


async def _cases(run: Run) -> dict[str, float | None]:
    connection = await asyncpg.connect(run.stack.database_url)
    try:
        cases = await connection.fetchval("SELECT count(*) FROM cases.cases")
        home = await connection.fetchval(
            "SELECT count(*) FROM notify.deliveries WHERE state = 'call_home'"
        )
    finally:
        await connection.close()
    return {"cases": int(cases), "calls_home": int(home)}


def _shown(pupil: bytes | str) -> str:
    return pupil if isinstance(pupil, str) else pupil.hex()
