"""Mutants without a detour: a function becomes its mutant by taking over the mutant's code.

mutmut wraps every function of the core so that each call asks which mutant is tried, a third of
all the time a trial takes. Here the wrapper is none: the function stays as it was written, and
:func:`become` gives it the code of one of its mutants, for good; so do that in a fork.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, MethodType
from typing import cast

import mutmut.mutation.trampoline

_Mutants = dict[str, FunctionType | MethodType]
_wrapped: list[tuple[FunctionType, _Mutants]] = []


def install() -> None:
    """Have it so in everything that is imported from now on."""
    mutmut.mutation.trampoline.wrap_in_trampoline = _unwrapped  # type: ignore[assignment]


def _unwrapped(
    mutants: _Mutants,
    is_classmethod: bool = False,  # noqa: ARG001  # as mutmut calls it
) -> Callable[[FunctionType], FunctionType]:
    def note(function: FunctionType) -> FunctionType:
        _wrapped.append((function, mutants))
        return function

    return note


def pair(mutant: str) -> tuple[FunctionType, FunctionType]:
    """The function in use and its mutant; LookupError where there is none of that name."""
    module, _, name = mutant.rpartition(".")
    for function, mutants in _wrapped:
        if function.__module__ == module and name in mutants:
            found = mutants[name]
            if isinstance(found, MethodType):
                return function, cast("FunctionType", found.__func__)
            return function, found
    raise LookupError(f"nothing that was imported has the mutant {mutant}")


def become(function: FunctionType, mutant: FunctionType) -> None:
    """From now on the function does what its mutant does."""
    function.__code__ = mutant.__code__
    function.__defaults__ = mutant.__defaults__
    function.__kwdefaults__ = mutant.__kwdefaults__
