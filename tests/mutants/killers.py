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

import hypothesis

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


def pytest_runtest_setup() -> None:
    """Empty the core's caches."""
    for name, module in list(sys.modules.items()):
        if name.startswith(_CORE):
            for member in list(vars(module).values()):
                clear = getattr(member, "cache_clear", None)
                if clear is not None:
                    clear()
