"""What services.ews.core.api promises the shell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core import fold
from services.ews.core.api import PartitionCore, StateError, UndigestibleError, UnknownProfileError
from services.ews.core.core import Core
from services.ews.core.legal import illegal_history
from services.ews.core.profile import ProfileError
from services.ews.core.replay import Replay, Replayer, comparable, explain_difference
from services.ews.core.rows import decode
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import CLASS, HOME, START, UNIT, School, name, weekdays
from tests.unit.ews.harness import Harness

CONTENTS = [(TRIAL_ID, 1, TRIAL)]


@pytest.fixture
def school() -> School:
    return School()


def started(school: School, fold: fold.Fold = fold.fold) -> Harness:
    harness = Harness(CONTENTS, fold)
    harness.apply(school.profile(), *(school.placement(pupil) for pupil in range(3)))
    return harness


def absent_week(school: School, absent: dict[int, str], days: int = 5) -> list[bytes]:
    return [fact for at in weekdays(days) for fact in school.school_day(at, range(3), absent)]


def test_it_is_a_partition_core() -> None:
    core: PartitionCore = Core()
    assert core.collect().state == []


# -- what cannot be digested ------------------------------------------------------------------


def register(school: School, **changes: object) -> bytes:
    fact = f.Fact.FromString(school.register(START, 490, {0: (0,), 1: (0, 60)}))
    for field, value in changes.items():
        target = getattr(fact.register, field)
        if hasattr(target, "extend"):
            del target[:]
            target.extend(value)
        else:
            setattr(fact.register, field, value)
    return fact.SerializeToString()


def bad_facts(school: School) -> dict[str, tuple[bytes, str, str]]:
    """Facts with the reason and the field that their refusal names."""
    pupil = name(0, "pupil")
    return {
        "no protobuf": (b"\xff\xff\xff", "malformed", "Fact"),
        "nothing in it": (school.fact(), "unknown_body", "body"),
        "organiser": (
            f.Fact(organiser_id=b"x", erase=f.Erase()).SerializeToString(),
            "bad_identifier",
            "organiser_id",
        ),
        "home": (register(school, home_id=b"short"), "bad_identifier", "home_id"),
        "lesson": (register(school, lesson_id=b""), "bad_identifier", "lesson_id"),
        "pupils": (register(school, pupil_ids=b"x" * 17), "bad_identifier", "pupil_ids"),
        "uneven": (register(school, valid_minutes=[1]), "uneven_lists", "valid_minutes"),
        "late list": (
            register(school, arrived_late_minutes=[1]),
            "uneven_lists",
            "arrived_late_minutes",
        ),
        "too many": (register(school, valid_minutes=[50, 1]), "impossible_minutes", "valid"),
        "a week": (register(school, offered_minutes=[9_999, 1]), "impossible_minutes", "day"),
        "overflow": (register(school, offered_minutes=[1 << 31, 1]), "impossible_minutes", "day"),
        "start": (register(school, start_minute=1_440), "impossible_minutes", "start_minute"),
        "day": (register(school, epoch_day=START * 86_400), "bad_day", "epoch_day"),
        "state": (register(school, state=0), "bad_state", "state"),
        "twice": (register(school, pupil_ids=pupil + pupil), "duplicate_pupil", "pupil_ids"),
        "notice": (school.notice(0, 1_790_000_000, 1_790_000_000), "bad_interval", "end_unix_s"),
        "notice for ever": (
            school.notice(0, 1_790_000_000, 1_990_000_000),
            "bad_interval",
            "end_unix_s",
        ),
        "membership": (
            school.placement(0, first=START, after=START - 1),
            "bad_interval",
            "member_to_day",
        ),
        "closing": (school.closed(START, 0), "bad_kind", "kind"),
    }


@pytest.mark.parametrize("case", sorted(bad_facts(School())))
def test_what_is_refused_names_its_field_and_leaves_nothing(case: str, school: School) -> None:
    value, reason, field = bad_facts(school)[case]
    harness = started(school)
    harness.collect()
    with pytest.raises(UndigestibleError) as refused:
        harness.core.apply(value, 99, partition=0)
    assert refused.value.reason == reason
    assert field in refused.value.detail
    batch = harness.core.collect()
    assert (batch.state, batch.warnings, batch.absence_days, batch.group_days) == ([], [], [], [])


def test_a_refusal_names_the_pupils(school: School) -> None:
    harness = started(school)
    with pytest.raises(UndigestibleError) as refused:
        harness.core.apply(register(school, valid_minutes=[50, 1]), 9, partition=0)
    assert refused.value.pupil_ids == (name(0, "pupil"), name(1, "pupil"))


def test_a_failure_inside_is_a_refusal_too(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = started(school)

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("services.ews.core.intake._marks", broken)
    with pytest.raises(UndigestibleError, match="ZeroDivisionError"):
        harness.core.apply(register(school), 9, partition=0)


def test_an_unknown_profile_is_waited_for(school: School) -> None:
    core = Core()
    with pytest.raises(UnknownProfileError, match="provprofil@1"):
        core.apply(school.profile(), 0, partition=0)
    core.learn_profile(TRIAL_ID, 1, TRIAL + b"\n")
    with pytest.raises(UnknownProfileError):
        core.apply(school.profile(), 0, partition=0)
    core.learn_profile(TRIAL_ID, 1, TRIAL)
    core.apply(school.profile(), 0, partition=0)
    with pytest.raises(ProfileError):
        core.learn_profile(TRIAL_ID, 2, b"[profile]")


# -- dead letters -----------------------------------------------------------------------------


def failing_for(pupil_id: bytes, broken: list[bool]) -> fold.Fold:
    def fail(pupil: bytes, family: int, track: fold.Track, steps: Sequence[fold.Step]) -> None:
        if broken[0] and pupil == pupil_id:
            raise ArithmeticError("planted")
        fold.fold(pupil, family, track, steps)

    return fail


def test_one_pupils_failed_fold_stops_no_other_and_is_made_up_for(school: School) -> None:
    broken = [True]
    harness = started(school, failing_for(name(0, "pupil"), broken))
    facts = absent_week(school, {0: "v", 1: "v"})
    harness.apply(*facts[:-1])
    first = harness.collect()
    assert first.failed_folds == []
    harness.apply(facts[-1])
    batch = harness.collect()
    (failed,) = batch.failed_folds
    assert failed.pupil_id == name(0, "pupil")
    assert failed.offset == len(harness.log) - 1
    assert failed.reason == "ArithmeticError: planted"
    assert [e.pupil_id for e in harness.snapshots()] == [name(1, "pupil")]
    harness.core.mark_undigested([failed.pupil_id], failed.offset)
    harness.restart()
    broken[0] = False
    harness.apply(facts[-1], replay_of=failed.offset)
    batch = harness.collect()
    assert batch.failed_folds == []
    (event,) = [w.WarningEvent.FromString(row.value or b"") for row in batch.warnings]
    assert (event.pupil_id, event.incomplete) == (name(0, "pupil"), False)


@pytest.mark.parametrize("restart", [False, True])
def test_a_failed_decision_is_made_up_for_from_all_facts(school: School, *, restart: bool) -> None:
    """What was published before the failure is older than the facts: none of it may be kept."""
    broken = [False]
    harness = started(school, failing_for(name(0, "pupil"), broken))
    harness.told(*absent_week(school, {0: "v"}))
    broken[0] = True
    # The correction amends what was told, but the fold of the pupil fails.
    harness.apply(school.register(weekdays(3)[2], 490, {0: (30, 30)}))
    assert len(harness.collect().failed_folds) == 1
    broken[0] = False
    if restart:
        harness.restart()
    harness.told(school.closed(weekdays(6)[5]))
    (event,) = [e for e in harness.snapshots() if e.family == w.FAMILY_LONG_TERM]
    assert event.episodes[0].figures.invalid_unexplained == 30
    assert not event.incomplete
    whole = replay(enumerate(harness.log))
    assert {key: comparable(one) for key, one in whole.threads.items()} == {
        one.thread_id: comparable(one) for one in harness.snapshots()
    }


def test_a_failed_fold_shows_on_what_was_published_before(school: School) -> None:
    broken = [False]
    harness = started(school, failing_for(name(0, "pupil"), broken))
    harness.told(*absent_week(school, {0: "v"}))
    broken[0] = True
    harness.apply(*school.school_day(weekdays(6)[5], range(3), {0: "v"}))
    batch = harness.collect()
    assert len(batch.failed_folds) == 1
    (event,) = harness.snapshots()
    assert (event.revision, event.incomplete, list(event.changes)) == (2, True, [])
    broken[0] = False
    (event,) = harness.told(*school.school_day(weekdays(7)[6], range(3), {0: "v"}))
    assert (event.revision, event.incomplete) == (3, False)
    (history,) = harness.history.values()
    assert illegal_history(history) == []


def test_undigested_facts_are_shown_until_they_are_replayed(school: School) -> None:
    harness = started(school)
    harness.told(*absent_week(school, {0: "v", 1: "v"}))
    harness.core.mark_undigested([name(0, "pupil")], 77)
    (event,) = harness.told()
    assert (event.pupil_id, event.incomplete, list(event.changes)) == (name(0, "pupil"), True, [])
    harness.restart()
    assert harness.told() == []
    harness.apply(school.notice(0, 1_790_000_000, 1_790_003_600), replay_of=77)
    (event,) = harness.told()
    assert event.incomplete is False
    assert all(illegal_history(events) == [] for events in harness.history.values())


# -- restoring --------------------------------------------------------------------------------


def test_a_restart_says_nothing_and_goes_on(school: School) -> None:
    harness = started(school)
    facts = absent_week(school, {0: "v", 1: "i..."}, 9)
    whole = started(School())
    whole.told(*facts)
    for fact in facts:
        harness.apply(fact)
        harness.restart()
        assert harness.told() == []
    assert {e.thread_id: comparable(e) for e in harness.snapshots()} == {
        e.thread_id: comparable(e) for e in whole.snapshots()
    }


def test_state_of_another_layout_is_refused_at_once(school: School) -> None:
    harness = started(school)
    harness.collect()
    (key,) = [key for key in harness.changelog if key.startswith(b"b:")]
    value = decode(harness.changelog[key])
    for layout in (0, value.bucket.layout + 1):
        value.bucket.layout = layout
        with pytest.raises(StateError, match=f"the state has layout {layout}, this version "):
            Core().restore(key, value.SerializeToString())


def test_a_rebuild_publishes_only_the_difference(school: School) -> None:
    harness = started(school)
    harness.told(*absent_week(school, {0: "v", 1: "v"}, 7))
    # While the state was lost, a correction came in that removes one ground.
    correction = school.register(weekdays(5)[1], 490, {0: (0,)})
    core = Core()
    core.learn_profile(*CONTENTS[0])
    for key, value in harness.latest.items():
        core.restore_published(key, value)
    core.begin_rebuild()
    for offset, fact in enumerate([*harness.log, correction]):
        core.apply(fact, offset, partition=0)
        assert core.collect().warnings == []
        assert not core.wants_flush
    core.end_rebuild()
    events = [w.WarningEvent.FromString(row.value or b"") for row in core.collect().warnings]
    assert [(e.pupil_id, e.revision) for e in events] == [(name(0, "pupil"), 2)]
    assert [c.kind for c in events[0].changes] == [w.CHANGE_KIND_AMENDED]


def test_rows_of_other_partitions_are_ignored(school: School) -> None:
    other = School(home=name(9, "unit"))
    elsewhere = started(other)
    elsewhere.told(*absent_week(other, {0: "v"}))
    harness = started(school)
    for key, value in elsewhere.latest.items():
        harness.core.restore_published(key, value)
    assert harness.told() == []


# -- daily facts ------------------------------------------------------------------------------


def test_absence_days_are_told_from_the_closing_on(school: School) -> None:
    harness = started(school)
    harness.collect()

    def told(*facts: bytes) -> list[tuple[bytes, int, int, int]]:
        harness.apply(*facts)
        rows = [w.AbsenceDay.FromString(row.value or b"") for row in harness.collect().absence_days]
        return [(one.pupil_id, one.revision, one.valid, one.lessons_reported) for one in rows]

    marks = {0: (60,), 1: (0,), 2: (0, 0, 0, 0)}
    assert told(school.register(START, 490, marks)) == []
    # When the day is over: absence, and the lesson that nobody reported; presence never.
    assert sorted(told(school.closed(START))) == sorted(
        [(name(0, "pupil"), 1, 60, 1), (name(2, "pupil"), 1, 0, 0)]
    )
    assert told(school.closed(START)) == []
    assert told(school.register(START, 560, {0: (0,)})) == [(name(0, "pupil"), 2, 60, 2)]
    assert told(school.register(START, 490, {0: (0,)})) == [(name(0, "pupil"), 3, 0, 2)]
    assert told(school.register(START, 490, {1: (0, 60)})) == [(name(1, "pupil"), 1, 0, 1)]
    assert told(school.closed(START, f.DAY_KIND_REOPENED)) == []
    assert told(school.register(START, 560, {0: (60,)})) == [(name(0, "pupil"), 4, 60, 2)]
    assert told(school.register(START, 490, {0: (0,)})) == []
    harness.apply(school.register(START, 560, {0: (0,)}))
    harness.collect()
    (row,) = [
        w.AbsenceDay.FromString(value)
        for key, value in harness.absence.items()
        if key == f"{name(0, 'pupil').hex()}:{START}".encode()
    ]
    assert (row.school_unit_id, row.class_id, row.offered) == (UNIT, CLASS, 120)


def test_group_days_are_sums_by_class_and_slot(school: School) -> None:
    harness = started(school)
    facts = school.school_day(START, range(3), {0: "v", 1: "i..."})
    harness.apply(*facts)
    (row,) = harness.collect().group_days
    assert row.key == f"{UNIT.hex()}:{START}:0".encode()
    day = w.GroupDay.FromString(row.value or b"")
    assert (day.revision, day.partition, day.organiser_id) == (1, 0, school.organiser)
    whole = day.sums[-1]
    assert (whole.slot_hour, whole.class_id, whole.pupils, whole.offered) == (24, CLASS, 3, 720)
    assert (whole.reported, whole.valid, whole.invalid_unexplained) == (720, 240, 60)
    assert whole.pupils_absent_all_day == 1
    assert (whole.pupils_absent, whole.pupils_mostly_valid) == (2, 1)
    assert [one.slot_hour for one in day.sums] == [8, 9, 10, 13, 24]
    assert [one.subject for one in day.sums] == ["MA", "MA", "MA", "MA", ""]
    assert [one.pupils_absent for one in day.sums[:2]] == [2, 1]
    assert (day.sums[0].valid, day.sums[0].invalid_unexplained) == (60, 60)
    # A correction is a new revision, a day that is free after all an empty one.
    harness.apply(school.register(START, 490, {1: (60,)}))
    (row,) = harness.collect().group_days
    day = w.GroupDay.FromString(row.value or b"")
    assert (day.revision, day.sums[-1].valid, day.sums[-1].invalid_unexplained) == (2, 300, 0)
    harness.apply(school.closed(START, f.DAY_KIND_FREE))
    (row,) = harness.collect().group_days
    day = w.GroupDay.FromString(row.value or b"")
    assert (day.revision, len(day.sums)) == (3, 0)


def test_a_unit_without_pupils_here_still_tells_that_its_day_is_closed(school: School) -> None:
    harness = started(school)
    harness.apply(school.closed(START, unit=name(7, "unit")))
    (row,) = harness.collect().group_days
    assert len(w.GroupDay.FromString(row.value or b"").sums) == 0


# -- erasing ----------------------------------------------------------------------------------


def test_erasing_leaves_tombstones_and_nothing_else(school: School) -> None:
    harness = started(school)
    harness.told(*absent_week(school, {0: "v", 1: "i"}))
    harness.apply(school.notice(0, START * 86_400, START * 86_400 + 3_600))
    harness.collect()
    harness.apply(school.erase(0))
    batch = harness.collect()
    assert len([row for row in batch.warnings if row.value is None]) == 1
    assert len([row for row in batch.absence_days if row.value is None]) == 5
    assert {e.pupil_id for e in harness.snapshots()} == {name(1, "pupil")}
    rows = [decode(value) for value in harness.changelog.values()]
    (pupil,) = [one.pupil for one in rows if one.pupil.pupil_id == name(0, "pupil")]
    assert (len(pupil.placements), len(pupil.notices)) == (0, 0)
    (bucket,) = [one.bucket for one in rows if one.bucket.pupil_ids]
    assert [bucket.pupil_ids[16 * row :][:16] for row in bucket.erased] == [name(0, "pupil")]
    # What still comes about the pupil is ignored, also after a restart and a rebuild.
    later = [*absent_week(school, {0: "v", 1: "i"}), school.placement(0)]
    assert {e.pupil_id for e in harness.told(*later)} <= {name(1, "pupil")}
    harness.restart()
    assert {e.pupil_id for e in harness.told(*later)} <= {name(1, "pupil")}
    harness.lose()
    assert {e.pupil_id for e in harness.snapshots()} == {name(1, "pupil")}


# -- flushing and replay ----------------------------------------------------------------------


def test_wants_flush_for_what_a_person_waits_for(school: School) -> None:
    harness = started(school)
    harness.collect()
    for fact, expected in (
        (school.register(START, 490, {0: (60,)}), False),
        (school.register(START, 490, {0: (0, 60)}), True),
        (school.closed(START), True),
        (school.notice(0, START * 86_400, START * 86_400 + 3_600), True),
    ):
        harness.apply(fact)
        assert harness.core.wants_flush is expected
        harness.collect()
        assert harness.core.wants_flush is False


def replay(log: Iterable[tuple[int, bytes]]) -> Replay:
    replayer = Replayer(CONTENTS)
    for offset, fact in log:
        replayer.take(offset, fact)
    return replayer.finish()


def test_replay_agrees_with_the_stream_and_notices_a_missing_register(school: School) -> None:
    harness = started(school)
    for fact in absent_week(school, {0: "v", 1: "i", 2: "v"}, 8):
        harness.told(fact)
    log = [*enumerate(harness.log), (len(harness.log), b"\xff")]
    whole = replay(log)
    assert whole.undigested == {len(harness.log): "malformed"}
    assert {key: comparable(event) for key, event in whole.threads.items()} == {
        event.thread_id: comparable(event) for event in harness.snapshots()
    }
    without = replay(log[:9] + log[10:])
    differing = [
        told
        for key, event in whole.threads.items()
        if (told := explain_difference(event, without.threads.get(key, w.WarningEvent())))
    ]
    assert differing
    assert explain_difference(harness.snapshots()[0], harness.snapshots()[0]) == []


def test_what_is_left_out_changes_no_warning(school: School) -> None:
    harness = started(school)
    facts = absent_week(school, {0: "v", 1: "i...", 2: ".c.."}, 12)
    without = {"state": Core(state=False), "daily": Core(daily=False)}
    for core in without.values():
        core.learn_profile(*CONTENTS[0])
    for at, some in enumerate([harness.log, *([fact] for fact in facts)]):
        harness.apply(*(some if at else ()))
        whole = harness.collect()
        for kind, core in without.items():
            for fact in some:
                core.apply(fact, harness.log.index(fact), partition=0)
            batch = core.collect()
            assert batch.warnings == whole.warnings
            if kind == "state":
                assert not batch.state
                assert batch.absence_days == whole.absence_days
                assert batch.group_days == whole.group_days
            else:
                assert not batch.absence_days
                assert not batch.group_days
    assert harness.latest
    assert harness.absence
    assert harness.groups


def test_same_input_other_school_same_warnings(school: School) -> None:
    """The decision knows neither mentor nor school (seed 000-06)."""
    letters = {0: "v", 1: "i...", 2: ".c.."}
    here = started(school)
    here.told(*absent_week(school, letters, 12))
    there_school = School(organiser=name(5, "organiser"), home=name(6, "unit"), bucket=3)
    there = started(there_school)
    there.told(*absent_week(there_school, letters, 12))

    def told(harness: Harness) -> list[tuple[object, ...]]:
        return sorted((e.pupil_id, e.family, comparable(e)[-1]) for e in harness.snapshots())

    assert told(here) == told(there)
    assert there_school.home != HOME
