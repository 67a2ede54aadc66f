"""A wave is taken out of the shares of the rules that ask for it, and of nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from forvarning.warnings.v1 import warnings_pb2
from services.ews.core import decide
from services.ews.core.judge import judge
from services.ews.core.profile import ProfileError, parse_profile
from tests.unit.ews.facts import CLASS, School, name, weekdays
from tests.unit.ews.harness import Harness
from tests.unit.ews.toml import profile, rule

RULE = profile(
    rule(
        "strofranvaro",
        'id = "andel"; metric = "total"; measure = "share"; window = { school_days = 5 }; '
        'threshold = 20; waves = "subtract"; resolve = { below = 10, school_days = 1 }',
    ),
    profile_id="delad",
)
ACTIVE = warnings_pb2.EPISODE_STATE_ACTIVE
WITHDRAWN = warnings_pb2.EPISODE_STATE_WITHDRAWN
WAVE = {CLASS: 300, b"": 0}
CALM = {b"": 0}


def begun(content: bytes = RULE) -> tuple[Harness, School]:
    """A core with the profile, and a school with a class of four."""
    harness, school = Harness([("delad", 1, content)]), School()
    harness.told(
        school.profile(content, profile_id="delad"),
        *(school.placement(pupil) for pupil in range(4)),
    )
    return harness, school


def test_the_day_is_judged_when_its_wave_is_in() -> None:
    harness, school = begun()
    (at,) = weekdays(1)
    assert harness.told(*school.school_day(at, range(4), {0: "v..."})) == []
    (event,) = harness.told(school.wave(at, CALM))
    assert event.episodes[0].raised_day == at
    assert event.episodes[0].figures.shared == 0


@pytest.mark.parametrize(
    ("first", "second", "anew"),
    [
        (CALM, CALM, False),
        (CALM, {}, False),
        (WAVE, WAVE, False),
        (WAVE, {CLASS: 290, b"": 0}, False),
        (WAVE, CALM, True),
        (CALM, WAVE, True),
        (WAVE, {CLASS: 0, b"": 300}, True),
        (None, CALM, False),
        (None, WAVE, True),
        ({CLASS: 1, b"": 0}, CALM, True),
    ],
)
def test_a_later_wave_is_judged_where_it_finds_others(
    monkeypatch: pytest.MonkeyPatch,
    first: dict[bytes, int] | None,
    second: dict[bytes, int],
    *,
    anew: bool,
) -> None:
    """``first`` None: the next closing came instead of it. What it says is kept all the same."""
    harness, school = begun()
    at, later = weekdays(2)
    harness.told(*school.school_day(at, range(4), {0: "v..."}))
    if first is None:
        harness.told(*school.school_day(later, range(4)))
    else:
        harness.told(school.wave(at, first))
    judged: list[object] = []

    def counted(*given: Any) -> None:
        judged.append(given[0])
        judge(*given)

    monkeypatch.setattr(decide, "judge", counted)
    harness.apply(school.wave(at, second, revisions=2))
    assert not harness.core.wants_flush
    batch = harness.collect()
    assert bool(judged) == anew
    assert [row.key for row in batch.state if row.key.startswith(b"u:")]
    # Restored, an older one loses against it.
    harness.restart()
    assert harness.told(school.wave(at, WAVE if second != WAVE else CALM, revisions=1)) == []


def test_without_a_wave_it_is_judged_at_the_next_closing() -> None:
    harness, school = begun()
    first, second = weekdays(2)
    assert harness.told(*school.school_day(first, range(4), {0: "vv.."})) == []
    (event,) = harness.told(*school.school_day(second, range(4)))
    assert event.episodes[0].raised_day == first


def test_valid_absence_of_a_wave_warns_nobody_and_what_goes_on_does() -> None:
    harness, school = begun()
    days = weekdays(5)
    ill = dict.fromkeys(range(3), "v")
    for at in days[:2]:
        harness.apply(*school.school_day(at, range(4), ill), school.wave(at, WAVE))
    assert harness.told() == []
    harness.apply(*school.school_day(days[2], range(4)), school.wave(days[2], CALM))
    assert harness.told() == []
    for at in days[3:]:
        harness.apply(*school.school_day(at, range(4), {0: "v"}), school.wave(at, CALM))
    (event,) = harness.told()
    assert event.pupil_id == name(0, "pupil")
    figures = event.episodes[0].figures
    assert (figures.shared, figures.reported, figures.valid) == (480, 480, 240)
    assert figures.value == 50.0
    assert event.episodes[0].sentence.endswith(
        "4 timmar av 8 timmar. 8 timmar giltig frånvaro är inte medräknad: "
        "den delades av många i klassen eller på skolan."
    )
    assert {lesson.epoch_day for lesson in event.episodes[0].lessons} == {days[3]}


def test_invalid_absence_is_never_taken_out() -> None:
    harness, school = begun()
    (at,) = weekdays(1)
    harness.apply(*school.school_day(at, range(4), {0: "vvii", 1: "vvv."}), school.wave(at, WAVE))
    (event,) = harness.told()
    assert event.pupil_id == name(0, "pupil")
    figures = event.episodes[0].figures
    assert (figures.shared, figures.reported, figures.value) == (120, 120, 100.0)
    assert len(event.episodes[0].lessons) == 2


def test_a_late_wave_withdraws_and_a_later_one_without_it_brings_back() -> None:
    harness, school = begun()
    first, second = weekdays(2)
    harness.apply(*school.school_day(first, range(4), {0: "v", 1: "v"}))
    events = harness.told(*school.school_day(second, range(4)))
    assert len(events) == 2
    events = harness.told(school.wave(first, WAVE))
    assert {event.episodes[0].state for event in events} == {WITHDRAWN}
    events = harness.told(school.wave(first, CALM, revisions=2))
    assert {event.episodes[-1].state for event in events} == {ACTIVE}
    assert harness.told(school.wave(first, WAVE)) == []


def test_a_late_wave_that_warns_alike_is_told_all_the_same() -> None:
    """What goes on without it is enough: the same warning, of other figures and lessons."""
    harness, school = begun()
    first, second = weekdays(2)
    harness.apply(*school.school_day(first, range(4), {0: "vvii"}))
    (event,) = harness.told(*school.school_day(second, range(4)))
    assert (event.episodes[0].figures.shared, len(event.episodes[0].lessons)) == (0, 4)
    (event,) = harness.told(school.wave(first, WAVE))
    assert (event.episodes[0].figures.shared, len(event.episodes[0].lessons)) == (120, 2)
    assert harness.told(school.wave(second, WAVE)) == []
    (event,) = harness.told(school.wave(first, CALM, revisions=2))
    assert (event.episodes[0].figures.shared, len(event.episodes[0].lessons)) == (0, 4)


def test_the_units_wave_holds_where_the_class_is_not_named() -> None:
    for classes, warned in (
        ({b"": 200}, 0),
        ({b"": 1}, 0),
        ({CLASS: 0, b"": 200}, 1),
        ({name(9): 200}, 1),
    ):
        harness, school = begun()
        (at,) = weekdays(1)
        harness.apply(*school.school_day(at, range(4), {0: "v..."}), school.wave(at, classes))
        assert len(harness.told()) == warned


def test_a_wave_leaves_the_sums_of_the_groups_alone() -> None:
    harness, school = begun()
    (at,) = weekdays(1)
    harness.told(*school.school_day(at, range(4), {0: "v"}))
    before = dict(harness.groups)
    assert before
    harness.apply(school.wave(at, WAVE))
    assert not harness.collect().group_days
    assert harness.groups == before


def test_a_restart_keeps_what_is_known_of_waves() -> None:
    harness, school = begun()
    first, second = weekdays(2)
    harness.told(*school.school_day(first, range(4), {0: "v"}), school.wave(first, WAVE))
    harness.told(*school.school_day(second, range(4), {0: "v..."}))
    harness.restart()
    (event,) = harness.told(school.wave(second, CALM))
    assert event.episodes[0].figures.shared == 240
    assert event.episodes[0].figures.value == 25.0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"subtract"', b'"ignore"', "say 'count' or 'subtract'"),
        (b'"share"', b'"days"', "only a share has waves taken out of it"),
    ],
)
def test_the_profile_reader_refuses_what_waves_cannot_mean(
    old: bytes, new: bytes, reason: str
) -> None:
    with pytest.raises(ProfileError, match=reason):
        parse_profile(RULE.replace(old, new))
