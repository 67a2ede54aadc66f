"""Snapshots: what they say and what one changed against another."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.domain.threads import UnreadableMessageError, changes, decode
from tests.integration.cases.world import A, Story
from tests.unit.cases.make import TUESDAY, episode, figures, thread


def kinds(before: object, after: object) -> list[str]:
    return [change.kind for change in changes(before, after)]  # type: ignore[arg-type]  # threads or None


def test_a_first_snapshot_raises_what_stands() -> None:
    after = thread(episode(1), episode(2, state="resolved"), episode(3, state="withdrawn"))
    assert kinds(None, after) == ["raised", "raised"]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ({}, {}, None),
        ({}, {"level": 2}, "escalated"),
        ({"level": 2}, {"level": 1}, "amended"),
        ({}, {"sentence": "En annan."}, "amended"),
        ({}, {"figures": figures(valid=0)}, "amended"),
        ({}, {"state": "resolved"}, "resolved"),
        ({"state": "resolved"}, {"state": "active"}, "amended"),
        ({"state": "resolved"}, {"state": "active", "level": 2}, "escalated"),
        ({}, {"state": "withdrawn"}, "withdrawn"),
        ({"state": "resolved"}, {"state": "withdrawn"}, "withdrawn"),
        ({"state": "withdrawn"}, {"state": "withdrawn", "sentence": "x"}, None),
        ({"state": "withdrawn"}, {"state": "active"}, "raised"),
        ({}, {"state": "resolved", "level": 2}, "escalated"),
    ],
)
def test_what_changed(
    before: dict[str, object], after: dict[str, object], kind: str | None
) -> None:
    found = kinds(thread(episode(1, **before)), thread(episode(1, **after), revision=2))
    assert found == ([kind] if kind else [])


def test_an_episode_that_left_the_snapshot_counts_as_withdrawn() -> None:
    (change,) = changes(thread(episode(1), episode(2)), thread(episode(2)))
    assert (change.kind, change.after) == ("withdrawn", episode(1))
    assert changes(thread(episode(1, state="withdrawn")), thread()) == []


STATES = st.sampled_from(["active", "resolved", "withdrawn"])


@given(st.lists(st.tuples(STATES, st.integers(1, 3)), min_size=1, max_size=12))
def test_skipping_revisions_ends_where_reading_all_does(path: list[tuple[str, int]]) -> None:
    """Compaction may hide revisions: whoever reads fewer sees fewer changes, never another end."""
    snapshots = [
        thread(episode(1, state=state, level=level), revision=number)
        for number, (state, level) in enumerate(path, start=1)
    ]
    stood = False
    before = None
    for snapshot in snapshots:
        for change in changes(before, snapshot):
            assert change.kind != "raised" or not stood
            assert change.kind == "raised" or stood
            stood = change.kind != "withdrawn"
        before = snapshot
    assert stood == (snapshots[-1].episodes[0].state != "withdrawn")
    assert bool(changes(None, snapshots[-1])) == stood


def test_opens_a_case_only_for_families_that_somebody_must_look_into() -> None:
    assert thread(episode()).opens_case
    assert thread(episode(), family="sporadic").opens_case
    assert not thread(episode(), family="unexcused_today").opens_case
    assert not thread(episode(), family="unreported").opens_case
    assert not thread(episode(state="withdrawn")).opens_case


def test_rates() -> None:
    held = figures(offered=1000, reported=800, valid=100, unexplained=60, confirmed=40)
    assert (held.absence_rate, held.reporting_rate) == (0.25, 0.8)
    assert replace(held, timetable_known=False).reporting_rate is None
    assert replace(held, offered=0).reporting_rate is None
    assert replace(held, reported=0).absence_rate is None


def good() -> pb.WarningEvent:
    story = Story(A, "alva", pb.FAMILY_LONG_TERM).raised(TUESDAY)
    return pb.WarningEvent.FromString(story.event(TUESDAY))


def test_decodes_the_contract() -> None:
    found = decode(good().SerializeToString())
    assert (found.organiser_id, found.pupil_id, found.revision) == (A.id, A.pupil("alva"), 1)
    (held,) = found.episodes
    assert (held.state, held.level, held.raised_day) == ("active", 1, TUESDAY)
    assert held.figures.first_day == TUESDAY - timedelta(days=27)
    assert [lesson.subject for lesson in held.lessons] == [
        "Matematik",
        "Svenska",
        "Idrott och hälsa",
    ]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("organiser_id", b"", "bad_id"),
        ("pupil_id", b"123", "bad_id"),
        ("thread_id", b"x" * 17, "bad_id"),
        ("school_unit_id", b"x", "bad_id"),
        ("family", 0, "unknown_family"),
        ("family", 77, "unknown_family"),
        ("revision", 0, "no_revision"),
        ("epoch_day", 0, "bad_day"),
        ("epoch_day", 10**8, "bad_day"),
    ],
)
def test_names_what_cannot_be_read(field: str, value: object, reason: str) -> None:
    event = good()
    setattr(event, field, value)
    with pytest.raises(UnreadableMessageError) as found:
        decode(event.SerializeToString())
    assert found.value.reason == reason
    assert reason == "no_revision" or field in found.value.detail


def test_unknown_states_and_empty_records_are_unreadable() -> None:
    event = good()
    event.episodes[0].state = 9  # type: ignore[assignment]  # a writer of a later version
    with pytest.raises(UnreadableMessageError, match="episode state is 9"):
        decode(event.SerializeToString())
    with pytest.raises(UnreadableMessageError, match="no value"):
        decode(None)
    with pytest.raises(UnreadableMessageError):
        decode(b"\xff\xff")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_by_name(raw: bytes) -> None:
    # Any other exception would end the process instead of the message.
    with suppress(UnreadableMessageError):
        assert decode(raw).revision >= 1
