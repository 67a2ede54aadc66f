from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LessonState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LESSON_STATE_UNSPECIFIED: _ClassVar[LessonState]
    LESSON_STATE_SCHEDULED: _ClassVar[LessonState]
    LESSON_STATE_REPORTED: _ClassVar[LessonState]
    LESSON_STATE_CANCELLED: _ClassVar[LessonState]

class MarkFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MARK_FLAG_UNSPECIFIED: _ClassVar[MarkFlag]
    MARK_FLAG_REPORTED: _ClassVar[MarkFlag]
    MARK_FLAG_INVALID_CONFIRMED: _ClassVar[MarkFlag]
    MARK_FLAG_EXPLICIT: _ClassVar[MarkFlag]
    MARK_FLAG_WITHDRAWN: _ClassVar[MarkFlag]

class NoticeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOTICE_KIND_UNSPECIFIED: _ClassVar[NoticeKind]
    NOTICE_KIND_ABSENCE_REPORT: _ClassVar[NoticeKind]
    NOTICE_KIND_LEAVE: _ClassVar[NoticeKind]

class ReportedBy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPORTED_BY_UNSPECIFIED: _ClassVar[ReportedBy]
    REPORTED_BY_GUARDIAN: _ClassVar[ReportedBy]
    REPORTED_BY_PUPIL: _ClassVar[ReportedBy]
    REPORTED_BY_STAFF: _ClassVar[ReportedBy]

