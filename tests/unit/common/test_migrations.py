"""The migration files: one order, which nobody can read in two ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common.migrate import SERVICES

ROOT = Path(__file__).parents[3] / "services"


@pytest.mark.parametrize("service", SERVICES)
def test_each_number_is_given_once_and_none_is_left_out(service: str) -> None:
    names = sorted(file.name for file in (ROOT / service / "migrations").glob("*.sql"))
    numbers = [name.partition("_")[0] for name in names]
    assert numbers == [f"{number:04}" for number in range(1, len(names) + 1)]
