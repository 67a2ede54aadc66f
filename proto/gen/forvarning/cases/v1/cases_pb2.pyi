from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CaseEventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CASE_EVENT_KIND_UNSPECIFIED: _ClassVar[CaseEventKind]
    CASE_EVENT_KIND_OPENED: _ClassVar[CaseEventKind]
    CASE_EVENT_KIND_WARNING_JOINED: _ClassVar[CaseEventKind]
    CASE_EVENT_KIND_WARNING_CHANGED: _ClassVar[CaseEventKind]
    CASE_EVENT_KIND_ASSIGNED: _ClassVar[CaseEventKind]
    CASE_EVENT_KIND_ACKNOWLEDGED: _ClassVar[CaseEventKind]
    CASE_EVENT_KIND_COMMENTED: _ClassVar[CaseEventKind]
    CASE_EVENT_KIND_CLOSED: _ClassVar[CaseEventKind]
    CASE_EVENT_KIND_REOPENED: _ClassVar[CaseEventKind]
    CASE_EVENT_KIND_STEP_TAKEN: _ClassVar[CaseEventKind]
    CASE_EVENT_KIND_READ_WITH_REASON: _ClassVar[CaseEventKind]
    CASE_EVENT_KIND_DUTY_DUE: _ClassVar[CaseEventKind]
CASE_EVENT_KIND_UNSPECIFIED: CaseEventKind
CASE_EVENT_KIND_OPENED: CaseEventKind
CASE_EVENT_KIND_WARNING_JOINED: CaseEventKind
CASE_EVENT_KIND_WARNING_CHANGED: CaseEventKind
CASE_EVENT_KIND_ASSIGNED: CaseEventKind
CASE_EVENT_KIND_ACKNOWLEDGED: CaseEventKind
CASE_EVENT_KIND_COMMENTED: CaseEventKind
CASE_EVENT_KIND_CLOSED: CaseEventKind
CASE_EVENT_KIND_REOPENED: CaseEventKind
CASE_EVENT_KIND_STEP_TAKEN: CaseEventKind
CASE_EVENT_KIND_READ_WITH_REASON: CaseEventKind
CASE_EVENT_KIND_DUTY_DUE: CaseEventKind

class CaseEvent(_message.Message):
    __slots__ = ("event_id", "organiser_id", "case_id", "case_number", "pupil_id", "school_unit_id", "kind", "assigned_staff_id", "occurred_unix_ms", "epoch_day", "thread_id", "thread_revision")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ORGANISER_ID_FIELD_NUMBER: _ClassVar[int]
    CASE_ID_FIELD_NUMBER: _ClassVar[int]
    CASE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PUPIL_ID_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_STAFF_ID_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_DAY_FIELD_NUMBER: _ClassVar[int]
    THREAD_ID_FIELD_NUMBER: _ClassVar[int]
    THREAD_REVISION_FIELD_NUMBER: _ClassVar[int]
    event_id: bytes
    organiser_id: bytes
    case_id: bytes
    case_number: str
    pupil_id: bytes
    school_unit_id: bytes
    kind: CaseEventKind
    assigned_staff_id: bytes
    occurred_unix_ms: int
    epoch_day: int
    thread_id: bytes
    thread_revision: int
    def __init__(self, event_id: _Optional[bytes] = ..., organiser_id: _Optional[bytes] = ..., case_id: _Optional[bytes] = ..., case_number: _Optional[str] = ..., pupil_id: _Optional[bytes] = ..., school_unit_id: _Optional[bytes] = ..., kind: _Optional[_Union[CaseEventKind, str]] = ..., assigned_staff_id: _Optional[bytes] = ..., occurred_unix_ms: _Optional[int] = ..., epoch_day: _Optional[int] = ..., thread_id: _Optional[bytes] = ..., thread_revision: _Optional[int] = ...) -> None: ...
