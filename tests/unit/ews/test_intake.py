"""What a fact is refused for, word for word and with its pupils, and the last figures taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1.warnings_pb2 import AbsenceDay
from services.ews.core.api import UndigestibleError
from services.ews.core.intake import Intake
from services.ews.core.partition import Partition
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import START, School, name
from tests.unit.ews.harness import Harness

FIRST_DAY, LAST_DAY = 10_957, 47_481
"""2000-01-01 and 2099-12-31."""
NOON = START * 86_400 + 43_200
BOTH = (name(0, "pupil"), name(1, "pupil"))
ONE = BOTH[:1]
TOO_MANY = (
    "impossible_minutes: valid_minutes + invalid_minutes + other_minutes: more than offered_minutes"
)


def changed(fact: bytes, **changes: Any) -> bytes:
    """The fact with other values in its body."""
    whole = f.Fact.FromString(fact)
    body = getattr(whole, whole.WhichOneof("body") or "")
    for field, value in changes.items():
        target = getattr(body, field)
        if hasattr(target, "extend"):
            target[:] = value
        else:
            setattr(body, field, value)
    return whole.SerializeToString()


def register(**changes: Any) -> bytes:
    """A register of two pupils, one of them away."""
    return changed(School().register(START, 490, {0: (0,), 1: (0, 60)}), **changes)


def notice(**changes: Any) -> bytes:
    return changed(School().notice(0, NOON, NOON + 3_600), **changes)


def placement(**changes: Any) -> bytes:
    return changed(School().placement(0), **changes)


def closed(**changes: Any) -> bytes:
    return changed(School().closed(START), **changes)


def wave(**changes: Any) -> bytes:
    return changed(School().wave(START, {}), **changes)


def erase(**changes: Any) -> bytes:
    return changed(School().erase(0), **changes)


def taken(*facts: bytes) -> Intake:
    found = Intake(Partition())
    found.learn(TRIAL_ID, 1, TRIAL)
    for offset, fact in enumerate(facts):
        found.apply(fact, offset, again=False)
    return found


REFUSED: list[tuple[bytes, str, tuple[bytes, ...]]] = [
    (b"\xff", "malformed: these bytes are no Fact", ()),
    (School().fact(), "unknown_body: body: none that this version knows is set", ()),
    (
        f.Fact(organiser_id=b"x" * 17, erase=f.Erase()).SerializeToString(),
        "bad_identifier: organiser_id: 16 bytes are needed",
        (),
    ),
    *(
        (make(**{key: b"short"}), f"bad_identifier: {key}: 16 bytes are needed", pupils)
        for make, keys, pupils in (
            (register, ("home_id", "lesson_id", "school_unit_id"), BOTH),
            (notice, ("home_id", "notice_id", "reporter_id"), ONE),
            (placement, ("home_id", "placement_id", "school_unit_id"), ONE),
            (erase, ("home_id",), ONE),
            (closed, ("school_unit_id",), ()),
            (wave, ("school_unit_id",), ()),
        )
        for key in keys
    ),
    *(
        (make(pupil_id=b"short"), "bad_identifier: pupil_id: 16 bytes are needed", ())
        for make in (notice, placement, erase)
    ),
    (
        register(pupil_ids=b"".join(BOTH) + b"x"),
        "bad_identifier: pupil_ids: 16 bytes each are needed",
        BOTH,
    ),
    (
        register(pupil_ids=ONE[0] * 2),
        "duplicate_pupil: pupil_ids: a pupil stands twice",
        ONE * 2,
    ),
    (register(state=0), "bad_state: state: scheduled, reported or cancelled", BOTH),
    (register(state=4), "bad_state: state: scheduled, reported or cancelled", BOTH),
    (
        register(start_minute=1_440),
        "impossible_minutes: start_minute, length_minutes: a day has 1440",
        BOTH,
    ),
    (
        register(length_minutes=1_441),
        "impossible_minutes: start_minute, length_minutes: a day has 1440",
        BOTH,
    ),
    *(
        (register(**{key: [1, 2, 3]}), f"uneven_lists: {key}: 3 for 2 pupils", BOTH)
        for key in (
            *("offered_minutes", "valid_minutes", "invalid_minutes", "other_minutes", "flags"),
            *("arrived_late_minutes", "left_early_minutes"),
        )
    ),
    *(
        (
            register(**{"valid_minutes": [0, 0], "invalid_minutes": [0, 0], key: [0, 61]}),
            TOO_MANY,
            BOTH,
        )
        for key in ("valid_minutes", "invalid_minutes", "other_minutes")
    ),
    (
        register(valid_minutes=[0, 20], invalid_minutes=[0, 20], other_minutes=[0, 21]),
        TOO_MANY,
        BOTH,
    ),
    (
        register(offered_minutes=[60, 1_441]),
        "impossible_minutes: more minutes than a day has",
        BOTH,
    ),
    *(
        (
            make(**{key: day}),
            f"bad_day: epoch_day: {day} is not a day since 1970 of this century",
            p,
        )
        for make, key, p in (
            (register, "epoch_day", BOTH),
            (placement, "member_from_day", ONE),
            (closed, "epoch_day", ()),
            (wave, "epoch_day", ()),
        )
        for day in (FIRST_DAY - 1, LAST_DAY + 1)
    ),
    (
        School().notice(0, FIRST_DAY * 86_400 - 1, FIRST_DAY * 86_400),
        f"bad_day: epoch_day: {FIRST_DAY - 1} is not a day since 1970 of this century",
        ONE,
    ),
    *(
        (
            School().notice(0, NOON, NOON + length),
            "bad_interval: end_unix_s: after start_unix_s, at most 800 days",
            ONE,
        )
        for length in (-1, 0, 800 * 86_400 + 1)
    ),
    (
        placement(member_to_day=START - 1),
        "bad_interval: member_to_day: not before member_from_day",
        ONE,
    ),
    (closed(kind=0), "bad_kind: kind: school day, free or reopened", ()),
    (closed(kind=4), "bad_kind: kind: school day, free or reopened", ()),
]


@pytest.mark.parametrize(("fact", "told", "pupils"), REFUSED)
def test_what_is_refused_is_told_with_its_field_and_pupils(
    fact: bytes, told: str, pupils: tuple[bytes, ...]
) -> None:
    with pytest.raises(UndigestibleError) as refused:
        taken(fact)
    assert str(refused.value) == told
    assert refused.value.pupil_ids == pupils


@pytest.mark.parametrize(
    ("make", "changes"),
    [
        *((register, {"epoch_day": day}) for day in (FIRST_DAY, LAST_DAY)),
        *((closed, {"epoch_day": day}) for day in (FIRST_DAY, LAST_DAY)),
        *((closed, {"kind": kind}) for kind in (1, 2, 3)),
        *((register, {"state": state}) for state in (1, 2, 3)),
        (register, {"start_minute": 1_439, "length_minutes": 1_440}),
        (register, {"offered_minutes": [1_440, 256], "invalid_minutes": [0, 256]}),
        (
            register,
            {"valid_minutes": [0, 20], "invalid_minutes": [0, 20], "other_minutes": [0, 20]},
        ),
        (register, {"left_early_minutes": [0, 1_440]}),
        (notice, {"end_unix_s": NOON + 1}),
        (notice, {"end_unix_s": NOON + 800 * 86_400}),
        (notice, {"start_unix_s": FIRST_DAY * 86_400, "end_unix_s": FIRST_DAY * 86_400 + 1}),
        (notice, {"reporter_id": b""}),
        (placement, {"member_to_day": START}),
        (placement, {"class_id": b""}),
        # What is taken back needs no days.
        (notice, {"deleted": True, "start_unix_s": 0, "end_unix_s": 0}),
        (placement, {"deleted": True, "member_from_day": 0}),
    ],
)
def test_the_last_figures_that_are_possible_are_taken(
    make: Callable[..., bytes], changes: dict[str, Any]
) -> None:
    taken(make(**changes))


def test_only_what_somebody_waits_for_asks_to_be_looked_at_at_once() -> None:
    """Unexplained absence, a notice, a placement, an erasure, the end of a day, a profile."""
    school = School()
    present = school.register(START, 490, {0: (0,)})
    explained = school.register(START, 560, {0: (60,)})
    assert not taken(present, explained, school.wave(START, {})).waiting
    for fact in (
        school.register(START, 640, {0: (0, 60)}),
        school.notice(0, NOON, NOON + 60),
        school.placement(0),
        school.erase(0),
        school.closed(START),
        school.profile(),
    ):
        assert taken(present, fact).waiting


def test_what_is_no_news_asks_for_nothing_but_asked_for_again_it_does() -> None:
    school = School()
    facts = [
        school.register(START, 490, {0: (0, 60)}),
        school.notice(0, NOON, NOON + 60),
        school.placement(0),
        school.closed(START),
        school.profile(),
    ]
    for fact in facts:
        intake = taken(fact)
        intake.waiting = False
        intake.apply(fact, 7, again=False)
        assert not intake.waiting
        intake.apply(fact, 7, again=True)
        assert intake.waiting


def test_more_minutes_than_a_byte_holds_are_counted() -> None:
    """An excursion is one lesson of ten hours."""
    school, harness = School(), Harness([(TRIAL_ID, 1, TRIAL)])
    harness.apply(
        school.profile(),
        school.register(START, 480, {0: (0, 600), 1: (300, 0)}, length=600),
        school.closed(START),
    )
    harness.collect()
    days = map(AbsenceDay.FromString, harness.absence.values())
    told = {one.pupil_id: (one.offered, one.valid, one.invalid_unexplained) for one in days}
    assert told == {BOTH[0]: (600, 0, 600), BOTH[1]: (600, 300, 0)}
