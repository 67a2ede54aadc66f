"""What a school is told about itself: waves, clusters, lessons that nobody reports."""

from __future__ import annotations

import random
from collections.abc import Iterable
from math import comb

import pytest

from forvarning.school.v1 import school_pb2 as pb
from forvarning.warnings.v1.warnings_pb2 import GroupDay
from services.ews.core.cells import Place, Seen
from services.ews.core.clusters import clusters, is_unlikely, unreported
from services.ews.core.schoolsignals import SchoolSignals
from services.ews.core.unitdays import UnitDays
from tests.unit.ews.facts import name, weekdays
from tests.unit.ews.school_world import DAY, ORGANISER, UNIT, A, B, C, SchoolWorld, some

DAYS = weekdays(60)
WORLD = SchoolWorld({A: 25, B: 25, C: 25})
SLOJD = Place(pb.SIGNAL_SCOPE_SUBJECT, subject="Slöjd")


def told(rows: Iterable[GroupDay], partitions: int = 1) -> list[pb.SchoolSignal]:
    """The signals after these rows, in an order of their own."""
    unit = UnitDays()
    for row in rows:
        unit.take(row)
    signals = SchoolSignals(ORGANISER, UNIT, partitions)
    signals.judge(unit, unit.days())
    found = signals.snapshots(unit.known)
    assert all(key == one.signal_id for key, one in found.items())
    return sorted(found.values(), key=lambda one: (one.kind, one.scope, one.class_id, one.subject))


def waves(rows: Iterable[GroupDay]) -> list[pb.SchoolSignal]:
    return [one for one in told(rows) if one.kind == pb.SIGNAL_KIND_WAVE]


def calm(days: Iterable[int]) -> list[GroupDay]:
    return [WORLD.row(day, valid={A: [0], B: [1], C: [2]}) for day in days]


def ill(day: int, **classes: int) -> GroupDay:
    """So many of each class are away all day."""
    names = {"a": A, "b": B, "c": C}
    return WORLD.row(day, valid={names[key]: range(number) for key, number in classes.items()})


def test_a_wave_is_told_once_extended_and_over_on_the_second_day_without() -> None:
    rows = calm(DAYS[:20])
    rows += [ill(DAYS[20], a=9), ill(DAYS[21], a=12), ill(DAYS[22], a=8)]
    (signal,) = waves(rows)
    assert (signal.scope, signal.class_id) == (pb.SIGNAL_SCOPE_CLASS, A)
    assert (signal.organiser_id, signal.school_unit_id) == (ORGANISER, UNIT)
    assert (signal.school_year, signal.revision) == (2026, 23)
    (episode,) = signal.episodes
    assert episode.state == pb.SIGNAL_STATE_ACTIVE
    assert (episode.first_day, episode.last_day, episode.days) == (DAYS[20], DAYS[22], 3)
    assert episode.most_absent == 12
    figures = episode.figures
    assert (figures.pupils, figures.absent, figures.share_permille) == (25, 8, 320)
    assert 0 < figures.usual_permille < 80
    assert figures.window_first_day == figures.window_last_day == DAYS[22]
    rows += calm(DAYS[23:24])
    assert waves(rows)[0].episodes == signal.episodes
    rows.append(ill(DAYS[24], a=9))
    (episode,) = waves(rows)[0].episodes  # one day in between does not end it
    assert (episode.days, episode.last_day) == (4, DAYS[24])
    rows += calm(DAYS[25:27])
    (episode,) = waves(rows)[0].episodes
    assert (episode.state, episode.over_day) == (pb.SIGNAL_STATE_OVER, DAYS[26])
    rows.append(ill(DAYS[27], a=9))
    first, second = waves(rows)[0].episodes
    assert first == episode
    assert (second.first_day, second.state) == (DAYS[27], pb.SIGNAL_STATE_ACTIVE)


def test_a_day_of_which_nothing_is_known_neither_extends_nor_ends_a_wave() -> None:
    rows = [*calm(DAYS[:20]), ill(DAYS[20], a=9), *calm(DAYS[21:22])]
    rows.append(WORLD.row(DAYS[22], silent=[(c, h) for c in (A, B, C) for h, _ in DAY]))
    (episode,) = waves(rows)[0].episodes
    assert episode.state == pb.SIGNAL_STATE_ACTIVE
    rows += calm(DAYS[23:24])
    assert waves(rows)[0].episodes[0].over_day == DAYS[23]


