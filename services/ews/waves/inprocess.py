"""The group step without Kafka: for what-if, the golden term and the evaluation.

Whoever runs cores in its own process gives it what they hand out and applies what
it says, as the stream does it over ews.group-days.v1 and the input log:

    step = GroupStep()
    batch = core.collect()
    for fact in step.waves_of(batch.group_days):
        core.apply(fact, offset, partition=0)
    after = core.collect()  # judged again: what waited for a Wave, and what one changes

The warnings of both collects are published; they come in that order.
"""

from __future__ import annotations

from collections.abc import Iterable

from forvarning.facts.v1.facts_pb2 import Fact
from forvarning.warnings.v1.warnings_pb2 import GroupDay
from services.ews.core.api import Row
from services.ews.waves.board import Board


class GroupStep:
    """``partitions``: so many must have closed a day before its Wave is due.

    One, where every partition's sums are taken before anything is asked.
    """

    def __init__(self, partitions: int = 1) -> None:
        self._board = Board(partitions)

    def take(self, group_days: Iterable[Row]) -> None:
        """Take the sums of a collect, of any partition."""
        for row in group_days:
            if row.value is not None:
                self._board.take(GroupDay.FromString(row.value))

    def due(self, accepted_unix_ms: int = 0) -> list[bytes]:
        """The Waves of which the core does not know yet, as facts for every partition."""
        facts: list[bytes] = []
        for some in self._board.due():
            for organiser_id, wave in some:
                self._board.wrote(organiser_id, wave)
                fact = Fact(organiser_id=organiser_id, accepted_unix_ms=accepted_unix_ms, wave=wave)
                facts.append(fact.SerializeToString())
        return facts

    def waves_of(self, group_days: Iterable[Row], accepted_unix_ms: int = 0) -> list[bytes]:
        """:meth:`take`, then :meth:`due`: where one core is all there is."""
        self.take(group_days)
        return self.due(accepted_unix_ms)
