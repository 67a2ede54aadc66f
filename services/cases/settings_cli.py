"""`forvarning huvudman`: what a huvudman has decided for its chain."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from services.cases.documents.forms import FORMS
from services.cases.store import audit, organiser_settings
from services.cases.store.organiser_settings import OrganiserSettings
from services.cases.store.scope import Database
from services.common import pg
from services.common.clock import clock_from
from services.common.settings import CasesSettings

organiser_app = typer.Typer(
    no_args_is_help=True, help="What a huvudman has decided: its form, and anmälan from gymnasiet."
)


@organiser_app.callback()
def _organiser() -> None:
    """What a huvudman has decided for its chain."""


@organiser_app.command("decide")
def decide(
    organiser: Annotated[UUID, typer.Argument(help="The organiser's id.")],
    report_form: Annotated[
        str, typer.Option(help=f"Which fields an anmälan carries: {', '.join(FORMS)}.")
    ] = "standard",
    *,
    report_on_upper: Annotated[
        bool, typer.Option(help="Upper secondary schools send an anmälan too; no law asks for it.")
    ] = False,
) -> None:
    """Write the decision down; documents sent before stay as they were sent. Audited."""
    if report_form not in FORMS:
        typer.echo(f"There is no form {report_form}: {', '.join(FORMS)}.", err=True)
        raise typer.Exit(2)

    async def work() -> None:
        settings = CasesSettings()
        pool = await pg.connect(settings.cases_database_url, service="cases-cli", size=1)
        try:
            database = Database(pool, clock_from(settings.clock_file))
            await write(database, organiser, OrganiserSettings(report_form, report_on_upper))
        finally:
            await pool.close()

    asyncio.run(work())
    upper = "with" if report_on_upper else "without"
    typer.echo(f"{FORMS[report_form].name}; {upper} anmälan from upper secondary school.")


async def write(database: Database, organiser_id: UUID, decided: OrganiserSettings) -> None:
    """Keep the decision, and note that it was made."""
    async with database.system(organiser_id) as connection:
        await organiser_settings.put(connection, organiser_id, decided)
        await audit.write(
            connection,
            organiser_id,
            database.now(),
            None,
            "organiser.decided",
            report_form=decided.report_form,
            report_on_upper=decided.report_on_upper,
        )
