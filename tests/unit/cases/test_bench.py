"""`make bench-cases`: only a run of everything, with the aims' own numbers, writes docs/."""

from __future__ import annotations

import pytest

from bench.cases.main import PARTS, is_whole, parse


@pytest.mark.parametrize(
    "arguments", [*(["--only", part] for part in PARTS), ["--days", "1000"], ["--warnings", "10"]]
)
def test_a_part_or_a_trial_is_not_the_whole(arguments: list[str]) -> None:
    assert not is_whole(parse(arguments))


def test_no_option_is_the_whole() -> None:
    assert is_whole(parse([]))
