"""`forvarning oracle`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated

import typer

from services.common import logging
from services.common.settings import OracleSettings
from services.ews.errors import EwsError
from services.ews.oracle.findings import OracleError, Report
from services.ews.oracle.run import Oracle

app = typer.Typer(add_completion=False)


@app.command()
def oracle(  # noqa: PLR0917 - typer calls it by name
    cases: Annotated[
        str | None, typer.Option(metavar="URL", help="The case service; else it is left out.")
    ] = None,
    notify: Annotated[
        str | None, typer.Option(metavar="URL", help="The notify service; else it is left out.")
    ] = None,
    without_register: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            min=0,
            help="Leave out the K-th register that alone bears a warning: must find a difference.",
        ),
    ] = None,
    compacted: Annotated[
        bool,
        typer.Option("--compacted", help="ews.warnings.v1 may have lost revisions in between."),
    ] = False,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Ask again while they catch up.")
    ] = 0.0,
    limit: Annotated[int, typer.Option(min=0, help="Print at most so many of each kind.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Recompute every warning from the input log and compare with what the services hold.

    Prints what is missing, extra, differing or illegal, with ids and without names. Exit status:
    0 nothing is wrong, 1 something is, 2 it could not be found out. Kafka's address and the
    operator's tokens come from the environment, as for the services.
    """
    logging.configure("oracle", "WARNING")
    settings = OracleSettings()
    settings = settings.model_copy(
        update={
            "oracle_cases_url": cases or settings.oracle_cases_url,
            "oracle_notify_url": notify or settings.oracle_notify_url,
            "oracle_wait_seconds": wait or settings.oracle_wait_seconds,
        }
    )
    run = Oracle(settings, compacted=compacted, say=_say)
    try:
        report = asyncio.run(run.run(without_register=without_register))
    except (OracleError, EwsError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        _print(report, settings, limit)
    raise typer.Exit(0 if report.well else 1)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress, for a person


def _print(report: Report, settings: OracleSettings, limit: int) -> None:
    scope = report.scope
    typer.echo(
        f"{scope.facts} facts, {scope.registers} registers, {scope.marks} marks of "
        f"{scope.organisers} organisers in {scope.seconds:.1f} s"
    )
    typer.echo(
        f"{scope.threads} threads, {scope.revisions} revisions, {scope.episodes} standing "
        f"episodes, {scope.absence_days} absence days, {scope.school_signals} school signals"
    )
    for name, url, held in (
        ("The case service", settings.oracle_cases_url, ""),
        (
            "Notify",
            settings.oracle_notify_url,
            f": {scope.obligations} obligations, {scope.deliveries} deliveries",
        ),
    ):
        typer.echo(f"{name}{held}" if url else f"{name} was not asked: give its address")
    if scope.lag:
        typer.echo(f"The stream is {scope.lag} facts behind: what is missing may be on its way")
    if scope.undigested:
        typer.echo(f"{scope.undigested} facts could not be digested and count nowhere")
    if scope.not_covered:
        typer.echo(f"{scope.not_covered} threads of years no longer in the log were left out")
    if scope.removed_register:
        typer.echo(f"Without the register at {scope.removed_register}")
    printed: dict[str, int] = {}
    for finding in report.findings:
        printed[finding.kind] = printed.get(finding.kind, 0) + 1
        if printed[finding.kind] <= limit:
            typer.echo(str(finding))
    typer.echo(", ".join(f"{name} {count}" for name, count in report.counts().items()))
