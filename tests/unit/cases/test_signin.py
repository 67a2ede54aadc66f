"""Passwords are kept as scrypt hashes; the audit chain notices a change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from services.cases.signin import hash_password, verify_password
from services.cases.store.audit import digest, link
from services.common.settings import CasesSettings


def test_passwords() -> None:
    stored = hash_password("lösenord")
    assert stored.startswith("scrypt$32768$8$3$")
    assert "lösenord" not in stored
    assert stored != hash_password("lösenord")
    assert verify_password("lösenord", stored)
    assert not verify_password("Lösenord", stored)
    assert not verify_password("", stored)
    assert not verify_password("lösenord", stored.replace("scrypt$", "annat$"))


def test_every_field_of_an_audit_row_is_in_its_hash() -> None:
    row = {
        "at": datetime(2026, 11, 24, tzinfo=UTC),
        "staff_id": UUID(int=1),
        "action": "case.read",
        "case_id": UUID(int=2),
        "detail_digest": digest({"a": 1}),
    }
    base = link(b"0" * 32, 1, **row)  # type: ignore[arg-type]  # the row's values have their types
    others = [
        link(b"1" * 32, 1, **row),  # type: ignore[arg-type]  # as above
        link(b"0" * 32, 2, **row),  # type: ignore[arg-type]  # as above
    ]
    for name, value in (
        ("at", datetime(2026, 11, 25, tzinfo=UTC)),
        ("staff_id", None),
        ("action", "case.reads"),
        ("case_id", UUID(int=3)),
        ("detail_digest", digest({"a": 2})),
    ):
        others.append(link(b"0" * 32, 1, **(row | {name: value})))  # type: ignore[arg-type]  # as above
    assert len({base, *others}) == len(others) + 1


def test_demo_sign_in_is_refused_outside_the_local_stack() -> None:
    values = {
        "cases_database_url": "postgresql://x",
        "cases_ops_token": "x",
        "cases_demo_password": "demo",
    }
    with pytest.raises(ValueError, match="FORVARNING_CASES_DEMO_PASSWORD"):
        CasesSettings.model_validate(values | {"environment": "production"})
    assert CasesSettings.model_validate(values | {"environment": "local"})


def test_a_provider_that_cannot_be_trusted_is_refused() -> None:
    values = {"cases_database_url": "postgresql://x", "cases_ops_token": "x"}
    kommun: dict[str, Any] = {
        "key": "kommun",
        "name": "Testköpings kommun",
        "issuer": "https://login.example/realms/kommun/",
        "client_id": "forvarning",
        "client_secret": "x",
        "organisers": [str(UUID(int=1))],
    }

    def read(environment: str, *providers: dict[str, Any]) -> CasesSettings:
        given = values | {"environment": environment, "cases_openid": list(providers)}
        return CasesSettings.model_validate(given)

    assert (
        read("production", kommun).cases_openid[0].issuer == "https://login.example/realms/kommun"
    )
    with pytest.raises(ValueError, match="issuer of kommun must be https"):
        read("production", kommun | {"issuer": "http://login.example"})
    assert read("local", kommun | {"issuer": "http://login.example"})
    with pytest.raises(ValueError, match="the same key"):
        read("production", kommun, kommun)
    wrongs: list[dict[str, Any]] = [
        {"organisers": []},
        {"scope": "profile"},
        {"key": "Å/"},
        {"issuer": "login.example"},
        {"issuer": "https://login.example/?realm=x"},
        {"strange": 1},
    ]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=f"cases_openid.0.{next(iter(wrong))}"):
            read("production", kommun | wrong)
