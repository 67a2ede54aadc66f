"""`forvarning simulate`: a made-up municipality that sends its attendance to ingest."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from bench.simulator import demo as demos
from bench.simulator import files
from bench.simulator.build import first_date
from bench.simulator.client import FeedError, IngestClient
from bench.simulator.config import SimulatorConfig
from bench.simulator.feeder import Feeder, FeedOptions, FeedStats
from bench.simulator.ledger import Ledger
from bench.simulator.rates import Rates
from bench.simulator.stream import Simulation
from services.common.cancellation import only_ours
from services.common.clock import Clock, clock_from, school_date

app = typer.Typer(add_completion=False, help=__doc__)


def _rates(late: float | None, corrections: float | None) -> Rates:
    rates = Rates()
    if late is not None:
        rates = replace(rates, late_register=late)
    if corrections is not None:
        rates = replace(rates, corrections=corrections)
    return rates


def _day(text: str | None, clock: Clock) -> date:
    if text is None:
        return school_date(clock.now())
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"--today: {text!r} is not a date as 2026-11-24") from error


async def _send(
    simulation: Simulation, client: IngestClient, book: Ledger, clock: Clock, options: FeedOptions
) -> FeedStats:
    feeder = Feeder(simulation, client, book, clock=clock, options=options)
    task = asyncio.create_task(only_ours(feeder.run()))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        # Stopped from outside is a normal end: the ledger knows where to go on.
        with contextlib.suppress(asyncio.CancelledError):
            await task
    finally:
        await client.close()
    return feeder.stats


@app.callback(invoke_without_command=True)
def simulate(  # noqa: PLR0917 - a command's options
    context: typer.Context,
    ingest: Annotated[
        str | None, typer.Option(help="Ingest's address, such as http://127.0.0.1:8081.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="FORVARNING_SOURCE_TOKEN", help="Its bearer token."),
    ] = None,
    pupils: Annotated[int, typer.Option(help="Pupils in the municipality.")] = 1200,
    weeks: Annotated[int, typer.Option(min=0, help="School weeks of history before today's.")] = 8,
    seed: Annotated[int, typer.Option(help="The same seed gives the same municipality.")] = 1,
    today: Annotated[
        str | None, typer.Option(help="The last simulated date; the clock's by default.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Go on by the clock when the history has been sent.")
    ] = False,
    clock_file: Annotated[
        Path | None,
        typer.Option(envvar="FORVARNING_CLOCK_FILE", help="The local stack's clock."),
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(help="Keeps what was acknowledged; a later run goes on."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write facts.jsonl and truth.jsonl into this folder.")
    ] = None,
    duplicates: Annotated[float, typer.Option(help="Share of registers sent twice.")] = 0.02,
    late: Annotated[
        float | None, typer.Option(help="Share of registers reported after the school day.")
    ] = None,
    corrections: Annotated[
        float | None, typer.Option(help="Share of registers with a mark corrected later.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Batches under way at once.")] = 4,
    rate: Annotated[
        float | None, typer.Option(help="Registers a second at most; unlimited by default.")
    ] = None,
    webhook_url: Annotated[
        str | None, typer.Option(help="Webhook address given to every attendance officer.")
    ] = None,
) -> None:
    """Simulate a municipality, calibrated to published base rates, and send it to ingest.

    The history goes as fast as ingest takes it. With --live the rest follows
    the clock until the end of the school year. What ingest has not
    acknowledged is sent again. Prints one JSON object when it ends.
    """
    if context.invoked_subcommand is not None:
        return
    if ingest is None and out is None:
        raise typer.BadParameter("give --ingest URL with --token, or --out DIR")
    if ingest is not None and not token:
        raise typer.BadParameter("--token is missing; `forvarning sources add` prints one")
    clock = clock_from(clock_file)
    last = _day(today, clock)
    try:
        config = SimulatorConfig(
            seed=seed,
            pupils=pupils,
            today=last,
            rates=_rates(late, corrections),
            webhook_url=webhook_url,
        )
        simulation = Simulation.of(config)
        first = first_date(simulation.world, weeks)
        options = FeedOptions(
            first=first,
            last=simulation.world.days[-1] if live else last,
            live=live,
            concurrency=concurrency,
            duplicates=duplicates,
            rate=rate,
            seed=seed,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if out is not None:
        written = files.write(simulation, out, first, last)
        typer.echo(json.dumps({"written": written}))
    if ingest is None or token is None:
        return
    _run(simulation, IngestClient(ingest, token, concurrency=concurrency), ledger, clock, options)


def _run(
    simulation: Simulation,
    client: IngestClient,
    ledger: Path | None,
    clock: Clock,
    options: FeedOptions,
) -> None:
    try:
        with Ledger(ledger) as book:
            stats = asyncio.run(_send(simulation, client, book, clock, options))
    except FeedError as error:
        typer.echo(f"forvarning simulate: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(json.dumps(asdict(stats), ensure_ascii=False))


@app.command(hidden=True)
def demo(
    ingest: Annotated[str, typer.Option(help="Ingest's address.")],
    state: Annotated[Path, typer.Option(help="Folder for the token and the ledger.")],
    ops_token: Annotated[str, typer.Option(envvar="FORVARNING_INGEST_OPS_TOKEN")],
    clock_file: Annotated[Path | None, typer.Option(envvar="FORVARNING_CLOCK_FILE")] = None,
) -> None:
    """The small municipality of `forvarning up --demo`; goes on where it was."""
    clock = clock_from(clock_file)
    try:
        known = asyncio.run(demos.settled(state, ingest, ops_token, today=school_date(clock.now())))
    except FeedError as error:
        typer.echo(f"forvarning simulate: {error}", err=True)
        raise typer.Exit(1) from None
    simulation = Simulation.of(
        SimulatorConfig(seed=demos.SEED, pupils=demos.PUPILS, today=known.today)
    )
    options = FeedOptions(
        first=first_date(simulation.world, demos.WEEKS),
        last=simulation.world.days[-1],
        live=True,
        seed=demos.SEED,
    )
    client = IngestClient(ingest, known.token, concurrency=options.concurrency)
    _run(simulation, client, state / "ledger.jsonl", clock, options)
