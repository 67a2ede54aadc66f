"""`forvarning retention` and `forvarning erase`."""

from __future__ import annotations

import asyncio
import getpass
import json
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import asyncpg
import typer

from services.common.clock import clock_from
from services.common.pg import BusyError
from services.common.retention import Store, registry
from services.common.settings import ArchiveSettings
from services.records import certificates
from services.records.archive import Archive, archive
from services.records.erasure import Erasure, UnknownPupilError
from services.records.gallring import Gallring, Plan, Taken, decide

retention = typer.Typer(
    no_args_is_help=True, add_completion=False, help="What is kept how long, by whose decision."
)
erase = typer.Typer(add_completion=False, help="Erase a pupil.")

#: How often a process that stays looks whether it is time.
_LOOK_SECONDS = 3600.0

Result = TypeVar("Result")
Organiser = Annotated[UUID, typer.Argument(help="The organiser's id.")]


def with_archive(
    work: Callable[[Archive], Awaitable[Result]], settings: ArchiveSettings | None = None
) -> Result:
    """Do something with the archive; what goes wrong in the database is said in one line."""
    settings = settings or ArchiveSettings()

    async def connected() -> Result:
        clock = clock_from(settings.clock_file)
        async with archive(settings.owner_database_url, clock) as opened:
            return await work(opened)

    try:
        return asyncio.run(connected())
    except (OSError, asyncpg.PostgresError, BusyError) as error:
        typer.echo(f"Not done: {error}", err=True)
        raise typer.Exit(1) from error


@retention.command("list")
def list_stores(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Every table, topic, changelog, file and backup: what is in it, how long, by what."""
    known = registry()
    for store in known.stores.values():
        group = known.groups[store.group]
        if as_json:
            typer.echo(
                json.dumps(
                    {
                        "store": store.store,
                        "kind": store.kind,
                        "personal": store.personal,
                        "what": store.what,
                        "decision": group.title,
                        "kept": period(store),
                    },
                    ensure_ascii=False,
                )
            )
        else:
            typer.echo(f"{store.store:<34} {store.personal:<9} {period(store)} [{group.name}]")


def period(store: Store) -> str:
    """How long a store's rows are kept, in Swedish."""
    group = registry().groups[store.group]
    if store.kept:
        return store.kept
    return f"{group.days} dagar {group.counted}"


@retention.command("decide")
def decide_group(
    organiser: Organiser,
    group: Annotated[str, typer.Argument(help="Which group of the registry it is about.")],
    *,
    reference: Annotated[str, typer.Option(help="The gallringsbeslut's number.")],
    decided_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="When it was taken.")],
    days: Annotated[
        int | None, typer.Option(min=0, help="Where the decision has another period.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who registers it.")] = "",
) -> None:
    """Register an organiser's gallringsbeslut. Without one nothing of the group is erased."""

    async def work(opened: Archive) -> None:
        taken = Taken(reference, decided_on.date(), days)
        await decide(opened, organiser, group, taken, by=by or getpass.getuser())

    try:
        with_archive(work)
    except LookupError as error:
        typer.echo(str(error.args[0]), err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{group}: {reference} holds from now on.")


@retention.command("plan")
def plan() -> None:
    """A dry run: what `run` would erase now, and what waits for a decision. Changes nothing."""
    for one in with_archive(lambda opened: Gallring(opened).plan()):
        _tell(one)


@retention.command("run")
def run(
    by: Annotated[str, typer.Option(help="Who erases.")] = "",
    every_days: Annotated[
        int | None,
        typer.Option(min=1, help="Stay, and run again when so many days have passed."),
    ] = None,
) -> None:
    """Erase what is due by the organisers' decisions, with a certificate each."""
    name = by or getpass.getuser()
    if every_days is None:
        _run(name)
        return
    while True:
        # A container that is started again does not begin anew.
        if with_archive(_days_since) >= every_days:
            _run(name)
        time.sleep(_LOOK_SECONDS)


async def _days_since(opened: Archive) -> float:
    """Since the newest run, or since the installation was made."""
    async with opened.everything() as connection:
        seconds: float = await connection.fetchval(
            "SELECT extract(epoch FROM clock_timestamp() - records.last_run())::float8"
        )
    return seconds / 86400


@retention.command("last")
def last(
    within_days: Annotated[
        int, typer.Option(min=1, help="Exit status 1 when it is longer ago.")
    ] = 40,
) -> None:
    """How many days ago `run` came to its end; of a new installation, how old it is."""
    days = with_archive(_days_since)
    typer.echo(f"{days:.1f} days ago")
    if days > within_days:
        raise typer.Exit(1)


def _run(name: str) -> None:
    for one in with_archive(lambda opened: Gallring(opened).run(name)):
        _tell(one)
        if one.certificate is not None:
            _print(one.certificate.printable())
    for certificate in with_archive(lambda opened: Erasure(opened).again(by=name)):
        _print(certificate.printable())


def _tell(plan: Plan) -> None:
    typer.echo(f"{plan.organiser_id}: {plan.total} rows")
    for name, count in sorted(plan.rows.items()):
        typer.echo(f"  {name}: {count}")
    if plan.undecided:
        typer.echo(f"  without a decision, and therefore kept: {', '.join(plan.undecided)}")


def _print(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


@retention.command("certificates")
def list_certificates(organiser: Organiser) -> None:
    """The organiser's certificates, the oldest first; exit status 1 when one has been changed."""

    async def work(opened: Archive) -> list[UUID]:
        async with opened.organiser(organiser) as connection:
            for certificate in await certificates.all_of(connection):
                _print(certificate.printable())
            return await certificates.changed(connection)

    changed = with_archive(work)
    for one in changed:
        typer.echo(f"{one}: the content does not fit its digest", err=True)
    if changed:
        raise typer.Exit(1)


@erase.command()
def erase_pupil(
    organiser: Annotated[UUID | None, typer.Argument(help="The organiser's id.")] = None,
    pupil: Annotated[UUID | None, typer.Argument(help="The pupil's random id.")] = None,
    reference: Annotated[str, typer.Option(help="The decision's number.")] = "",
    by: Annotated[str, typer.Option(help="Who erases.")] = "",
    again: Annotated[
        bool,
        typer.Option("--again", help="All that are erased, once more: after a restored backup."),
    ] = False,
) -> None:
    """Erase a pupil: names, mapping, cases, deliveries, and what the stream holds.

    Prints the certificate: what went, and where the random id remains until when. The pupil must
    have left the school systems, or their next roster brings it back under another id.
    """
    name = by or getpass.getuser()
    if again:
        for certificate in with_archive(lambda opened: Erasure(opened).again(by=name)):
            _print(certificate.printable())
        return
    if organiser is None or pupil is None or not reference.strip():
        typer.echo("An organiser, a pupil and --reference are needed; or --again.", err=True)
        raise typer.Exit(2)
    try:
        certificate = with_archive(
            lambda opened: Erasure(opened).erase(organiser, pupil, reference=reference, by=name)
        )
    except UnknownPupilError as error:
        typer.echo(f"{error.args[0]} of {organiser}.", err=True)
        raise typer.Exit(1) from error
    _print(certificate.printable())
