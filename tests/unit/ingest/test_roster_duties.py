"""Which duties a roster may hold: every role, and where each may be held."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from services.common.roles import OF_A_CLASS, ORGANISER_WIDE, ROLES, Role
from services.ingest.model.roster import DutyIn
from services.ingest.roster.records import _ROLES


def duty(role: str, **where: Any) -> DutyIn:
    body = {"id": "d", "staff": "s", "role": role, "from": "2026-08-18"} | where
    return DutyIn.model_validate(body)


@pytest.mark.parametrize("role", ROLES)
def test_every_role_holds_for_a_unit_and_goes_on_the_topic(role: Role) -> None:
    assert duty(role, school_unit="u").role == role
    assert role in _ROLES


def test_no_role_goes_on_the_topic_as_another() -> None:
    assert len(set(_ROLES.values())) == len(ROLES)
    assert 0 not in _ROLES.values()


@pytest.mark.parametrize("role", ROLES)
def test_only_who_answers_for_the_whole_organiser_needs_no_place(role: Role) -> None:
    if role in ORGANISER_WIDE:
        assert duty(role).school_unit is None
    else:
        with pytest.raises(ValidationError, match="needs an area, a school_unit or a class"):
            duty(role)


@pytest.mark.parametrize("role", ROLES)
def test_a_class_alone_is_for_those_who_work_with_it(role: Role) -> None:
    if role in OF_A_CLASS:
        assert duty(role, **{"class": "c"}).class_ == "c"
    else:
        with pytest.raises(ValidationError, match="is not for one class"):
            duty(role, **{"class": "c"})


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(ValidationError):
        duty("vaktmastare", school_unit="u")
