"""Functions of the core that tell who comes to them, and that become one of their mutants.

mutmut wraps every function so that each call asks which mutant is tried, a third of all the time a
trial takes. Here the wrapper is none: the function stays as it was written, and what it does is
exchanged by giving it other code. :func:`become` gives it that of a mutant, for good; so do that
in a fork. :class:`Reached` gives all of them code that notes the first call and takes itself away.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from types import CodeType, FunctionType, MethodType
from typing import Any, cast

import mutmut.mutation.trampoline

_Mutants = dict[str, FunctionType | MethodType]
_wrapped: list[tuple[FunctionType, _Mutants]] = []
_FIRST_CALL = "mutant_swap_first_call"


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
            return function, _plain(mutants[name])
    raise LookupError(f"nothing that was imported has the mutant {mutant}")


def become(function: FunctionType, mutant: FunctionType) -> None:
    """From now on the function does what its mutant does."""
    function.__code__ = mutant.__code__
    function.__defaults__ = mutant.__defaults__
    function.__kwdefaults__ = mutant.__kwdefaults__


class Reached:
    """Which functions are called: ``with Reached() as found: …``, their names as mutmut's."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._own: dict[str, tuple[FunctionType, CodeType]] = {}

    def __enter__(self) -> set[str]:
        for function, mutants in _wrapped:
            original = _plain(mutants["_mutmut_orig"])
            name = f"{function.__module__}.{original.__name__.removesuffix('__mutmut_orig')}"
            self._own[name] = function, function.__code__
            function.__code__ = _note(name, len(function.__code__.co_freevars))
        setattr(builtins, _FIRST_CALL, self._first_call)
        return self.names

    def __exit__(self, *_: object) -> None:
        delattr(builtins, _FIRST_CALL)
        for function, code in self._own.values():
            function.__code__ = code

    def _first_call(self, name: str) -> FunctionType:
        function, code = self._own[name]
        function.__code__ = code
        self.names.add(name)
        return function


_notes: dict[str, CodeType] = {}


def _note(name: str, free: int) -> CodeType:
    """Code that notes the call of the function and then is that function's no more.

    It has as many free variables as the function's own, or Python would not take it.
    """
    if name not in _notes:
        variables = [f"free{n}" for n in range(free)]
        source = (
            f"def outer({', '.join(variables)}):\n"
            "    def note(*given, **named):\n"
            f"        if False: {', '.join(variables) or 'pass'}\n"
            f"        return {_FIRST_CALL}({name!r})(*given, **named)\n"
            "    return note\n"
        )
        scope: dict[str, Any] = {}
        exec(compile(source, __file__, "exec"), scope)  # noqa: S102  # our own few lines
        _notes[name] = scope["outer"](*variables).__code__
    return _notes[name]


def _plain(found: FunctionType | MethodType) -> FunctionType:
    return cast("FunctionType", found.__func__) if isinstance(found, MethodType) else found
