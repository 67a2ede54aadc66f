from forvarning.facts.v1 import facts_pb2 as _facts_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OrganiserKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORGANISER_KIND_UNSPECIFIED: _ClassVar[OrganiserKind]
    ORGANISER_KIND_MUNICIPAL: _ClassVar[OrganiserKind]
    ORGANISER_KIND_INDEPENDENT: _ClassVar[OrganiserKind]

class GroupKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GROUP_KIND_UNSPECIFIED: _ClassVar[GroupKind]
    GROUP_KIND_CLASS: _ClassVar[GroupKind]
    GROUP_KIND_MENTOR: _ClassVar[GroupKind]
    GROUP_KIND_TEACHING: _ClassVar[GroupKind]

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_MENTOR: _ClassVar[Role]
    ROLE_ATTENDANCE_OFFICER: _ClassVar[Role]
    ROLE_PRINCIPAL: _ClassVar[Role]
    ROLE_STUDENT_HEALTH: _ClassVar[Role]
    ROLE_COORDINATOR: _ClassVar[Role]
    ROLE_TEAM_LEADER: _ClassVar[Role]
    ROLE_AREA_MANAGER: _ClassVar[Role]
    ROLE_ORGANISER_OFFICER: _ClassVar[Role]
    ROLE_COMPULSORY_OFFICER: _ClassVar[Role]
    ROLE_BOARD: _ClassVar[Role]
    ROLE_OPERATIONS: _ClassVar[Role]
ORGANISER_KIND_UNSPECIFIED: OrganiserKind
ORGANISER_KIND_MUNICIPAL: OrganiserKind
ORGANISER_KIND_INDEPENDENT: OrganiserKind
GROUP_KIND_UNSPECIFIED: GroupKind
GROUP_KIND_CLASS: GroupKind
GROUP_KIND_MENTOR: GroupKind
GROUP_KIND_TEACHING: GroupKind
ROLE_UNSPECIFIED: Role
ROLE_MENTOR: Role
ROLE_ATTENDANCE_OFFICER: Role
ROLE_PRINCIPAL: Role
ROLE_STUDENT_HEALTH: Role
ROLE_COORDINATOR: Role
ROLE_TEAM_LEADER: Role
ROLE_AREA_MANAGER: Role
ROLE_ORGANISER_OFFICER: Role
ROLE_COMPULSORY_OFFICER: Role
ROLE_BOARD: Role
ROLE_OPERATIONS: Role

class RosterRecord(_message.Message):
    __slots__ = ("organiser_id", "organiser", "school_unit", "group", "pupil", "duty")
    ORGANISER_ID_FIELD_NUMBER: _ClassVar[int]
    ORGANISER_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    PUPIL_FIELD_NUMBER: _ClassVar[int]
    DUTY_FIELD_NUMBER: _ClassVar[int]
    organiser_id: bytes
    organiser: Organiser
    school_unit: SchoolUnit
    group: Group
    pupil: Pupil
    duty: Duty
    def __init__(self, organiser_id: _Optional[bytes] = ..., organiser: _Optional[_Union[Organiser, _Mapping]] = ..., school_unit: _Optional[_Union[SchoolUnit, _Mapping]] = ..., group: _Optional[_Union[Group, _Mapping]] = ..., pupil: _Optional[_Union[Pupil, _Mapping]] = ..., duty: _Optional[_Union[Duty, _Mapping]] = ...) -> None: ...

class Organiser(_message.Message):
    __slots__ = ("organiser_id", "kind", "municipality_code")
    ORGANISER_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MUNICIPALITY_CODE_FIELD_NUMBER: _ClassVar[int]
    organiser_id: bytes
    kind: OrganiserKind
    municipality_code: str
    def __init__(self, organiser_id: _Optional[bytes] = ..., kind: _Optional[_Union[OrganiserKind, str]] = ..., municipality_code: _Optional[str] = ...) -> None: ...

class DaySpan(_message.Message):
    __slots__ = ("first_day", "last_day")
    FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    LAST_DAY_FIELD_NUMBER: _ClassVar[int]
    first_day: int
    last_day: int
    def __init__(self, first_day: _Optional[int] = ..., last_day: _Optional[int] = ...) -> None: ...

class Term(_message.Message):
    __slots__ = ("name", "span")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    name: str
    span: DaySpan
    def __init__(self, name: _Optional[str] = ..., span: _Optional[_Union[DaySpan, _Mapping]] = ...) -> None: ...

