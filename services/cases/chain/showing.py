"""The chain as people and programs read it: what is written, and what may come next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.cases.catalogue import CHOICES, STATEMENTS
from services.cases.chain.context import Context, audited, load
from services.cases.domain import refusals, text
from services.cases.domain.entries.assessing import COLOURS, Answer
from services.cases.domain.entries.base import Body, Kind
from services.cases.domain.entries.registry import KINDS
from services.cases.domain.law.judging import judge, paragraph_of
from services.cases.domain.law.step import Allowed, Step
from services.cases.domain.law.table import PHASES, STEPS
from services.cases.domain.merging import changed
from services.cases.store import entries, reading
from services.cases.store.entries import Entry, Revision
from services.cases.store.scope import Database, Viewer
from services.cases.views.models import Shown


class FieldShown(Shown):
    """One field of an entry, in words."""

    name: str
    label: str
    text: str
    lines: list[str]
    """The same as a list, where it is one."""


class RevisionShown(Shown):
    """One version of an entry."""

    version: int
    status: str
    at: datetime
    by: str
    changed: list[str]
    """The Swedish names of the fields that differ from the version before."""
    fields: list[FieldShown]


class EntryShown(Shown):
    """An entry, and its versions where they were asked for."""

    entry_id: UUID
    kind: str
    words: str
    status: str
    status_words: str
    parent_id: UUID | None
    sensitivity: str
    school_date: date
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    version: int
    sealed: bool
    body: dict[str, Any]
    fields: list[FieldShown]
    revisions: list[RevisionShown]


class StepShown(Shown):
    """A step of the chain, and whether it may be taken now."""

    name: str
    words: str
    phase: int
    phase_words: str
    kind: str
    allowed: bool
    paragraph: str
    why_not: str | None
    because: str | None
    """role, track, state or need, where it may not."""
    explains: str
    targets: list[UUID]
    """The entries that it could move on or hang on."""


class ChainShown(Shown):
    """A case's chain."""

    case_id: UUID
    number: str
    track: str | None
    roles: list[str]
    phase: int
    entries: list[EntryShown]
    steps: list[StepShown]


async def read_chain(database: Database, viewer: Viewer, case: UUID | str) -> ChainShown:
    """What has been written in a case, and every step with its verdict; audited."""
    async with database.person(viewer) as connection:
        context = await load(connection, database, viewer, case, lock=False)
        shown = await chain_of(context)
        await audited(context, "chain.read", entries=len(shown.entries))
    return shown


async def chain_of(context: Context) -> ChainShown:
    """The same within a transaction that has its audit elsewhere."""
    held = await entries.of_case(context.connection, context.case.case_id)
    names = await _names(context, held, {})
    return ChainShown(
        case_id=context.case.case_id,
        number=context.case.number,
        track=context.chain.track,
        roles=sorted(context.roles),
        phase=phase_of(context),
        entries=[entry_shown(entry, names) for entry in held],
        steps=[step_shown(context, step) for step in STEPS if not step.hidden],
    )


def phase_of(context: Context) -> int:
    """How far the case has come: the furthest part of the chain in which something stands."""
    phases = {step.kind: step.phase for step in reversed(STEPS)}
    reached = [phases[fact.kind] for fact in context.chain.facts if fact.kind in phases]
    return max(reached, default=1)


def step_shown(context: Context, step: Step) -> StepShown:
    """A step with its verdict for this person now."""
    verdict = judge(context.chain, step, context.roles, None)
    allowed = isinstance(verdict, Allowed)
    kind = step.kind if step.means == "move" else step.on
    return StepShown(
        name=step.name,
        words=step.words,
        phase=step.phase,
        phase_words=PHASES[step.phase],
        kind=step.kind,
        allowed=allowed,
        paragraph=verdict.paragraph if allowed else paragraph_of(step, context.chain),
        why_not=None if isinstance(verdict, Allowed) else verdict.sentence,
        because=None if isinstance(verdict, Allowed) else verdict.because,
        explains=step.explains,
        targets=[fact.entry_id for fact in context.chain.of(kind, *step.of)] if kind else [],
    )


def written(entry: Entry) -> EntryShown:
    """What somebody has just written, for who may read the case no more because of it."""
    return entry_shown(entry, {})


