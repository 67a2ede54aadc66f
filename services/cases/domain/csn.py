"""What a report to CSN is proposed to say: the CSN warning's own window and nothing beside it.

CSN's rule counts ogiltig frånvaro of one month (four hours or more on several occasions). Another
warning of the same pupil may count giltig absence, a longer time or other days; its lessons are not
the ground of this report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.cases.domain.threads import Episode, Thread

#: How the rules of CSN's profile are named, and those of an organiser's own profile made from it.
RULES = "csn"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Hours, occasions and first day, to be checked against the register before it is reported."""

    hours: float
    occasions: int
    first_day: date

    @property
    def code(self) -> str:
        """51 is repeated absence, 31 one that went on."""
        return "51" if self.occasions > 1 else "31"


def propose(held: Sequence[Thread]) -> Proposal | None:
    """From the active warning by CSN's rule; None where there is none."""
    found = [
        episode
        for thread in held
        for episode in thread.active
        if episode.rule.startswith(RULES) and _minutes(episode)
    ]
    if not found:
        return None
    newest = max(found, key=lambda one: (one.figures.last_day, one.level_day, one.episode_id.int))
    figures = newest.figures
    missed = [
        lesson.day
        for lesson in newest.lessons
        if lesson.unexplained + lesson.confirmed
        and figures.first_day <= lesson.day <= figures.last_day
    ]
    return Proposal(
        # The snapshot names at most so many lessons; the sum is of all of them.
        hours=round(_minutes(newest) / 60, 1),
        occasions=figures.occasions,
        first_day=min(missed, default=figures.first_day),
    )


def _minutes(episode: Episode) -> int:
    return episode.figures.unexplained + episode.figures.confirmed
