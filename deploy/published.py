"""What is published out of the code: the profile format's JSON Schema, the tables of
docs/profiles.md, docs/retention.md and docs/chain.md.

``python -m deploy.published`` writes them; ``--check`` ends with status
1 where a file is not what would be written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from deploy.chain.page import page as chain_page
from deploy.retention.page import page as retention_page
from services.rules.keys import FAMILY, PROFILE, RULE, Key
from services.rules.schema import schema

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "docs" / "schemas" / "profile.schema.json"
GUIDE = ROOT / "docs" / "profiles.md"
RETENTION = ROOT / "docs" / "retention.md"
CHAIN = ROOT / "docs" / "chain.md"
_TABLES = {"profile": PROFILE, "family": FAMILY, "rule": RULE}


def table(keys: tuple[Key, ...]) -> str:
    """A Markdown table of the keys."""
    rows = ["| key | unit | default | what it says | refused |", "|---|---|---|---|---|"]
    rows += [
        f"| `{key.name}` | {key.unit} | {key.default} | {key.meaning} | {key.refused} |"
        for key in keys
    ]
    return "\n".join(rows)


def wanted() -> dict[Path, str]:
    """Each published file as it is to be."""
    guide = GUIDE.read_text("utf-8")
    for name, keys in _TABLES.items():
        begin, end = f"<!-- table of {name} -->\n", "<!-- end -->"
        if guide.count(begin) != 1:
            raise SystemExit(f"{GUIDE.name}: there is no one place for the table of {name}")
        before, _, after = guide.partition(begin)
        guide = f"{before}{begin}{table(keys)}\n{end}{after.partition(end)[2]}"
    return {
        SCHEMA: json.dumps(schema(), ensure_ascii=False, indent=2) + "\n",
        GUIDE: guide,
        RETENTION: retention_page(),
        CHAIN: chain_page(),
    }


def main(arguments: list[str]) -> int:
    """Write what differs, or with ``--check`` tell it; the exit status."""
    different = {
        file: text
        for file, text in wanted().items()
        if not file.exists() or file.read_text("utf-8") != text
    }
    if "--check" in arguments:
        for file in different:
            print(f"{file.relative_to(ROOT)} is not current: run `make schemas`")
        return 1 if different else 0
    for file, text in different.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        print(f"written: {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
