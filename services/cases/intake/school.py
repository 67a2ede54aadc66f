"""ews.school-signals.v1: what the stream tells a school about itself, one row a signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from google.protobuf.message import DecodeError

from forvarning.school.v1 import school_pb2 as pb
from services.cases.domain.threads import UnreadableMessageError, day_of, uuid_of
from services.cases.store.scope import Database

LEAST_PUPILS = 5
"""A signal of fewer is none of the contract's, and is refused rather than shown."""

_KINDS: dict[int, str] = {
    pb.SIGNAL_KIND_WAVE: "wave",
    pb.SIGNAL_KIND_CLUSTER: "cluster",
    pb.SIGNAL_KIND_UNREPORTED: "unreported",
}
_SCOPES: dict[int, str] = {
    pb.SIGNAL_SCOPE_UNIT: "unit",
    pb.SIGNAL_SCOPE_CLASS: "class",
    pb.SIGNAL_SCOPE_SUBJECT: "subject",
    pb.SIGNAL_SCOPE_SLOT: "slot",
}
_SLOTS: dict[int, str] = {
    pb.SLOT_FIRST: "first",
    pb.SLOT_LUNCH: "lunch",
    pb.SLOT_LAST: "last",
}


@dataclass(frozen=True, slots=True)
class SchoolSignal:
    """A signal as its newest episode has it; all zero and no dates where it has none."""

    organiser_id: UUID
    signal_id: UUID
    school_unit_id: UUID
    revision: int
    kind: str
    scope: str
    class_id: UUID | None
    subject: str | None
    slot: str | None
    school_year: int
    state: str
    first_day: date | None
    last_day: date | None
    days: int
    window_days: int
    pupils: int
    absent: int
    share_permille: int
    usual_permille: int
    offered: int
    reported: int


def decode(value: bytes | None) -> SchoolSignal | None:
    """Read a SchoolSignal; None for a tombstone, which gallring takes care of."""
    if value is None:
        return None
    raw = pb.SchoolSignal()
    try:
        raw.ParseFromString(value)
    except DecodeError as error:
        raise UnreadableMessageError("malformed", str(error)) from error
    kind, scope = _KINDS.get(raw.kind), _SCOPES.get(raw.scope)
    slot = _SLOTS.get(raw.slot) if scope == "slot" else None
    if kind is None or scope is None or (scope == "slot" and slot is None):
        raise UnreadableMessageError("unknown_kind", f"{raw.kind}, {raw.scope}, {raw.slot}")
    for episode in raw.episodes:
        if episode.figures.pupils < LEAST_PUPILS:
            raise UnreadableMessageError("too_few", f"a signal of fewer than {LEAST_PUPILS}")
    last = raw.episodes[-1] if raw.episodes else None
    figures = last.figures if last else pb.SignalFigures()
    return SchoolSignal(
        organiser_id=uuid_of(raw.organiser_id, "organiser_id"),
        signal_id=uuid_of(raw.signal_id, "signal_id"),
        school_unit_id=uuid_of(raw.school_unit_id, "school_unit_id"),
        revision=raw.revision,
        kind=kind,
        scope=scope,
        class_id=uuid_of(raw.class_id, "class_id") if scope == "class" else None,
        subject=raw.subject if scope == "subject" else None,
        slot=slot,
        school_year=raw.school_year,
        state=_state(last),
        first_day=day_of(last.first_day, "first_day") if last else None,
        last_day=day_of(last.last_day, "last_day") if last else None,
        days=last.days if last else 0,
        window_days=figures.window_days,
        pupils=figures.pupils,
        absent=figures.absent,
        share_permille=figures.share_permille,
        usual_permille=figures.usual_permille,
        offered=figures.offered,
        reported=figures.reported,
    )


def _state(last: pb.SignalEpisode | None) -> str:
    if last is None:
        return "none"
    return "active" if last.state == pb.SIGNAL_STATE_ACTIVE else "over"


_FIELDS = tuple(SchoolSignal.__dataclass_fields__)
_TYPES = (
    *("uuid", "uuid", "uuid", "bigint", "text", "text", "uuid", "text", "text", "int"),
    *("text", "date", "date", *("int",) * 6, "bigint", "bigint"),
)


async def apply(
    database: Database, organiser_id: UUID, batch: Sequence[tuple[SchoolSignal, bytes]]
) -> None:
    """Keep the highest revision of each, of equal ones the later in the log.

    The same batch again changes nothing.
    """
    newest: dict[UUID, tuple[SchoolSignal, bytes]] = {}
    for signal, raw in batch:
        known = newest.get(signal.signal_id)
        if known is None or known[0].revision <= signal.revision:
            newest[signal.signal_id] = (signal, raw)
    # In one order, so that two processes never wait for each other in a ring.
    rows = [newest[key] for key in sorted(newest)]
    names = (*_FIELDS, "snapshot", "received_at")
    types = (*_TYPES, "bytea", "timestamptz")
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(types, start=1))
    changed = ", ".join(
        f"{name} = excluded.{name}" for name in names if name not in {"organiser_id", "signal_id"}
    )
    async with database.system(organiser_id) as connection:
        await connection.execute(
            f"""
            INSERT INTO cases.school_signals AS s ({", ".join(names)})
            SELECT * FROM unnest({arrays})
            ON CONFLICT (organiser_id, signal_id) DO UPDATE SET {changed}
            WHERE s.revision <= excluded.revision AND s.snapshot <> excluded.snapshot
            """,
            *([getattr(signal, name) for signal, _ in rows] for name in _FIELDS),
            [raw for _, raw in rows],
            [database.now()] * len(rows),
        )
