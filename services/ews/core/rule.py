"""What a rule profile says, once read: families, rules and their figures (design D5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from math import ceil, floor

from forvarning.warnings.v1 import warnings_pb2

FAMILIES = {
    "strofranvaro": warnings_pb2.FAMILY_SPORADIC,
    "langvarig": warnings_pb2.FAMILY_LONG_TERM,
    "eskalering": warnings_pb2.FAMILY_ESCALATION,
    "ogiltig_idag": warnings_pb2.FAMILY_UNEXCUSED_TODAY,
}
ESCALATION = warnings_pb2.FAMILY_ESCALATION
FOLDED = (warnings_pb2.FAMILY_SPORADIC, warnings_pb2.FAMILY_LONG_TERM, ESCALATION)
"""The families whose episodes are a fold over closed school days.

Escalation comes last: its rules look at the verdicts of the others.
"""
TODAY = warnings_pb2.FAMILY_UNEXCUSED_TODAY


class Metric(Enum):
    """Which absence is counted."""

    __hash__ = object.__hash__  # members are single; their names need no hashing

    TOTAL = "total"
    VALID = "valid"
    INVALID = "invalid"
    """Oanmäld and ogiltig together."""
    UNEXPLAINED = "unexplained"


class Measure(Enum):
    """What is made of it."""

    __hash__ = object.__hash__  # members are single; their names need no hashing

    SHARE = "share"
    """Per cent of the time that was offered and reported; with a prior, weighed by it."""
    OCCASIONS = "occasions"
    """Unbroken stretches of lessons with absence, also across nights."""
    DAYS = "days"
    """School days with any such absence, or with at least ``day_share`` per cent of it."""
    PART_DAYS = "part_days"
    """School days with both such absence and presence."""
    DISPERSED_DAYS = "dispersed_days"
    """School days with any such absence, whole days away in a row counted once."""
    LATE_ARRIVALS = "late_arrivals"
    """Lessons attended in part; see :func:`services.ews.core.marks.of_day`."""
    RUN_DAYS = "run_days"
    """School days in a row without any presence, up to the day judged."""
    MINUTES = "minutes"
    WEEKDAY_PATTERN = "weekday_pattern"
    """Per cent of the lessons of the weekday in which absence gathers; 0 where it does not."""
    SUBJECT_PATTERN = "subject_pattern"
    """The same of a subject."""
    SLOT_PATTERN = "slot_pattern"
    """The same of the day's first lesson, its last, or those next to the lunch break."""
    CHANGE = "change"
    """How many times the pupil's own baseline; see services.ews.core.change."""
    TURNING = "turning"
    """One family's warnings that turn into another's; see services.ews.core.turning."""
    LEAVE_DAYS = "leave_days"
    """School days touched by granted leave; see services.ews.core.reports."""
    UNUSUAL_REPORTS = "unusual_reports"
    """Absence reports made another way than usual; see services.ews.core.reports."""


PATTERNS = (Measure.WEEKDAY_PATTERN, Measure.SUBJECT_PATTERN, Measure.SLOT_PATTERN)
"""Measures of where absence gathers; see :mod:`services.ews.core.patterns`."""
LESSON_BY_LESSON = (*PATTERNS, Measure.LATE_ARRIVALS)
"""Measures of single lessons, beside the day's sums; see :mod:`services.ews.core.marks`."""
SHARES = (Measure.SHARE, *PATTERNS)
"""Measures whose value is a per cent."""
NOTED = (Measure.LEAVE_DAYS, Measure.UNUSUAL_REPORTS)
"""What notices tell, whatever the registers say."""


