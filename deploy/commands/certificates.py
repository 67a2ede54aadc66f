"""`forvarning certificates`: what was erased, on paper, for the archive and for whoever asks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from deploy.commands.settings import read
from deploy.retention.paper import sheet
from services.cases.documents.render import render
from services.common.settings import ArchiveSettings
from services.records import certificates
from services.records.archive import Archive
from services.records.cli import with_archive

app = typer.Typer(add_completion=False)


@app.command()
def write(
    organiser: Annotated[UUID, typer.Argument(help="The organiser's id.")],
    to: Annotated[Path, typer.Option(help="The folder that the files are written to.")],
    only: Annotated[UUID | None, typer.Option(help="One certificate's id.")] = None,
) -> None:
    """Write an organiser's certificates as PDF, one file each, named by its id.

    Exit status 1, and nothing written, when a certificate has been changed since it was issued, or
    when there is none of the id that is asked for.
    """

    async def work(opened: Archive) -> tuple[str, list[certificates.Certificate], list[UUID]]:
        async with opened.organiser(organiser, keep=False) as connection:
            name: str | None = await connection.fetchval("SELECT name FROM people.organisers")
            held = await certificates.all_of(connection)
            return name or "", held, await certificates.changed(connection)

    name, held, changed = with_archive(work, read(ArchiveSettings))
    for one in changed:
        typer.echo(f"{one}: the content does not fit its digest", err=True)
    wanted = [one for one in held if only in {None, one.certificate_id}]
    strange = only is not None and not wanted
    if strange:
        typer.echo(f"{only}: no certificate of {organiser}", err=True)
    if changed or strange:
        raise typer.Exit(1)
    to.mkdir(parents=True, exist_ok=True)
    for certificate in wanted:
        pdf = asyncio.run(render(sheet(certificate, name), certificate.issued_at))
        file = to / f"{certificate.certificate_id}.pdf"
        file.write_bytes(pdf)
        typer.echo(str(file))
