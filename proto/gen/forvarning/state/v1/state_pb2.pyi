from forvarning.facts.v1 import facts_pb2 as _facts_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StateValue(_message.Message):
    __slots__ = ("day", "bucket", "unit_day", "active_profiles", "checkpoint", "pupil", "undigested", "account", "deflated", "week", "left_days")
    DAY_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    UNIT_DAY_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_PROFILES_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    PUPIL_FIELD_NUMBER: _ClassVar[int]
    UNDIGESTED_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DEFLATED_FIELD_NUMBER: _ClassVar[int]
    WEEK_FIELD_NUMBER: _ClassVar[int]
    LEFT_DAYS_FIELD_NUMBER: _ClassVar[int]
    day: DayValue
    bucket: BucketValue
    unit_day: UnitDayValue
    active_profiles: ActiveProfiles
    checkpoint: Checkpoint
    pupil: PupilValue
    undigested: Undigested
    account: Account
    deflated: bytes
    week: WeekValue
    left_days: LeftDays
    def __init__(self, day: _Optional[_Union[DayValue, _Mapping]] = ..., bucket: _Optional[_Union[BucketValue, _Mapping]] = ..., unit_day: _Optional[_Union[UnitDayValue, _Mapping]] = ..., active_profiles: _Optional[_Union[ActiveProfiles, _Mapping]] = ..., checkpoint: _Optional[_Union[Checkpoint, _Mapping]] = ..., pupil: _Optional[_Union[PupilValue, _Mapping]] = ..., undigested: _Optional[_Union[Undigested, _Mapping]] = ..., account: _Optional[_Union[Account, _Mapping]] = ..., deflated: _Optional[bytes] = ..., week: _Optional[_Union[WeekValue, _Mapping]] = ..., left_days: _Optional[_Union[LeftDays, _Mapping]] = ...) -> None: ...

class Account(_message.Message):
    __slots__ = ("threads", "digest")
    THREADS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    threads: int
    digest: int
    def __init__(self, threads: _Optional[int] = ..., digest: _Optional[int] = ...) -> None: ...

class ThreadHead(_message.Message):
    __slots__ = ("organiser_id", "revision", "pupil_id", "family", "school_year", "home_id", "bucket")
    ORGANISER_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    PUPIL_ID_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_YEAR_FIELD_NUMBER: _ClassVar[int]
    HOME_ID_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    organiser_id: bytes
    revision: int
    pupil_id: bytes
    family: int
    school_year: int
    home_id: bytes
    bucket: int
    def __init__(self, organiser_id: _Optional[bytes] = ..., revision: _Optional[int] = ..., pupil_id: _Optional[bytes] = ..., family: _Optional[int] = ..., school_year: _Optional[int] = ..., home_id: _Optional[bytes] = ..., bucket: _Optional[int] = ...) -> None: ...

class DayValue(_message.Message):
    __slots__ = ("lesson_ids", "told", "added_up")
    LESSON_IDS_FIELD_NUMBER: _ClassVar[int]
    TOLD_FIELD_NUMBER: _ClassVar[int]
    ADDED_UP_FIELD_NUMBER: _ClassVar[int]
    lesson_ids: bytes
    told: _containers.RepeatedScalarFieldContainer[int]
    added_up: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, lesson_ids: _Optional[bytes] = ..., told: _Optional[_Iterable[int]] = ..., added_up: _Optional[_Iterable[int]] = ...) -> None: ...

class WeekValue(_message.Message):
    __slots__ = ("days", "lessons", "lesson_ids", "deflated")
    DAYS_FIELD_NUMBER: _ClassVar[int]
    LESSONS_FIELD_NUMBER: _ClassVar[int]
    LESSON_IDS_FIELD_NUMBER: _ClassVar[int]
    DEFLATED_FIELD_NUMBER: _ClassVar[int]
    days: _containers.RepeatedScalarFieldContainer[int]
    lessons: _containers.RepeatedScalarFieldContainer[int]
    lesson_ids: bytes
    deflated: bytes
    def __init__(self, days: _Optional[_Iterable[int]] = ..., lessons: _Optional[_Iterable[int]] = ..., lesson_ids: _Optional[bytes] = ..., deflated: _Optional[bytes] = ...) -> None: ...

class WeekNumbers(_message.Message):
    __slots__ = ("days",)
    DAYS_FIELD_NUMBER: _ClassVar[int]
    days: _containers.RepeatedCompositeFieldContainer[DayValue]
    def __init__(self, days: _Optional[_Iterable[_Union[DayValue, _Mapping]]] = ...) -> None: ...