def test_the_units_wave_is_told_instead_of_its_classes() -> None:
    rows = calm(DAYS[:20]) + [ill(day, a=9, b=10, c=8) for day in DAYS[20:22]]
    (signal,) = waves(rows)
    assert (signal.scope, signal.episodes[0].figures.absent) == (pb.SIGNAL_SCOPE_UNIT, 27)


def test_a_class_first_and_the_unit_after_never_tell_of_the_same_day() -> None:
    rows = calm(DAYS[:20])
    rows += [ill(DAYS[20], a=7), ill(DAYS[21], a=9, b=10, c=8), ill(DAYS[22], a=9, b=10, c=8)]
    rows += [ill(DAYS[23], a=9)]
    unit, own = waves(rows)
    assert (unit.episodes[0].first_day, unit.episodes[0].days) == (DAYS[21], 2)
    (episode,) = own.episodes  # it rested, and goes on as the same one
    assert (episode.first_day, episode.last_day, episode.days) == (DAYS[20], DAYS[23], 2)


def test_what_a_correction_removes_is_gone_from_the_snapshot() -> None:
    rows = [*calm(DAYS[:20]), ill(DAYS[20], a=9)]
    assert waves(rows)
    correction = ill(DAYS[20], a=1)
    correction.revision = 2
    assert waves([*rows, correction]) == []


def test_nothing_is_told_of_fewer_than_five_pupils() -> None:
    tiny = SchoolWorld({A: 4, B: 25, C: 25})
    rows = [tiny.row(day, valid={B: [0]}) for day in DAYS[:20]]
    hours = [hour for hour, _ in DAY]
    for day in DAYS[20:45]:
        everybody = {(A, hour): range(4) for hour in hours}
        rows.append(tiny.row(day, skips=everybody, silent=[(A, hours[1]), (A, hours[2])]))
    assert told(rows) == []
    rows = [
        tiny.row(day, silent=[(A, hour) for hour in hours], valid={A: range(4)}) for day in DAYS
    ]
    assert told(rows) == []


def test_a_subject_that_many_are_away_from_is_told_of_the_subject() -> None:
    chance = random.Random(4)
    rows = []
    for day in DAYS[:20]:
        skips = {(c, 11): some(chance, 25, 300) for c in (A, B, C)}
        rows.append(WORLD.row(day, valid={c: some(chance, 25, 50) for c in (A, B, C)}, skips=skips))
    found = [one for one in told(rows) if one.kind == pb.SIGNAL_KIND_CLUSTER]
    # Slöjd is the only lesson around noon: it stands out as both.
    assert [(one.scope, one.subject, one.slot) for one in found] == [
        (pb.SIGNAL_SCOPE_SUBJECT, "Slöjd", 0),
        (pb.SIGNAL_SCOPE_SLOT, "", pb.SLOT_LUNCH),
    ]
    figures = found[0].episodes[0].figures
    assert figures.window_days == 20 or figures.window_days >= 14
    assert figures.pupils == 75
    assert 15 <= figures.absent <= 35
    assert figures.share_permille > figures.usual_permille + 100
    assert figures.days_for <= figures.window_days


@pytest.mark.parametrize("away", [1, 2])
def test_one_ill_pupil_or_two_are_no_cluster_however_long(away: int) -> None:
    small = SchoolWorld({A: 12, B: 25, C: 25})
    rows = [small.row(day, skips={(A, hour): range(away) for hour, _ in DAY}) for day in DAYS[:40]]
    assert told(rows) == []


def test_a_class_with_much_more_absence_than_the_others() -> None:
    chance = random.Random(9)
    rows = [
        WORLD.row(
            day,
            skips={(A, 8): some(chance, 25, 220), (A, 13): some(chance, 25, 220)}
            | {(c, 9): some(chance, 25, 60) for c in (B, C)},
        )
        for day in DAYS[:30]
    ]
    found = [one for one in told(rows) if one.scope == pb.SIGNAL_SCOPE_CLASS]
    assert [(one.kind, one.class_id) for one in found] == [(pb.SIGNAL_KIND_CLUSTER, A)]
    (episode,) = found[0].episodes
    assert episode.first_day >= DAYS[9]
    assert episode.figures.absent >= 5


def test_the_days_of_a_wave_are_no_cluster() -> None:
    rows = calm(DAYS[:20]) + [ill(day, a=12) for day in DAYS[20:29]]
    found = told(rows)
    assert {one.kind for one in found} == {pb.SIGNAL_KIND_WAVE}


