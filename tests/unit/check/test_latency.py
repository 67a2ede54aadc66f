"""Which statement caused which sighting, and the percentile."""

from __future__ import annotations

import pytest

from deploy.check.latency import Ground, Matcher, Sample, outside, percentile
from deploy.check.windows import Window

THREAD, PUPIL, DAY = b"t" * 16, b"p" * 16, 20000
MATHS, SWEDISH = Ground(PUPIL, b"m" * 16, DAY), Ground(PUPIL, b"s" * 16, DAY)


def test_the_time_runs_from_the_answer_to_the_first_sighting() -> None:
    matcher = Matcher()
    matcher.accepted(MATHS, 10.0, modified=1, invalid=60)
    matcher.seen(THREAD, [MATHS], 10.4)
    matcher.seen(THREAD, [MATHS], 11.0)
    assert matcher.samples == [Sample(10.0, 10.4)]


def test_a_repeat_does_not_shorten_it() -> None:
    matcher = Matcher()
    matcher.accepted(MATHS, 10.0, modified=1, invalid=60)
    matcher.accepted(MATHS, 12.9, modified=1, invalid=60)
    matcher.seen(THREAD, [MATHS], 13.0)
    assert [sample.seconds for sample in matcher.samples] == [pytest.approx(3.0)]


def test_a_mark_that_was_present_before_counts_from_the_correction() -> None:
    matcher = Matcher()
    matcher.accepted(MATHS, 9.0, modified=0, invalid=0)
    matcher.accepted(MATHS, 10.0, modified=1, invalid=60)
    matcher.accepted(MATHS, 11.0, modified=2, invalid=0)
    matcher.accepted(MATHS, 20.0, modified=3, invalid=60)
    matcher.seen(THREAD, [MATHS], 20.5)
    assert matcher.samples == [Sample(20.0, 20.5)]


def test_an_older_statement_that_comes_later_changes_nothing() -> None:
    matcher = Matcher()
    matcher.accepted(MATHS, 10.0, modified=2, invalid=60)
    matcher.accepted(MATHS, 10.1, modified=1, invalid=0)
    matcher.seen(THREAD, [MATHS], 10.5)
    assert matcher.samples == [Sample(10.0, 10.5)]


def test_an_answer_that_comes_after_the_sighting_is_no_negative_time() -> None:
    matcher = Matcher()
    matcher.accepted(MATHS, 10.01, modified=1, invalid=60)
    matcher.seen(THREAD, [MATHS], 10.0)
    assert matcher.samples == [Sample(10.01, 10.0)]
    assert matcher.samples[0].seconds == 0.0


def test_each_lesson_that_joins_a_thread_is_a_sample_of_its_own() -> None:
    matcher = Matcher()
    matcher.accepted(MATHS, 10.0, modified=1, invalid=60)
    matcher.seen(THREAD, [MATHS], 10.5)
    matcher.accepted(SWEDISH, 20.0, modified=1, invalid=60)
    matcher.seen(THREAD, [MATHS, SWEDISH], 21.0)
    assert matcher.samples == [Sample(10.0, 10.5), Sample(20.0, 21.0)]


def test_a_late_arrival_is_due_when_another_lesson_makes_the_day_a_warning() -> None:
    matcher = Matcher(least=15)
    matcher.accepted(MATHS, 10.0, modified=1, invalid=10)
    matcher.accepted(SWEDISH, 20.0, modified=1, invalid=4)
    matcher.accepted(SWEDISH, 30.0, modified=2, invalid=5)
    matcher.accepted(MATHS, 30.5, modified=1, invalid=10)
    matcher.seen(THREAD, [MATHS, SWEDISH], 31.0)
    assert matcher.samples == [Sample(30.0, 31.0)] * 2


def test_a_day_that_was_a_warning_takes_a_late_arrival_at_once() -> None:
    matcher = Matcher(least=15)
    matcher.accepted(MATHS, 10.0, modified=1, invalid=60)
    matcher.seen(THREAD, [MATHS], 10.5)
    matcher.accepted(SWEDISH, 20.0, modified=1, invalid=5)
    matcher.seen(THREAD, [MATHS, SWEDISH], 23.0)
    assert matcher.samples == [Sample(10.0, 10.5), Sample(20.0, 23.0)]


def test_a_day_that_nothing_acknowledged_makes_a_warning_is_no_sample() -> None:
    matcher = Matcher(least=15)
    matcher.accepted(MATHS, 10.0, modified=1, invalid=10)
    matcher.seen(THREAD, [MATHS], 16.0)
    # The answer about the other lesson came after the warning was readable.
    matcher.accepted(SWEDISH, 16.1, modified=1, invalid=60)
    assert matcher.samples == []
    assert matcher.unattributed == 1


def test_what_comes_back_or_has_no_cause_is_counted_apart() -> None:
    matcher = Matcher()
    matcher.seen(THREAD, [SWEDISH], 5.0)
    matcher.accepted(MATHS, 10.0, modified=1, invalid=60)
    matcher.seen(THREAD, [MATHS], 10.5)
    matcher.seen(THREAD, [], 11.0)
    matcher.seen(THREAD, [MATHS], 12.0)
    assert matcher.samples == [Sample(10.0, 10.5)]
    assert matcher.unattributed == 2


def test_what_was_readable_before_gives_no_sample() -> None:
    matcher = Matcher()
    matcher.known(THREAD, [MATHS])
    matcher.accepted(MATHS, 10.0, modified=1, invalid=60)
    matcher.seen(THREAD, [MATHS], 10.4)
    assert matcher.samples == []
    assert matcher.unattributed == 0


def test_a_day_that_a_notice_touches_gives_no_samples() -> None:
    matcher = Matcher()
    other_day = Ground(PUPIL, b"o" * 16, DAY + 1)
    matcher.accepted(MATHS, 10.0, modified=1, invalid=60)
    matcher.accepted(other_day, 10.0, modified=1, invalid=60)
    matcher.excused(PUPIL, [DAY])
    matcher.seen(THREAD, [MATHS, other_day], 40.0)
    assert matcher.samples == [Sample(10.0, 40.0)]
    assert matcher.unattributed == 1


def test_a_sample_that_touches_a_window_lies_inside_it() -> None:
    spans = [Window(10.0, 20.0)]
    samples = [Sample(5.0, 6.0), Sample(9.0, 10.0), Sample(19.0, 30.0), Sample(20.0, 20.5)]
    assert outside(samples, spans) == [Sample(5.0, 6.0), Sample(20.0, 20.5)]
    assert outside([Sample(9.99, 9.5)], [Window(9.6, 9.9)]) == [Sample(9.99, 9.5)]


def test_percentile_is_the_nearest_rank() -> None:
    assert percentile([], 0.99) is None
    assert percentile([3.0], 0.99) == 3.0
    hundred = [float(n) for n in range(1, 101)]
    assert percentile(hundred, 0.99) == 99.0
    assert percentile(hundred, 0.5) == 50.0
    assert percentile([*hundred, 101.0], 0.99) == 100.0
