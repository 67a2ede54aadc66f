"""A pytest plugin for the runs of `make mutants`.

Mutants are run in forks of a process that has run the tests before: whatever a
cache of the core holds was worked out by the original, so it is emptied before
every test. Hypothesis shows every mutant the same examples and does not look
for smaller ones: that a mutant is dead is enough. A mutant that collects without
end runs out of its own memory, not of the machine's.
"""

from __future__ import annotations

import os
import resource
import sys
import zlib
from collections.abc import Callable
from itertools import chain

import hypothesis
import hypothesis.core
import pytest

os.environ.setdefault("FORVARNING_MODEL_EXAMPLES", "40")
hypothesis.settings.register_profile(
    "mutants",
    derandomize=True,
    database=None,
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
)
hypothesis.settings.load_profile("mutants")
_MEMORY = 6 << 30
resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
_CORE = "services.ews.core."
_caches: dict[str, list[Callable[[], None]]] = {}
"""Module to what empties its caches."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Empty the core's caches, and have each test draw examples of its own, always the same."""
    for name in [name for name in sys.modules if name.startswith(_CORE) and name not in _caches]:
        members = vars(sys.modules[name]).values()
        clears = (getattr(member, "cache_clear", None) for member in members)
        _caches[name] = [clear for clear in clears if clear is not None]
    for clear in chain.from_iterable(_caches.values()):
        clear()
    seed = zlib.crc32(item.nodeid.encode())
    hypothesis.core.global_force_seed = seed  # type: ignore[assignment]
