"""One fully set sample of every message of every topic, never changed once released.

The samples are filled by rule: field number and position decide each value, so
that no field can be left out by hand. A new field changes a sample; then the
old bytes stay as they are and a new version of the sample joins them.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from forvarning.cases.v1 import cases_pb2
from forvarning.facts.v1 import facts_pb2
from forvarning.notify.v1 import notify_pb2
from forvarning.roster.v1 import roster_pb2
from forvarning.rules.v1 import rules_pb2
from forvarning.school.v1 import school_pb2
from forvarning.state.v1 import state_pb2
from forvarning.warnings.v1 import warnings_pb2


def _scalar(field: Any, salt: int) -> object:
    seed = field.number * 7 + salt
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return f"{field.name}-å{seed}"
        case FieldDescriptor.TYPE_BYTES:
            return bytes((seed + step) % 256 for step in range(16))
        case FieldDescriptor.TYPE_BOOL:
            return True
        case FieldDescriptor.TYPE_DOUBLE:
            return seed + 0.25
        case FieldDescriptor.TYPE_ENUM:
            return field.enum_type.values[-1].number
        case _:
            return seed


def _fill(descriptor: Any, salt: int, only: str | None = None) -> Message:
    message: Message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.containing_oneof is not None and field.name != only:
            continue
        count = 2 if field.is_repeated else 1
        for place in range(count):
            if field.message_type is not None:
                choice = next(
                    (one.fields[0].name for one in field.message_type.oneofs if one.fields), None
                )
                value = _fill(field.message_type, salt + place, choice)
                if field.is_repeated:
                    getattr(message, field.name).add().CopyFrom(value)
                else:
                    getattr(message, field.name).CopyFrom(value)
            elif field.is_repeated:
                getattr(message, field.name).append(_scalar(field, salt + place))
            else:
                setattr(message, field.name, _scalar(field, salt + place))
    return message


def _samples() -> dict[str, Message]:
    samples: dict[str, Message] = {}
    for one_of in (facts_pb2.Fact, roster_pb2.RosterRecord, state_pb2.StateValue):
        descriptor = one_of.DESCRIPTOR
        for field in descriptor.oneofs[0].fields:
            samples[f"{descriptor.name}.{field.name}"] = _fill(descriptor, 1, field.name)
    for plain in (
        warnings_pb2.WarningEvent,
        warnings_pb2.AbsenceDay,
        warnings_pb2.GroupDay,
        school_pb2.SchoolSignal,
        rules_pb2.RuleProfile,
        cases_pb2.CaseEvent,
        notify_pb2.Delivery,
    ):
        samples[plain.DESCRIPTOR.name] = _fill(plain.DESCRIPTOR, 1)
    return samples


SAMPLES = _samples()
