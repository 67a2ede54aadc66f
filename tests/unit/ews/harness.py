"""A core with the topics around it, for the tests."""

from __future__ import annotations

import random
from collections.abc import Sequence

from forvarning.warnings.v1.warnings_pb2 import WarningEvent
from services.ews.core import fold
from services.ews.core.api import Batch, PartitionCore, Row
from services.ews.core.core import Core
from services.ews.core.fold import Fold


class Harness:
    """A core with the topics around it: a compacted changelog and what was published."""

    def __init__(self, contents: Sequence[tuple[str, int, bytes]], fold: Fold = fold.fold) -> None:
        self._contents = contents
        self._fold = fold
        self.log: list[bytes] = []
        self.changelog: dict[bytes, bytes] = {}
        self.history: dict[bytes, list[WarningEvent]] = {}
        self.latest: dict[bytes, bytes] = {}
        self.absence: dict[bytes, bytes] = {}
        self.groups: dict[bytes, bytes] = {}
        self.days_written: list[Row] = []
        self.group_days_written: list[Row] = []
        """All that was ever written, tombstones too: a broker may not have compacted yet."""
        self.core: PartitionCore = self._new()

    def _new(self) -> PartitionCore:
        core = Core(self._fold)
        for content in self._contents:
            core.learn_profile(*content)
        return core

    def apply(self, *facts: bytes, replay_of: int | None = None) -> None:
        for fact in facts:
            self.core.apply(fact, len(self.log), partition=0, replay_of=replay_of)
            self.log.append(fact)

    def collect(self) -> Batch:
        batch = self.core.collect()
        for rows, topic in (
            (batch.state, self.changelog),
            (batch.warnings, self.latest),
            (batch.absence_days, self.absence),
            (batch.group_days, self.groups),
        ):
            for row in rows:
                if row.value is None:
                    topic.pop(row.key, None)
                else:
                    topic[row.key] = row.value
        self.days_written += batch.absence_days
        self.group_days_written += batch.group_days
        for row in batch.warnings:
            if row.value is None:
                self.history.pop(row.key, None)
            else:
                event = WarningEvent.FromString(row.value)
                assert event.thread_id == row.key
                self.history.setdefault(row.key, []).append(event)
        return batch

    def told(self, *facts: bytes) -> list[WarningEvent]:
        """Apply, collect, and return what is published."""
        self.apply(*facts)
        batch = self.collect()
        assert not batch.failed_folds
        return [WarningEvent.FromString(row.value) for row in batch.warnings if row.value]

    def snapshots(self) -> list[WarningEvent]:
        """The latest revision of every thread."""
        return [WarningEvent.FromString(value) for value in self.latest.values()]

    def restart(self) -> None:
        """Go on from the changelog, in any order of its rows."""
        self.collect()
        self.core = self._new()
        rows = list(self.changelog.items())
        random.Random(len(rows)).shuffle(rows)
        for key, value in rows:
            self.core.restore(key, value)
        for key, value in self.latest.items():
            self.core.restore_published(key, value)
        self.core.check_published()

    def lose(self) -> None:
        """The changelog is gone: rebuild from the log; nothing of it may be told again."""
        self.collect()
        self.core = self._new()
        self.changelog.clear()
        for key, value in self.latest.items():
            self.core.restore_published(key, value)
        for row in self.days_written:
            self.core.restore_absence_day(row.key, row.value)
        for row in self.group_days_written:
            self.core.restore_group_day(row.key, row.value)
        self.core.begin_rebuild()
        log, self.log = self.log, []
        for i, fact in enumerate(log):
            self.apply(fact)
            if i % 7 == 3:
                batch = self.collect()
                assert not batch.warnings
                assert not batch.absence_days
                assert not batch.group_days
        self.core.end_rebuild()
        batch = self.collect()
        assert not batch.warnings
        assert not batch.absence_days
        assert not batch.group_days
