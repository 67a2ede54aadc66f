"""docs/chain.md: the steps, their conditions and their fields as the code has them."""

from __future__ import annotations

from pathlib import Path

from services.cases.domain import text
from services.cases.domain.chain import Track
from services.cases.domain.duty_kinds import DUTY_KINDS
from services.cases.domain.entries.registry import KINDS
from services.cases.domain.law.step import Step
from services.cases.domain.law.table import PHASES, STEPS

_HEAD = Path(__file__).with_name("head.md")
_TRACKS: dict[Track, str] = {"compulsory": "skolplikt", "upper_secondary": "gymnasium"}


def page() -> str:
    """The whole page."""
    parts = [_HEAD.read_text("utf-8")]
    for number, words in PHASES.items():
        steps = [step for step in STEPS if step.phase == number]
        parts.append(f"## {number}. {words}\n\n{_table(steps)}\n\n")
    parts.append("## What each entry holds\n\n")
    parts.append("Fields that the system fills in are in italics.\n\n")
    parts.append("| entry | statuses | read by | fields |\n|---|---|---|---|\n")
    parts += [_kind(name) for name in KINDS]
    return "".join(parts).rstrip() + "\n"


def _table(steps: list[Step]) -> str:
    rows = ["| step | by | who | refused with | begins, ends |", "|---|---|---|---|---|"]
    rows += [
        f"| **{step.words}** `{step.name}` | {_paragraphs(step)} | {text.roles(step.roles)} "
        f"| {_needs(step)} | {_duties(step)} |"
        for step in steps
    ]
    return "\n".join(rows)


def _paragraphs(step: Step) -> str:
    found = {step.paragraphs.get(track, "–") for track in _TRACKS}
    if len(found) == 1:
        return found.pop()
    return "; ".join(
        f"{words}: {step.paragraphs.get(track) or step.elsewhere}"
        for track, words in _TRACKS.items()
    )


def _needs(step: Step) -> str:
    found = [step.needs_target] if step.needs_target else []
    found += [need.sentence for need in step.needs]
    if step.closed_too:
        found.append("Också i ett avslutat ärende.")
    return " ".join(found) or "–"


def _duties(step: Step) -> str:
    begun = [DUTY_KINDS[name].words for name in step.starts if name in DUTY_KINDS]
    ended = [DUTY_KINDS[name].words for name in step.ends if name in DUTY_KINDS]
    said = [f"börjar: {', '.join(begun).lower()}"] if begun else []
    said += [f"slutar: {', '.join(ended).lower()}"] if ended else []
    return "; ".join(said) or "–"


def _kind(name: str) -> str:
    kind = KINDS[name]
    statuses = ", ".join(kind.statuses.values())
    readers = {
        "ordinary": "de som ser ärendet",
        "health": "elevhälsa, rektor, författaren",
        "coordination": "koordinatorer, de som är nämnda, författaren",
    }[kind.sensitivity]
    fields = ", ".join(
        f"*{field}*" if field in kind.computed else f"`{field}` {info.title or ''}".rstrip()
        for field, info in kind.model.model_fields.items()
    )
    return f"| {kind.words} `{name}` | {statuses} | {readers} | {fields} |\n"
