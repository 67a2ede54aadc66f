"""`forvarning dlq` and `forvarning ews`: the operator's side of the stream."""

from __future__ import annotations

import asyncio
import getpass
import socket
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.common.settings import EwsSettings
from services.ews.dlq import Letter, Outcome, open_letters
from services.ews.dlq import replay as send_again
from services.ews.mend import mend as mend_partition
from services.ews.topology import Topology

dlq = typer.Typer(help="Facts that the core could not digest.", no_args_is_help=True)
ews = typer.Typer(help="Mend a partition of the early-warning stream.", no_args_is_help=True)

_out = Console(highlight=False, soft_wrap=True)

Partition = Annotated[int | None, typer.Option(help="Only this partition.")]
Reason = Annotated[str | None, typer.Option(help="Only this reason, as `list` shows it.")]
Offset = Annotated[int | None, typer.Option(help="Only the letter of this offset.")]


def _by() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"


def _chosen(
    letters: list[Letter], partition: int | None, reason: str | None, offset: int | None
) -> list[Letter]:
    return [
        letter
        for letter in letters
        if partition in (None, letter.partition)
        and reason in (None, letter.reason)
        and offset in (None, letter.origin)
    ]


def _table(letters: list[Letter]) -> Table:
    table = Table("partition", "offset", "since (UTC)", "kind", "reason", "detail", "pupils")
    for letter in letters:
        since = datetime.fromtimestamp(letter.timestamp_ms / 1000, UTC)
        table.add_row(
            str(letter.partition),
            str(letter.origin),
            f"{since:%Y-%m-%d %H:%M:%S}",
            letter.kind,
            letter.reason,
            letter.detail,
            str(letter.pupils),
        )
    return table


@dlq.command("list")
def list_letters(partition: Partition = None, reason: Reason = None, offset: Offset = None) -> None:
    """Show the dead letters that have not been replayed. Exit status 1 when there are any."""
    letters = _chosen(
        asyncio.run(open_letters(EwsSettings(), Topology())), partition, reason, offset
    )
    if not letters:
        _out.print("No dead letters.")
        return
    _out.print(_table(letters))
    raise typer.Exit(1)


@dlq.command()
def replay(
    partition: Partition = None,
    reason: Reason = None,
    offset: Offset = None,
    a_second: Annotated[float, typer.Option(min=0.1, help="At most so many a second.")] = 50.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent.")] = False,
) -> None:
    """Send dead letters to the stream again, once what was wrong has been mended.

    One that fails again lies among the dead letters again.
    """
    settings, topology = EwsSettings(), Topology()

    async def work() -> int:
        letters = _chosen(await open_letters(settings, topology), partition, reason, offset)
        if not letters:
            _out.print("No dead letters.")
            return 0
        if dry_run:
            _out.print(_table(letters))
            _out.print(f"{len(letters)} would be sent; nothing has been.")
            return 0
        outcomes: list[Outcome] = []
        await send_again(
            settings, topology, letters, by=_by(), a_second=a_second, told=outcomes.append
        )
        for outcome in outcomes:
            place = f"partition {outcome.letter.partition} offset {outcome.letter.origin}"
            if outcome.sent_offset is None:
                _out.print(f"{place}: its bytes are no longer in the log; not sent")
            else:
                _out.print(f"{place}: sent, now at offset {outcome.sent_offset}")
        lost = sum(outcome.sent_offset is None for outcome in outcomes)
        _out.print(f"{len(outcomes) - lost} sent, {lost} not.")
        return 1 if lost else 0

    raise typer.Exit(asyncio.run(work()))


@ews.callback()
def _ews() -> None:
    """Keep `mend` a subcommand although it is the only one."""


@ews.command()
def mend(
    partition: Annotated[int, typer.Option(help="The partition of the input log.")],
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Remove the state and compute it from the log alone.")
    ] = False,
) -> None:
    """Let a partition read the input log from its beginning again.

    For when a worker has stopped and named this command. The state is kept
    unless --rebuild is given; nothing that was published is repeated. Stop the
    workers first; have the sources send again what the log has lost.
    """
    settings = EwsSettings()
    if not 0 <= partition < settings.fact_partitions:
        _out.print(f"--partition: there are partitions 0 to {settings.fact_partitions - 1}")
        raise typer.Exit(2)
    done = asyncio.run(mend_partition(settings, Topology(), partition, rebuild=rebuild, by=_by()))
    _out.print(f"Partition {partition} goes on at offset {done.position.next_offset}.")
    if rebuild:
        _out.print(
            f"{done.removed_rows} rows of state removed; nothing is published until it has read "
            f"the log up to offset {done.position.rebuild_until}."
        )
