"""Calendars, buckets, placements, quotas, versions: the parts that need no server."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forvarning.facts.v1 import facts_pb2 as facts
from services.common.clock import STOCKHOLM
from services.common.ids import reporter_id
from services.ingest import facts_out
from services.ingest.calendars import Calendar, Span, UnitCalendar, last_closable
from services.ingest.lessons import notice_years
from services.ingest.model.answers import ItemAnswer
from services.ingest.model.fields import offset_is_swedish
from services.ingest.model.lessons import NoticeIn, RegisterIn
from services.ingest.model.parse import parse_item
from services.ingest.quota import Quotas
from services.ingest.roster.placements import Stay, first_of_each_year
from services.ingest.store.homes import BUCKET_ROOM, fill
from services.ingest.versions import capped

NOW = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)

YEAR = Calendar(
    2026,
    (
        ("HT2026", Span(date(2026, 8, 18), date(2026, 12, 18))),
        ("VT2027", Span(date(2027, 1, 11), date(2027, 6, 11))),
    ),
    (Span(date(2026, 11, 2), date(2026, 11, 6)),),
)


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 8, 17), None),
        (date(2026, 8, 18), "school_day"),
        (date(2026, 8, 22), "free"),
        (date(2026, 11, 4), "free"),
        (date(2026, 12, 18), "school_day"),
        (date(2026, 12, 21), "free"),
        (date(2027, 1, 6), "free"),
        (date(2027, 3, 26), "free"),  # långfredagen
        (date(2027, 5, 6), "free"),  # Kristi himmelsfärdsdag
        (date(2027, 6, 11), "school_day"),
        (date(2027, 6, 12), None),
    ],
)
def test_what_a_day_is(day: date, kind: str | None) -> None:
    assert UnitCalendar(years={2026: YEAR}).kind(day) == kind


def test_a_calendars_days_follow_on_each_other() -> None:
    unit = UnitCalendar(years={2026: YEAR})
    through = date(2026, 10, 1)
    every = [day for day, _ in unit.days(None, through)]
    assert every == [YEAR.span.first + timedelta(days=n) for n in range(45)]
    rest = [day for day, _ in unit.days(date(2026, 9, 28), through)]
    assert rest == every[-3:]
    assert list(unit.days(through, through)) == []


def test_a_calendars_digest_changes_with_its_days() -> None:
    changed = Calendar(2026, YEAR.terms, ())
    assert UnitCalendar(years={2026: YEAR}).digest() != UnitCalendar(years={2026: changed}).digest()


@pytest.mark.parametrize(
    ("local", "day"),
    [
        ("2026-11-24T17:59:59", date(2026, 11, 23)),
        ("2026-11-24T18:00:00", date(2026, 11, 24)),
        ("2026-10-25T18:00:00", date(2026, 10, 25)),
        ("2027-03-28T17:59:59", date(2027, 3, 27)),
        ("2026-12-31T23:59:59", date(2026, 12, 31)),
    ],
)
def test_when_a_day_has_ended(local: str, day: date) -> None:
    instant = datetime.fromisoformat(local).replace(tzinfo=STOCKHOLM).astimezone(UTC)
    assert last_closable(time(18, 0), instant) == day


@given(
    st.integers(0, 130),
    st.lists(st.integers(0, BUCKET_ROOM), max_size=4),
    st.integers(0, 5),
)
def test_buckets(newcomers: int, held: list[int], gap: int) -> None:
    """No bucket is overfilled, nobody is left out, and none is opened while there is room."""
    pupils = [uuid4() for _ in range(newcomers)]
    first_new = len(held) + gap
    placed, after = fill(pupils, list(enumerate(held)), first_new)
    assert set(placed) == set(pupils)
    sizes = {
        bucket: sum(b == bucket for b in placed.values())
        + (held[bucket] if bucket < len(held) else 0)
        for bucket in set(placed.values())
    }
    assert all(size <= BUCKET_ROOM for size in sizes.values())
    opened = {bucket for bucket in placed.values() if bucket >= first_new}
    assert opened == set(range(first_new, after))
    if opened:
        room = sum(BUCKET_ROOM - n for n in held)
        assert len([b for b in placed.values() if b not in opened]) == room
        assert min(sizes[b] for b in opened) >= (newcomers - room) // len(opened)


def stay(first: str, end: str | None) -> Stay:
    return Stay(
        UUID(int=1), UUID(int=2), None, "GR", 7, date.fromisoformat(first),
        date.fromisoformat(end) if end else None,
    )  # fmt: skip


def test_a_stay_is_cut_into_school_years() -> None:
    cut = stay("2025-08-18", None).cut({2025, 2026})
    assert [(p.school_year, p.valid_from, p.valid_to) for p in cut] == [
        (2025, date(2025, 8, 18), date(2026, 7, 1)),
        (2026, date(2026, 7, 1), None),
    ]
    cut = stay("2025-08-18", "2026-10-01").cut({2024, 2025, 2026, 2027})
    assert [(p.school_year, p.valid_from, p.valid_to) for p in cut] == [
        (2025, date(2025, 8, 18), date(2026, 7, 1)),
        (2026, date(2026, 7, 1), date(2026, 10, 1)),
    ]
    assert stay("2026-08-18", "2026-08-19").cut({2025}) == []
    [only] = stay("2026-08-18", None).cut({2026})
    [ended] = stay("2026-08-18", "2026-11-20").cut({2026})
    assert only.placement_id == ended.placement_id


def test_the_first_responsible_unit() -> None:
    later = Stay(UUID(int=1), UUID(int=3), None, "GR", 7, date(2026, 10, 1), None)
    placements = [*later.cut({2026}), *stay("2026-08-18", "2026-10-01").cut({2026})]
    [first] = first_of_each_year(placements).values()
    assert first.school_unit_id == UUID(int=2)


def test_a_quota_refills() -> None:
    now = 0.0
    quotas = Quotas(lambda: now)
    source = uuid4()
    assert quotas.take(source, 60, 60) == 0
    assert quotas.take(source, 60, 10) == 10
    now = 10.0
    assert quotas.take(source, 60, 10) == 0
    assert quotas.take(source, 60, 1) == 1
    now = 1000.0
    # More than a minute's worth is taken from a full bucket, and owed.
    assert quotas.take(source, 60, 120) == 0
    assert quotas.take(source, 60, 1) == 61
    assert quotas.take(uuid4(), 60, 1) == 0


def test_a_modified_time_is_capped() -> None:
    assert capped(NOW + timedelta(minutes=5), NOW) == (int(NOW.timestamp() * 1000) + 300_000, False)
    assert capped(NOW + timedelta(minutes=6), NOW) == (int(NOW.timestamp() * 1000) + 300_000, True)
    assert capped(NOW - timedelta(days=9), NOW)[1] is False


@pytest.mark.parametrize(
    ("text", "swedish"),
    [
        ("2026-11-24T08:10:00+01:00", True),
        ("2026-11-24T08:10:00+02:00", False),
        ("2026-07-01T08:10:00+02:00", True),
        ("2026-07-01T08:10:00+01:00", False),
        ("2026-07-01T08:10:00+00:00", True),
        # Both offsets hold on the night when summer time ends, one after the other.
        ("2026-10-25T02:30:00+02:00", True),
        ("2026-10-25T02:30:00+01:00", True),
        ("2026-10-25T03:30:00+02:00", False),
    ],
)
def test_swedens_offset(text: str, swedish: bool) -> None:
    assert offset_is_swedish(datetime.fromisoformat(text)) is swedish


def test_a_notice_over_the_summer_touches_two_school_years() -> None:
    notice = {
        "id": "n",
        "pupil": "p",
        "kind": "leave",
        "reported_by": "guardian",
        "modified": "2026-06-01T08:00:00+02:00",
    }

    def years(start: str, end: str) -> list[int]:
        return notice_years(NoticeIn.model_validate(notice | {"start": start, "end": end}))

    assert years("2026-06-10T00:00:00+02:00", "2026-08-20T00:00:00+02:00") == [2025, 2026]
    assert years("2026-06-10T00:00:00+02:00", "2026-07-01T00:00:00+02:00") == [2025]


def test_the_account_that_reported_goes_with_the_notice_and_cannot_be_followed_elsewhere() -> None:
    account, source = UUID(int=7), UUID(int=8)
    sent = {
        "id": "n",
        "pupil": "p",
        "kind": "absence_report",
        "reported_by": "guardian",
        "start": "2026-11-24T00:00:00+01:00",
        "end": "2026-11-25T00:00:00+01:00",
        "modified": "2026-11-24T08:00:00+01:00",
    }
    plain = NoticeIn.model_validate(sent)
    assert plain.reporter is None
    assert facts_out.notice_of(plain, UUID(int=1), None, facts.Version()).reporter_id == b""
    told = NoticeIn.model_validate(sent | {"reporter": str(account)})
    assert told.reporter == account
    here, there = (reporter_id(UUID(int=i), source, account) for i in (1, 2))
    assert len({here, there, account}) == 3
    assert here == reporter_id(UUID(int=1), source, account)
    body = facts_out.notice_of(told, UUID(int=1), here, facts.Version())
    assert body.reporter_id == here.bytes
    answer = ItemAnswer(0)
    assert parse_item(NoticeIn, sent | {"reporter": "191212121212"}, answer) is None
    assert answer.body()["problem"]["field"] == "/reporter"


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20)
        | st.integers(),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "marks", "start", "pupil", "school_unit", "modified", "valid"]),
            inner,
            max_size=5,
        ),
        max_leaves=12,
    )
)  # fmt: skip
def test_any_json_gets_an_answer(item: object) -> None:
    answer = ItemAnswer(0)
    assert parse_item(RegisterIn, item, answer) is None
    assert answer.status == "refused"
    body = answer.body()
    assert body["problem"]["field"].startswith("/")
    assert body["problem"]["code"]
