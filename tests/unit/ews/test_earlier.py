"""What the school year held before a share's window, and warnings that end with the term."""

from __future__ import annotations

import pytest

from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core.profile import ProfileError, parse_profile
from services.ews.core.replay import comparable
from tests.unit.ews import toml
from tests.unit.ews.facts import CLASS, School, day, weekdays
from tests.unit.ews.harness import Harness
from tests.unit.ews.toml import rule

AUTUMN, JANUARY = weekdays(4, day(2026, 12, 15)), weekdays(3, day(2027, 1, 12))
ENDS = '[signals.strofranvaro]\nends_with = "term"\nquiet_school_days = 30\n'


def profile(told: str, head: str = "") -> bytes:
    own = f'metric = "total"; measure = "share"; window = "term"; {told}'
    return toml.profile(head + rule("strofranvaro", own))


def lived(content: bytes, *told: str, wave: int | None = None) -> list[w.Episode]:
    """The episodes after four school days of December and those of January that are told."""
    school, harness = School(), Harness([("prov", 1, content)])
    harness.apply(school.profile(content, profile_id="prov"), school.placement(1))
    for at, letters in zip(AUTUMN + JANUARY, told, strict=False):
        harness.apply(*school.school_day(at, [1], {1: letters}))
        harness.told(school.wave(at, {CLASS: 900} if at == wave else {}))
    return [one for event in harness.snapshots() for one in event.episodes]


# Half of the autumn away, 480 of 960 minutes; in January 60 of 240. A half of the autumn
# counts: (60 + 240) / (240 + 480) is 41.666... per cent.
WEIGHED = "earlier_weight = 50; resolve = { below = 5, school_days = 1 }"
HALF = (".", "v", ".", "v")


@pytest.mark.parametrize(("threshold", "fires"), [("41.666", True), ("41.667", False)])
def test_what_was_before_the_window_counts_in_part(threshold: str, fires: bool) -> None:
    content = profile(f"threshold = {threshold}; {WEIGHED}", ENDS)
    autumn, *january = lived(content, *HALF, "v...")
    assert autumn.figures.weighed == 50.0
    assert bool(january) is fires


def test_the_warning_tells_the_share_as_it_is_and_what_was_before() -> None:
    content = profile(f"threshold = 41; {WEIGHED}", ENDS)
    figures = lived(content, *HALF, "v...")[-1].figures
    assert figures.value == 25.0
    assert figures.weighed == pytest.approx(100 * 300 / 720)
    assert (figures.baseline_absent, figures.baseline_reported) == (480, 960)
    assert lived(content, *HALF, "v...")[-1].sentence == (
        "Frånvaro 25 % av undervisningstiden under terminen, 12 januari 2027: 1 timme av "
        "4 timmar. Tidigare under läsåret var andelen 50 %, och också det vägs in."
    )


def test_what_a_wave_explained_before_the_window_does_not_count() -> None:
    told = f'threshold = 41; waves = "subtract"; {WEIGHED}'
    # Without the wave's day 240 of 720 are left: (60 + 120) / (240 + 360) is 30 per cent.
    assert len(lived(profile(told, ENDS), *HALF, "v...")) == 2
    assert lived(profile(told, ENDS), *HALF, "v...", wave=AUTUMN[1]) == []
    [lower] = lived(profile(told.replace("41", "30"), ENDS), *HALF, "v...", wave=AUTUMN[1])[-1:]
    assert (lower.figures.weighed, lower.figures.baseline_reported) == (30.0, 720)


def test_a_warning_ends_with_the_term_and_a_new_one_comes_at_once() -> None:
    """However long it would have to be calm, and whatever quiet days follow on a warning."""
    told = "threshold = 25; resolve = { below = 20, school_days = 50 }"
    first, second = lived(profile(told, ENDS), *HALF, "v...")
    assert (first.raised_day, first.resolved_day) == (AUTUMN[1], JANUARY[0])
    assert (second.raised_day, second.resolved_day) == (JANUARY[0], 0)
    assert second.relapse_of == first.episode_id
    [only] = lived(profile(told), *HALF, "v...")
    assert only.resolved_day == 0


def test_it_ends_on_the_first_day_that_is_judged() -> None:
    told = "threshold = 25; resolve = { below = 20, school_days = 50 }"
    [one] = lived(profile(told, ENDS), *HALF, "-", ".")
    assert one.resolved_day == JANUARY[1]


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        ("earlier_weight = 50", "earlier_weight = 101", "rules.earlier_weight", "from 0 to 100"),
        ("earlier_weight = 50", "earlier_weight = 0.5", "rules.earlier_weight", "whole number"),
        ('window = "term"', 'window = "school_year"', "rules.earlier_weight", "nothing before"),
        ('measure = "share"', 'measure = "minutes"', "rules.earlier_weight", "a share only"),
        ('ends_with = "term"', 'ends_with = "school_year"', "ends_with", 'say "term"'),
    ],
)
def test_what_is_refused(old: str, new: str, field: str, reason: str) -> None:
    text = profile(f"threshold = 41; {WEIGHED}", ENDS).decode()
    assert old in text
    with pytest.raises(ProfileError) as refused:
        parse_profile(text.replace(old, new).encode())
    assert refused.value.field == f"signals.strofranvaro.{field}"
    assert reason in refused.value.reason


def test_what_is_told_the_same_day_does_not_end_with_the_term() -> None:
    own = 'metric = "invalid"; measure = "minutes"; threshold = 15; resolve ='
    head = ENDS.replace("strofranvaro", "ogiltig_idag")
    with pytest.raises(ProfileError, match="ends only by being excused"):
        parse_profile(toml.profile(head + rule("ogiltig_idag", own)))


def test_day_by_day_and_with_waves_only_the_days_asked_for_are_read_again() -> None:
    """The window is short and the sums before it are kept, those without the waves too."""
    told = 'waves = "subtract"; earlier_weight = 50; resolve = { below = 5, school_days = 1 }'
    content = toml.profile(
        rule(
            "strofranvaro",
            'metric = "total"; measure = "share"; window = { school_days = 2 }; '
            f"threshold = 30; {told}",
        )
    )
    days = weekdays(10, day(2026, 9, 1))
    letters = ("v", ".", "v...", "v", ".", "vv..", ".", "v", ".", "vvvv")
    waves = {days[0], days[3], days[7]}
    facts, school = [], School()
    facts.append([school.profile(content, profile_id="prov"), school.placement(1)])
    for at, lessons in zip(days, letters, strict=True):
        facts.append(school.school_day(at, [1], {1: lessons}))
        facts.append([school.wave(at, {CLASS: 900} if at in waves else {})])
    by_day, at_once = (Harness([("prov", 1, content)]) for _ in range(2))
    for some in facts:
        by_day.told(*some)
    at_once.told(*(fact for some in facts for fact in some))

    def episodes(harness: Harness) -> list[w.Episode]:
        return [
            one
            for event in harness.snapshots()
            for one in event.episodes
            if one.state != w.EPISODE_STATE_WITHDRAWN
        ]

    assert [one.raised_day for one in episodes(at_once)] == [days[9]]
    found = [comparable(event) for event in by_day.snapshots()]
    assert found == [comparable(event) for event in at_once.snapshots()]
