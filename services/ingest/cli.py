"""The command line of ingest: import files, activate rule profiles."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from services.common.clock import school_date
from services.ingest.adapters.roster_dir import RosterFolderError, read_roster
from services.ingest.cli_imports import LOCAL, Token, Url, fail, import_app
from services.ingest.client import Ingest
from services.ingest.errors import DeliveryRefusedError
from services.ingest.sources_cli import app as sources_app

roster_app = typer.Typer(help="Import a roster from a folder.", no_args_is_help=True)
activate_app = typer.Typer(help="Put a rule profile into force.", no_args_is_help=True)

OpsToken = Annotated[
    str,
    typer.Option(
        envvar="FORVARNING_INGEST_OPS_TOKEN", help="The operator's token.", show_default=False
    ),
]


@roster_app.callback()
def _group() -> None:
    """Several commands stand below; without this typer would make one of them the whole."""


@roster_app.command("import")
def import_roster(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="organiser.toml and CSV files.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check; send nothing.")
    ] = False,
    accept_losses: Annotated[
        bool,
        typer.Option("--accept-losses", help="More than a tenth of a unit's pupils did leave."),
    ] = False,
    ingest: Url = LOCAL,
    token: Token = "",
) -> None:
    """Import a roster: organiser, units, classes, pupils, guardians, staff and duties.

    Each file present is a snapshot of its list; a list without a file is left alone.
    One that would take too many pupils away is held for a decision; the exit code is 1.
    """
    if not dry_run and not token:
        raise fail("--token is missing: `forvarning sources add` prints one. Or use --dry-run.")
    try:
        body = read_roster(folder, school_date(datetime.now(UTC)))
    except RosterFolderError as error:
        raise fail(
            "\n".join(
                f"{folder / file}:{found.line}: {found.field}: {found.reason}"
                for file, found in error.findings
            )
        ) from error
    except (OSError, ValueError) as error:
        raise fail(f"{folder}: {error}") from error
    if dry_run:
        counts = {name: len(rows) for name, rows in body.items() if isinstance(rows, list)}
        typer.echo(json.dumps({"read": counts, "dry_run": True}))
        return
    try:
        with Ingest(ingest, token) as client:
            query = "?accept_losses=true" if accept_losses else ""
            answer = client.send("PUT", f"/v1/roster{query}", body)
    except DeliveryRefusedError as error:
        raise fail(str(error)) from error
    typer.echo(json.dumps(answer, ensure_ascii=False))
    if "held" in answer:
        raise fail(
            "Held for a human, not applied. When the school has been asked: forvarning roster "
            f"decide {answer['organiser_id']} {answer['held']} apply (or drop) --by NAME"
        )


@roster_app.command("held")
def held_rosters(
    organiser: Annotated[UUID, typer.Argument(help="The organiser's id.")],
    ingest: Url = LOCAL,
    ops_token: OpsToken = "",
) -> None:
    """List the rosters that wait for a decision, and what was decided before."""
    _ops("GET", f"/v1/organisers/{organiser}/held-rosters", None, ingest, ops_token)


@roster_app.command("decide")
def decide_roster(  # noqa: PLR0917 - typer calls it by name
    organiser: Annotated[UUID, typer.Argument(help="The organiser's id.")],
    held: Annotated[UUID, typer.Argument(help="The held roster's id.")],
    decision: Annotated[str, typer.Argument(help="apply or drop.")],
    by: Annotated[str, typer.Option(help="Whose decision it is; kept with its time.")],
    note: Annotated[str, typer.Option(help="Why.")] = "",
    same: Annotated[
        list[str] | None,
        typer.Option(help="A pupil who is perhaps known already, and is; `all` for all of them."),
    ] = None,
    ingest: Url = LOCAL,
    ops_token: OpsToken = "",
) -> None:
    """Apply a held roster, its losses included, or drop it."""
    path = f"/v1/organisers/{organiser}/held-rosters/{held}/decision"
    chosen: Any = "all" if same == ["all"] else same or []
    body = {"decision": decision, "by": by, "note": note, "same": chosen}
    _ops("POST", path, body, ingest, ops_token)


@activate_app.command("activate")
def activate(  # noqa: PLR0917 - typer calls it by name
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The profile (TOML).")],
    organiser: Annotated[UUID, typer.Option(help="The organiser's id.")],
    valid_from: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first school date.")
    ],
    unit: Annotated[
        list[UUID] | None, typer.Option(help="Only this unit's id; may be repeated.")
    ] = None,
    school_form: Annotated[
        list[str] | None, typer.Option(help="Only this school form, such as GR; may be repeated.")
    ] = None,
    ingest: Url = LOCAL,
    ops_token: OpsToken = "",
) -> None:
    """Put a rule profile into force. Check it first: `forvarning rules check FILE`."""
    body = {
        "organiser_id": str(organiser),
        "content": file.read_text("utf-8"),
        "valid_from": valid_from.date().isoformat(),
        "school_unit_ids": [str(one) for one in unit or []],
        "school_forms": school_form or [],
    }
    _ops("POST", "/v1/profiles", body, ingest, ops_token)


def _ops(method: str, path: str, body: Any, ingest: str, ops_token: str) -> None:
    if not ops_token:
        raise fail("--ops-token or FORVARNING_INGEST_OPS_TOKEN is missing.")
    try:
        with Ingest(ingest, ops_token) as client:
            answer = client.send(method, path, body)
    except DeliveryRefusedError as error:
        raise fail(str(error)) from error
    if answer is not None:
        typer.echo(json.dumps(answer, ensure_ascii=False))


# The names under which deploy.cli finds them.
imports, roster, sources = import_app, roster_app, sources_app
