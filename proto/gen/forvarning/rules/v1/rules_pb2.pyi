from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class RuleProfile(_message.Message):
    __slots__ = ("profile_id", "profile_version", "content", "digest")
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    PROFILE_VERSION_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    profile_id: str
    profile_version: int
    content: bytes
    digest: bytes
    def __init__(self, profile_id: _Optional[str] = ..., profile_version: _Optional[int] = ..., content: _Optional[bytes] = ..., digest: _Optional[bytes] = ...) -> None: ...
