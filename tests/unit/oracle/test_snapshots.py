"""Recomputed against published, published against held: what counts as which difference."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.ews.core.replay import comparable
from services.ews.oracle.findings import Finding, Kind, Report, Scope, Store, in_order
from services.ews.oracle.snapshots import (
    Held,
    against_cases,
    against_published,
    histories,
)

THREAD = b"t" * 16


def episode(day: int, name: bytes = b"a", **changes: object) -> pb.Episode:
    one = pb.Episode(
        episode_id=name * 16,
        state=pb.EPISODE_STATE_ACTIVE,
        level=1,
        raised_day=day,
        level_day=day,
        rule_id="r",
        sentence="Frånvarande.",
        figures=pb.Figures(offered=60, reported=60),
    )
    for field, value in changes.items():
        setattr(one, field, value)
    return one


def event(*episodes: pb.Episode, revision: int = 1, **changes: object) -> pb.WarningEvent:
    one = pb.WarningEvent(
        organiser_id=b"o" * 16,
        thread_id=THREAD,
        revision=revision,
        pupil_id=b"p" * 16,
        family=pb.FAMILY_LONG_TERM,
        school_year=2026,
        episodes=episodes,
    )
    for field, value in changes.items():
        setattr(one, field, value)
    return one


def kinds(recomputed: pb.WarningEvent | None, published: pb.WarningEvent | None) -> list[Kind]:
    found = against_published(
        {THREAD: recomputed} if recomputed else {}, {THREAD: published} if published else {}
    )
    return [one.kind for one in found]


def test_what_depends_on_history_alone_does_not_count() -> None:
    gone = episode(5, b"x", state=pb.EPISODE_STATE_WITHDRAWN)
    published = event(
        gone,
        episode(10, b"b", relapse_of=b"x" * 16),
        revision=7,
        epoch_day=10,
        school_unit_id=b"u" * 16,
        caused_by_unix_ms=1,
    )
    recomputed = event(episode(10, b"c", relapse_of=b"y" * 16))
    assert comparable(published) == comparable(recomputed)
    assert kinds(recomputed, published) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda one: setattr(one.episodes[0], "level", 2),
        lambda one: setattr(one.episodes[0], "raised_day", 11),
        lambda one: setattr(one.episodes[0], "resolved_day", 12),
        lambda one: setattr(one.episodes[0], "state", pb.EPISODE_STATE_RESOLVED),
        lambda one: setattr(one.episodes[0], "sentence", "Annat."),
        lambda one: setattr(one.episodes[0].figures, "valid", 1),
        lambda one: setattr(one.episodes[0], "relapse_of", b"r" * 16),
        lambda one: setattr(one.episodes[0], "profile_version", 9),
        lambda one: one.episodes[0].lessons.add(lesson_id=b"l" * 16),
        lambda one: one.episodes.append(episode(20, b"n")),
        lambda one: setattr(one, "incomplete", True),
    ],
)
def test_everything_else_does(change: Callable[[pb.WarningEvent], object]) -> None:
    published = event(episode(10))
    change(published)
    assert kinds(event(episode(10)), published) == [Kind.DIFFERING]
    assert kinds(published, event(episode(10))) == [Kind.DIFFERING]


def test_missing_and_extra() -> None:
    whole = event(episode(10))
    withdrawn = event(episode(10, state=pb.EPISODE_STATE_WITHDRAWN), revision=2)
    assert kinds(whole, None) == [Kind.MISSING]
    assert kinds(whole, withdrawn) == [Kind.MISSING]
    assert kinds(None, whole) == [Kind.EXTRA]
    assert kinds(event(), whole) == [Kind.EXTRA]
    assert kinds(None, withdrawn) == []
    assert kinds(None, None) == []


def test_what_the_case_service_holds() -> None:
    published = event(episode(10), revision=3)
    exact = Held(3, published.SerializeToString())

    def found(held: dict[bytes, Held], known: dict[bytes, pb.WarningEvent]) -> list[Kind]:
        findings = list(against_cases(known, held))
        assert {one.store for one in findings} <= {Store.CASES}
        return [one.kind for one in findings]

    assert found({THREAD: exact}, {THREAD: published}) == []
    assert found({}, {THREAD: published}) == [Kind.MISSING]
    assert found({THREAD: exact}, {}) == [Kind.EXTRA]
    old = Held(2, published.SerializeToString())
    assert found({THREAD: old}, {THREAD: published}) == [Kind.DIFFERING]
    changed = Held(3, event(episode(11), revision=3).SerializeToString())
    assert found({THREAD: changed}, {THREAD: published}) == [Kind.DIFFERING]


def test_lessons_may_be_gone_only_where_there_is_no_case() -> None:
    published = event(episode(10), revision=3)
    published.episodes[0].lessons.add(lesson_id=b"l" * 16, epoch_day=10)
    thinned = event(episode(10), revision=3).SerializeToString()

    def found(held: Held) -> list[Kind]:
        return [one.kind for one in against_cases({THREAD: published}, {THREAD: held})]

    assert found(Held(3, thinned, in_case=False)) == []
    assert found(Held(3, thinned, in_case=True)) == [Kind.DIFFERING]
    other = event(episode(11), revision=3).SerializeToString()
    assert found(Held(3, other, in_case=False)) == [Kind.DIFFERING]
    assert found(Held(3, event(revision=3).SerializeToString(), in_case=False)) == [Kind.DIFFERING]


def raised(day: int, name: bytes = b"a") -> pb.Change:
    return pb.Change(kind=pb.CHANGE_KIND_RAISED, episode_id=name * 16, epoch_day=day)


def test_histories_that_cannot_be() -> None:
    first = event(episode(10))
    first.changes.append(raised(10))
    amended = event(episode(10, sentence="Mer."), revision=2)
    amended.changes.add(kind=pb.CHANGE_KIND_AMENDED, episode_id=b"a" * 16, epoch_day=10)
    legal = {THREAD: [first, amended]}
    assert list(histories(legal, compacted=False)) == []
    for wrong in (
        [amended],
        [first, first],
        [first, event(revision=2)],
        [amended, first],
        [first, event(episode(10, sentence="Mer."), revision=3)],
    ):
        findings = list(histories({THREAD: wrong}, compacted=False))
        assert findings
        assert {one.kind for one in findings} == {Kind.ILLEGAL}


def test_where_the_topic_was_compacted_gaps_are_no_findings_and_steps_back_are() -> None:
    first = event(episode(10))
    first.changes.append(raised(10))
    later = event(episode(10, sentence="Mer."), revision=5)
    later.changes.add(kind=pb.CHANGE_KIND_AMENDED, episode_id=b"a" * 16, epoch_day=10)
    assert list(histories({THREAD: [first, later]}, compacted=True)) == []
    assert list(histories({THREAD: [later]}, compacted=True)) == []
    assert list(histories({THREAD: [later, first]}, compacted=True))
    assert list(histories({THREAD: [first, later]}, compacted=False))


def test_the_report() -> None:
    findings = [
        Finding(Kind.ILLEGAL, Store.PUBLISHED, "b", "x"),
        Finding(Kind.MISSING, Store.NOTIFY, "a", "y"),
        Finding(Kind.MISSING, Store.CASES, "a", "z"),
    ]
    report = Report(Scope(facts=3), in_order(findings))
    assert not report.well
    assert report.counts() == {"missing": 2, "extra": 0, "differing": 0, "illegal": 1}
    assert [one.store for one in report.findings] == ["cases", "notify", "published"]
    assert report.as_json()["scope"]["facts"] == 3
    assert str(report.findings[0]) == "missing: cases a: z"
    assert Report(Scope()).well