async def read_entry(
    database: Database, viewer: Viewer, case: UUID | str, entry_id: UUID
) -> EntryShown:
    """An entry with all its versions; audited. 404 where it is not for the viewer."""
    async with database.person(viewer) as connection:
        context = await load(connection, database, viewer, case, lock=False)
        held = await entries.one(connection, entry_id)
        if held is None or held.case_id != context.case.case_id:
            raise refusals.no_such_entry()
        kept = await entries.revisions(connection, [entry_id])
        names = await _names(context, [held], kept)
        shown = entry_shown(held, names, kept[entry_id])
        await audited(context, "entry.read", entry=str(entry_id))
    return shown


def entry_shown(
    entry: Entry, names: Mapping[UUID, str], kept: list[Revision] | None = None
) -> EntryShown:
    """An entry in words."""
    kind = KINDS[entry.kind]
    return EntryShown(
        entry_id=entry.entry_id,
        kind=entry.kind,
        words=kind.words,
        status=entry.status,
        status_words=kind.statuses[entry.status],
        parent_id=entry.parent_id,
        sensitivity=entry.sensitivity,
        school_date=entry.school_date,
        created_at=entry.created_at,
        created_by=names.get(entry.created_by, text.FORMER),
        updated_at=entry.updated_at,
        updated_by=names.get(entry.updated_by, text.FORMER),
        version=entry.version,
        sealed=kind.sealed,
        body=entry.body.model_dump(mode="json"),
        fields=fields_shown(entry.body),
        revisions=_revisions(entry, names, kept or []),
    )


def _revisions(
    entry: Entry, names: Mapping[UUID, str], kept: list[Revision]
) -> list[RevisionShown]:
    kind = KINDS[entry.kind]
    found: list[RevisionShown] = []
    for position, revision in enumerate(kept):
        before = kept[position - 1].body if position else None
        found.append(
            RevisionShown(
                version=revision.version,
                status=kind.statuses[revision.status],
                at=revision.at,
                by=names.get(revision.staff_id, text.FORMER),
                changed=changed(kind, before, revision.body) if before else [],
                fields=fields_shown(revision.body),
            )
        )
    return found[::-1]


def fields_shown(body: Body) -> list[FieldShown]:
    """The fields that say something, in the order of the form."""
    found: list[FieldShown] = []
    for name, info in type(body).model_fields.items():
        value = getattr(body, name)
        if value in (None, "", (), False) or not info.title:
            continue
        extra = info.json_schema_extra
        words = CHOICES.get(name) or (extra.get("words", {}) if isinstance(extra, dict) else {})
        lines = [_line(one, words) for one in value] if isinstance(value, tuple) else []
        found.append(
            FieldShown(
                name=name,
                label=info.title,
                text=", ".join(lines) if lines else _line(value, words),
                lines=lines,
            )
        )
    return found


def said(kind: Kind, name: str, value: object) -> str:
    """A field's stored value in words, as for a merge."""
    wanted = kind.model.model_fields[name]
    extra = wanted.json_schema_extra
    words = CHOICES.get(name) or (extra.get("words", {}) if isinstance(extra, dict) else {})
    if value in (None, "", []):
        return "inget"
    if isinstance(value, list):
        return "\n".join(_stored(one, words) for one in value)
    return _stored(value, words)


def _stored(value: object, words: Any) -> str:
    if isinstance(value, dict):
        if "statement" in value:
            return _line(Answer.model_validate(value), {})
        return ", ".join(str(one) for one in value.values() if one)
    return _line(value, words)


def _line(value: object, words: Any) -> str:
    if isinstance(value, bool):
        return "ja" if value else "nej"
    if isinstance(value, date):
        return text.full_date(value)
    if isinstance(value, float):
        return f"{value:g}".replace(".", ",")
    if isinstance(value, Answer):
        said = f"{STATEMENTS.get(value.statement, value.statement)} {COLOURS[value.colour]}."
        return f"{said} {value.note}".strip()
    if isinstance(value, Body):
        return "; ".join(f"{field.label}: {field.text}" for field in fields_shown(value))
    return str(words.get(value, value)) if isinstance(value, str) else str(value)


async def _names(
    context: Context, held: list[Entry], kept: Mapping[UUID, list[Revision]]
) -> dict[UUID, str]:
    wanted = {entry.created_by for entry in held} | {entry.updated_by for entry in held}
    wanted |= {revision.staff_id for one in kept.values() for revision in one}
    return await reading.staff_names(context.connection, sorted(wanted))
