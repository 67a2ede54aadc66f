"""Per-lesson marks behind a warning are kept only for pupils with a case (docs/retention.md).

A warning of a pupil without one keeps its figures and its sentence; which lessons it was goes when
today's list does not need them any more.
"""

from __future__ import annotations

from datetime import date, timedelta

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common.clock import epoch_day

KEPT = timedelta(days=14)
"""How long the lessons of a pupil without a case are kept: calls home are made from them."""


def without_lessons(snapshot: bytes, today: date) -> bytes | None:
    """The warning without the lessons of episodes older than :data:`KEPT`; None where it has
    none of them."""
    event = pb.WarningEvent.FromString(snapshot)
    limit = epoch_day(today - KEPT)
    old = [one for one in event.episodes if one.lessons and one.level_day < limit]
    if not old:
        return None
    for episode in old:
        del episode.lessons[:]
    return event.SerializeToString()
