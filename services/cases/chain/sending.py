"""Steps that send something: the anmälan, the uppgift to the hemkommun, CSN and KAA."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from services.cases.chain.consequences import EFFECTS, take_on
from services.cases.chain.context import Context
from services.cases.chain.preparing import PREPARE
from services.cases.documents import building
from services.cases.documents.building import About
from services.cases.documents.forms import FORMS
from services.cases.documents.render import Sheet, digest, render
from services.cases.domain.entries.investigating import Investigation, SupportInvestigation
from services.cases.domain.entries.notices import (
    CsnReport,
    HomeMunicipalityNotice,
    KaaNotice,
    ReportToOrganiser,
)
from services.cases.domain.law.judging import paragraph_of
from services.cases.domain.law.table import BY_NAME
from services.cases.store import carrying, documents, duties, entries
from services.cases.store.documents import Document
from services.cases.store.duties import NewDuty
from services.cases.store.entries import Entry
from services.cases.store.scope import as_system
from services.common.problem import Problem


async def opened_form(context: Context, raw: dict[str, Any], _: Entry | None) -> dict[str, Any]:  # noqa: ARG001
    """The anmälan that an utredning has been opened."""
    return raw | {"form": "opened"}


async def result_form(context: Context, raw: dict[str, Any], _: Entry | None) -> dict[str, Any]:
    """What the utredning came to, where the huvudman's form asks for it."""
    about = await about_case(context, "report_result")
    if building.part_of(
        about.named.report_form, ReportToOrganiser(on=context.today, form="result")
    ):
        return raw | {"form": "result"}
    raise Problem(
        409,
        "not_asked_for",
        "Huvudmannens formulär frågar inte efter utredningens resultat. Skicka inget mer.",
        paragraph=about.paragraph,
    )


async def reported(context: Context, entry: Entry) -> None:
    """The anmälan: on the officer's desk at once, by the huvudman's form."""
    body = entry.body
    assert isinstance(body, ReportToOrganiser)  # noqa: S101 - the step's own kind
    assert entry.parent_id is not None  # noqa: S101 - it hangs on an utredning
    step = "report_result" if body.form == "result" else "report_to_organiser"
    about = await about_case(context, step)
    async with as_system(context.connection):
        held = await entries.of_case(context.connection, context.case.case_id)
    investigation = next(one.body for one in held if one.entry_id == entry.parent_id)
    support = [one.body for one in held if one.kind == "support_investigation"]
    assert isinstance(investigation, Investigation)  # noqa: S101 - judged before
    last = support[-1] if support and isinstance(support[-1], SupportInvestigation) else None
    await send(context, entry, building.report(about, body, investigation, last), at_once=True)
    part = FORMS[about.named.report_form].result
    async with as_system(context.connection):
        if body.form == "result":
            await duties.finish(context.connection, context.case.case_id, "report_result", entry)
        elif part is not None and part.within_days:
            due = context.today + timedelta(days=part.within_days)
            duty = NewDuty.of(
                context.case,
                "report_result",
                duty_id=uuid5(entry.entry_id, "report_result"),
                school_date=context.today,
                due=due,
                at=context.now,
            )
            await duties.add(context.connection, context.case.organiser_id, [duty])
    await take_on(context)


def _sends(
    step: str, build: Callable[[About, Any], Sheet], body_type: type, *, at_once: bool
) -> None:
    async def effect(context: Context, entry: Entry) -> None:
        assert isinstance(entry.body, body_type)  # noqa: S101 - the step's own kind
        about = await about_case(context, step)
        to = getattr(entry.body, "municipality", "")
        await send(context, entry, build(about, entry.body), at_once=at_once, municipality=to)
        await take_on(context)

    EFFECTS[step] = effect


async def about_case(context: Context, step: str) -> About:
    async with as_system(context.connection):
        named = await documents.named(
            context.connection, context.case.pupil_id, context.case.school_unit_id
        )
    paragraph = paragraph_of(BY_NAME[step], context.chain)
    return About(context.case.number, named, context.today, paragraph)


async def send(
    context: Context, entry: Entry, sheet: Sheet, *, at_once: bool, municipality: str = ""
) -> UUID | None:
    """Write the document; ``at_once`` where the desk that it goes to reads the same tables.

    ``municipality`` is whose it is: where that is an organiser of this installation the courier
    carries it there, and it is returned; else the school sends it by other means.
    """
    pdf = await render(sheet, context.now)
    fields = sheet.as_json()
    async with as_system(context.connection):
        other = await carrying.address(context.connection, municipality)
    if other == context.case.organiser_id:
        other = None
    document = Document(
        organiser_id=context.case.organiser_id,
        document_id=context.database.new_id(),
        direction="sent",
        kind=sheet.kind,
        case_id=context.case.case_id,
        entry_id=entry.entry_id,
        school_unit_id=context.case.school_unit_id,
        sender=sheet.sender,
        recipient=sheet.recipient,
        fields=fields,
        digest=digest(fields, pdf),
        created_at=context.now,
        created_by=context.viewer.staff_id,
        sent_at=context.now if at_once else None,
        other_organiser_id=other,
    )
    async with as_system(context.connection):
        await documents.create(context.connection, document, pdf)
    return other


def install() -> None:
    """Into the registries of the chain."""
    PREPARE["report_to_organiser"] = opened_form
    PREPARE["report_result"] = result_form
    EFFECTS["report_to_organiser"] = EFFECTS["report_result"] = reported
    _sends(
        "notify_home_municipality",
        building.home_municipality,
        HomeMunicipalityNotice,
        at_once=False,
    )
    # The school enters these with CSN and with its own municipality; here is what it entered.
    _sends("report_csn", building.csn, CsnReport, at_once=True)
    _sends("notify_kaa", building.kaa, KaaNotice, at_once=False)
