"""forvarning import: attendance from files."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from services.ingest.adapters.csv_file import Import, UnreadableFileError, read_csv
from services.ingest.adapters.drop import DropFolder, FolderTakenError
from services.ingest.adapters.edfi_file import read_edfi_file
from services.ingest.adapters.edfi_mapping import read_edfi_mapping
from services.ingest.adapters.mapping import MappingError, read_mapping
from services.ingest.adapters.report import table, write_report
from services.ingest.client import Ingest
from services.ingest.errors import DeliveryRefusedError
from services.ingest.imports import deliver

import_app = typer.Typer(help="Import attendance from a file.", no_args_is_help=True)

Url = Annotated[
    str, typer.Option("--ingest", envvar="FORVARNING_INGEST_URL", help="Ingest's address.")
]
Token = Annotated[
    str, typer.Option(envvar="FORVARNING_TOKEN", help="The source's token.", show_default=False)
]
LOCAL = "http://127.0.0.1:8081"
FileMapping = Annotated[
    Path, typer.Option(exists=True, dir_okay=False, help="What its columns mean (TOML).")
]


@import_app.command("csv")
def import_csv(  # noqa: PLR0917 - typer calls it by name
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The CSV file.")],
    mapping: FileMapping,
    report: Annotated[
        Path | None, typer.Option(help="Write line, field and reason of every finding here.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read, tell what would be sent, and send nothing.")
    ] = False,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S%z"],
            help="How new the file's statements are; without it, when it was last changed.",
        ),
    ] = None,
    ingest: Url = LOCAL,
    token: Token = "",
) -> None:
    """Import lesson marks from FILE. The same file twice changes nothing.

    Rows that cannot be used are rejected with their reason; the exit code is 0
    as long as the file could be read and everything else was acknowledged.
    """
    if not dry_run and not token:
        raise fail("--token is missing: `forvarning sources add` prints one. Or use --dry-run.")
    # Same file, same time: importing it again says nothing new.
    modified = as_of or datetime.fromtimestamp(int(file.stat().st_mtime), UTC)
    try:
        found = read_csv(file.read_bytes(), read_mapping(mapping), modified)
    except (MappingError, UnreadableFileError) as error:
        raise fail(f"{file}: {error}") from error
    _finish(found, report, ingest=ingest, token="" if dry_run else token)


def _finish(found: Import, report: Path | None, *, ingest: str, token: str) -> None:
    """Send what was found, unless there is no token, and say what became of it."""
    try:
        if token:
            with Ingest(ingest, token) as client:
                outcome = deliver(found, client)
        else:
            outcome = deliver(found, None)
    except DeliveryRefusedError as error:
        raise fail(str(error)) from error
    if report is not None:
        write_report(report, outcome.findings)
    for line in table(outcome.findings):
        typer.echo(line, err=True)
    if outcome.findings and report is None:
        typer.echo("--report FILE writes the reason for each line.", err=True)
    typer.echo(json.dumps(outcome.counts, ensure_ascii=False))


@import_app.command("edfi")
def import_edfi(  # noqa: PLR0917 - typer calls it by name
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Events: JSON, or one a line.")
    ],
    mapping: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="When class periods are (TOML).")
    ],
    report: Annotated[
        Path | None, typer.Option(help="Write event, field and reason of every finding here.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read, tell what would be sent, and send nothing.")
    ] = False,
    ingest: Url = LOCAL,
    token: Token = "",
) -> None:
    """Import Ed-Fi section attendance events from FILE. Events are counted from 1."""
    if not dry_run and not token:
        raise fail("--token is missing: `forvarning sources add` prints one. Or use --dry-run.")
    modified = datetime.fromtimestamp(int(file.stat().st_mtime), UTC)
    try:
        found = read_edfi_file(file.read_bytes(), read_edfi_mapping(mapping), modified)
    except (MappingError, UnreadableFileError) as error:
        raise fail(f"{file}: {error}") from error
    _finish(found, report, ingest=ingest, token="" if dry_run else token)


@import_app.command("watch")
def watch(  # noqa: PLR0917 - typer calls it by name
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Where CSV files are put.")
    ],
    mapping: FileMapping,
    once: Annotated[
        bool, typer.Option("--once", help="Go through the folder once, then end.")
    ] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 10.0,
    settle: Annotated[
        float, typer.Option(min=0.0, help="Seconds for which a file must not have changed.")
    ] = 10.0,
    ingest: Url = LOCAL,
    token: Token = "",
) -> None:
    """Import the CSV files that are put into FOLDER; one JSON line for each.

    A file goes to FOLDER/done, or with its report to FOLDER/rejected where a row
    cannot be used. What ingest does not take now stays and is tried again.
    """
    if not token:
        raise fail("--token is missing: `forvarning sources add` prints one.")
    try:
        drop = DropFolder(
            folder, read_mapping(mapping), now=lambda: datetime.now(UTC), settle_seconds=settle
        )
        with drop.alone(), Ingest(ingest, token) as client:
            while True:
                waits = False
                for handled in drop.round(client):
                    waits = handled.state == "waiting"
                    line = {"file": handled.name, "state": handled.state} | handled.detail
                    typer.echo(json.dumps(line, ensure_ascii=False))
                if once:
                    break
                time.sleep(every)
    except (MappingError, FolderTakenError) as error:
        raise fail(str(error)) from error
    if waits:
        raise typer.Exit(1)


def fail(text: str) -> typer.Exit:
    """To be raised: says why on stderr and ends with 1."""
    typer.echo(text, err=True)
    return typer.Exit(1)
