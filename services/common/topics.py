"""The one registry of Kafka topics: name, key, value, partitions, retention, compaction.

Nothing else in the project spells a topic's name. `forvarning topics create`
and `verify` go by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_DAY_MS = 86_400_000

# D11: a tombstone must have cleared the log within seven days.
_COMPACTION_LAG_MS = 7 * _DAY_MS
# A school year and sixty days (design D11), counted from the first day of it.
_SCHOOL_YEAR_MS = 430 * _DAY_MS


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. ``partitions`` None means: as many as the input log has."""

    name: str
    key: str
    value: str
    cleanup: Literal["delete", "compact"]
    partitions: int | None
    retention_ms: int | None
    transactional: bool
    """Written inside transactions; every reader is then `read_committed`."""
    personal_data: str
    """What about a person is in it, for the retention table of the DPIA."""

    def config(self) -> dict[str, str]:
        """The broker settings that the topic is created with and verified against."""
        if self.cleanup == "compact":
            return {
                "cleanup.policy": "compact",
                "max.compaction.lag.ms": str(_COMPACTION_LAG_MS),
                "min.cleanable.dirty.ratio": "0.1",
                # What is being written to is never compacted: without this a week of it.
                "segment.ms": str(_DAY_MS),
            }
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms or -1)}


FACTS = Topic(
    name="attendance.facts.v1",
    key="home id",
    value="forvarning.facts.v1.Fact",
    cleanup="delete",
    partitions=None,
    retention_ms=_SCHOOL_YEAR_MS,
    transactional=False,
    personal_data="surrogate pupil ids, marks, notices, placements",
)
ROSTER = Topic(
    name="roster.v1",
    key="<kind>:<uuid>",
    value="forvarning.roster.v1.RosterRecord",
    cleanup="compact",
    partitions=1,
    retention_ms=None,
    transactional=False,
    personal_data="surrogate ids, placements, duties, protection",
)
PROFILES = Topic(
    name="rules.profiles.v1",
    key="<profile>@<version>",
    value="forvarning.rules.v1.RuleProfile",
    cleanup="compact",
    partitions=1,
    retention_ms=None,
    transactional=False,
    personal_data="none",
)
STATE = Topic(
    name="ews.state.v1",
    key="see forvarning.state.v1",
    value="forvarning.state.v1.StateValue",
    cleanup="compact",
    partitions=None,
    retention_ms=None,
    transactional=True,
    personal_data="surrogate pupil ids, marks of the school year",
)
WARNINGS = Topic(
    name="ews.warnings.v1",
    key="thread id",
    value="forvarning.warnings.v1.WarningEvent",
    cleanup="compact",
    partitions=None,
    retention_ms=None,
    transactional=True,
    personal_data="surrogate pupil ids, warnings with their lessons",
)
ABSENCE_DAYS = Topic(
    name="ews.absence-days.v1",
    key="<pupil id>:<epoch day>",
    value="forvarning.warnings.v1.AbsenceDay",
    cleanup="compact",
    partitions=None,
    retention_ms=None,
    transactional=True,
    personal_data="surrogate pupil ids, minutes a day",
)
GROUP_DAYS = Topic(
    name="ews.group-days.v1",
    key="<unit>:<day>:<partition>",
    value="forvarning.warnings.v1.GroupDay",
    cleanup="compact",
    partitions=None,
    retention_ms=None,
    transactional=True,
    personal_data="sums of classes",
)
WAVES = Topic(
    name="ews.waves.v1",
    key="<unit>:<day>",
    value="forvarning.facts.v1.Fact",
    cleanup="compact",
    partitions=1,
    retention_ms=None,
    transactional=False,
    personal_data="shared absence of classes and units, of at least five pupils",
)
SCHOOL_SIGNALS = Topic(
    name="ews.school-signals.v1",
    key="<unit>:<signal>",
    value="forvarning.school.v1.SchoolSignal",
    cleanup="compact",
    partitions=1,
    retention_ms=None,
    transactional=False,
    personal_data="counts and shares of classes and units, of at least five pupils",
)
DEAD_LETTERS = Topic(
    name="ews.dead-letters.v1",
    key="as the original record",
    value="the original bytes; why and wherefrom in headers",
    cleanup="delete",
    partitions=None,
    retention_ms=_SCHOOL_YEAR_MS,
    transactional=True,
    personal_data="as attendance.facts.v1",
)
CASE_EVENTS = Topic(
    name="cases.events.v1",
    key="case id",
    value="forvarning.cases.v1.CaseEvent",
    cleanup="delete",
    partitions=8,
    retention_ms=90 * _DAY_MS,
    transactional=False,
    personal_data="surrogate pupil and case ids",
)
DELIVERIES = Topic(
    name="notify.deliveries.v1",
    key="delivery id",
    value="forvarning.notify.v1.Delivery",
    cleanup="delete",
    partitions=8,
    retention_ms=90 * _DAY_MS,
    transactional=False,
    personal_data="surrogate pupil and case ids",
)

ALL: tuple[Topic, ...] = (
    FACTS,
    ROSTER,
    PROFILES,
    STATE,
    WARNINGS,
    ABSENCE_DAYS,
    GROUP_DAYS,
    WAVES,
    SCHOOL_SIGNALS,
    DEAD_LETTERS,
    CASE_EVENTS,
    DELIVERIES,
)
