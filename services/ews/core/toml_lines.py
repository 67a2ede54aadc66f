"""Which line of a TOML file a key stands on, so that whoever writes the file finds it.

The standard library's reader tells no positions. This finds a key by the heading
of its table, which is how the profiles are laid out; where somebody writes a table
in another way the line is 0, "not known", and the field's name has to do.
"""

from __future__ import annotations

import re


class TomlLines:
    """The lines of one file."""

    def __init__(self, text: str) -> None:
        self._lines = [line.strip() for line in text.splitlines()]

    def of(self, table: str, key: str = "", nth: int | None = None) -> int:
        """The line of ``key`` in ``table``, else of the table's heading, else 0.

        ``nth`` counts the ``[[table]]`` of an array of tables from 0.
        """
        heading = f"[{table}]" if nth is None else f"[[{table}]]"
        heads = [i for i, line in enumerate(self._lines) if _bare(line) == heading]
        if (nth or 0) >= len(heads):
            return 0
        return self._below(heads[nth or 0], key)

    def _below(self, head: int, key: str) -> int:
        for i in range(head + 1, len(self._lines)):
            if self._lines[i].startswith("["):
                break
            if key and re.match(rf"{re.escape(key)}\s*[=.]", self._lines[i]):
                return i + 1
        return head + 1


def _bare(line: str) -> str:
    """A heading without the comment behind it and the spaces inside it."""
    return re.sub(r"\s", "", line.partition("#")[0]) if line.startswith("[") else line
