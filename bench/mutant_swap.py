"""Functions of the core that become one of their mutants, and the line on which those differ.

mutmut wraps every function so that each call asks which mutant is tried, a third of all the time a
trial takes. Here the wrapper is none: the function stays as it was written, and :func:`become`
gives it the code of a mutant, for good; so do that in a fork.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from itertools import zip_longest
from types import CodeType, FunctionType, MethodType
from typing import NamedTuple, cast

import mutmut.mutation.trampoline

_Mutants = dict[str, FunctionType | MethodType]
_wrapped: list[tuple[FunctionType, _Mutants]] = []


class Mutant(NamedTuple):
    """``function`` is the one in use, ``original`` mutmut's copy of it."""

    function: FunctionType
    original: FunctionType
    mutant: FunctionType

    def become(self) -> None:
        """From now on the function does what its mutant does."""
        function, _, mutant = self
        function.__code__ = mutant.__code__
        function.__defaults__ = mutant.__defaults__
        function.__kwdefaults__ = mutant.__kwdefaults__

    def lines(self) -> list[int]:
        """Lines of the function's file; who runs none of them does not meet the mutant.

        That is the line of the first instruction that is another one, or all of
        the function's where there is none of that kind (a default, say).
        """
        function, original, mutant = (one.__code__ for one in self)
        line = _first_difference(function, original, mutant)
        return [line] if line else sorted(_lines(function))

    @property
    def file(self) -> str:
        """The function's."""
        return next(one.__code__ for one in self).co_filename


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


def find(name: str) -> Mutant:
    """The mutant of that name; LookupError where there is none."""
    module, _, own = name.rpartition(".")
    for function, mutants in _wrapped:
        if function.__module__ == module and own in mutants:
            return Mutant(function, _plain(mutants["_mutmut_orig"]), _plain(mutants[own]))
    raise LookupError(f"nothing that was imported has the mutant {name}")


def _plain(found: FunctionType | MethodType) -> FunctionType:
    return cast("FunctionType", found.__func__) if isinstance(found, MethodType) else found


def _first_difference(function: CodeType, original: CodeType, mutant: CodeType) -> int | None:
    """The line of the function on which its mutant's code is the first time another."""
    last = None
    for own, one, other in zip_longest(*map(dis.get_instructions, (function, original, mutant))):
        if own is None or other is None:
            return last
        last = (own.positions and own.positions.lineno) or last
        values = one.argval, other.argval
        if isinstance(values[0], CodeType) and isinstance(values[1], CodeType):
            within = _first_difference(own.argval, *values)
            if within:
                return within
        elif own.opcode != other.opcode or not _alike(*values):
            return last
    return None


def _alike(one: object, other: object) -> bool:
    """Equal, and 1 is not True; how a set is written down depends on how it was made."""
    return one == other and (isinstance(one, frozenset) or repr(one) == repr(other))


def _lines(code: CodeType) -> Iterator[int]:
    yield from {line for _, _, line in code.co_lines() if line}
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _lines(value)
