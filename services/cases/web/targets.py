"""Where a browser may be sent after signing in."""

from __future__ import annotations


def safe(target: str) -> str:
    """The path, where it is one of ours; else the first page: never another site."""
    if not target.startswith("/") or target.startswith(("//", "/\\")) or "\\" in target:
        return "/"
    return target
