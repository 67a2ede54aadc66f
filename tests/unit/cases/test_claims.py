"""Claims of a provider give what the organiser allows, and nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.cases.domain.claims import Claimed, duties, read
from services.common.roles import ORGANISER_WIDE, ROLES
from services.common.settings import ClaimRules, OpenIdProvider

UNITS = {"10000001": uuid4(), "10000002": uuid4()}
AREAS = {"Norr": uuid4()}


def rules(**changes: Any) -> ClaimRules:
    return ClaimRules.model_validate(
        {
            "roles_claim": "realm_access.roles",
            "roles": {"app-rektor": "principal", "app-namnd": "board"},
            "units_claim": "skolenhetskod",
            "areas_claim": "omrade",
            "allow": ["principal", "board"],
        }
        | changes
    )


def given_for(claims: dict[str, Any]) -> set[tuple[str, UUID | None, UUID | None]]:
    claimed = read(rules(), claims)
    return {(d.role, d.area_id, d.school_unit_id) for d in duties(claimed, UNITS, AREAS)}


def test_a_role_holds_at_the_places_that_are_claimed() -> None:
    roles = {"realm_access": {"roles": ["app-rektor", "offline_access"]}}
    assert given_for(roles | {"skolenhetskod": "10000001"}) == {
        ("principal", None, UNITS["10000001"])
    }
    assert given_for(roles | {"skolenhetskod": ["10000001", "10000002"], "omrade": ["Norr"]}) == {
        ("principal", None, UNITS["10000001"]),
        ("principal", None, UNITS["10000002"]),
        ("principal", AREAS["Norr"], None),
    }


@pytest.mark.parametrize(
    "places",
    [{}, {"skolenhetskod": []}, {"skolenhetskod": "99999999"}, {"skolenhetskod": 10000001},
     {"skolenhetskod": {"10000001": True}}, {"skolenhetskod": ["10000001", 7]},
     {"skolenhetskod": ["10000001"] * 51}],
)  # fmt: skip
def test_a_rektor_of_nowhere_is_none(places: dict[str, Any]) -> None:
    assert given_for({"realm_access": {"roles": ["app-rektor"]}} | places) == set()


def test_a_role_for_the_whole_organiser_needs_no_place_and_is_narrowed_by_one() -> None:
    board = {"realm_access": {"roles": ["app-namnd"]}}
    assert given_for(board) == {("board", None, None)}
    assert given_for(board | {"omrade": "Norr"}) == {("board", AREAS["Norr"], None)}
    assert given_for(board | {"omrade": "Okänt"}) == set(), "never wider than what is claimed"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"realm_access": None},
        {"realm_access": {"roles": None}},
        {"realm_access": {"roles": ["principal", "rektor", "admin"]}},
        {"roles": ["app-rektor"], "skolenhetskod": "10000001"},
        {"realm_access": "roles"},
    ],
)
def test_what_no_rule_names_gives_nothing(claims: dict[str, Any]) -> None:
    assert given_for(claims) == set()


def test_a_claim_whose_name_has_dots_is_found_whole() -> None:
    wanted = rules(roles_claim="https://example.org/roles")
    assert read(wanted, {"https://example.org/roles": "app-namnd"}).roles == ("board",)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["realm_access", "roles", "skolenhetskod"]), inner)
        ),
        max_leaves=12,
    )
)
def test_whatever_a_token_holds_nothing_breaks_or_is_given_by_it(claims: Any) -> None:
    """No claim has the words that the rules name, so no duty may come of any."""
    if isinstance(claims, dict):
        assert given_for(claims) == set()


@given(st.sets(st.sampled_from(ROLES)), st.booleans())
def test_roles_never_go_beyond_the_places(roles: set[Any], placed: bool) -> None:
    claimed = Claimed(tuple(sorted(roles)), ("10000001",) if placed else (), ())
    for duty in duties(claimed, UNITS, AREAS):
        assert duty.role in roles
        assert (duty.school_unit_id == UNITS["10000001"]) is placed
        assert placed or duty.role in ORGANISER_WIDE


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"allow": ["board"]}, "gives principal, which is not in allow"),
        ({"allow": ["principal", "board", "mentor"]}, "mentor's class stands in no claim"),
        ({"units_claim": None, "areas_claim": None}, "needs units_claim or areas_claim"),
        ({"roles": {"x": "vaktmastare"}}, "Input should be"),
        ({"roles": {}}, "at least 1"),
        ({"alow": []}, "Extra inputs"),
    ],
)
def test_rules_that_are_wrong_end_the_process_at_start(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        rules(**changes)


def test_a_provider_has_rules_for_its_own_organisers_only() -> None:
    mine, other = uuid4(), uuid4()
    body = {
        "key": "kommun", "name": "Kommun", "issuer": "https://login.example", "client_id": "c",
        "client_secret": "s", "organisers": [str(mine)],
    }  # fmt: skip
    claims = rules().model_dump(mode="json")
    assert OpenIdProvider.model_validate(body | {"claims": {str(mine): claims}}).claims
    with pytest.raises(ValidationError, match="may not vouch for"):
        OpenIdProvider.model_validate(body | {"claims": {str(other): claims}})
