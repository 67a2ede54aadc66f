"""From a thread's snapshot to obligations: what wakes whom, and when it falls due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common.clock import STOCKHOLM, epoch_day, local_instant, school_date
from services.notify.model import Obligation, ObligationState
from services.notify.obligations import Limits, Step, grace_ends, steps

TODAY = date(2026, 11, 24)
NOW = local_instant(TODAY, 9 * 60)
LIMITS = Limits(wake_from=date(2026, 8, 18), late_days=3, outage_days=14)


def thread(
    *days: date, withdrawn: tuple[date, ...] = (), reported: date | None = None
) -> pb.WarningEvent:
    caused = local_instant(reported, 600) if reported else None
    return pb.WarningEvent(
        caused_by_unix_ms=int(caused.timestamp() * 1000) if caused else 0,
        episodes=[
            pb.Episode(
                raised_day=epoch_day(day),
                state=pb.EPISODE_STATE_WITHDRAWN if day in withdrawn else pb.EPISODE_STATE_ACTIVE,
            )
            for day in (*days, *withdrawn)
        ],
    )


def held(day: date, state: ObligationState, *, excused: bool = False) -> dict[date, Obligation]:
    zero = UUID(int=0)
    return {day: Obligation(zero, zero, zero, zero, day, state, excused, NOW)}


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.mark.parametrize(
    ("day", "reported", "expected"),
    [
        (TODAY, TODAY, True),
        (ago(1), TODAY, True),
        (ago(3), TODAY, True),
        (ago(4), TODAY, False),
        (ago(4), ago(4), True),
        (ago(14), ago(14), True),
        (ago(15), ago(15), False),
        (ago(1), None, True),
        (ago(4), None, False),
        # The school took two days to tell us, and then we were away for three.
        (ago(5), ago(3), True),
        (ago(16), ago(14), True),
        (ago(17), ago(15), False),
        (ago(10), ago(6), False),
        # Their clock is past midnight, ours not yet.
        (TODAY + timedelta(days=1), TODAY + timedelta(days=1), True),
    ],
)
def test_how_old_a_date_may_be(day: date, reported: date | None, expected: bool) -> None:
    found = steps([thread(day, reported=reported)], {}, now=NOW, limits=LIMITS)
    assert found == ({day: Step.RAISE} if expected else {})


def test_history_from_before_the_organiser_was_met_wakes_nobody() -> None:
    limits = Limits(wake_from=TODAY, late_days=30, outage_days=30)
    found = steps([thread(ago(1), TODAY, reported=ago(1))], {}, now=NOW, limits=limits)
    assert found == {TODAY: Step.RAISE}


@pytest.mark.parametrize(
    ("state", "excused", "unexplained", "expected"),
    [
        (ObligationState.WAITING, False, True, None),
        (ObligationState.ARRANGED, False, True, None),
        (ObligationState.CALL_HOME, False, True, None),
        (ObligationState.SUPPRESSED, False, True, None),
        (ObligationState.WITHDRAWN, False, True, Step.RAISE),
        (ObligationState.ARRANGED, True, True, Step.RAISE),
        (ObligationState.CALL_HOME, True, True, Step.RAISE),
        (ObligationState.SUPPRESSED, True, True, Step.RAISE),
        (ObligationState.WAITING, False, False, Step.WITHDRAW),
        (ObligationState.ARRANGED, False, False, Step.EXCUSE),
        (ObligationState.CALL_HOME, False, False, Step.EXCUSE),
        (ObligationState.SUPPRESSED, False, False, Step.EXCUSE),
        (ObligationState.WITHDRAWN, False, False, None),
        (ObligationState.ARRANGED, True, False, None),
    ],
)
def test_every_state_against_the_snapshot(
    state: ObligationState, excused: bool, unexplained: bool, expected: Step | None
) -> None:
    event = thread(TODAY) if unexplained else thread(withdrawn=(TODAY,))
    found = steps([event], held(TODAY, state, excused=excused), now=NOW, limits=LIMITS)
    assert found == ({TODAY: expected} if expected else {})
    if not unexplained:
        # A snapshot that does not mention the day says the same as one that withdraws it.
        bare = steps([thread()], held(TODAY, state, excused=excused), now=NOW, limits=LIMITS)
        assert bare == found


def test_a_resolved_episode_is_still_an_absence_nobody_explained() -> None:
    event = thread(TODAY)
    event.episodes[0].state = pb.EPISODE_STATE_RESOLVED
    assert steps([event], {}, now=NOW, limits=LIMITS) == {TODAY: Step.RAISE}


def test_an_old_obligation_that_is_unexplained_again_is_left_alone() -> None:
    event = thread(ago(60), reported=TODAY)
    for state in (ObligationState.WITHDRAWN, ObligationState.ARRANGED):
        recorded = held(ago(60), state, excused=state is ObligationState.ARRANGED)
        assert steps([event], recorded, now=NOW, limits=LIMITS) == {}


instants = st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31)).map(  # noqa: DTZ001 - next line
    lambda naive: naive.replace(tzinfo=UTC)
)


@given(now=instants, minutes=st.integers(0, 240), ahead=st.integers(0, 1))
def test_the_notice_falls_due_on_its_own_day_and_never_before_now(
    now: datetime, minutes: int, ahead: int
) -> None:
    day = school_date(now) + timedelta(days=ahead)
    due = grace_ends(day, now, timedelta(minutes=minutes))
    assert school_date(due) == day
    assert due >= now
    begins = datetime(day.year, day.month, day.day, tzinfo=STOCKHOLM)
    assert due.timestamp() <= max(now.timestamp(), begins.timestamp()) + minutes * 60


@given(now=instants, minutes=st.integers(0, 240), back=st.integers(1, 20))
def test_a_day_that_has_passed_is_due_at_once(now: datetime, minutes: int, back: int) -> None:
    day = school_date(now) - timedelta(days=back)
    due = grace_ends(day, now, timedelta(minutes=minutes))
    assert abs((due - now).total_seconds()) < 0.001


@given(
    days=st.lists(st.integers(0, 5), max_size=6, unique=True),
    withdrawn=st.lists(st.integers(0, 5), max_size=6, unique=True),
    states=st.dictionaries(
        st.integers(0, 5), st.tuples(st.sampled_from(ObligationState), st.booleans())
    ),
)
def test_acting_on_the_steps_leaves_nothing_to_do(
    days: list[int], withdrawn: list[int], states: dict[int, tuple[ObligationState, bool]]
) -> None:
    event = thread(*map(ago, days), withdrawn=tuple(ago(n) for n in withdrawn if n not in days))
    recorded: dict[date, Obligation] = {}
    for back, (state, excused) in states.items():
        can_be_excused = state not in {ObligationState.WAITING, ObligationState.WITHDRAWN}
        recorded |= held(ago(back), state, excused=excused and can_be_excused)
    first = steps([event], recorded, now=NOW, limits=LIMITS)
    for day, step in first.items():
        match step:
            case Step.RAISE:
                recorded |= held(day, ObligationState.WAITING)
            case Step.WITHDRAW:
                recorded |= held(day, ObligationState.WITHDRAWN)
            case Step.EXCUSE:
                recorded |= held(day, recorded[day].state, excused=True)
    assert steps([event], recorded, now=NOW, limits=LIMITS) == {}


def test_after_an_outage_each_date_counts_from_when_the_school_told_of_it() -> None:
    # We were away from Monday to Friday; the revisions of all the days come at once.
    days = [ago(n) for n in (6, 5, 4, 1)]
    told_in_time = [thread(*days[: n + 1], reported=day) for n, day in enumerate(days)]
    found = steps(told_in_time, {}, now=NOW, limits=LIMITS)
    assert found == dict.fromkeys(days, Step.RAISE)
    # From the last one alone it cannot be known that the others were told of in time.
    assert steps(told_in_time[-1:], {}, now=NOW, limits=LIMITS).keys() == {ago(4), ago(1)}
    # What was taken back in between counts from when it came to stand again.
    again = [told_in_time[0], thread(withdrawn=(ago(6),), reported=ago(5)), thread(ago(6))]
    again[-1].caused_by_unix_ms = int(NOW.timestamp() * 1000)
    assert steps(again, {}, now=NOW, limits=LIMITS) == {}
