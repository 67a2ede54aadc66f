"""What `forvarning sources` prints: plain lines from ingest's answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.common.clock import STOCKHOLM
from services.ingest.ss12000.vocabulary import TAKEN

_STATES = {
    "offered": "yes",
    "not_offered": "not offered",
    "forbidden": "not allowed",
    "read": "read",
    "under_way": "half read",
    "not_read_yet": "not yet",
}
_OUTCOMES = {
    "done": "done",
    "held": "HELD",
    "failed": "FAILED",
    "running": "under way",
    "never": "never read",
    "paused": "paused",
}
_ORDER = ("new", "updated", "deleted", "duplicate", "refused", "waiting")
_WORDS = {"duplicate": "unchanged"}


def local(text: str | None) -> str:
    """An instant as a clock in Sweden shows it."""
    if text is None:
        return "-"
    return datetime.fromisoformat(text).astimezone(STOCKHOLM).strftime("%Y-%m-%d %H:%M")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Columns as wide as they need to be."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def listing(sources: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line a source."""
    if not sources:
        return ["No sources yet: forvarning sources add --help"]
    return table(
        ("SOURCE", "ORGANISER", "READ FROM", "LAST READ", "STATE", "NEXT"),
        [
            (
                one["name"],
                one["organiser"],
                pull["base_url"] if pull else "(sends by itself)",
                local(pull["last_success_at"]) if pull else "-",
                _state(pull) if pull else "-",
                local(pull["next_at"]) if pull else "-",
            )
            for one in sources
            for pull in [one["pull"]]
        ],
    )


def _state(pull: Mapping[str, Any]) -> str:
    word = _OUTCOMES.get(pull["state"], pull["state"])
    return f"{word}: {pull['code']}" if pull["code"] else word


def reach(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a source offers, as it answered just now."""
    lines = table(
        ("RESOURCE", "OFFERED", "PATH"),
        [(one["resource"], _word(one["state"]), one["path"] or "-") for one in found],
    )
    told: set[str] = set()
    for one in found:
        if one["state"] != "offered" and one["state"] not in told:
            told.add(one["state"])
            lines += [f"{one['state']}: {one['detail']}", f"  -> {one['advice']}"]
    return lines


def _word(state: str) -> str:
    return _STATES.get(state, f"NO: {state}")


def counts(found: Mapping[str, Mapping[str, int]]) -> list[str]:
    """How many entities of each resource became what."""
    return [
        f"  {resource}: "
        + ", ".join(f"{own[name]} {_WORDS.get(name, name)}" for name in _ORDER if own.get(name))
        for resource in TAKEN
        for own in [found.get(resource, {})]
        if any(own.values())
    ]


def run(one: Mapping[str, Any]) -> list[str]:
    """One run."""
    kind = "everything" if one["kind"] == "full" else "what had changed"
    end = local(one["finished_at"])[-5:]
    when = f"{local(one['started_at'])}-{end if one['finished_at'] else '     '}"
    lines = [f"{when} {kind}: {_OUTCOMES[one['outcome']]}, {one['pages']} pages"]
    if one["code"]:
        lines += [f"  {one['code']}: {one['detail'] or ''}".rstrip(), f"  -> {one['advice']}"]
    return lines


def status(name: str, found: Mapping[str, Any]) -> list[str]:
    """Everything about a source, the newest first."""
    configuration = found["configuration"]
    lines = [
        f"{name}: {configuration['base_url']}",
        f"Last read to its end  {local(found['last_success_at'])}",
        f"Last read whole       {local(found['last_full_at'])}",
        f"Next                  {_next(found)}",
        f"Told of changes       {_subscription(found)}",
        "",
        *table(
            ("RESOURCE", "STATE", "PATH", "NEWEST CHANGE"),
            [
                (
                    one["resource"],
                    _STATES.get(one["state"], one["state"]),
                    one["path"] or "-",
                    local(one["read_until"]),
                )
                for one in found["resources"]
            ],
        ),
        "",
    ]
    for number, one in enumerate(found["runs"]):
        lines += run(one)
        if number == 0:
            lines += counts(one["counts"])
    lines += ["", *problems(found["problems"])]
    return lines


def _next(found: Mapping[str, Any]) -> str:
    if found["under_way"]:
        return "under way now"
    if found["configuration"]["paused"]:
        return "paused"
    return "at once" if found["wanted"] else local(found["next_at"])


def _subscription(found: Mapping[str, Any]) -> str:
    if found["subscription"] is None:
        return f"no; asked every {found['configuration']['interval_seconds']} s"
    return f"yes, until {local(found['subscription']['expires'])} (renewed before)"


def problems(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """What could not be used as it is, worst first, and what to do."""
    if not found:
        return ["No problems in the last run."]
    lines = ["In the last run:"]
    for one in found:
        what = f"{one['severity'].upper()} {one['resource']} {one['field']}".rstrip()
        sample = f", for instance {one['sample']}" if one["sample"] else ""
        lines.append(f"  {what}: {one['code']}, {one['entities']} of them{sample}")
        lines.append(f"    -> {one['advice']}")
    return lines
