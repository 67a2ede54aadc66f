"""Which register is left out on purpose."""

from __future__ import annotations

import pytest

from forvarning.facts.v1 import facts_pb2
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.ews.oracle.findings import OracleError
from services.ews.oracle.removal import Grounds, Place, choose

ANNA, BO = b"a" * 16, b"b" * 16
LESSON = b"l" * 16


def register(*pupils: bytes, lesson: bytes = LESSON, reported: bool = True) -> facts_pb2.Register:
    flag = facts_pb2.MARK_FLAG_REPORTED if reported else 0
    return facts_pb2.Register(
        lesson_id=lesson, pupil_ids=b"".join(pupils), flags=[flag] * len(pupils)
    )


def grounds(state: pb.EpisodeState = pb.EPISODE_STATE_ACTIVE) -> Grounds:
    event = pb.WarningEvent(
        pupil_id=ANNA,
        episodes=[pb.Episode(state=state, lessons=[pb.LessonGround(lesson_id=LESSON)])],
    )
    return Grounds.of({b"t": event})


def test_a_register_that_alone_bears_a_warning() -> None:
    found = grounds()
    found.take(Place(0, 1), register(ANNA, BO, reported=False))
    found.take(Place(0, 2), register(BO))
    found.take(Place(0, 3), register(ANNA, lesson=b"o" * 16))
    found.take(Place(0, 4), register(BO, ANNA))
    assert found.decisive() == [Place(0, 4)]


def test_one_that_is_restated_is_not_decisive() -> None:
    found = grounds()
    found.take(Place(0, 4), register(ANNA))
    found.take(Place(0, 9), register(ANNA))
    assert found.decisive() == []
    with pytest.raises(OracleError, match="No register can be left out"):
        choose(found.decisive(), 0)


def test_withdrawn_episodes_have_no_grounds() -> None:
    found = grounds(pb.EPISODE_STATE_WITHDRAWN)
    found.take(Place(0, 4), register(ANNA))
    assert found.decisive() == []


def test_the_number_counts_round() -> None:
    places = [Place(0, 1), Place(0, 2), Place(1, 0)]
    assert [choose(places, number) for number in range(4)] == [*places, places[0]]
    assert str(places[2]) == "partition 1, offset 0"