class Protection(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROTECTION_UNSPECIFIED: _ClassVar[Protection]
    PROTECTION_NONE: _ClassVar[Protection]
    PROTECTION_CONFIDENTIAL: _ClassVar[Protection]
    PROTECTION_PROTECTED_REGISTRATION: _ClassVar[Protection]

class SchoolForm(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCHOOL_FORM_UNSPECIFIED: _ClassVar[SchoolForm]
    SCHOOL_FORM_PRESCHOOL_CLASS: _ClassVar[SchoolForm]
    SCHOOL_FORM_COMPULSORY: _ClassVar[SchoolForm]
    SCHOOL_FORM_ADAPTED_COMPULSORY: _ClassVar[SchoolForm]
    SCHOOL_FORM_SPECIAL: _ClassVar[SchoolForm]
    SCHOOL_FORM_SAMI: _ClassVar[SchoolForm]
    SCHOOL_FORM_UPPER_SECONDARY: _ClassVar[SchoolForm]
    SCHOOL_FORM_ADAPTED_UPPER_SECONDARY: _ClassVar[SchoolForm]

class DayKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DAY_KIND_UNSPECIFIED: _ClassVar[DayKind]
    DAY_KIND_SCHOOL_DAY: _ClassVar[DayKind]
    DAY_KIND_FREE: _ClassVar[DayKind]
    DAY_KIND_REOPENED: _ClassVar[DayKind]
LESSON_STATE_UNSPECIFIED: LessonState
LESSON_STATE_SCHEDULED: LessonState
LESSON_STATE_REPORTED: LessonState
LESSON_STATE_CANCELLED: LessonState
MARK_FLAG_UNSPECIFIED: MarkFlag
MARK_FLAG_REPORTED: MarkFlag
MARK_FLAG_INVALID_CONFIRMED: MarkFlag
MARK_FLAG_EXPLICIT: MarkFlag
MARK_FLAG_WITHDRAWN: MarkFlag
NOTICE_KIND_UNSPECIFIED: NoticeKind
NOTICE_KIND_ABSENCE_REPORT: NoticeKind
NOTICE_KIND_LEAVE: NoticeKind
REPORTED_BY_UNSPECIFIED: ReportedBy
REPORTED_BY_GUARDIAN: ReportedBy
REPORTED_BY_PUPIL: ReportedBy
REPORTED_BY_STAFF: ReportedBy
PROTECTION_UNSPECIFIED: Protection
PROTECTION_NONE: Protection
PROTECTION_CONFIDENTIAL: Protection
PROTECTION_PROTECTED_REGISTRATION: Protection
SCHOOL_FORM_UNSPECIFIED: SchoolForm
SCHOOL_FORM_PRESCHOOL_CLASS: SchoolForm
SCHOOL_FORM_COMPULSORY: SchoolForm
SCHOOL_FORM_ADAPTED_COMPULSORY: SchoolForm
SCHOOL_FORM_SPECIAL: SchoolForm
SCHOOL_FORM_SAMI: SchoolForm
SCHOOL_FORM_UPPER_SECONDARY: SchoolForm
SCHOOL_FORM_ADAPTED_UPPER_SECONDARY: SchoolForm
DAY_KIND_UNSPECIFIED: DayKind
DAY_KIND_SCHOOL_DAY: DayKind
DAY_KIND_FREE: DayKind
DAY_KIND_REOPENED: DayKind

class Fact(_message.Message):
    __slots__ = ("organiser_id", "accepted_unix_ms", "register", "notice", "placement", "day_closed", "profile_activated", "wave", "erase")
    ORGANISER_ID_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    DAY_CLOSED_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ACTIVATED_FIELD_NUMBER: _ClassVar[int]
    WAVE_FIELD_NUMBER: _ClassVar[int]
    ERASE_FIELD_NUMBER: _ClassVar[int]
    organiser_id: bytes
    accepted_unix_ms: int
    register: Register
    notice: Notice
    placement: Placement
    day_closed: DayClosed
    profile_activated: ProfileActivated
    wave: Wave
    erase: Erase
    def __init__(self, organiser_id: _Optional[bytes] = ..., accepted_unix_ms: _Optional[int] = ..., register: _Optional[_Union[Register, _Mapping]] = ..., notice: _Optional[_Union[Notice, _Mapping]] = ..., placement: _Optional[_Union[Placement, _Mapping]] = ..., day_closed: _Optional[_Union[DayClosed, _Mapping]] = ..., profile_activated: _Optional[_Union[ProfileActivated, _Mapping]] = ..., wave: _Optional[_Union[Wave, _Mapping]] = ..., erase: _Optional[_Union[Erase, _Mapping]] = ...) -> None: ...

class Version(_message.Message):
    __slots__ = ("priority", "modified_unix_ms", "sequence")
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    MODIFIED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    priority: int
    modified_unix_ms: int
    sequence: int
    def __init__(self, priority: _Optional[int] = ..., modified_unix_ms: _Optional[int] = ..., sequence: _Optional[int] = ...) -> None: ...

class Register(_message.Message):
    __slots__ = ("home_id", "bucket", "lesson_id", "school_unit_id", "activity_id", "group_id", "subject", "epoch_day", "start_minute", "length_minutes", "state", "version", "pupil_ids", "offered_minutes", "valid_minutes", "invalid_minutes", "other_minutes", "flags", "arrived_late_minutes", "left_early_minutes")
    HOME_ID_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    LESSON_ID_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_DAY_FIELD_NUMBER: _ClassVar[int]
    START_MINUTE_FIELD_NUMBER: _ClassVar[int]
    LENGTH_MINUTES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PUPIL_IDS_FIELD_NUMBER: _ClassVar[int]
    OFFERED_MINUTES_FIELD_NUMBER: _ClassVar[int]
    VALID_MINUTES_FIELD_NUMBER: _ClassVar[int]
    INVALID_MINUTES_FIELD_NUMBER: _ClassVar[int]
    OTHER_MINUTES_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    ARRIVED_LATE_MINUTES_FIELD_NUMBER: _ClassVar[int]
    LEFT_EARLY_MINUTES_FIELD_NUMBER: _ClassVar[int]
    home_id: bytes
    bucket: int
    lesson_id: bytes
    school_unit_id: bytes
    activity_id: bytes
    group_id: bytes
    subject: str
    epoch_day: int
    start_minute: int
    length_minutes: int
    state: LessonState
    version: Version
    pupil_ids: bytes
    offered_minutes: _containers.RepeatedScalarFieldContainer[int]
    valid_minutes: _containers.RepeatedScalarFieldContainer[int]
    invalid_minutes: _containers.RepeatedScalarFieldContainer[int]
    other_minutes: _containers.RepeatedScalarFieldContainer[int]
    flags: _containers.RepeatedScalarFieldContainer[int]
    arrived_late_minutes: _containers.RepeatedScalarFieldContainer[int]
    left_early_minutes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, home_id: _Optional[bytes] = ..., bucket: _Optional[int] = ..., lesson_id: _Optional[bytes] = ..., school_unit_id: _Optional[bytes] = ..., activity_id: _Optional[bytes] = ..., group_id: _Optional[bytes] = ..., subject: _Optional[str] = ..., epoch_day: _Optional[int] = ..., start_minute: _Optional[int] = ..., length_minutes: _Optional[int] = ..., state: _Optional[_Union[LessonState, str]] = ..., version: _Optional[_Union[Version, _Mapping]] = ..., pupil_ids: _Optional[bytes] = ..., offered_minutes: _Optional[_Iterable[int]] = ..., valid_minutes: _Optional[_Iterable[int]] = ..., invalid_minutes: _Optional[_Iterable[int]] = ..., other_minutes: _Optional[_Iterable[int]] = ..., flags: _Optional[_Iterable[int]] = ..., arrived_late_minutes: _Optional[_Iterable[int]] = ..., left_early_minutes: _Optional[_Iterable[int]] = ...) -> None: ...

class Notice(_message.Message):
    __slots__ = ("home_id", "bucket", "pupil_id", "notice_id", "kind", "start_unix_s", "end_unix_s", "reported_by", "deleted", "version", "reporter_id")
    HOME_ID_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PUPIL_ID_FIELD_NUMBER: _ClassVar[int]
    NOTICE_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    START_UNIX_S_FIELD_NUMBER: _ClassVar[int]
    END_UNIX_S_FIELD_NUMBER: _ClassVar[int]
    REPORTED_BY_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REPORTER_ID_FIELD_NUMBER: _ClassVar[int]
    home_id: bytes
    bucket: int
    pupil_id: bytes
    notice_id: bytes
    kind: NoticeKind
    start_unix_s: int
    end_unix_s: int
    reported_by: ReportedBy
    deleted: bool
    version: Version
    reporter_id: bytes
    def __init__(self, home_id: _Optional[bytes] = ..., bucket: _Optional[int] = ..., pupil_id: _Optional[bytes] = ..., notice_id: _Optional[bytes] = ..., kind: _Optional[_Union[NoticeKind, str]] = ..., start_unix_s: _Optional[int] = ..., end_unix_s: _Optional[int] = ..., reported_by: _Optional[_Union[ReportedBy, str]] = ..., deleted: _Optional[bool] = ..., version: _Optional[_Union[Version, _Mapping]] = ..., reporter_id: _Optional[bytes] = ...) -> None: ...

class Placement(_message.Message):
    __slots__ = ("home_id", "bucket", "pupil_id", "school_unit_id", "class_id", "school_year", "member_from_day", "member_to_day", "school_form", "grade", "protection", "deleted", "placement_id", "version")
    HOME_ID_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PUPIL_ID_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_YEAR_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FROM_DAY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_TO_DAY_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_FORM_FIELD_NUMBER: _ClassVar[int]
    GRADE_FIELD_NUMBER: _ClassVar[int]
    PROTECTION_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    home_id: bytes
    bucket: int
    pupil_id: bytes
    school_unit_id: bytes
    class_id: bytes
    school_year: int
    member_from_day: int
    member_to_day: int
    school_form: SchoolForm
    grade: int
    protection: Protection
    deleted: bool
    placement_id: bytes
    version: Version
    def __init__(self, home_id: _Optional[bytes] = ..., bucket: _Optional[int] = ..., pupil_id: _Optional[bytes] = ..., school_unit_id: _Optional[bytes] = ..., class_id: _Optional[bytes] = ..., school_year: _Optional[int] = ..., member_from_day: _Optional[int] = ..., member_to_day: _Optional[int] = ..., school_form: _Optional[_Union[SchoolForm, str]] = ..., grade: _Optional[int] = ..., protection: _Optional[_Union[Protection, str]] = ..., deleted: _Optional[bool] = ..., placement_id: _Optional[bytes] = ..., version: _Optional[_Union[Version, _Mapping]] = ...) -> None: ...

class DayClosed(_message.Message):
    __slots__ = ("school_unit_id", "epoch_day", "kind", "version")
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_DAY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    school_unit_id: bytes
    epoch_day: int
    kind: DayKind
    version: Version
    def __init__(self, school_unit_id: _Optional[bytes] = ..., epoch_day: _Optional[int] = ..., kind: _Optional[_Union[DayKind, str]] = ..., version: _Optional[_Union[Version, _Mapping]] = ...) -> None: ...

class ProfileActivated(_message.Message):
    __slots__ = ("profile_id", "profile_version", "digest", "valid_from_day", "school_unit_ids", "school_forms", "version")
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    PROFILE_VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_DAY_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_IDS_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_FORMS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    profile_id: str
    profile_version: int
    digest: bytes
    valid_from_day: int
    school_unit_ids: _containers.RepeatedScalarFieldContainer[bytes]
    school_forms: _containers.RepeatedScalarFieldContainer[SchoolForm]
    version: Version
    def __init__(self, profile_id: _Optional[str] = ..., profile_version: _Optional[int] = ..., digest: _Optional[bytes] = ..., valid_from_day: _Optional[int] = ..., school_unit_ids: _Optional[_Iterable[bytes]] = ..., school_forms: _Optional[_Iterable[_Union[SchoolForm, str]]] = ..., version: _Optional[_Union[Version, _Mapping]] = ...) -> None: ...

class Wave(_message.Message):
    __slots__ = ("school_unit_id", "epoch_day", "partitions_closed", "revision_sum", "classes")
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_DAY_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_CLOSED_FIELD_NUMBER: _ClassVar[int]
    REVISION_SUM_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    school_unit_id: bytes
    epoch_day: int
    partitions_closed: int
    revision_sum: int
    classes: _containers.RepeatedCompositeFieldContainer[ClassWave]
    def __init__(self, school_unit_id: _Optional[bytes] = ..., epoch_day: _Optional[int] = ..., partitions_closed: _Optional[int] = ..., revision_sum: _Optional[int] = ..., classes: _Optional[_Iterable[_Union[ClassWave, _Mapping]]] = ...) -> None: ...

class ClassWave(_message.Message):
    __slots__ = ("class_id", "explained_permille")
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    EXPLAINED_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    class_id: bytes
    explained_permille: int
    def __init__(self, class_id: _Optional[bytes] = ..., explained_permille: _Optional[int] = ...) -> None: ...

class Erase(_message.Message):
    __slots__ = ("home_id", "bucket", "pupil_id", "certificate_id")
    HOME_ID_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PUPIL_ID_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_ID_FIELD_NUMBER: _ClassVar[int]
    home_id: bytes
    bucket: int
    pupil_id: bytes
    certificate_id: bytes
    def __init__(self, home_id: _Optional[bytes] = ..., bucket: _Optional[int] = ..., pupil_id: _Optional[bytes] = ..., certificate_id: _Optional[bytes] = ...) -> None: ...