class Span(Enum):
    """The days that a rule looks back on, the judged day included."""

    __hash__ = object.__hash__  # members are single; their names need no hashing

    SCHOOL_DAYS = "school_days"
    CALENDAR_DAYS = "calendar_days"
    CALENDAR_MONTH = "calendar_month"
    TERM = "term"
    SCHOOL_YEAR = "school_year"
    DAY = "day"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Window:
    """``length`` counts the pupil's school days, or the calendar's, and is 0 for other spans.

    No window looks back beyond the judged day's school year, and one ``within_term`` not
    beyond its term: in January a pupil begins anew.
    """

    span: Span
    length: int = 0
    within_term: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One threshold.

    The rule is *not judged* on a day where the pupil has been a member for
    fewer than ``min_membership_days`` school days, where the window holds fewer
    than ``min_offered_minutes`` minutes offered and reported, or where the
    reporting rate is known and lower than ``min_reporting_rate`` per cent: then
    it neither fires nor comes to rest. Else it *fires* where the value is at
    least (``>=``) or more than (``>``) ``threshold`` and the absence counted
    makes up ``min_absence_minutes`` and is spread over ``min_absence_days`` and
    ``min_occasions``, and where the absence of the metric began in the day's term at
    least ``min_days_since_first`` calendar days ago (CSN: 30 days between the first
    day and the report). With ``subtract_waves`` it is judged without what whole classes
    shared (:mod:`services.ews.core.shared`). A rule that has fired rests after
    ``resolve_days`` judged days in a row on which the value was below ``resolve_below``.

    Of a pattern ``min_absence_days`` is about the days with absence in the cell,
    and the cell must have at least ``times_the_rest`` times the share of absence
    of all other lessons; a pattern without such a cell has the value 0.
    ``day_share`` is the per cent of a day's reported time that must be absent for
    the day to count, 0 for any.

    With a prior a share is judged by

        (absent + prior_share * prior_minutes) / (reported + prior_minutes),

    by ``threshold`` and ``resolve_below`` alike: the posterior mean of a beta-binomial
    model (C. N. Morris, "Parametric empirical Bayes inference: theory and applications",
    Journal of the American Statistical Association 78, 1983, 47-55). Where little is
    reported it lies near the prior, so that a week of illness in August is no tenth of a
    term; as days add up it nears the share itself. The prior is below ``resolve_below``,
    so that without ``earlier_weight`` the value is below the real share wherever the rule fires.

    With ``earlier_weight`` a share also counts what the school year held before the window,
    each minute of it as so many per cent of one: absence comes back, so a pupil who was
    away a lot last term is told of sooner in this one.

    A rule with ``judged`` is bound to the calendar: see services.ews.core.bound.
    """

    rule_id: str
    family: int
    level: int
    metric: Metric
    measure: Measure
    window: Window
    inclusive: bool
    threshold: Decimal
    resolve_below: Decimal
    resolve_days: int
    min_offered_minutes: int
    min_membership_days: int
    min_reporting_rate: Decimal
    min_absence_minutes: int
    min_absence_days: int
    min_occasions: int
    subtract_waves: bool
    source: str
    day_share: Decimal = Decimal(0)
    times_the_rest: Decimal = Decimal(0)
    min_days_since_first: int = 0
    judged: tuple[tuple[int, int], ...] | None = None
    """Month and day of the dates on which it is judged; empty for the end of every month."""
    prior_absent: int = 0
    """Of ``prior_minutes`` so many are taken to be absent beforehand."""
    prior_minutes: int = 0
    """For a change, and for a share that weighs little teaching cautiously; else 0."""
    earlier_weight: int = 0
    """For a share: per cent."""
    turns_from: int = 0
    """For a turning: the family that must have fired before, and the one that fires now."""
    turns_into: int = 0
    into_rules: tuple[str, ...] = ()
    """The rules of ``turns_into`` that count; all of them where none is named."""

    # What the figures above come to in whole numbers, made once.
    least: int = field(init=False, compare=False)
    """The least whole value that fires; a share is compared as a ratio instead."""
    calm_below: int = field(init=False, compare=False)
    threshold_ratio: tuple[int, int] = field(init=False, compare=False)
    resolve_ratio: tuple[int, int] = field(init=False, compare=False)
    rate_ratio: tuple[int, int] = field(init=False, compare=False)
    day_ratio: tuple[int, int] = field(init=False, compare=False)
    rest_ratio: tuple[int, int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Derive the whole numbers."""
        least = ceil(self.threshold) if self.inclusive else floor(self.threshold) + 1
        for name, value in (
            ("least", least),
            ("calm_below", ceil(self.resolve_below)),
            ("threshold_ratio", self.threshold.as_integer_ratio()),
            ("resolve_ratio", self.resolve_below.as_integer_ratio()),
            ("rate_ratio", self.min_reporting_rate.as_integer_ratio()),
            ("day_ratio", self.day_share.as_integer_ratio()),
            ("rest_ratio", self.times_the_rest.as_integer_ratio()),
        ):
            object.__setattr__(self, name, value)


@dataclass(frozen=True, slots=True)
class Family:
    """One family's rules, in the profile's order; the first of equal level explains a warning.

    For ``quiet_days`` school days after an episode came to rest a new one is
    raised only at a higher level. With ``ends_with_term`` an episode comes to rest
    at the latest when the next term begins, and no quiet days follow on that.
    """

    rules: tuple[Rule, ...]
    quiet_days: int
    ends_with_term: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """The signals of one profile version. ``families`` holds only what it judges."""

    profile_id: str
    version: int
    name: str
    families: dict[int, Family]
    description: str = ""
    source: str = ""

    def rules(self, family: int) -> tuple[Rule, ...]:
        """The family's rules; none where the profile does not judge it."""
        found = self.families.get(family)
        return found.rules if found else ()