def test_a_cluster_is_over_on_the_fifth_school_day_without() -> None:
    chance = random.Random(4)
    rows = []
    for at, day in enumerate(DAYS[:50]):
        skips = {(c, 11): some(chance, 25, 350 if at < 25 else 0) for c in (A, B, C)}
        rows.append(WORLD.row(day, skips=skips))
    found = [one for one in told(rows) if one.subject]
    (episode,) = found[0].episodes
    assert episode.state == pb.SIGNAL_STATE_OVER
    assert DAYS.index(episode.over_day) == DAYS.index(episode.last_day) + 5


def test_ordinary_absence_makes_no_cluster() -> None:
    """Four terms of six classes in which each pupil is a little unlike the rest."""
    classes = {name(number, "klass"): 24 for number in range(6)}
    world = SchoolWorld(classes)
    for seed in range(4):
        chance = random.Random(seed)
        rates = {c: [chance.choice((20, 40, 60, 150)) for _ in range(24)] for c in classes}
        rows = []
        for day in weekdays(60):
            valid = {
                c: [n for n in range(24) if chance.randrange(1000) < rates[c][n]] for c in classes
            }
            skips = {(c, hour): some(chance, 24, 25) for c in classes for hour, _ in DAY}
            rows.append(world.row(day, valid=valid, skips=skips))
        assert [one for one in told(rows) if one.kind == pb.SIGNAL_KIND_CLUSTER] == []


def test_a_subject_that_nobody_reports() -> None:
    rows = [WORLD.row(day, silent=[(c, 13) for c in (A, B, C)]) for day in DAYS[:9]]
    assert told(rows) == []
    rows.append(WORLD.row(DAYS[9], silent=[(c, 13) for c in (A, B, C)]))
    found = told(rows)
    # Three of four lessons of each class and of the unit are reported: 75 per cent.
    assert {one.scope for one in found} == {
        pb.SIGNAL_SCOPE_UNIT,
        pb.SIGNAL_SCOPE_CLASS,
        pb.SIGNAL_SCOPE_SUBJECT,
    }
    (subject,) = [one for one in found if one.scope == pb.SIGNAL_SCOPE_SUBJECT]
    assert (subject.kind, subject.subject) == (pb.SIGNAL_KIND_UNREPORTED, "Idrott")
    figures = subject.episodes[0].figures
    assert (figures.offered, figures.reported) == (10 * 75 * 60, 0)
    assert (figures.window_first_day, figures.window_last_day) == (DAYS[0], DAYS[9])
    assert (figures.window_days, figures.days_for, figures.pupils) == (10, 10, 75)


@pytest.mark.parametrize(("silent", "is_told"), [(2, False), (3, True)])
def test_a_few_days_are_not_enough_to_speak_of_lessons_nobody_reports(
    silent: int, is_told: bool
) -> None:
    one_class = SchoolWorld({A: 25})
    everything = [(A, hour) for hour, _ in DAY]
    rows = [one_class.row(day) for day in DAYS[: 10 - silent]]
    rows += [one_class.row(day, silent=everything) for day in DAYS[10 - silent : 10]]
    assert bool(told(rows)) is is_told


@pytest.mark.parametrize(("missing", "is_told"), [(2, False), (3, True)])
def test_reports_must_be_missing_on_several_days(missing: int, is_told: bool) -> None:
    """Long days on which nobody reports, however much of the time they make up."""
    whole, short = Seen(people=25, offered=9_000), Seen(people=25, offered=600, reported=600)
    window = [(day, {SLOJD: whole if at < missing else short}) for at, day in enumerate(DAYS[:10])]
    assert (SLOJD in unreported(window)) is is_told
    assert unreported(window[1:]) == {}


def test_eighty_per_cent_is_enough() -> None:
    """Of fifty lessons ten: exactly on the threshold; one more is under it."""
    five = SchoolWorld({A: 25}, {A: ((8, "X"), (9, "Y"), (10, "Z"), (11, "U"), (13, "V"))})
    rows = [five.row(day, silent=[(A, 8)]) for day in DAYS[:10]]
    assert [one.subject for one in told(rows)] == ["X"]
    again = five.row(DAYS[9], silent=[(A, 8), (A, 9)], revision=2)
    assert {one.scope for one in told([*rows, again])} == {
        pb.SIGNAL_SCOPE_UNIT,
        pb.SIGNAL_SCOPE_CLASS,
        pb.SIGNAL_SCOPE_SUBJECT,
    }


def test_a_day_waits_for_every_partition() -> None:
    two = SchoolWorld({A: 50}, partitions=2)
    rows = [row for day in DAYS[:20] for row in two.rows(day)]
    last = two.rows(DAYS[20], valid={A: range(20)})
    assert told([*rows, last[0]], 2) == []
    assert told([*rows, *last], 2)


