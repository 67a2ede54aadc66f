"""`make golden`: judge the golden term and keep its warnings."""

from __future__ import annotations

import sys

from tests.golden.term import KEPT, Term, judge

_NEW_VERSION = """\
The same facts under the same profile and core version give other warnings:
{differences} lines differ, and the kept term stays as it is.
Where that is meant, raise CORE_VERSION in services/ews/core/version.py (or give the profile
a new version) and run this again."""


def main() -> int:
    """Write the term; refuse where the warnings changed and no version did."""
    now = judge()
    if KEPT.exists():
        kept = Term.read(KEPT.read_text("utf-8"))
        if kept == now:
            print(f"{KEPT.name} is current: {len(now.episodes)} episodes")
            return 0
        if kept.made_by == now.made_by:
            print(_NEW_VERSION.format(differences=len(set(kept.episodes) ^ set(now.episodes))))
            return 1
    KEPT.write_text(now.text(), "utf-8")
    print(f"{KEPT.name} written: {len(now.episodes)} episodes; look at what changed: git diff")
    return 0


if __name__ == "__main__":
    sys.exit(main())