class BucketValue(_message.Message):
    __slots__ = ("pupil_ids", "layout", "names", "slots", "units", "erased", "failed")
    PUPIL_IDS_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    ERASED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    pupil_ids: bytes
    layout: int
    names: _containers.RepeatedScalarFieldContainer[bytes]
    slots: _containers.RepeatedScalarFieldContainer[int]
    units: bytes
    erased: _containers.RepeatedScalarFieldContainer[int]
    failed: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, pupil_ids: _Optional[bytes] = ..., layout: _Optional[int] = ..., names: _Optional[_Iterable[bytes]] = ..., slots: _Optional[_Iterable[int]] = ..., units: _Optional[bytes] = ..., erased: _Optional[_Iterable[int]] = ..., failed: _Optional[_Iterable[int]] = ...) -> None: ...

class PupilValue(_message.Message):
    __slots__ = ("pupil_id", "placements", "notices")
    PUPIL_ID_FIELD_NUMBER: _ClassVar[int]
    PLACEMENTS_FIELD_NUMBER: _ClassVar[int]
    NOTICES_FIELD_NUMBER: _ClassVar[int]
    pupil_id: bytes
    placements: _containers.RepeatedCompositeFieldContainer[_facts_pb2.Placement]
    notices: _containers.RepeatedCompositeFieldContainer[_facts_pb2.Notice]
    def __init__(self, pupil_id: _Optional[bytes] = ..., placements: _Optional[_Iterable[_Union[_facts_pb2.Placement, _Mapping]]] = ..., notices: _Optional[_Iterable[_Union[_facts_pb2.Notice, _Mapping]]] = ...) -> None: ...

class UnitDayValue(_message.Message):
    __slots__ = ("closed", "wave", "group_revision", "sums_digest")
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    WAVE_FIELD_NUMBER: _ClassVar[int]
    GROUP_REVISION_FIELD_NUMBER: _ClassVar[int]
    SUMS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    closed: _facts_pb2.DayClosed
    wave: _facts_pb2.Wave
    group_revision: int
    sums_digest: int
    def __init__(self, closed: _Optional[_Union[_facts_pb2.DayClosed, _Mapping]] = ..., wave: _Optional[_Union[_facts_pb2.Wave, _Mapping]] = ..., group_revision: _Optional[int] = ..., sums_digest: _Optional[int] = ...) -> None: ...

class ActiveProfiles(_message.Message):
    __slots__ = ("profiles",)
    PROFILES_FIELD_NUMBER: _ClassVar[int]
    profiles: _containers.RepeatedCompositeFieldContainer[ActiveProfile]
    def __init__(self, profiles: _Optional[_Iterable[_Union[ActiveProfile, _Mapping]]] = ...) -> None: ...

class ActiveProfile(_message.Message):
    __slots__ = ("activation", "content")
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    activation: _facts_pb2.ProfileActivated
    content: bytes
    def __init__(self, activation: _Optional[_Union[_facts_pb2.ProfileActivated, _Mapping]] = ..., content: _Optional[bytes] = ...) -> None: ...

class LeftDays(_message.Message):
    __slots__ = ("days", "revisions")
    DAYS_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    days: _containers.RepeatedScalarFieldContainer[int]
    revisions: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, days: _Optional[_Iterable[int]] = ..., revisions: _Optional[_Iterable[int]] = ...) -> None: ...

class Undigested(_message.Message):
    __slots__ = ("pupils",)
    PUPILS_FIELD_NUMBER: _ClassVar[int]
    pupils: _containers.RepeatedCompositeFieldContainer[UndigestedPupil]
    def __init__(self, pupils: _Optional[_Iterable[_Union[UndigestedPupil, _Mapping]]] = ...) -> None: ...

class UndigestedPupil(_message.Message):
    __slots__ = ("pupil_id", "offsets")
    PUPIL_ID_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_FIELD_NUMBER: _ClassVar[int]
    pupil_id: bytes
    offsets: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, pupil_id: _Optional[bytes] = ..., offsets: _Optional[_Iterable[int]] = ...) -> None: ...

class Checkpoint(_message.Message):
    __slots__ = ("next_offset", "previous_crc", "written_by", "rebuild_until_offset", "undigested_in_a_row")
    NEXT_OFFSET_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_CRC_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_BY_FIELD_NUMBER: _ClassVar[int]
    REBUILD_UNTIL_OFFSET_FIELD_NUMBER: _ClassVar[int]
    UNDIGESTED_IN_A_ROW_FIELD_NUMBER: _ClassVar[int]
    next_offset: int
    previous_crc: int
    written_by: str
    rebuild_until_offset: int
    undigested_in_a_row: int
    def __init__(self, next_offset: _Optional[int] = ..., previous_crc: _Optional[int] = ..., written_by: _Optional[str] = ..., rebuild_until_offset: _Optional[int] = ..., undigested_in_a_row: _Optional[int] = ...) -> None: ...