def test_what_is_active_is_over_when_the_next_school_year_begins() -> None:
    first, later = weekdays(20, 20_600), weekdays(1, 20_700)[0]  # May and August 2026
    rows = [*calm(first), ill(first[-1] + 3, a=9), *calm([later])]
    signal = waves(rows)[0]
    assert signal.school_year == 2025
    assert (signal.episodes[0].state, signal.episodes[0].over_day) == (pb.SIGNAL_STATE_OVER, later)


def test_no_pupil_is_in_a_signal() -> None:
    """Fields of the contract: nothing that could hold who it was."""
    fields = {field.name for field in pb.SchoolSignal.DESCRIPTOR.fields}
    fields |= {field.name for field in pb.SignalEpisode.DESCRIPTOR.fields}
    fields |= {field.name for field in pb.SignalFigures.DESCRIPTOR.fields}
    assert not [name for name in fields if "pupil" in name and name != "pupils"]


@pytest.mark.parametrize(("days", "places"), [(12, 40), (20, 40), (20, 1), (7, 1), (6, 1)])
def test_the_sign_test_is_exact(days: int, places: int) -> None:
    for speak in range(days + 1):
        tail = sum(comb(days, x) for x in range(speak, days + 1)) / 2**days
        assert is_unlikely(speak, days, places) is (tail * places < 0.01)


@pytest.mark.parametrize(
    ("days", "pupils", "absent", "expected", "is_told"),
    [
        (10, 50, 10, 5_000, True),  # exactly ten points more
        (10, 50, 10, 5_001, False),
        (9, 50, 10, 5_000, False),  # too few days
        (10, 25, 5, 2_500, True),  # exactly five pupils, and five less two are more than 2.5
        (10, 20, 4, 1_000, False),
        (10, 10, 5, 3_000, False),  # without two they are no more than expected
        (10, 10, 5, 2_999, True),
        (10, 4, 4, 0, False),
    ],
)
def test_the_thresholds_of_a_cluster(
    days: int, pupils: int, absent: int, expected: int, is_told: bool
) -> None:
    window = [(day, {SLOJD: Seen(pupils, absent, expected)}) for day in DAYS[:days]]
    assert (SLOJD in clusters(window)) is is_told


def test_more_places_ask_for_more_days() -> None:
    """Ten days of ten are enough for ten places at most: 100 * 10 < 2 ** 10."""
    for others, is_told in ((9, True), (10, False)):
        quiet = {
            Place(pb.SIGNAL_SCOPE_CLASS, bytes([n])): Seen(25, 1, 1_000) for n in range(others)
        }
        window = [(day, {SLOJD: Seen(25, 10, 2_000)} | quiet) for day in DAYS[:10]]
        assert (SLOJD in clusters(window)) is is_told


def test_an_average_is_rounded_half_up() -> None:
    places = [Seen(25, 11, 2_000)] * 5 + [Seen(25, 10, 2_000)] * 5
    window = [(day, {SLOJD: one}) for day, one in zip(DAYS, places, strict=False)]
    figures = clusters(window)[SLOJD]
    assert (figures.window_first_day, figures.window_last_day) == (DAYS[0], DAYS[9])
    assert (figures.window_days, figures.days_for) == (10, 10)
    assert (figures.absent, figures.pupils) == (11, 25)
    assert (figures.share_permille, figures.usual_permille) == (420, 80)


def test_a_share_is_told_in_thousandths_rounded_down() -> None:
    for absent, share in ((3_001, 1_000), (3_000, 999)):
        window = [(day, {SLOJD: Seen(3_001, absent, 0)}) for day in DAYS[:10]]
        assert clusters(window)[SLOJD].share_permille == share


def test_a_place_that_is_no_cluster_says_nothing_of_the_ones_after_it() -> None:
    quiet = {
        Place(pb.SIGNAL_SCOPE_CLASS, b"1"): Seen(25, 1, 1_000),  # too few are away
        Place(pb.SIGNAL_SCOPE_CLASS, b"2"): Seen(25, 6, 6_000),  # no more than expected
        Place(pb.SIGNAL_SCOPE_CLASS, b"3"): Seen(50, 30, 5_000),  # on too few days
    }
    some = {Place(pb.SIGNAL_SCOPE_CLASS, b"3"): Seen(25, 1, 1_000)}
    window = [(day, quiet | (some if i % 2 else {})) for i, day in enumerate(DAYS[:12])]
    smallest = Seen(5, 5, 0)  # of five pupils all
    assert set(clusters([(day, places | {SLOJD: smallest}) for day, places in window])) == {SLOJD}
