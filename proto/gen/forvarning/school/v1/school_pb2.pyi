from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SignalKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIGNAL_KIND_UNSPECIFIED: _ClassVar[SignalKind]
    SIGNAL_KIND_WAVE: _ClassVar[SignalKind]
    SIGNAL_KIND_CLUSTER: _ClassVar[SignalKind]
    SIGNAL_KIND_UNREPORTED: _ClassVar[SignalKind]

class SignalScope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIGNAL_SCOPE_UNSPECIFIED: _ClassVar[SignalScope]
    SIGNAL_SCOPE_UNIT: _ClassVar[SignalScope]
    SIGNAL_SCOPE_CLASS: _ClassVar[SignalScope]
    SIGNAL_SCOPE_SUBJECT: _ClassVar[SignalScope]
    SIGNAL_SCOPE_SLOT: _ClassVar[SignalScope]

class Slot(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SLOT_UNSPECIFIED: _ClassVar[Slot]
    SLOT_FIRST: _ClassVar[Slot]
    SLOT_LUNCH: _ClassVar[Slot]
    SLOT_LAST: _ClassVar[Slot]

class SignalState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIGNAL_STATE_UNSPECIFIED: _ClassVar[SignalState]
    SIGNAL_STATE_ACTIVE: _ClassVar[SignalState]
    SIGNAL_STATE_OVER: _ClassVar[SignalState]
SIGNAL_KIND_UNSPECIFIED: SignalKind
SIGNAL_KIND_WAVE: SignalKind
SIGNAL_KIND_CLUSTER: SignalKind
SIGNAL_KIND_UNREPORTED: SignalKind
SIGNAL_SCOPE_UNSPECIFIED: SignalScope
SIGNAL_SCOPE_UNIT: SignalScope
SIGNAL_SCOPE_CLASS: SignalScope
SIGNAL_SCOPE_SUBJECT: SignalScope
SIGNAL_SCOPE_SLOT: SignalScope
SLOT_UNSPECIFIED: Slot
SLOT_FIRST: Slot
SLOT_LUNCH: Slot
SLOT_LAST: Slot
SIGNAL_STATE_UNSPECIFIED: SignalState
SIGNAL_STATE_ACTIVE: SignalState
SIGNAL_STATE_OVER: SignalState

class SchoolSignal(_message.Message):
    __slots__ = ("organiser_id", "school_unit_id", "signal_id", "revision", "kind", "scope", "class_id", "subject", "slot", "school_year", "episodes")
    ORGANISER_ID_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_YEAR_FIELD_NUMBER: _ClassVar[int]
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    organiser_id: bytes
    school_unit_id: bytes
    signal_id: bytes
    revision: int
    kind: SignalKind
    scope: SignalScope
    class_id: bytes
    subject: str
    slot: Slot
    school_year: int
    episodes: _containers.RepeatedCompositeFieldContainer[SignalEpisode]
    def __init__(self, organiser_id: _Optional[bytes] = ..., school_unit_id: _Optional[bytes] = ..., signal_id: _Optional[bytes] = ..., revision: _Optional[int] = ..., kind: _Optional[_Union[SignalKind, str]] = ..., scope: _Optional[_Union[SignalScope, str]] = ..., class_id: _Optional[bytes] = ..., subject: _Optional[str] = ..., slot: _Optional[_Union[Slot, str]] = ..., school_year: _Optional[int] = ..., episodes: _Optional[_Iterable[_Union[SignalEpisode, _Mapping]]] = ...) -> None: ...

class SignalEpisode(_message.Message):
    __slots__ = ("state", "first_day", "last_day", "over_day", "days", "figures", "most_absent")
    STATE_FIELD_NUMBER: _ClassVar[int]
    FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    LAST_DAY_FIELD_NUMBER: _ClassVar[int]
    OVER_DAY_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    MOST_ABSENT_FIELD_NUMBER: _ClassVar[int]
    state: SignalState
    first_day: int
    last_day: int
    over_day: int
    days: int
    figures: SignalFigures
    most_absent: int
    def __init__(self, state: _Optional[_Union[SignalState, str]] = ..., first_day: _Optional[int] = ..., last_day: _Optional[int] = ..., over_day: _Optional[int] = ..., days: _Optional[int] = ..., figures: _Optional[_Union[SignalFigures, _Mapping]] = ..., most_absent: _Optional[int] = ...) -> None: ...

class SignalFigures(_message.Message):
    __slots__ = ("window_first_day", "window_last_day", "window_days", "days_for", "pupils", "absent", "share_permille", "usual_permille", "offered", "reported")
    WINDOW_FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    WINDOW_LAST_DAY_FIELD_NUMBER: _ClassVar[int]
    WINDOW_DAYS_FIELD_NUMBER: _ClassVar[int]
    DAYS_FOR_FIELD_NUMBER: _ClassVar[int]
    PUPILS_FIELD_NUMBER: _ClassVar[int]
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    SHARE_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    USUAL_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    OFFERED_FIELD_NUMBER: _ClassVar[int]
    REPORTED_FIELD_NUMBER: _ClassVar[int]
    window_first_day: int
    window_last_day: int
    window_days: int
    days_for: int
    pupils: int
    absent: int
    share_permille: int
    usual_permille: int
    offered: int
    reported: int
    def __init__(self, window_first_day: _Optional[int] = ..., window_last_day: _Optional[int] = ..., window_days: _Optional[int] = ..., days_for: _Optional[int] = ..., pupils: _Optional[int] = ..., absent: _Optional[int] = ..., share_permille: _Optional[int] = ..., usual_permille: _Optional[int] = ..., offered: _Optional[int] = ..., reported: _Optional[int] = ...) -> None: ...
