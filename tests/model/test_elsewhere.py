"""Same input, other school, class, teacher and identifiers: same warnings (seed 000-06)."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forvarning.facts.v1.facts_pb2 import Fact
from forvarning.warnings.v1.warnings_pb2 import WarningEvent
from tests.model.profiles import CONTENTS
from tests.model.shown import World
from tests.model.told import told_by
from tests.model.world import worlds
from tests.unit.ews.harness import Harness

EXAMPLES = int(os.environ.get("FORVARNING_MODEL_EXAMPLES", "2000")) // 5
_NAMES = {
    *(
        "home_id",
        "school_unit_id",
        "class_id",
        "group_id",
        "activity_id",
        "lesson_id",
        "notice_id",
        "placement_id",
    ),
    *("pupil_id", "pupil_ids", "reporter_id"),
}
"""What says which school, class, teacher, lesson, pupil or account it is: no fact knows more."""


class Elsewhere:
    """Other identifiers, in another order for another ``key``; those of units too."""

    def __init__(self, key: int) -> None:
        self._key = b"elsewhere%d" % key

    def named(self, identifiers: bytes) -> bytes:
        """The other name of one identifier, or of several in a row."""
        return b"".join(
            hashlib.sha256(self._key + identifiers[i : i + 16]).digest()[:16]
            for i in range(0, len(identifiers), 16)
        )

    def moved(self, fact: bytes) -> bytes:
        """The fact as it would be at another school, about another pupil."""
        whole = Fact.FromString(fact)
        body = getattr(whole, whole.WhichOneof("body") or "")
        if hasattr(body, "bucket"):
            body.bucket += 7
        for field, value in body.ListFields():
            if field.name == "school_unit_ids":
                value[:] = [self.named(one) for one in value]
            elif field.name in _NAMES:
                setattr(body, field.name, self.named(value))
        for one in getattr(body, "classes", ()):
            one.class_id = self.named(one.class_id)
        return whole.SerializeToString()

    def told(self, found: Any) -> Any:
        """What is told of the warnings, as it would be told there."""
        return {
            (self.named(pupil), *rest): [
                {
                    **one,
                    "lessons": [(self.named(lesson), *more) for lesson, *more in one["lessons"]],
                }
                for one in episodes
            ]
            for (pupil, *rest), episodes in found.items()
        }


def told(facts: list[bytes]) -> Any:
    harness = Harness(CONTENTS)
    harness.apply(*facts)
    harness.collect()
    return told_by(WarningEvent.FromString(value) for value in harness.latest.values())


def in_order(found: Any) -> Any:
    """Lessons of which the same is told change places as their identifiers do."""
    for episodes in found.values():
        for one in episodes:
            one["lessons"] = (
                [more for _, *more in one["lessons"]],
                sorted(map(tuple, one["lessons"])),
            )
    return found


@given(worlds(), st.integers(0, 1 << 16))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=False,  # other examples every time, in CI too
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_a_pupil_is_warned_about_alike_wherever_it_goes_to_school(world: World, key: int) -> None:
    there = Elsewhere(key)
    found = told([there.moved(fact) for fact in world.facts])
    assert in_order(found) == in_order(there.told(told(world.facts)))
