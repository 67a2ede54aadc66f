"""The table of access: each route, each role, and five pupils' cases. See test_access.py.

``python -m tests.integration.cases.access`` writes docs/access.md from access.txt.
"""

from __future__ import annotations

from pathlib import Path

from tests.integration.cases.cast import LOGINS, NAMES

TABLE = Path(__file__).with_name("access.txt")
PAGE = Path(__file__).parents[3] / "docs" / "access.md"
BEGIN, END = "<!-- table -->\n", "<!-- end -->"
ROLES = tuple(LOGINS)
LETTERS = {
    "r": "reads it",
    "w": "may do it",
    "N": "named in the list",
    "#": "a case number in the list, and nothing else",
    ".": "not in the list",
    "-": "as if it did not exist (404)",
    "x": "not in this role (403)",
    "p": "protected pupil: not known to this person (403)",
}
#: Rows that are about no role: whoever comes, and programs with a token of their own.
WORDS = {"anyone": "without signing in; names nobody", "token": "a program's own token"}
Route = tuple[str, str]


def read() -> dict[Route, dict[str, str] | str]:
    """The table as it stands: by route the cells by role, or one of the words."""
    found: dict[Route, dict[str, str] | str] = {}
    for line in TABLE.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        head, *cells = [part.strip() for part in line.split("|")]
        method, _, path = head.partition(" ")
        if cells[0] in WORDS:
            found[method, path.strip()] = cells[0]
            continue
        assert len(cells) == len(ROLES), f"{head}: {len(cells)} cells, not {len(ROLES)}"
        assert all(len(cell) == len(NAMES) for cell in cells), f"{head}: five letters a cell"
        assert set("".join(cells)) <= set(LETTERS), f"{head}: an unknown letter"
        found[method, path.strip()] = dict(zip(ROLES, cells, strict=True))
    return found


def row(route: Route, cells: dict[str, str] | str) -> str:
    """One line of the file."""
    head = f"{route[0]:<4} {route[1]}"
    if isinstance(cells, str):
        return f"{head:<48} | {cells}"
    return f"{head:<48} | " + " | ".join(cells[role] for role in ROLES)


def markdown() -> str:
    """The table for docs/access.md."""
    lines = [
        "| Route | " + " | ".join(role.replace("_", " ") for role in ROLES) + " |",
        "|---" * (len(ROLES) + 1) + "|",
    ]
    for (method, path), cells in read().items():
        words = (
            [cells] + [""] * (len(ROLES) - 1) if isinstance(cells, str) else list(cells.values())
        )
        shown = [word if word in WORDS or not word else f"`{word}`" for word in words]
        lines.append(f"| {method} `{path}` | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """docs/access.md as it is to be."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}{markdown()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
