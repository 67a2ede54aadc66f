"""The koordinator's desk: whom a beställning suits, whose consent is missing, and networks."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from services.cases.domain import coordination
from services.cases.domain.chain import Fact
from services.cases.domain.coordination import Consenters, TeamMember, lacking, suggest
from services.cases.domain.entries.coordination import Consent, CoordinationRequest
from services.cases.domain.entries.registry import KINDS

TODAY = date(2026, 11, 24)
NORTH, SOUTH = UUID(int=1), UUID(int=2)
VERA, VIKTOR = UUID(int=21), UUID(int=22)


def member(number: int, profession: str = "social_worker", **changes: object) -> TeamMember:
    values: dict[str, object] = {
        "staff_id": UUID(int=number),
        "profession": profession,
        "capacity": 10,
        "valid_from": date(2026, 1, 1),
        "valid_to": None,
        "areas": frozenset(),
    }
    return TeamMember(**values | changes)  # type: ignore[arg-type]


def order(found: list[coordination.Suggestion]) -> list[int]:
    return [one.member.staff_id.int for one in found]


def test_the_areas_contact_person_comes_first_while_there_is_room() -> None:
    team = [member(1), member(2, areas=frozenset({NORTH})), member(3, areas=frozenset({SOUTH}))]
    assert order(suggest(team, {}, area_id=NORTH, professions=(), today=TODAY))[0] == 2
    full = {UUID(int=2): 10}
    found = suggest(team, full, area_id=NORTH, professions=(), today=TODAY)
    assert order(found)[-1] == 2
    assert found[-1].room == 0


def test_a_wanted_profession_and_then_the_lightest_load() -> None:
    team = [member(1), member(2, "special_educator"), member(3, capacity=4), member(4)]
    load = {UUID(int=1): 5, UUID(int=3): 1, UUID(int=4): 1}
    found = suggest(team, load, area_id=None, professions={"special_educator"}, today=TODAY)
    # One of ten is lighter than one of four.
    assert order(found) == [2, 4, 3, 1]
    assert [one.wanted for one in found] == [True, False, False, False]


def test_temporary_posts_end_by_themselves() -> None:
    """Uppsala: six persons in autumn 2020, five from 2021, and three more for that year."""
    since, until = date(2020, 8, 1), date(2021, 1, 1)
    team = [member(n, valid_from=since) for n in range(5)]
    team.append(member(5, valid_from=since, valid_to=until))
    team += [member(n, valid_from=until, valid_to=date(2022, 1, 1)) for n in (6, 7, 8)]
    assert coordination.capacity(team, date(2020, 12, 31)) == 60
    assert coordination.capacity(team, date(2021, 1, 1)) == 80
    assert coordination.capacity(team, date(2022, 1, 1)) == 50
    assert len(suggest(team, {}, area_id=None, professions=(), today=date(2021, 6, 1))) == 8


def consent(whose: str, *actors: str, status: str = "given") -> Fact:
    tags = frozenset({f"of:{whose}", *(f"for:{one}" for one in actors)})
    return Fact(uuid4(), "consent", status, None, TODAY, tags)


BOTH = frozenset({VERA, VIKTOR})


@pytest.mark.parametrize(
    ("who", "given", "actors", "missing"),
    [
        (Consenters(BOTH, 13, False), [], ["care"], [str(VERA), str(VIKTOR)]),
        (Consenters(BOTH, 13, False), [consent(str(VERA), "care")], ["care"], [str(VIKTOR)]),
        (
            Consenters(BOTH, 13, False),
            [consent(str(VERA), "care"), consent(str(VIKTOR), "care", "police")],
            ["care"],
            [],
        ),
        # Each actor must be named by each.
        (
            Consenters(BOTH, 13, False),
            [consent(str(VERA), "care"), consent(str(VIKTOR), "care", "police")],
            ["care", "police"],
            [str(VERA)],
        ),
        # A mature pupil has a say; a consent that is withdrawn is none.
        (
            Consenters(BOTH, 16, True),
            [consent(str(VERA), "care"), consent(str(VIKTOR), "care")],
            ["care"],
            ["pupil"],
        ),
        (
            Consenters(frozenset({VERA}), 13, False),
            [consent(str(VERA), "care", status="withdrawn")],
            ["care"],
            [str(VERA)],
        ),
        # From 18 the pupil alone.
        (Consenters(BOTH, 18, False), [consent("pupil", "care")], ["care"], []),
        (Consenters(BOTH, 18, False), [consent(str(VERA), "care")], ["care"], ["pupil"]),
        # Nobody in the register: nobody has said yes.
        (Consenters(frozenset(), 13, False), [], ["care"], ["guardian"]),
        # Two consents of one guardian add up.
        (
            Consenters(frozenset({VERA}), 13, False),
            [consent(str(VERA), "care"), consent(str(VERA), "police")],
            ["care", "police"],
            [],
        ),
    ],
)
def test_whose_consent_is_missing(
    who: Consenters, given: list[Fact], actors: list[str], missing: list[str]
) -> None:
    assert lacking(given, who, actors) == missing


def test_the_newest_judgement_of_maturity_counts() -> None:
    def judged(*tags: str) -> Fact:
        return Fact(uuid4(), "maturity", "judged", None, TODAY, frozenset(tags))

    assert not coordination.mature([])
    assert coordination.mature([judged(), judged("mature")])
    assert not coordination.mature([judged("mature"), judged()])


def shared(*actors: str, status: str = "active") -> Fact:
    tags = frozenset(f"with:{one}" for one in actors)
    return Fact(uuid4(), "network", status, None, TODAY, tags)


WORKING = Fact(uuid4(), "coordination", "started", None, TODAY)


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ([], False),
        ([shared("social_services")], False),
        ([shared("social_services"), shared("care")], True),
        ([shared("social_services", "leisure")], True),
        ([WORKING, shared("social_services")], True),
        # The region and the police are no förvaltning of the municipality.
        ([WORKING, shared("health_care", "police")], False),
        ([WORKING, shared("social_services", status="ended")], False),
    ],
)
def test_two_forvaltningar_ask_for_a_network(facts: list[Fact], wanted: bool) -> None:
    assert coordination.network_wanted(facts) is wanted


def test_a_consent_names_the_guardian_or_is_the_pupils() -> None:
    base = {"on": TODAY, "actors": ("care",), "way": "written"}
    assert Consent(party="pupil", **base).guardian_id is None
    for wrong in ({"party": "guardian"}, {"party": "pupil", "guardian_id": VERA}):
        with pytest.raises(ValidationError, match="vårdnadshavare"):
            Consent(**wrong, **base)


def test_a_bestallning_is_to_be_taken_up_within_five_working_days_and_then_waits_no_more() -> None:
    kind = KINDS["coordination_request"]
    body = CoordinationRequest(on=date(2026, 12, 21), help="Hjälp", contact="Rolf")
    assert kind.due(body, "ordered") == {"assign_coordinator": date(2026, 12, 30)}
    for status in ("accepted", "declined", "withdrawn"):
        assert kind.due(body, status) == {}
