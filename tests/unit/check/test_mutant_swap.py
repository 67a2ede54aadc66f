"""On which line a mutant differs: who does not run it cannot notice."""

from __future__ import annotations

from types import FunctionType

import pytest

from bench.mutant_swap import Mutant

FUNCTION = """
def f(number=0, *rest):
    if number > 1:
        return [
            one + 1
            for one in rest
        ]
    if number in {"a", "b"} and (
        rest
        or number
    ):
        return sorted(rest, key=lambda one: -one)
    return None
"""
LINES = FUNCTION.splitlines()


def made(text: str) -> FunctionType:
    found: dict[str, FunctionType] = {}
    exec(text, found)  # noqa: S102  # the few lines above
    return found["f"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("number > 1", "number >= 1", 3),
        ("number > 1", "number > True", 3),
        ("one + 1", "one - 1", 5),
        ('"b"}', '"c"}', 8),
        ("or number", "and number", 8),  # from there on it jumps to elsewhere
        ("-one", "+one", 12),
        ("return None", "return 0", 13),
    ],
)
def test_the_line_of_the_first_instruction_that_is_another_one(
    old: str, new: str, line: int
) -> None:
    # The original is a copy in another place of the file, as mutmut has it.
    original, mutant = made(3 * "\n" + FUNCTION), made(9 * "\n" + FUNCTION.replace(old, new, 1))
    found = Mutant(made(FUNCTION), original, mutant)
    assert found.lines() == [line]
    assert found.file == "<string>"


def test_where_no_instruction_differs_it_is_any_line_of_the_function() -> None:
    mutant = Mutant(made(FUNCTION), made(FUNCTION), made(FUNCTION.replace("number=0", "number=1")))
    assert {3, 5, 8, 12, 13} <= set(mutant.lines()) <= set(range(2, 14))


def test_a_function_becomes_its_mutant() -> None:
    function = made(FUNCTION)
    Mutant(function, made(FUNCTION), made(FUNCTION.replace("number=0", "number=2"))).become()
    assert function() == []
    Mutant(function, made(FUNCTION), made(FUNCTION.replace("one + 1", "one - 1"))).become()
    assert function(2, 5) == [4]
