"""May this step be taken now, by this person? Pure: the chain, the table and nothing else."""

from __future__ import annotations

from collections.abc import Collection

from services.cases.domain import text
from services.cases.domain.chain import ADAPTED_UPPER, Chain
from services.cases.domain.law.step import Allowed, Asked, Refused, Step, Verdict

_NOBODY = "Det här steget tas av någon annan: {roles}."
_CLOSED = "Ärendet är avslutat. Det öppnas igen om en ny varning kommer."
_NO_FORM = "Elevens skolform är okänd. Registret måste veta var eleven går innan steget kan tas."


def paragraph_of(step: Step, chain: Chain) -> str:
    """The paragraph of a step for this pupil: 18 kap. stands for anpassad gymnasieskola."""
    track = chain.track
    found = step.paragraphs.get(track, "") if track else ""
    found = found or step.elsewhere_paragraph or next(iter(step.paragraphs.values()))
    return adapted(found) if chain.school_form == ADAPTED_UPPER else found


def adapted(paragraph: str) -> str:
    """15 kap. 15–16 §§ have their twins in 18 kap. 15–16 §§."""
    return paragraph.replace("15 kap. 15 §", "18 kap. 15 §").replace("15 kap. 16 §", "18 kap. 16 §")


def judge(chain: Chain, step: Step, roles: Collection[str], asked: Asked | None) -> Verdict:
    """Allowed, or refused with the paragraph and one Swedish sentence.

    ``asked`` None asks whether the step could be taken at all: conditions that depend on what one
    writes are then judged later.
    """
    paragraph = paragraph_of(step, chain)
    if not step.roles & set(roles):
        return Refused(paragraph, _NOBODY.format(roles=text.roles(step.roles)), "role")
    if chain.track is None and len(step.paragraphs) < 2:
        return Refused(paragraph, _NO_FORM, "track")
    if chain.track is not None and chain.track not in step.paragraphs:
        return Refused(paragraph, step.elsewhere, "track")
    if chain.state == "closed" and not step.closed_too:
        return Refused(paragraph, _CLOSED, "state")
    if asked is not None and (refused := _target(step, asked, paragraph)):
        return refused
    if asked is None and not targets(chain, step):
        return Refused(paragraph, step.needs_target, "need", "target")
    for need in step.needs:
        if not need.holds(chain, asked):
            return Refused(need.paragraph or paragraph, need.sentence, "need", need.name)
    return Allowed(paragraph)


def targets(chain: Chain, step: Step) -> bool:
    """Whether there is an entry that the step could move on or hang on."""
    if step.means == "move":
        return chain.has(step.kind, *step.of)
    return step.on is None or chain.has(step.on, *step.of)


def _target(step: Step, asked: Asked, paragraph: str) -> Refused | None:
    kind = step.kind if step.means == "move" else step.on
    if kind is None:
        return None
    target = asked.target
    if target is None or target.kind != kind or (step.of and target.status not in step.of):
        return Refused(paragraph, step.needs_target, "need", "target")
    return None
