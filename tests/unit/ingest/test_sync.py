"""Reading school systems: the parts that need neither a server nor a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.clock import STOCKHOLM
from services.ingest import sources_text
from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.model.pulls import PullIn
from services.ingest.ss12000.reading import instant_of
from services.ingest.ss12000.vocabulary import DELETED_KEYS, PATHS, TAKEN, Resource
from services.ingest.sync import errors, spans
from services.ingest.sync.errors import SecretMissingError
from services.ingest.sync.feedback import entry
from services.ingest.sync.model import DELETED, Cursor, Learned
from services.ingest.sync.reader import candidates, instant
from services.ingest.sync.secrets import PREFIX, Secrets
from services.ingest.sync.status import ADVICE
from services.ingest.sync.store import Hook, Problem
from services.ingest.sync.subscriptions import renewal_due
from services.ingest.sync.tally import Tally, newest_of
from tests.support.ss12000.habits import ODD_PATHS

T0 = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
OVERLAP = timedelta(minutes=5)


def read(
    cursor: Cursor, began: datetime, newest: datetime | None, after_minutes: float = 1
) -> Cursor:
    """A delta that began at ``began`` and saw nothing newer than ``newest``."""
    under_way = replace(cursor.begun("delta", cursor.high), pass_started=began, newest=newest)
    ended = began + timedelta(minutes=after_minutes)
    return under_way.finished(ended, ended, OVERLAP)


def test_the_next_delta_begins_an_overlap_before_this_one() -> None:
    cursor = read(Cursor("Person", high=T0 - timedelta(days=1)), T0, T0 + timedelta(seconds=30))
    assert cursor.high == T0 - OVERLAP


def test_or_at_the_newest_stamp_where_the_sources_stamps_run_behind() -> None:
    behind = T0 - timedelta(hours=2)
    assert read(Cursor("Person", high=T0 - timedelta(days=1)), T0, behind).high == behind


def test_a_stamp_of_2099_moves_nothing_ahead() -> None:
    future = datetime(2099, 1, 1, tzinfo=UTC)
    assert read(Cursor("Person", high=T0 - timedelta(days=1)), T0, future).high == T0 - OVERLAP


def test_where_nothing_was_seen_the_cursor_stays_but_for_deletions() -> None:
    high = T0 - timedelta(hours=1)
    assert read(Cursor("Person", high=high), T0, None).high == high
    assert read(Cursor(DELETED, high=high), T0, None).high == T0 - OVERLAP


@given(st.lists(st.tuples(st.integers(-600, 600), st.integers(0, 300)), max_size=30))
def test_no_change_is_missed_and_no_cursor_goes_back(steps: list[tuple[int, int]]) -> None:
    """A source whose stamps are off by a constant; each pass sees what is later than its after."""
    skew = timedelta(minutes=steps[0][0]) if steps else timedelta(0)
    cursor, now, seen, changes = Cursor("Person"), T0, set[datetime](), list[datetime]()
    for _, wait in steps:
        now += timedelta(minutes=wait)
        changes.append(now)
        stamps = [at + skew for at in changes]
        found = [one for one in stamps if cursor.high is None or one > cursor.high]
        assert set(stamps) - seen <= set(found)
        seen |= set(found)
        before = cursor.high
        cursor = read(cursor, now + timedelta(seconds=1), max(found, default=None))
        assert before is None or (cursor.high is not None and cursor.high >= before)


def test_weeks_cover_the_school_year_without_gap_over_both_changes_of_the_clock() -> None:
    first: datetime | None = spans.first_week(T0)
    begins, ends = spans.school_year_span(T0)
    assert first is not None
    assert first <= begins
    reached = first
    weeks = 0
    while first is not None:
        week = spans.week_of(first)
        assert week[0] == reached
        reached = week[1] + timedelta(milliseconds=1)
        first = spans.next_week(first, T0)
        weeks += 1
    assert reached > ends
    assert weeks in (53, 54)


@pytest.mark.parametrize("resource", TAKEN)
def test_odd_paths_are_found_by_themselves(resource: Resource) -> None:
    assert candidates(resource)[0] == PATHS[resource]
    assert ODD_PATHS[resource.value] in candidates(resource)


def test_the_standards_misspelt_key_of_deletions_is_known() -> None:
    assert {"activities", "activitites"} <= set(DELETED_KEYS[Resource.ACTIVITY])


def test_instants_go_out_in_utc_without_a_plus() -> None:
    assert instant(T0.astimezone(STOCKHOLM)).endswith("Z")
    assert instant(T0) == "2026-11-24T11:00:00.000Z"


def test_a_secret_is_found_by_name_and_nothing_else_is(tmp_path: Path) -> None:
    environment = {f"{PREFIX}SKOLA": "hemligt", "FORVARNING_INGEST_OPS_TOKEN": "not for them"}
    secrets = Secrets(tmp_path, environment)
    assert secrets.get("SKOLA").get_secret_value() == "hemligt"
    (tmp_path / "SKOLA").write_text("changed\n")
    assert secrets.get("SKOLA").get_secret_value() == "changed"
    for name in ("FORVARNING_INGEST_OPS_TOKEN", "../../etc/passwd", "", "skola"):
        with pytest.raises(SecretMissingError):
            secrets.get(name)
    with pytest.raises(SecretMissingError, match="FORVARNING_SOURCE_SECRET_NY"):
        secrets.get("NY")


@pytest.mark.parametrize(
    ("days", "due"), [(0, False), (59, False), (60, True), (89, True), (91, True)]
)
def test_a_subscription_is_renewed_in_the_last_third_of_its_life(days: int, *, due: bool) -> None:
    hook = Hook(b"", "id", T0, T0 + timedelta(days=90))
    assert renewal_due(hook, T0 + timedelta(days=days)) is due


def test_one_that_was_never_answered_is_due() -> None:
    assert renewal_due(Hook(b"", None, T0, None), T0)


@pytest.mark.parametrize(
    "meta",
    [None, {}, "x", {"modified": 5}, {"modified": "x"}, {"modified": "2026-11-24T12:00:00"}],
)
def test_a_stamp_that_is_none_is_no_stamp(meta: Any) -> None:
    assert newest_of([{"id": "x", "meta": meta}]) is None


def test_stamps_in_lower_case_count_as_the_reading_counts_them() -> None:
    """RFC 3339 allows them; without a newest stamp a delta would never move on."""
    lower = "2026-11-24t11:00:00.123z"
    page = [{"id": "x", "meta": {"created": lower, "modified": lower}}]
    newest = newest_of(page)
    assert newest == instant_of(lower) == T0 + timedelta(milliseconds=123)
    tally = Tally()
    tally.answers(Resource.PERSON, page, [ItemAnswer(0)], T0)
    assert tally.counts == {"Person": {"new": 1}}
    began = T0 + timedelta(hours=1)
    assert read(Cursor("Person", high=T0 - timedelta(days=1)), began, newest).high == newest


def test_problems_are_counted_by_kind_and_say_nothing_of_anybody() -> None:
    tally = Tally()
    answers = []
    for index in range(3):
        answer = ItemAnswer(index)
        answer.refuse([Note("invalid", f"/enrolments/{index}/startDate", "Maja is born 2013")])
        answers.append(answer)
    sample = "6a0d2a0e-6c40-4a44-9a0e-000000000001"
    entities: list[dict[str, Any]] = [{"id": sample}, {"id": "2"}, {"id": "3"}]
    tally.answers(Resource.PERSON, entities, answers, None)
    (problem,) = tally.take_problems()
    assert (problem.field, problem.entities) == ("/enrolments/*/startDate", 3)
    told = entry(problem, "2026-11-24T11:00:00.000Z")
    assert told["resourceId"] == sample
    assert told["severityLevel"] == "Error"
    assert "Maja" not in str(told)
    assert tally.counts == {"Person": {"refused": 3}}


def test_an_id_that_is_no_uuid_is_left_out_of_the_log() -> None:
    told = entry(Problem("Person", "invalid", "/id", "Error", "19121212-1212", 1), "now")
    assert "resourceId" not in told


def test_learned_survives_storing() -> None:
    learned = Learned().found("Attendance", "attendance").lacking("Absence")
    assert Learned.of(learned.stored()) == learned
    assert learned.found("Absence", "absence").missing == frozenset()


def test_every_problem_of_ours_has_advice() -> None:
    codes = {
        kind.code
        for kind in vars(errors).values()
        if isinstance(kind, type) and hasattr(kind, "code")
    }
    assert codes - {"failed", "refused"} <= set(ADVICE)


def test_defaults_fit_and_names_of_resources_are_checked() -> None:
    made = PullIn(base_url="https://skola.example.se/v2.0/", secret="SKOLA")
    assert made.base_url == "https://skola.example.se/v2.0"
    assert made.resources == TAKEN
    with pytest.raises(ValueError, match="Grade"):
        PullIn(base_url="https://skola.example.se", secret="S", resources=(Resource.GRADE,))


def test_lists_and_times_are_plain() -> None:
    assert sources_text.listing([]) == ["No sources yet: forvarning sources add --help"]
    assert sources_text.local("2026-11-24T11:00:00+00:00") == "2026-11-24 12:00"
    lines = sources_text.table(("A", "BB"), [("x", "y"), ("long", "z")])
    assert lines == ["A     BB", "x     y", "long  z"]
