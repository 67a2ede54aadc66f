from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Channel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANNEL_UNSPECIFIED: _ClassVar[Channel]
    CHANNEL_MAIL: _ClassVar[Channel]
    CHANNEL_WEBHOOK: _ClassVar[Channel]

class DeliveryKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_KIND_UNSPECIFIED: _ClassVar[DeliveryKind]
    DELIVERY_KIND_CASE: _ClassVar[DeliveryKind]
    DELIVERY_KIND_SAME_DAY: _ClassVar[DeliveryKind]

class DeliveryState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_STATE_UNSPECIFIED: _ClassVar[DeliveryState]
    DELIVERY_STATE_SENT: _ClassVar[DeliveryState]
    DELIVERY_STATE_FAILED: _ClassVar[DeliveryState]
    DELIVERY_STATE_SUPPRESSED: _ClassVar[DeliveryState]
    DELIVERY_STATE_CALL_HOME: _ClassVar[DeliveryState]
CHANNEL_UNSPECIFIED: Channel
CHANNEL_MAIL: Channel
CHANNEL_WEBHOOK: Channel
DELIVERY_KIND_UNSPECIFIED: DeliveryKind
DELIVERY_KIND_CASE: DeliveryKind
DELIVERY_KIND_SAME_DAY: DeliveryKind
DELIVERY_STATE_UNSPECIFIED: DeliveryState
DELIVERY_STATE_SENT: DeliveryState
DELIVERY_STATE_FAILED: DeliveryState
DELIVERY_STATE_SUPPRESSED: DeliveryState
DELIVERY_STATE_CALL_HOME: DeliveryState

class Delivery(_message.Message):
    __slots__ = ("delivery_id", "organiser_id", "school_unit_id", "kind", "state", "channel", "case_id", "pupil_id", "epoch_day", "occurred_unix_ms", "reason")
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    ORGANISER_ID_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    CASE_ID_FIELD_NUMBER: _ClassVar[int]
    PUPIL_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_DAY_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    delivery_id: bytes
    organiser_id: bytes
    school_unit_id: bytes
    kind: DeliveryKind
    state: DeliveryState
    channel: Channel
    case_id: bytes
    pupil_id: bytes
    epoch_day: int
    occurred_unix_ms: int
    reason: str
    def __init__(self, delivery_id: _Optional[bytes] = ..., organiser_id: _Optional[bytes] = ..., school_unit_id: _Optional[bytes] = ..., kind: _Optional[_Union[DeliveryKind, str]] = ..., state: _Optional[_Union[DeliveryState, str]] = ..., channel: _Optional[_Union[Channel, str]] = ..., case_id: _Optional[bytes] = ..., pupil_id: _Optional[bytes] = ..., epoch_day: _Optional[int] = ..., occurred_unix_ms: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...
