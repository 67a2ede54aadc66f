"""Same input, other school, class and teacher: same warnings (seed 000-06)."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from hypothesis import HealthCheck, given, settings

from forvarning.facts.v1.facts_pb2 import Fact
from forvarning.warnings.v1.warnings_pb2 import WarningEvent
from tests.model.profiles import CONTENTS
from tests.model.shown import World
from tests.model.told import told_by
from tests.model.world import worlds
from tests.unit.ews.harness import Harness

EXAMPLES = int(os.environ.get("FORVARNING_MODEL_EXAMPLES", "2000")) // 10
_PLACES = {"home_id", "school_unit_id", "school_unit_ids", "class_id", "group_id", "activity_id"}
"""What says where a lesson is held and who teaches whom there; no fact knows more of a mentor."""


def elsewhere(identifier: bytes) -> bytes:
    return hashlib.sha256(b"elsewhere" + identifier).digest()[:16] if identifier else b""


def lessons_elsewhere(facts: list[bytes]) -> dict[bytes, bytes]:
    """Other identifiers for the lessons, in the same order.

    Two lessons of a pupil that begin at the same minute are counted in the order of their
    identifiers: which of the two comes first may be otherwise at another school.
    """
    found = {Fact.FromString(fact).register.lesson_id for fact in facts}
    return dict(zip(sorted(found), sorted(map(elsewhere, found)), strict=True))


def moved(fact: bytes, lessons: dict[bytes, bytes]) -> bytes:
    """The fact as it would be at another school, in another class, with another teacher."""
    whole = Fact.FromString(fact)
    body = getattr(whole, whole.WhichOneof("body") or "")
    if whole.HasField("register"):
        whole.register.lesson_id = lessons[whole.register.lesson_id]
    if hasattr(body, "bucket"):
        body.bucket += 7
    for field, value in body.ListFields():
        if field.name in _PLACES and isinstance(value, bytes):
            setattr(body, field.name, elsewhere(value))
        elif field.name in _PLACES:
            value[:] = [elsewhere(one) for one in value]
    for one in getattr(body, "classes", ()):
        one.class_id = elsewhere(one.class_id)
    return whole.SerializeToString()


def told(facts: list[bytes]) -> Any:
    harness = Harness(CONTENTS)
    harness.apply(*facts)
    harness.collect()
    return told_by(WarningEvent.FromString(value) for value in harness.latest.values())


def _lessons_moved(found: Any, lessons: dict[bytes, bytes]) -> Any:
    for episodes in found.values():
        for one in episodes:
            one["lessons"] = [(lessons[first], *rest) for first, *rest in one["lessons"]]
    return found


@given(worlds())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=False,  # other examples every time, in CI too
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_a_pupil_is_warned_about_alike_wherever_it_goes_to_school(world: World) -> None:
    lessons = lessons_elsewhere(world.facts)
    there = told([moved(fact, lessons) for fact in world.facts])
    assert there == _lessons_moved(told(world.facts), lessons)
