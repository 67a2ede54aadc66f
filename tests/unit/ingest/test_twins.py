"""Which new activity is which old one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.ss12000.twins import candidates, key_of, match

ROOT = UUID(int=9)
A, B, C, D, E = (uuid5(ROOT, name) for name in "abcde")
GROUP, OTHER, SCHOOL, MATHS = (uuid5(ROOT, name) for name in ("g", "h", "s", "m"))
MONDAY = datetime(2026, 11, 23, 7, 10, tzinfo=UTC)


def at(*hours: int) -> frozenset[datetime]:
    return frozenset(MONDAY + timedelta(hours=hour) for hour in hours)


def test_one_old_one_new_that_share_a_lesson_are_the_same() -> None:
    found = match({B: [A]}, {A: at(0, 24), B: at(24, 48)})
    assert (found.same, found.unclear) == ({B: A}, {})


def test_without_a_shared_lesson_nothing_is_concluded() -> None:
    found = match({B: [A]}, {A: at(0), B: at(1)})
    assert (found.same, found.unclear) == ({}, {})


def test_of_two_the_one_with_more_shared_lessons_is_it() -> None:
    starts = {A: at(0, 24, 48), B: at(1, 25, 48), C: at(0, 24, 48), D: at(1, 25, 48)}
    found = match({C: [A, B], D: [A, B]}, starts)
    assert (found.same, found.unclear) == ({C: A, D: B}, {})


def test_where_both_could_be_meant_neither_is_taken() -> None:
    found = match({C: [A, B]}, {A: at(0), B: at(0), C: at(0)})
    assert (found.same, found.unclear) == ({}, {C: [*sorted([A, B])]})
    found = match({C: [A], D: [A]}, {A: at(0), C: at(0), D: at(0)})
    assert (found.same, found.unclear) == ({}, {C: [A], D: [A]})


HOURS = st.dictionaries(
    st.sampled_from([A, B, C, D, E]), st.frozensets(st.integers(0, 5), max_size=6)
)
WANTED = st.dictionaries(st.sampled_from([C, D, E]), st.lists(st.sampled_from([A, B]), unique=True))


@given(HOURS, WANTED)
def test_no_old_one_is_taken_twice(
    hours: dict[UUID, frozenset[int]], wanted: dict[UUID, list[UUID]]
) -> None:
    starts = {one: at(*found) for one, found in hours.items()}
    found = match(wanted, starts)
    assert len(set(found.same.values())) == len(found.same)
    assert not found.same.keys() & found.unclear.keys()
    for new, old in found.same.items():
        assert starts[new] & starts[old]


@given(HOURS, WANTED)
def test_the_same_is_what_shares_more_with_each_other_than_either_with_anything_else(
    hours: dict[UUID, frozenset[int]], wanted: dict[UUID, list[UUID]]
) -> None:
    shared = {
        (new, old): len(hours.get(new, frozenset()) & hours.get(old, frozenset()))
        for new, olds in wanted.items()
        for old in olds
    }
    same = {
        pair
        for pair, count in shared.items()
        if count
        > max((n for p, n in shared.items() if p != pair and set(p) & set(pair)), default=0)
    }
    unclear = {
        new: sorted(old for old in olds if shared[new, old])
        for new, olds in wanted.items()
        if any(shared[new, old] for old in olds) and new not in dict(same)
    }
    found = match(wanted, {one: at(*listed) for one, listed in hours.items()})
    assert (found.same, found.unclear) == (dict(same), unclear)


def body(name: str, group: UUID = GROUP, **more: object) -> dict[str, object]:
    return {
        "displayName": name, "groups": [{"id": str(group)}], "organisation": {"id": str(SCHOOL)},
        "syllabus": {"id": str(MATHS)}, **more,
    }  # fmt: skip


def test_ids_of_groups_may_change_too_their_names_and_the_subject_count() -> None:
    groups = {
        one: {"displayName": "7A", "groupType": "Klass", "organisation": {"id": str(SCHOOL)}}
        for one in (GROUP, OTHER)
    }
    syllabuses = {MATHS: {"subjectDesignation": "MA"}}
    first = key_of(body("7A MA"), groups, syllabuses)
    assert first is not None
    assert key_of(body("7A MA ht", OTHER), groups, syllabuses) == first
    assert key_of(body("7A MA", syllabus={"id": str(A)}), groups, syllabuses) != first
    other_school = body("7A MA", organisation={"id": str(B)})
    assert key_of(other_school, groups, syllabuses) != first
    assert key_of(body("7A MA", A), groups, syllabuses) is None
    assert key_of({"displayName": "Utan grupp"}, groups, syllabuses) is None


def test_who_is_somebodys_alias_already_is_left_alone() -> None:
    assert candidates({B: ("k",), C: ("k",)}, {A: ("k",)}, {B}) == {C: [A]}
    assert candidates({B: ("k",)}, {A: ("l",)}, ()) == {}
