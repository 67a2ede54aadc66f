"""Recomputed threads against published ones, published ones against the case service. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.ews.core.legal import illegal_step
from services.ews.core.replay import comparable, explain_difference
from services.ews.oracle.findings import Finding, Kind, Store

Threads = Mapping[bytes, pb.WarningEvent]
History = Sequence[pb.WarningEvent]


@dataclass(frozen=True, slots=True)
class Held:
    """What the case service holds of a thread."""

    revision: int
    snapshot: bytes
    in_case: bool = True


def standing(event: pb.WarningEvent) -> list[pb.Episode]:
    """The episodes that no correction has taken back, oldest first."""
    return [one for one in event.episodes if one.state != pb.EPISODE_STATE_WITHDRAWN]


def against_published(recomputed: Threads, published: Threads) -> Iterator[Finding]:
    """Every way in which the topic's newest snapshots differ from the recomputed ones."""
    for thread in sorted(recomputed.keys() | published.keys()):
        wanted, found = recomputed.get(thread), published.get(thread)
        wants = standing(wanted) if wanted is not None else []
        finds = standing(found) if found is not None else []
        if wanted is not None and wants and not finds:
            told = "nothing is published" if found is None else "all of it is withdrawn"
            yield _finding(Kind.MISSING, thread, f"{_about(wanted)}; {told}")
        elif found is not None and finds and not wants:
            yield _finding(Kind.EXTRA, thread, f"{_about(found)}, which the log does not bear out")
        elif wanted is not None and found is not None and comparable(wanted) != comparable(found):
            yield _finding(Kind.DIFFERING, thread, "; ".join(explain_difference(wanted, found)))


def histories(threads: Mapping[bytes, History], *, compacted: bool) -> Iterator[Finding]:
    """Every published history that could not have come about by the rules.

    ``compacted``: the topic may have lost revisions in between; then only
    neighbours are judged, and that revisions go up.
    """
    for thread, events in sorted(threads.items()):
        before: pb.WarningEvent | None = None
        for event in events:
            gap = event.revision > (before.revision if before else 0) + 1
            if not (compacted and gap):
                for wrong in illegal_step(before, event):
                    detail = f"revision {event.revision}: {wrong}"
                    yield _finding(Kind.ILLEGAL, thread, detail)
            before = event


def against_cases(published: Threads, held: Mapping[bytes, Held]) -> Iterator[Finding]:
    """Every way in which the case service holds something else than the topic's newest."""
    for thread in sorted(published.keys() | held.keys()):
        event, copy = published.get(thread), held.get(thread)
        if copy is None and event is not None:
            yield _finding(Kind.MISSING, thread, _about(event), Store.CASES)
        elif event is None:
            yield _finding(Kind.EXTRA, thread, "was never published", Store.CASES)
        elif copy is not None and copy.revision != event.revision:
            detail = f"holds revision {copy.revision}, published is {event.revision}"
            yield _finding(Kind.DIFFERING, thread, detail, Store.CASES)
        elif copy is not None and not _same(copy, event):
            detail = f"revision {copy.revision} is not what was published"
            yield _finding(Kind.DIFFERING, thread, detail, Store.CASES)


def _same(copy: Held, published: pb.WarningEvent) -> bool:
    """Without a case the lessons of an old episode are gone after a while (docs/retention.md)."""
    held = pb.WarningEvent.FromString(copy.snapshot)
    if held == published or copy.in_case or len(held.episodes) != len(published.episodes):
        return held == published
    kept = pb.WarningEvent()
    kept.CopyFrom(published)
    for mine, theirs in zip(held.episodes, kept.episodes, strict=True):
        if not mine.lessons:
            del theirs.lessons[:]
    return held == kept


def _finding(kind: Kind, thread: bytes, detail: str, store: Store = Store.PUBLISHED) -> Finding:
    return Finding(kind, store, thread.hex(), detail)


def _about(event: pb.WarningEvent) -> str:
    family = pb.Family.Name(event.family).removeprefix("FAMILY_").lower()
    return f"{family} with {len(standing(event))} standing episodes"
