"""A log decided on once, without a stream: what it keeps of refusals, levels and waves."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1.warnings_pb2 import GroupDay
from services.ews.core.api import Row
from services.ews.core.profile import FAMILIES
from services.ews.core.replay import Reached, Replay, Replayer, activation, comparable
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import CLASS, HOME, ORGANISER, START, School, name, weekdays
from tests.unit.ews.harness import Harness
from tests.unit.ews.toml import profile, rule

CONTENTS = [(TRIAL_ID, 1, TRIAL)]
SPORADIC, TODAY = FAMILIES["strofranvaro"], FAMILIES["ogiltig_idag"]
STEPS = profile(
    *(
        rule(
            "strofranvaro",
            f'id = "r{level}"; level = {level}; metric = "total"; measure = "days"; '
            f"window = {{ school_days = 5 }}; threshold = {threshold}",
        )
        for level, threshold in ((1, 1), (2, 2), (3, 4))
    ),
    profile_id="steg",
)


def took(replayer: Replayer, facts: Iterable[bytes], first: int = 0) -> list[bool]:
    return [replayer.take(first + i, fact) for i, fact in enumerate(facts)]


def test_a_refused_fact_shows_on_its_pupils_until_it_is_restated() -> None:
    school = School()
    good = [school.profile(), school.register(START, 490, {1: (0, 60), 2: (0, 60)})]
    bad = f.Fact.FromString(school.register(START, 560, {1: (0, 60)}))
    bad.register.valid_minutes[0] = 61
    mended = f.Fact.FromString(bad.SerializeToString())
    mended.register.valid_minutes[0] = 0

    def incomplete(*, restated: int | None) -> dict[bytes, bool]:
        replayer = Replayer(CONTENTS)
        assert took(replayer, good) == [True, True]
        assert replayer.take(7, bad.SerializeToString()) is False
        if restated is not None:
            assert replayer.take(8, mended.SerializeToString(), restated) is True
        found = replayer.finish()
        assert list(found.undigested) == [7]
        assert found.undigested[7]
        return {event.pupil_id: event.incomplete for event in found.threads.values()}

    first, second = name(1, "pupil"), name(2, "pupil")
    assert incomplete(restated=None) == {first: True, second: False}
    assert incomplete(restated=6) == {first: True, second: False}
    assert incomplete(restated=7) == {first: False, second: False}


def test_each_level_is_noted_with_its_day_and_rule_also_after_a_rest() -> None:
    school = School()
    before, *days = weekdays(15)
    away = {*range(5), 12}
    facts = [activation(ORGANISER, STEPS), *school.school_day(before, [1, 2])]
    for i, at in enumerate(days):
        facts += school.school_day(at, [1, 2], {1: "v"} if i in away else {})
    replayer = Replayer([("steg", 1, STEPS)])
    took(replayer, facts)
    found = replayer.finish()
    pupil = name(1, "pupil")
    assert found.levels == {
        (pupil, SPORADIC, days[0]): [
            Reached(days[0], 1, "r1"),
            Reached(days[1], 2, "r2"),
            Reached(days[3], 3, "r3"),
        ],
        (pupil, SPORADIC, days[12]): [Reached(days[12], 1, "r1")],
    }
    (event,) = found.threads.values()
    assert [one.level for one in event.episodes] == [3, 1]


def test_a_thread_of_which_nothing_is_left_is_no_thread() -> None:
    school = School()
    facts = [
        school.profile(),
        school.register(START, 490, {1: (0, 60)}),
        school.register(START, 490, {1: (0, 0)}),
        school.register(START, 490, {2: (0, 60)}),
        school.erase(2),
    ]
    replayer = Replayer(CONTENTS)
    took(replayer, facts)
    assert replayer.finish() == Replay()


def test_what_a_wave_takes_the_ground_from_is_no_thread() -> None:
    """The day after is closed, so the day is judged without its Wave, and then with it."""
    school = School()
    first, second = weekdays(2)
    facts = [
        activation(ORGANISER, WAVED),
        *(school.placement(pupil) for pupil in range(4)),
        *school.school_day(first, range(4), {0: "v"}),
        *school.school_day(second, range(4)),
    ]

    def found(told: dict[bytes, int]) -> Replay:
        replayer = Replayer([("delad", 1, WAVED)], waves=True)
        assert all(took(replayer, facts))
        return replayer.finish(lambda _: [school.wave(first, told)])

    assert found({CLASS: 300, b"": 0}).threads == {}
    (event,) = found({}).threads.values()
    assert event.pupil_id == name(0, "pupil")


WAVED = profile(
    rule(
        "strofranvaro",
        'id = "andel"; metric = "total"; measure = "share"; window = { school_days = 5 }; '
        'threshold = 20; waves = "subtract"; resolve = { below = 10, school_days = 1 }',
    ),
    profile_id="delad",
)


def test_waves_are_recognised_in_its_own_sums_where_that_was_announced() -> None:
    school = School()
    (at,) = weekdays(1)
    facts = [
        activation(ORGANISER, WAVED),
        *(school.placement(pupil) for pupil in range(4)),
        *school.school_day(at, range(4), {0: "v", 1: "i"}),
    ]
    asked: list[GroupDay] = []

    def step(rows: Iterable[Row]) -> list[bytes]:
        asked.extend(GroupDay.FromString(row.value or b"") for row in rows)
        return [school.wave(at, {CLASS: 300, b"": 0})]

    replayer = Replayer([("delad", 1, WAVED)], waves=True)
    assert all(took(replayer, facts))
    found = replayer.finish(step)
    (day,) = asked
    assert (day.school_unit_id, day.epoch_day) == (HOME, at)
    # What the wave took is no ground; invalid absence is one all the same.
    assert {event.pupil_id for event in found.threads.values()} == {name(1, "pupil")}

    without = Replayer([("delad", 1, WAVED)])
    assert all(took(without, facts))
    with pytest.raises(
        ValueError, match=r"^the sums in which waves are recognised were not announced$"
    ):
        without.finish(step)
    assert len(asked) == 1
    # Not yet known to be without a wave, nobody is judged.
    assert without.finish().threads == {}


def test_an_activation_holds_for_everybody_on_any_day() -> None:
    fact = f.Fact.FromString(activation(ORGANISER, TRIAL))
    assert fact.organiser_id == ORGANISER
    told = fact.profile_activated
    assert (told.profile_id, told.profile_version) == (TRIAL_ID, 1)
    assert (told.valid_from_day, [*told.school_unit_ids], [*told.school_forms]) == (0, [], [])
    assert told.version == f.Version(priority=1)
    school = School()
    register = school.register(START, 490, {1: (0, 60)})
    alone, stream = Replayer(CONTENTS), Harness(CONTENTS)
    assert all(took(alone, [fact.SerializeToString(), register]))
    stream.apply(fact.SerializeToString(), register)
    stream.collect()
    assert [comparable(one) for one in alone.finish().threads.values()] == [
        comparable(one) for one in stream.snapshots()
    ]
