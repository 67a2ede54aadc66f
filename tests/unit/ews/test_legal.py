"""The checker of histories must find each kind of illegal step."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core.legal import illegal_history, illegal_step


def event(revision: int = 1) -> w.WarningEvent:
    episode = w.Episode(
        episode_id=b"e", state=w.EPISODE_STATE_ACTIVE, level=1, raised_day=5, level_day=5
    )
    changes = [w.Change(kind=w.CHANGE_KIND_RAISED, episode_id=b"e", epoch_day=5)]
    return w.WarningEvent(
        thread_id=b"t", revision=revision, pupil_id=b"p", episodes=[episode], changes=changes
    )


def following(change: Callable[[w.WarningEvent], object], *kinds: w.ChangeKind) -> w.WarningEvent:
    after = event(2)
    del after.changes[:]
    change(after)
    for kind in kinds:
        after.changes.add(kind=kind, episode_id=b"e", epoch_day=5)
    return after


def resolve(after: w.WarningEvent) -> None:
    after.episodes[0].state = w.EPISODE_STATE_RESOLVED
    after.episodes[0].resolved_day = 9


def escalate(after: w.WarningEvent) -> None:
    after.episodes[0].level = 2


def withdraw(after: w.WarningEvent) -> None:
    after.episodes[0].state = w.EPISODE_STATE_WITHDRAWN


def flip(after: w.WarningEvent) -> None:
    after.incomplete = True


def amend(after: w.WarningEvent) -> None:
    after.episodes[0].sentence = "ny"


@pytest.mark.parametrize(
    "after",
    [
        following(resolve, w.CHANGE_KIND_RESOLVED),
        following(escalate, w.CHANGE_KIND_ESCALATED),
        following(withdraw, w.CHANGE_KIND_WITHDRAWN),
        following(amend, w.CHANGE_KIND_AMENDED),
        following(flip),
    ],
)
def test_legal_steps(after: w.WarningEvent) -> None:
    assert illegal_history([event(), after]) == []


def without_episodes(after: w.WarningEvent) -> None:
    del after.episodes[:]


def new_episode(after: w.WarningEvent) -> None:
    after.episodes.add(episode_id=b"n", state=w.EPISODE_STATE_ACTIVE, raised_day=6)


def half_resolved(after: w.WarningEvent) -> None:
    after.episodes[0].state = w.EPISODE_STATE_RESOLVED


def other_pupil(after: w.WarningEvent) -> None:
    after.pupil_id = b"q"


def skipped(after: w.WarningEvent) -> None:
    after.revision = 3
    after.incomplete = True


def doubled(after: w.WarningEvent) -> None:
    after.episodes.append(after.episodes[0])


def newest_first(after: w.WarningEvent) -> None:
    after.episodes[0].raised_day = 7
    after.episodes.add(episode_id=b"n", state=w.EPISODE_STATE_ACTIVE, raised_day=6)


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (following(doubled), "revision 2: an episode stands twice"),
        (following(newest_first), "revision 2: the episodes are not oldest first"),
        (following(lambda _: None), "revision 2: nothing changed"),
        (following(half_resolved), "revision 2: episode 65 has the resolved day of another state"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(after: w.WarningEvent, told: str) -> None:
    assert told in illegal_history([event(), after])


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (following(lambda _: None), "nothing changed"),
        (following(skipped), "expected revision 2"),
        (following(without_episodes), "disappeared"),
        (following(new_episode), "never raised"),
        (following(amend), "do not agree"),
        (following(lambda _: None, w.CHANGE_KIND_AMENDED), "do not agree"),
        (following(escalate, w.CHANGE_KIND_AMENDED), "ESCALATED is missing"),
        (following(amend, w.CHANGE_KIND_ESCALATED), "ESCALATED is not due"),
        (following(half_resolved, w.CHANGE_KIND_RESOLVED), "resolved day"),
        (following(amend, w.CHANGE_KIND_RAISED), "raised twice"),
        (following(other_pupil), "pupil_id changed"),
        (following(withdraw, w.CHANGE_KIND_AMENDED), "WITHDRAWN is missing"),
    ],
)
def test_illegal_steps(after: w.WarningEvent, told: str) -> None:
    assert any(told in one for one in illegal_step(event(), after))


def test_a_withdrawn_episode_stays_as_it_is() -> None:
    gone = following(withdraw, w.CHANGE_KIND_WITHDRAWN)
    back = following(lambda _: None, w.CHANGE_KIND_AMENDED)
    back.revision = 3
    assert any("came back" in one for one in illegal_step(gone, back))
    assert any("withdrawn before" in one for one in illegal_step(None, gone))
