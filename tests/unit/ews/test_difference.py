"""In what two snapshots of a thread differ, and what does not count."""

from __future__ import annotations

from typing import Any

import pytest

from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core.replay import comparable, explain_difference


def episode(**changes: Any) -> w.Episode:
    told: dict[str, Any] = {
        "episode_id": b"e",
        "raised_day": 20_000,
        "level": 1,
        "sentence": "S",
    } | changes
    return w.Episode(**told)


def event(*episodes: w.Episode, **changes: Any) -> w.WarningEvent:
    told: dict[str, Any] = {
        "organiser_id": b"o",
        "thread_id": b"t",
        "pupil_id": b"p",
        "family": 1,
    } | changes
    return w.WarningEvent(episodes=episodes, school_year=2026, **told)


WITHDRAWN = episode(raised_day=19_000, state=w.EPISODE_STATE_WITHDRAWN)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (event(episode()), event(episode(episode_id=b"other"))),
        (event(episode()), event(episode(), revision=7)),
        (event(episode()), event(WITHDRAWN, episode())),
        (event(WITHDRAWN, episode()), event(episode(), WITHDRAWN)),
        (event(episode(relapse_of=b"a")), event(episode(relapse_of=b"b"))),
        (event(WITHDRAWN), event()),
    ],
)
def test_what_the_history_left_behind_does_not_count(
    expected: w.WarningEvent, found: w.WarningEvent
) -> None:
    assert comparable(expected) == comparable(found)
    assert explain_difference(expected, found) == []


@pytest.mark.parametrize(
    ("expected", "found", "told"),
    [
        (
            event(WITHDRAWN, episode(level=2)),
            event(episode(level=3)),
            ["episode 0, level: 2 expected, 3 found"],
        ),
        (
            event(episode(), episode(raised_day=20_100, sentence="A", level=2)),
            event(episode(), episode(raised_day=20_100, sentence="B", level=1)),
            ["episode 1, level: 2 expected, 1 found", "episode 1, sentence: A expected, B found"],
        ),
        (event(episode()), event(), ["1 episodes expected, 0 found"]),
        (
            event(episode()),
            event(episode(level=4), episode(raised_day=20_100)),
            ["1 episodes expected, 2 found", "episode 0, level: 1 expected, 4 found"],
        ),
        (
            event(episode(relapse_of=b"a")),
            event(episode(episode_id=b"other")),
            ["episode 0, relapse_of: one names an episode, one does not"],
        ),
        (
            event(episode(relapse_of=b"a", level=2)),
            event(episode(relapse_of=b"b", level=1)),
            ["episode 0, level: 2 expected, 1 found"],
        ),
        (
            event(episode(), incomplete=True),
            event(episode()),
            ["incomplete: True expected, False found"],
        ),
    ],
)
def test_each_field_that_differs_is_named(
    expected: w.WarningEvent, found: w.WarningEvent, told: list[str]
) -> None:
    assert comparable(expected) != comparable(found)
    assert sorted(explain_difference(expected, found)) == sorted(told)


def test_whose_thread_it_is_counts() -> None:
    plain = comparable(event(episode()))
    assert plain[:6] == (b"o", b"t", b"p", 1, 2026, False)
    for other in (
        {"organiser_id": b"x"},
        {"thread_id": b"x"},
        {"pupil_id": b"x"},
        {"family": 2},
        {"incomplete": True},
    ):
        assert comparable(event(episode(), **other)) != plain
    assert comparable(event(WITHDRAWN)) == ()
