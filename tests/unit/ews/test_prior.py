"""A share that weighs little teaching cautiously: at its edges, in words, and what is refused."""

from __future__ import annotations

import pytest

from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core.profile import ProfileError, parse_profile
from tests.unit.ews import toml
from tests.unit.ews.facts import CLASS, School, day, weekdays
from tests.unit.ews.harness import Harness
from tests.unit.ews.toml import rule

PRIOR = 'window = "term"; threshold = 25; prior_share = 12.5; prior_minutes = 480'


def profile(told: str, comparator: str = ">=", below: str = "20") -> bytes:
    own = f'metric = "total"; measure = "share"; comparator = "{comparator}"; {told}'
    return toml.profile(
        rule("strofranvaro", f"{own}; resolve = {{ below = {below}, school_days = 1 }}")
    )


def lived(content: bytes, *told: str, days: list[int] | None = None) -> list[w.Episode]:
    """The episodes after school days of four lessons each; ``told`` as of School.school_day."""
    school, harness = School(), Harness([("prov", 1, content)])
    harness.apply(school.profile(content, profile_id="prov"), school.placement(1))
    for at, letters in zip(days or weekdays(len(told)), told, strict=True):
        harness.told(*school.school_day(at, [1], {1: letters}))
    return [one for event in harness.snapshots() for one in event.episodes]


# Four days of 240 minutes: 300 away, and (300 + 60) / (960 + 480) is a quarter exactly.
ON_IT = (".", ".", "v...", "v")


@pytest.mark.parametrize(
    ("comparator", "told", "fires"),
    [
        (">=", ON_IT, True),
        (">", ON_IT, False),
        (">=", (".", ".", ".", "v"), False),
        (">", (".", ".", "vv..", "v"), True),
    ],
)
def test_on_the_threshold_it_fires_where_the_threshold_counts(
    comparator: str, told: tuple[str, ...], fires: bool
) -> None:
    assert bool(lived(profile(PRIOR, comparator), *told)) is fires


def test_less_teaching_asks_for_more() -> None:
    """A whole first day away is all that is known, and still far from a quarter of a term."""
    without = PRIOR.replace("prior_share = 12.5; prior_minutes = 480", "")
    assert lived(profile(without), "v")
    assert not lived(profile(PRIOR.replace("480", "4800")), "v", "v", "v")


def test_the_warning_tells_the_real_share_and_what_was_weighed() -> None:
    [episode] = lived(profile(PRIOR), *ON_IT)
    figures = episode.figures
    assert (figures.value, figures.weighed, figures.threshold) == (31.25, 25.0, 25.0)
    assert (figures.valid, figures.reported) == (300, 960)
    assert episode.sentence == (
        "Frånvaro 31,2 % av undervisningstiden under terminen, 17–20 augusti 2026: 5 timmar av "
        "16 timmar. Ju mindre undervisning som är rapporterad, desto större andel krävs för en "
        "varning."
    )
    [plain] = lived(profile('window = "term"; threshold = 25'), *ON_IT)
    assert plain.figures.weighed == 0
    assert "krävs" not in plain.sentence


def test_it_rests_by_the_weighed_share_and_not_on_the_limit() -> None:
    # A present day after ON_IT is 360 / 1680, which is 3/14: 21.4285… per cent.
    [above] = lived(profile(PRIOR, below="21.428"), *ON_IT, ".")
    assert above.resolved_day == 0
    [below] = lived(profile(PRIOR, below="21.429"), *ON_IT, ".")
    assert below.resolved_day == weekdays(5)[-1]
    # Two are 360 / 1920: 18.75 per cent exactly, which is not below itself.
    [limit] = lived(profile(PRIOR, below="18.75"), *ON_IT, ".", ".")
    assert limit.resolved_day == 0


def test_a_new_term_begins_near_the_prior() -> None:
    """What was away last term weighs nothing in this one: the warning rests on the first day."""
    autumn = weekdays(4, day(2026, 12, 15))
    january = weekdays(2, day(2027, 1, 12))
    told = [*ON_IT, "...v", "."]
    [episode] = lived(profile(PRIOR), *told, days=autumn + january)
    # (60 + 60) / (240 + 480) is a sixth, below a fifth.
    assert (episode.raised_day, episode.resolved_day) == (autumn[-1], january[0])


def test_a_share_of_too_little_is_not_judged_however_it_is_weighed() -> None:
    guarded = PRIOR + "; min_offered_minutes = 961"
    assert not lived(profile(guarded), *ON_IT)
    assert lived(profile(guarded.replace("961", "960")), *ON_IT)
    assert not lived(profile(PRIOR + "; min_absence_minutes = 301"), *ON_IT)


def test_what_a_wave_explains_is_neither_away_nor_taught() -> None:
    content = profile(PRIOR + '; waves = "subtract"')
    school, harness = School(), Harness([("prov", 1, content)])
    harness.apply(school.profile(content, profile_id="prov"), school.placement(1))
    days = weekdays(5)
    # The first day's absence is shared: without it the figures are those of ON_IT.
    for at, letters in zip(days, ("v", *ON_IT), strict=True):
        harness.apply(*school.school_day(at, [1], {1: letters}))
        harness.told(school.wave(at, {CLASS: 900} if at == days[0] else {}))
    [episode] = [one for event in harness.snapshots() for one in event.episodes]
    assert (episode.raised_day, episode.figures.weighed) == (days[-1], 25.0)
    assert (episode.figures.shared, episode.figures.reported) == (240, 960)


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ("prior_minutes = 480\n", "", "prior_minutes", "give this one too"),
        ("prior_share = 12.5\n", "", "prior_share", "give this one too"),
        ("prior_share = 12.5", "prior_share = 0", "prior_share", "more than 0"),
        ("prior_share = 12.5", "prior_share = 101", "prior_share", "at most 100"),
        ("prior_share = 12.5", "prior_share = 12.6", "prior_share", "whole minutes"),
        ("prior_share = 12.5", "prior_share = 20", "prior_share", "below resolve.below"),
        ("prior_share = 12.5", "prior_share = true", "prior_share", "number"),
        ("prior_minutes = 480", "prior_minutes = 0", "prior_minutes", "from 1 to 1000000"),
        ("prior_minutes = 480", "prior_minutes = 8.5", "prior_minutes", "whole number"),
    ],
)
def test_what_is_refused(old: str, new: str, key: str, reason: str) -> None:
    text = profile(PRIOR).decode()
    assert old in text
    with pytest.raises(ProfileError) as refused:
        parse_profile(text.replace(old, new).encode())
    assert refused.value.field == f"signals.strofranvaro.rules.{key}"
    assert reason in refused.value.reason
    assert refused.value.line > 0


def test_a_prior_just_below_the_limit_of_rest_is_taken_and_with_other_measures_refused() -> None:
    parse_profile(profile(PRIOR, below="12.501"))
    with pytest.raises(ProfileError, match="share and change only"):
        parse_profile(profile(PRIOR).replace(b'"share"', b'"minutes"'))
