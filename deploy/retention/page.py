"""docs/retention.md, written out of the registry."""

from __future__ import annotations

from pathlib import Path

from services.common.retention import Registry, Store, registry

_HEAD = Path(__file__).with_name("head.md")

_KINDS = {
    "table": "Tables",
    "topic": "Topics",
    "changelog": "Changelogs",
    "file": "Files",
    "backup": "Backups",
}


def page() -> str:
    """The whole page."""
    known = registry()
    parts = [_HEAD.read_text("utf-8"), "## The decisions\n", _groups(known)]
    for kind, title in _KINDS.items():
        parts += [f"## {title}\n", _stores(known, kind)]
    return "\n".join(parts)


def _groups(known: Registry) -> str:
    rows = ["| Group | Covers | Proposed | Why |", "|---|---|---|---|"]
    for group in known.groups.values():
        proposed = f"{group.days} dagar {group.counted}" if group.days else group.counted
        rows.append(f"| `{group.name}` | {group.title} | {proposed} | {group.ground} |")
    return "\n".join(rows) + "\n"


def _stores(known: Registry, kind: str) -> str:
    rows = [
        "| Store | What | About | Decision | Goes | When a pupil is erased |",
        "|---|---|---|---|---|---|",
    ]
    rows += [
        f"| `{store.store}` | {store.what} | {store.personal} | `{store.group}` "
        f"| {_goes(known, store)} | {_erased(store)} |"
        for store in known.stores.values()
        if store.kind == kind
    ]
    return "\n".join(rows) + "\n"


def _goes(known: Registry, store: Store) -> str:
    if store.kept and not store.timed:
        return f"kept: {store.kept}"
    group = known.groups[store.group]
    said = f"{group.days} dagar {group.counted}"
    if store.parent and not (store.age or store.day or store.year):
        said = f"with `{store.parent}`"
    if store.orphan:
        said = "when nothing refers to it any more"
    if store.clear:
        said += f"; only {', '.join(store.clear)}"
    return f"{said} ({store.by})" if store.by else said


def _erased(store: Store) -> str:
    if store.personal in {"none", "staff"}:
        return "–"
    if store.stays:
        return f"stays: {store.stays}"
    return "erased" if store.erased or store.by else "–"
