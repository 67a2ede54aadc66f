"""What a warning thread of the family `ogiltig_idag` obliges to, as a pure function.

The thread's snapshot is compared with the obligations on record, never its
list of changes: the topic is compacted, so revisions in between may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum, auto
from zoneinfo import ZoneInfo

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common.clock import STOCKHOLM, from_epoch_day, school_date
from services.notify.model import Obligation, ObligationState


class Step(Enum):
    """What is to be done about one school date."""

    RAISE = auto()
    """Record an obligation; what becomes of it is decided when it falls due."""
    WITHDRAW = auto()
    """Nobody has been told: nobody will be."""
    EXCUSE = auto()
    """Somebody was told or has to call: note that the absence is explained now."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How old a school date may be and still count (design D8)."""

    wake_from: date
    """What is known of the organiser, or of this pupil, before this date wakes nobody."""
    late_days: int
    """How many days after the date the school may report it, and somebody still calls."""
    outage_days: int
    """How long ago the report may be: a delay of ours, on top of the school's."""


def steps(
    events: Sequence[pb.WarningEvent],
    recorded: Mapping[date, Obligation],
    *,
    now: datetime,
    limits: Limits,
) -> dict[date, Step]:
    """The steps that make ``recorded`` agree with the last of ``events``, by school date.

    ``events`` are a thread's, in the order of their revisions: those before the
    last only tell when the school reported what. ``recorded`` holds every
    obligation of the thread. Dates that are too old to act on and were never
    recorded are left out: they wake nobody.
    """
    today = school_date(now)
    reported = _reported(events, today)
    unexplained = reported.keys()

    def recent(day: date) -> bool:
        # Two delays, each with its own bound: the school's until it told us, and ours since then.
        # An outage of ours must not make a call home vanish that the school asked for in time.
        told = reported[day]
        return (told - day).days <= limits.late_days and (today - told).days <= limits.outage_days

    result: dict[date, Step] = {}
    for day in unexplained:
        held = recorded.get(day)
        if held is not None and held.state is not ObligationState.WITHDRAWN and not held.excused:
            continue
        if recent(day) and (held is not None or day >= limits.wake_from):
            result[day] = Step.RAISE
    for day, held in recorded.items():
        if day in unexplained or held.excused:
            continue
        if held.state is ObligationState.WAITING:
            result[day] = Step.WITHDRAW
        elif held.state is not ObligationState.WITHDRAWN:
            result[day] = Step.EXCUSE
    return result


def _reported(events: Sequence[pb.WarningEvent], today: date) -> dict[date, date]:
    """The dates that stand unexplained at last, each with the day on which that was reported."""
    found: dict[date, date] = {}
    for event in events:
        ms = event.caused_by_unix_ms
        told = school_date(_instant(ms)) if ms else today
        found = {
            day: found.get(day, told)
            for day in (
                from_epoch_day(episode.raised_day)
                for episode in event.episodes
                if episode.state != pb.EPISODE_STATE_WITHDRAWN
            )
        }
    return found


def grace_ends(day: date, now: datetime, grace: timedelta, zone: ZoneInfo = STOCKHOLM) -> datetime:
    """When the obligation for ``day`` falls due: after ``grace``, yet on that very day.

    Elapsed time counts, whatever daylight saving does to the wall clock. Late
    in the evening the grace is cut so that the notice still goes out "samma
    dag"; a ``day`` that has not begun by this clock starts at its midnight.
    """
    begins = datetime(day.year, day.month, day.day, tzinfo=zone)
    following = day + timedelta(days=1)
    ends = datetime(following.year, following.month, following.day, tzinfo=zone)
    last = ends.timestamp() - 300
    start = max(now.timestamp(), begins.timestamp())
    due = max(start, min(start + grace.total_seconds(), last))
    return datetime.fromtimestamp(due, tz=now.tzinfo)


def _instant(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms / 1000, tz=STOCKHOLM)
