"""Where things are, and how progress is told."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def say(text: str) -> None:
    """Progress goes to standard error: the last line of standard output is the result."""
    print(text, file=sys.stderr, flush=True)


def standard_profile() -> bytes:
    """The content of the rule profile in force."""
    return (ROOT / "services/ews/profiles/standard.toml").read_bytes()
