from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Family(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAMILY_UNSPECIFIED: _ClassVar[Family]
    FAMILY_SPORADIC: _ClassVar[Family]
    FAMILY_LONG_TERM: _ClassVar[Family]
    FAMILY_ESCALATION: _ClassVar[Family]
    FAMILY_UNEXCUSED_TODAY: _ClassVar[Family]
    FAMILY_UNREPORTED: _ClassVar[Family]

class EpisodeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EPISODE_STATE_UNSPECIFIED: _ClassVar[EpisodeState]
    EPISODE_STATE_ACTIVE: _ClassVar[EpisodeState]
    EPISODE_STATE_RESOLVED: _ClassVar[EpisodeState]
    EPISODE_STATE_WITHDRAWN: _ClassVar[EpisodeState]

class ChangeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANGE_KIND_UNSPECIFIED: _ClassVar[ChangeKind]
    CHANGE_KIND_RAISED: _ClassVar[ChangeKind]
    CHANGE_KIND_ESCALATED: _ClassVar[ChangeKind]
    CHANGE_KIND_AMENDED: _ClassVar[ChangeKind]
    CHANGE_KIND_RESOLVED: _ClassVar[ChangeKind]
    CHANGE_KIND_WITHDRAWN: _ClassVar[ChangeKind]

class PatternKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PATTERN_KIND_UNSPECIFIED: _ClassVar[PatternKind]
    PATTERN_KIND_WEEKDAY: _ClassVar[PatternKind]
    PATTERN_KIND_SUBJECT: _ClassVar[PatternKind]
    PATTERN_KIND_SLOT: _ClassVar[PatternKind]
FAMILY_UNSPECIFIED: Family
FAMILY_SPORADIC: Family
FAMILY_LONG_TERM: Family
FAMILY_ESCALATION: Family
FAMILY_UNEXCUSED_TODAY: Family
FAMILY_UNREPORTED: Family
EPISODE_STATE_UNSPECIFIED: EpisodeState
EPISODE_STATE_ACTIVE: EpisodeState
EPISODE_STATE_RESOLVED: EpisodeState
EPISODE_STATE_WITHDRAWN: EpisodeState
CHANGE_KIND_UNSPECIFIED: ChangeKind
CHANGE_KIND_RAISED: ChangeKind
CHANGE_KIND_ESCALATED: ChangeKind
CHANGE_KIND_AMENDED: ChangeKind
CHANGE_KIND_RESOLVED: ChangeKind
CHANGE_KIND_WITHDRAWN: ChangeKind
PATTERN_KIND_UNSPECIFIED: PatternKind
PATTERN_KIND_WEEKDAY: PatternKind
PATTERN_KIND_SUBJECT: PatternKind
PATTERN_KIND_SLOT: PatternKind

class WarningEvent(_message.Message):
    __slots__ = ("organiser_id", "thread_id", "revision", "pupil_id", "family", "school_year", "school_unit_id", "class_id", "episodes", "changes", "caused_by_unix_ms", "epoch_day", "incomplete", "home_id", "bucket")
    ORGANISER_ID_FIELD_NUMBER: _ClassVar[int]
    THREAD_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    PUPIL_ID_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_YEAR_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    CAUSED_BY_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_DAY_FIELD_NUMBER: _ClassVar[int]
    INCOMPLETE_FIELD_NUMBER: _ClassVar[int]
    HOME_ID_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    organiser_id: bytes
    thread_id: bytes
    revision: int
    pupil_id: bytes
    family: Family
    school_year: int
    school_unit_id: bytes
    class_id: bytes
    episodes: _containers.RepeatedCompositeFieldContainer[Episode]
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    caused_by_unix_ms: int
    epoch_day: int
    incomplete: bool
    home_id: bytes
    bucket: int
    def __init__(self, organiser_id: _Optional[bytes] = ..., thread_id: _Optional[bytes] = ..., revision: _Optional[int] = ..., pupil_id: _Optional[bytes] = ..., family: _Optional[_Union[Family, str]] = ..., school_year: _Optional[int] = ..., school_unit_id: _Optional[bytes] = ..., class_id: _Optional[bytes] = ..., episodes: _Optional[_Iterable[_Union[Episode, _Mapping]]] = ..., changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ..., caused_by_unix_ms: _Optional[int] = ..., epoch_day: _Optional[int] = ..., incomplete: _Optional[bool] = ..., home_id: _Optional[bytes] = ..., bucket: _Optional[int] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("kind", "episode_id", "epoch_day")
    KIND_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_DAY_FIELD_NUMBER: _ClassVar[int]
    kind: ChangeKind
    episode_id: bytes
    epoch_day: int
    def __init__(self, kind: _Optional[_Union[ChangeKind, str]] = ..., episode_id: _Optional[bytes] = ..., epoch_day: _Optional[int] = ...) -> None: ...

class Episode(_message.Message):
    __slots__ = ("episode_id", "state", "level", "raised_day", "level_day", "resolved_day", "rule_id", "profile_id", "profile_version", "figures", "lessons", "sentence", "relapse_of")
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    RAISED_DAY_FIELD_NUMBER: _ClassVar[int]
    LEVEL_DAY_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_DAY_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    PROFILE_VERSION_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    LESSONS_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    RELAPSE_OF_FIELD_NUMBER: _ClassVar[int]
    episode_id: bytes
    state: EpisodeState
    level: int
    raised_day: int
    level_day: int
    resolved_day: int
    rule_id: str
    profile_id: str
    profile_version: int
    figures: Figures
    lessons: _containers.RepeatedCompositeFieldContainer[LessonGround]
    sentence: str
    relapse_of: bytes
    def __init__(self, episode_id: _Optional[bytes] = ..., state: _Optional[_Union[EpisodeState, str]] = ..., level: _Optional[int] = ..., raised_day: _Optional[int] = ..., level_day: _Optional[int] = ..., resolved_day: _Optional[int] = ..., rule_id: _Optional[str] = ..., profile_id: _Optional[str] = ..., profile_version: _Optional[int] = ..., figures: _Optional[_Union[Figures, _Mapping]] = ..., lessons: _Optional[_Iterable[_Union[LessonGround, _Mapping]]] = ..., sentence: _Optional[str] = ..., relapse_of: _Optional[bytes] = ...) -> None: ...

class Figures(_message.Message):
    __slots__ = ("window_first_day", "window_last_day", "offered", "reported", "valid", "invalid_unexplained", "invalid_confirmed", "other", "absence_occasions", "absence_days", "run_days", "reporting_rate_known", "value", "threshold", "shared", "pattern", "baseline_reported", "baseline_absent", "weighed")
    WINDOW_FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    WINDOW_LAST_DAY_FIELD_NUMBER: _ClassVar[int]
    OFFERED_FIELD_NUMBER: _ClassVar[int]
    REPORTED_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    INVALID_UNEXPLAINED_FIELD_NUMBER: _ClassVar[int]
    INVALID_CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    ABSENCE_OCCASIONS_FIELD_NUMBER: _ClassVar[int]
    ABSENCE_DAYS_FIELD_NUMBER: _ClassVar[int]
    RUN_DAYS_FIELD_NUMBER: _ClassVar[int]
    REPORTING_RATE_KNOWN_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    BASELINE_REPORTED_FIELD_NUMBER: _ClassVar[int]
    BASELINE_ABSENT_FIELD_NUMBER: _ClassVar[int]
    WEIGHED_FIELD_NUMBER: _ClassVar[int]
    window_first_day: int
    window_last_day: int
    offered: int
    reported: int
    valid: int
    invalid_unexplained: int
    invalid_confirmed: int
    other: int
    absence_occasions: int
    absence_days: int
    run_days: int
    reporting_rate_known: bool
    value: float
    threshold: float
    shared: int
    pattern: Pattern
    baseline_reported: int
    baseline_absent: int
    weighed: float
    def __init__(self, window_first_day: _Optional[int] = ..., window_last_day: _Optional[int] = ..., offered: _Optional[int] = ..., reported: _Optional[int] = ..., valid: _Optional[int] = ..., invalid_unexplained: _Optional[int] = ..., invalid_confirmed: _Optional[int] = ..., other: _Optional[int] = ..., absence_occasions: _Optional[int] = ..., absence_days: _Optional[int] = ..., run_days: _Optional[int] = ..., reporting_rate_known: _Optional[bool] = ..., value: _Optional[float] = ..., threshold: _Optional[float] = ..., shared: _Optional[int] = ..., pattern: _Optional[_Union[Pattern, _Mapping]] = ..., baseline_reported: _Optional[int] = ..., baseline_absent: _Optional[int] = ..., weighed: _Optional[float] = ...) -> None: ...

class Pattern(_message.Message):
    __slots__ = ("kind", "cell", "lessons_reported", "lessons_absent", "elsewhere_reported", "elsewhere_absent", "share", "elsewhere_share")
    KIND_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    LESSONS_REPORTED_FIELD_NUMBER: _ClassVar[int]
    LESSONS_ABSENT_FIELD_NUMBER: _ClassVar[int]
    ELSEWHERE_REPORTED_FIELD_NUMBER: _ClassVar[int]
    ELSEWHERE_ABSENT_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    ELSEWHERE_SHARE_FIELD_NUMBER: _ClassVar[int]
    kind: PatternKind
    cell: str
    lessons_reported: int
    lessons_absent: int
    elsewhere_reported: int
    elsewhere_absent: int
    share: float
    elsewhere_share: float
    def __init__(self, kind: _Optional[_Union[PatternKind, str]] = ..., cell: _Optional[str] = ..., lessons_reported: _Optional[int] = ..., lessons_absent: _Optional[int] = ..., elsewhere_reported: _Optional[int] = ..., elsewhere_absent: _Optional[int] = ..., share: _Optional[float] = ..., elsewhere_share: _Optional[float] = ...) -> None: ...

class LessonGround(_message.Message):
    __slots__ = ("lesson_id", "epoch_day", "start_minute", "length_minutes", "subject", "offered", "valid", "invalid_unexplained", "invalid_confirmed")
    LESSON_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_DAY_FIELD_NUMBER: _ClassVar[int]
    START_MINUTE_FIELD_NUMBER: _ClassVar[int]
    LENGTH_MINUTES_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    OFFERED_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    INVALID_UNEXPLAINED_FIELD_NUMBER: _ClassVar[int]
    INVALID_CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    lesson_id: bytes
    epoch_day: int
    start_minute: int
    length_minutes: int
    subject: str
    offered: int
    valid: int
    invalid_unexplained: int
    invalid_confirmed: int
    def __init__(self, lesson_id: _Optional[bytes] = ..., epoch_day: _Optional[int] = ..., start_minute: _Optional[int] = ..., length_minutes: _Optional[int] = ..., subject: _Optional[str] = ..., offered: _Optional[int] = ..., valid: _Optional[int] = ..., invalid_unexplained: _Optional[int] = ..., invalid_confirmed: _Optional[int] = ...) -> None: ...

class AbsenceDay(_message.Message):
    __slots__ = ("organiser_id", "pupil_id", "epoch_day", "school_unit_id", "class_id", "offered", "reported", "valid", "invalid_unexplained", "invalid_confirmed", "other", "lessons", "lessons_reported", "lessons_absent", "revision")
    ORGANISER_ID_FIELD_NUMBER: _ClassVar[int]
    PUPIL_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_DAY_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    OFFERED_FIELD_NUMBER: _ClassVar[int]
    REPORTED_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    INVALID_UNEXPLAINED_FIELD_NUMBER: _ClassVar[int]
    INVALID_CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    LESSONS_FIELD_NUMBER: _ClassVar[int]
    LESSONS_REPORTED_FIELD_NUMBER: _ClassVar[int]
    LESSONS_ABSENT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    organiser_id: bytes
    pupil_id: bytes
    epoch_day: int
    school_unit_id: bytes
    class_id: bytes
    offered: int
    reported: int
    valid: int
    invalid_unexplained: int
    invalid_confirmed: int
    other: int
    lessons: int
    lessons_reported: int
    lessons_absent: int
    revision: int
    def __init__(self, organiser_id: _Optional[bytes] = ..., pupil_id: _Optional[bytes] = ..., epoch_day: _Optional[int] = ..., school_unit_id: _Optional[bytes] = ..., class_id: _Optional[bytes] = ..., offered: _Optional[int] = ..., reported: _Optional[int] = ..., valid: _Optional[int] = ..., invalid_unexplained: _Optional[int] = ..., invalid_confirmed: _Optional[int] = ..., other: _Optional[int] = ..., lessons: _Optional[int] = ..., lessons_reported: _Optional[int] = ..., lessons_absent: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class GroupDay(_message.Message):
    __slots__ = ("organiser_id", "school_unit_id", "epoch_day", "partition", "revision", "sums")
    ORGANISER_ID_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_DAY_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SUMS_FIELD_NUMBER: _ClassVar[int]
    organiser_id: bytes
    school_unit_id: bytes
    epoch_day: int
    partition: int
    revision: int
    sums: _containers.RepeatedCompositeFieldContainer[GroupSum]
    def __init__(self, organiser_id: _Optional[bytes] = ..., school_unit_id: _Optional[bytes] = ..., epoch_day: _Optional[int] = ..., partition: _Optional[int] = ..., revision: _Optional[int] = ..., sums: _Optional[_Iterable[_Union[GroupSum, _Mapping]]] = ...) -> None: ...

class GroupSum(_message.Message):
    __slots__ = ("class_id", "slot_hour", "pupils", "offered", "reported", "valid", "invalid_unexplained", "invalid_confirmed", "pupils_absent_all_day", "subject", "pupils_absent", "pupils_mostly_valid")
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    SLOT_HOUR_FIELD_NUMBER: _ClassVar[int]
    PUPILS_FIELD_NUMBER: _ClassVar[int]
    OFFERED_FIELD_NUMBER: _ClassVar[int]
    REPORTED_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    INVALID_UNEXPLAINED_FIELD_NUMBER: _ClassVar[int]
    INVALID_CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    PUPILS_ABSENT_ALL_DAY_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PUPILS_ABSENT_FIELD_NUMBER: _ClassVar[int]
    PUPILS_MOSTLY_VALID_FIELD_NUMBER: _ClassVar[int]
    class_id: bytes
    slot_hour: int
    pupils: int
    offered: int
    reported: int
    valid: int
    invalid_unexplained: int
    invalid_confirmed: int
    pupils_absent_all_day: int
    subject: str
    pupils_absent: int
    pupils_mostly_valid: int
    def __init__(self, class_id: _Optional[bytes] = ..., slot_hour: _Optional[int] = ..., pupils: _Optional[int] = ..., offered: _Optional[int] = ..., reported: _Optional[int] = ..., valid: _Optional[int] = ..., invalid_unexplained: _Optional[int] = ..., invalid_confirmed: _Optional[int] = ..., pupils_absent_all_day: _Optional[int] = ..., subject: _Optional[str] = ..., pupils_absent: _Optional[int] = ..., pupils_mostly_valid: _Optional[int] = ...) -> None: ...
