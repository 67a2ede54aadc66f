"""The shared shapes of saying no: one place, so that API and pages answer alike."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from services.cases.domain.entries.base import Kind
from services.cases.domain.law.step import Refused
from services.cases.domain.merging import Difference
from services.common.problem import Problem


def refused(verdict: Refused) -> Problem:
    """403 where the person may not, 409 where the case is not there yet; always by a paragraph."""
    problem = Problem(
        403 if verdict.because == "role" else 409,
        {
            "role": "not_your_step",
            "track": "not_for_this_school_form",
            "state": "case_closed",
            "need": "not_lawful_now",
        }[verdict.because],
        verdict.sentence,
        paragraph=verdict.paragraph,
    )
    if verdict.need:
        problem.extra["need"] = verdict.need
    return problem


def no_such_step() -> Problem:
    return Problem(404, "no_such_step", "Det finns inget sådant steg.")


def no_such_entry() -> Problem:
    """None, or none that the viewer may read: the two are not told apart."""
    return Problem(
        404, "no_such_entry", "Det finns ingen sådan post, eller så är den inte för dig."
    )


def sealed(kind: Kind) -> Problem:
    return Problem(
        409, "sealed", f"{kind.words} är skickad och kan inte ändras. Skriv en ny om något är fel."
    )


def merge_needed(entry_id: UUID, version: int, found: list[Difference]) -> Problem:
    """Somebody else has saved meanwhile: both texts, side by side; nothing is written."""
    return Problem(
        409,
        "changed_meanwhile",
        "Någon annan har sparat en ny version sedan du började skriva. Här står båda texterna; "
        "välj vad som ska gälla och spara igen.",
        entry_id=str(entry_id),
        version=version,
        differences=[asdict(one) | {"suggested": one.suggested} for one in found],
    )