class Calendar(_message.Message):
    __slots__ = ("school_year", "terms", "free")
    SCHOOL_YEAR_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    FREE_FIELD_NUMBER: _ClassVar[int]
    school_year: int
    terms: _containers.RepeatedCompositeFieldContainer[Term]
    free: _containers.RepeatedCompositeFieldContainer[DaySpan]
    def __init__(self, school_year: _Optional[int] = ..., terms: _Optional[_Iterable[_Union[Term, _Mapping]]] = ..., free: _Optional[_Iterable[_Union[DaySpan, _Mapping]]] = ...) -> None: ...

class SchoolUnit(_message.Message):
    __slots__ = ("school_unit_id", "school_unit_code", "school_forms", "area_id", "calendars")
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_CODE_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_FORMS_FIELD_NUMBER: _ClassVar[int]
    AREA_ID_FIELD_NUMBER: _ClassVar[int]
    CALENDARS_FIELD_NUMBER: _ClassVar[int]
    school_unit_id: bytes
    school_unit_code: str
    school_forms: _containers.RepeatedScalarFieldContainer[_facts_pb2.SchoolForm]
    area_id: bytes
    calendars: _containers.RepeatedCompositeFieldContainer[Calendar]
    def __init__(self, school_unit_id: _Optional[bytes] = ..., school_unit_code: _Optional[str] = ..., school_forms: _Optional[_Iterable[_Union[_facts_pb2.SchoolForm, str]]] = ..., area_id: _Optional[bytes] = ..., calendars: _Optional[_Iterable[_Union[Calendar, _Mapping]]] = ...) -> None: ...

class Group(_message.Message):
    __slots__ = ("group_id", "school_unit_id", "kind", "grade")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    GRADE_FIELD_NUMBER: _ClassVar[int]
    group_id: bytes
    school_unit_id: bytes
    kind: GroupKind
    grade: int
    def __init__(self, group_id: _Optional[bytes] = ..., school_unit_id: _Optional[bytes] = ..., kind: _Optional[_Union[GroupKind, str]] = ..., grade: _Optional[int] = ...) -> None: ...

class Pupil(_message.Message):
    __slots__ = ("pupil_id", "home_id", "bucket", "school_unit_id", "class_id", "protection", "school_form", "grade")
    PUPIL_ID_FIELD_NUMBER: _ClassVar[int]
    HOME_ID_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    PROTECTION_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_FORM_FIELD_NUMBER: _ClassVar[int]
    GRADE_FIELD_NUMBER: _ClassVar[int]
    pupil_id: bytes
    home_id: bytes
    bucket: int
    school_unit_id: bytes
    class_id: bytes
    protection: _facts_pb2.Protection
    school_form: _facts_pb2.SchoolForm
    grade: int
    def __init__(self, pupil_id: _Optional[bytes] = ..., home_id: _Optional[bytes] = ..., bucket: _Optional[int] = ..., school_unit_id: _Optional[bytes] = ..., class_id: _Optional[bytes] = ..., protection: _Optional[_Union[_facts_pb2.Protection, str]] = ..., school_form: _Optional[_Union[_facts_pb2.SchoolForm, str]] = ..., grade: _Optional[int] = ...) -> None: ...

class Duty(_message.Message):
    __slots__ = ("duty_id", "staff_id", "role", "area_id", "school_unit_id", "group_id", "grades", "substitute", "span")
    DUTY_ID_FIELD_NUMBER: _ClassVar[int]
    STAFF_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    AREA_ID_FIELD_NUMBER: _ClassVar[int]
    SCHOOL_UNIT_ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    GRADES_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTE_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    duty_id: bytes
    staff_id: bytes
    role: Role
    area_id: bytes
    school_unit_id: bytes
    group_id: bytes
    grades: _containers.RepeatedScalarFieldContainer[int]
    substitute: bool
    span: DaySpan
    def __init__(self, duty_id: _Optional[bytes] = ..., staff_id: _Optional[bytes] = ..., role: _Optional[_Union[Role, str]] = ..., area_id: _Optional[bytes] = ..., school_unit_id: _Optional[bytes] = ..., group_id: _Optional[bytes] = ..., grades: _Optional[_Iterable[int]] = ..., substitute: _Optional[bool] = ..., span: _Optional[_Union[DaySpan, _Mapping]] = ...) -> None: ...
