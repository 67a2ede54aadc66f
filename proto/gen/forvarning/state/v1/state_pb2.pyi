from forvarning.facts.v1 import facts_pb2 as _facts_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StateValue(_message.Message):
    __slots__ = ("week", "bucket", "unit_days", "active_profiles", "checkpoint")
    WEEK_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    UNIT_DAYS_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_PROFILES_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    week: WeekValue
    bucket: BucketValue
    unit_days: UnitDays
    active_profiles: ActiveProfiles
    checkpoint: Checkpoint
    def __init__(self, week: _Optional[_Union[WeekValue, _Mapping]] = ..., bucket: _Optional[_Union[BucketValue, _Mapping]] = ..., unit_days: _Optional[_Union[UnitDays, _Mapping]] = ..., active_profiles: _Optional[_Union[ActiveProfiles, _Mapping]] = ..., checkpoint: _Optional[_Union[Checkpoint, _Mapping]] = ...) -> None: ...

class WeekValue(_message.Message):
    __slots__ = ("first_day", "lessons", "day_sums")
    FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    LESSONS_FIELD_NUMBER: _ClassVar[int]
    DAY_SUMS_FIELD_NUMBER: _ClassVar[int]
    first_day: int
    lessons: _containers.RepeatedCompositeFieldContainer[LessonValue]
    day_sums: bytes
    def __init__(self, first_day: _Optional[int] = ..., lessons: _Optional[_Iterable[_Union[LessonValue, _Mapping]]] = ..., day_sums: _Optional[bytes] = ...) -> None: ...

class LessonValue(_message.Message):
    __slots__ = ("lesson_id", "school_unit_id", "epoch_day", "start_minute", "length_minutes", "subject", "state", "version", "marks", "group_id", "activity_id")
    LESSON_ID_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_DAY_FIELD_NUMBER: _ClassVar[int]
    START_MINUTE_FIELD_NUMBER: _ClassVar[int]
    LENGTH_MINUTES_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MARKS_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_ID_FIELD_NUMBER: _ClassVar[int]
    lesson_id: bytes
    school_unit_id: bytes
    epoch_day: int
    start_minute: int
    length_minutes: int
    subject: str
    state: _facts_pb2.LessonState
    version: _facts_pb2.Version
    marks: bytes
    group_id: bytes
    activity_id: bytes
    def __init__(self, lesson_id: _Optional[bytes] = ..., school_unit_id: _Optional[bytes] = ..., epoch_day: _Optional[int] = ..., start_minute: _Optional[int] = ..., length_minutes: _Optional[int] = ..., subject: _Optional[str] = ..., state: _Optional[_Union[_facts_pb2.LessonState, str]] = ..., version: _Optional[_Union[_facts_pb2.Version, _Mapping]] = ..., marks: _Optional[bytes] = ..., group_id: _Optional[bytes] = ..., activity_id: _Optional[bytes] = ...) -> None: ...

class BucketValue(_message.Message):
    __slots__ = ("pupils",)
    PUPILS_FIELD_NUMBER: _ClassVar[int]
    pupils: _containers.RepeatedCompositeFieldContainer[PupilValue]
    def __init__(self, pupils: _Optional[_Iterable[_Union[PupilValue, _Mapping]]] = ...) -> None: ...

class PupilValue(_message.Message):
    __slots__ = ("pupil_id", "placements", "notices", "published", "undigested_offsets", "erased")
    PUPIL_ID_FIELD_NUMBER: _ClassVar[int]
    PLACEMENTS_FIELD_NUMBER: _ClassVar[int]
    NOTICES_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    UNDIGESTED_OFFSETS_FIELD_NUMBER: _ClassVar[int]
    ERASED_FIELD_NUMBER: _ClassVar[int]
    pupil_id: bytes
    placements: _containers.RepeatedCompositeFieldContainer[_facts_pb2.Placement]
    notices: _containers.RepeatedCompositeFieldContainer[_facts_pb2.Notice]
    published: _containers.RepeatedScalarFieldContainer[bytes]
    undigested_offsets: _containers.RepeatedScalarFieldContainer[int]
    erased: bool
    def __init__(self, pupil_id: _Optional[bytes] = ..., placements: _Optional[_Iterable[_Union[_facts_pb2.Placement, _Mapping]]] = ..., notices: _Optional[_Iterable[_Union[_facts_pb2.Notice, _Mapping]]] = ..., published: _Optional[_Iterable[bytes]] = ..., undigested_offsets: _Optional[_Iterable[int]] = ..., erased: _Optional[bool] = ...) -> None: ...

class UnitDays(_message.Message):
    __slots__ = ("days", "waves")
    DAYS_FIELD_NUMBER: _ClassVar[int]
    WAVES_FIELD_NUMBER: _ClassVar[int]
    days: _containers.RepeatedCompositeFieldContainer[_facts_pb2.DayClosed]
    waves: _containers.RepeatedCompositeFieldContainer[_facts_pb2.Wave]
    def __init__(self, days: _Optional[_Iterable[_Union[_facts_pb2.DayClosed, _Mapping]]] = ..., waves: _Optional[_Iterable[_Union[_facts_pb2.Wave, _Mapping]]] = ...) -> None: ...

class ActiveProfiles(_message.Message):
    __slots__ = ("activations",)
    ACTIVATIONS_FIELD_NUMBER: _ClassVar[int]
    activations: _containers.RepeatedCompositeFieldContainer[_facts_pb2.ProfileActivated]
    def __init__(self, activations: _Optional[_Iterable[_Union[_facts_pb2.ProfileActivated, _Mapping]]] = ...) -> None: ...

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
