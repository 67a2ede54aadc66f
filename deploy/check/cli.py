"""`forvarning demo-check`, and `make demo-check`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import signal
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from bench.result import print_result
from deploy.check.days import plan, starting
from services.common.cancellation import only_ours

app = typer.Typer(add_completion=False)

_FOLDER = Path("var") / "demo-check"


@app.command()
def demo_check(  # noqa: PLR0917 - a command's options
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the municipality and the faults; else drawn.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="The simulated school Tuesday; else near today."),
    ] = None,
    data: Annotated[Path, typer.Option(metavar="DIR", help="Emptied at the start.")] = _FOLDER,
    pupils: Annotated[int, typer.Option(min=50, help="Of the municipality.")] = 1200,
    rate: Annotated[float, typer.Option(min=1, help="Registers a second, live.")] = 200.0,
    live_seconds: Annotated[
        float, typer.Option(min=60, help="How long the live days take in all.")
    ] = 210.0,
) -> None:
    """Eight school weeks on the local stack, with faults, compared with the oracle.

    Runs headless and takes about six minutes. What happens goes to standard error; the last line
    on standard output is one JSON object with the figures and whether each aim is met. Exits
    non-zero only where it could not measure.
    """
    # Imported here, so that `forvarning --help` need not wait for it.
    from deploy.check.context import Options  # noqa: PLC0415
    from deploy.check.main import check  # noqa: PLC0415
    from deploy.check.report import AIMS  # noqa: PLC0415
    from deploy.check.say import Diary  # noqa: PLC0415

    try:
        days = plan(datetime.now(UTC)) if start is None else starting(date.fromisoformat(start))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--start") from error
    options = Options(
        seed=secrets.randbelow(1_000_000) if seed is None else seed,
        days=days,
        folder=data.resolve(),
        pupils=pupils,
        rate=rate,
        live_seconds=live_seconds,
    )
    diary = Diary()
    # While the broker is away it says so ten times a second.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

    async def until_stopped() -> dict[str, float | None]:
        # Only a signal cancels it: what comes from inside is a fault, and is said as one.
        task = asyncio.ensure_future(only_ours(check(options, diary)))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        return await task

    try:
        with contextlib.suppress(asyncio.CancelledError):
            figures = asyncio.run(until_stopped())
            met = print_result("demo-check", {"seed": options.seed} | figures, AIMS)
            diary.say("every aim is met" if met else "some aims are NOT met; see the last line")
            return
        diary.say("stopped before there was anything to measure")
    except Exception as error:  # noqa: BLE001 - whatever it was: said, and every process has ended
        diary.say(f"could not measure: {_said(error)}")
        diary.say(f"logs: {options.folder / 'logs'}")
    raise typer.Exit(1)


def _said(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_said(one) for one in error.exceptions)
    return f"{type(error).__name__}: {error}"
