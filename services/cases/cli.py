"""`forvarning accounts`: sign-in of the local stack; `audit`: the log's chain; `extract`:
everything about one pupil."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from services.cases.documents.render import render
from services.cases.signin import SignIn
from services.cases.store import audit
from services.cases.store.scope import Database
from services.cases.views.extract import Extract, extract_by_operator
from services.common import pg
from services.common.clock import clock_from
from services.common.problem import Problem
from services.common.settings import CasesSettings

accounts_app = typer.Typer(no_args_is_help=True, help="Accounts of the local sign-in.")
extract_app = typer.Typer(add_completion=False, help="Everything that is kept about one pupil.")
audit_app = typer.Typer(no_args_is_help=True, help="The case service's audit log.")

_SHORTEST = 12


@asynccontextmanager
async def _database() -> AsyncIterator[Database]:
    settings = CasesSettings()
    pool = await pg.connect(settings.cases_database_url, service="cases-cli", size=1)
    try:
        yield Database(pool, clock_from(settings.clock_file))
    finally:
        await pool.close()


@accounts_app.callback()
def _accounts() -> None:
    """Accounts of the local sign-in; with OpenID Connect none is needed."""


@accounts_app.command("set-password")
def set_password(
    organiser: Annotated[UUID, typer.Argument(help="The organiser's id.")],
    login: Annotated[str, typer.Argument(help="The login that the roster gives for the person.")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
) -> None:
    """Make an account for a member of staff, or give it a new password."""
    if len(password) < _SHORTEST:
        typer.echo(f"The password needs at least {_SHORTEST} characters.", err=True)
        raise typer.Exit(2)

    async def work() -> None:
        async with _database() as database:
            sign_in = SignIn(database, idle=timedelta(minutes=30))
            await sign_in.set_password(organiser, login, password)

    try:
        asyncio.run(work())
    except LookupError as error:
        typer.echo(f"{error.args[0]}; put the person into the roster first.", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{login} can sign in.")


@audit_app.callback()
def _audit() -> None:
    """The case service's audit log."""


@audit_app.command("verify")
def verify(
    noted: Annotated[
        list[str] | None,
        typer.Option(help="ORGANISER:ROW:HASH as an earlier run printed it, kept elsewhere."),
    ] = None,
) -> None:
    """Recompute every organiser's chain; exit 1 with the first row that does not hold, and why.

    Note what it prints outside the database, and give it back with --noted: then not even
    the database's owner can have replaced what was before.
    """
    heads = dict(map(_noted, noted or ()))

    async def work() -> dict[UUID, audit.Verdict]:
        async with _database() as database:
            found: dict[UUID, audit.Verdict] = {}
            for organiser_id in await pg.organiser_ids(database.pool):
                async with database.system(organiser_id) as connection:
                    found[organiser_id] = await audit.examine(
                        connection, organiser_id, heads.get(organiser_id)
                    )
            return found

    results = asyncio.run(work())
    for organiser_id, verdict in results.items():
        said = "; ".join(verdict.problems) or "the chain holds"
        typer.echo(f"{organiser_id}:{verdict.rows}:{verdict.head.hex()} {said}")
    strangers = sorted(str(one) for one in heads.keys() - results.keys())
    if strangers:
        typer.echo(f"noted and not there: {', '.join(strangers)}")
    if strangers or any(verdict.problems for verdict in results.values()):
        raise typer.Exit(1)


def _noted(text: str) -> tuple[UUID, tuple[int, bytes]]:
    try:
        organiser, row, value = text.split(":")
        return UUID(organiser), (int(row), bytes.fromhex(value))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not ORGANISER:ROW:HASH") from error


@extract_app.command()
def extract_pupil(
    organiser: Annotated[UUID, typer.Argument(help="The organiser's id.")],
    pupil: Annotated[str, typer.Argument(help="Personnummer, case number, or the pupil's id.")],
    *,
    reference: Annotated[str, typer.Option(help="By which request.")],
    out: Annotated[Path, typer.Option(help="The folder for the two files.", file_okay=False)],
    approved_by: Annotated[
        str, typer.Option(help="Who, named on the case, has approved it: for a protected pupil.")
    ] = "",
) -> None:
    """A registerutdrag (art. 15) as JSON and PDF; audited.

    For a pupil with skyddade personuppgifter somebody who is named on the case must have said yes.
    """

    async def work() -> tuple[Extract, bytes]:
        async with _database() as database:
            found = await extract_by_operator(database, organiser, pupil, reference, approved_by)
            return found, await render(found.sheet(), found.made_at)

    try:
        found, pdf = asyncio.run(work())
    except Problem as problem:
        typer.echo(problem.detail, err=True)
        raise typer.Exit(1) from problem
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = json.dumps(found.as_json(), ensure_ascii=False, indent=2)
    for name, content in (("registerutdrag.json", text.encode()), ("registerutdrag.pdf", pdf)):
        (out / name).touch(mode=0o600)
        (out / name).write_bytes(content)
        typer.echo(f"written: {out / name}")
