"""`forvarning replay`."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from services.common import logging
from services.common.clock import epoch_day
from services.common.settings import OracleSettings
from services.ews.whatif.choose import choose
from services.ews.whatif.compare import Period
from services.ews.whatif.errors import WhatIfError
from services.ews.whatif.folder import Folder
from services.ews.whatif.log import InputLog
from services.ews.whatif.run import Answer, compare
from services.ews.whatif.show import as_json, console, show

app = typer.Typer(add_completion=False)


@app.command()
def replay(  # noqa: PLR0917 - typer calls it by name
    profile: Annotated[
        str, typer.Option(metavar="NEW", help="What if this held: a file, an id, or id@version.")
    ],
    against: Annotated[str, typer.Option(metavar="OLD", help="Instead of this one.")],
    source: Annotated[
        Path | None,
        typer.Argument(metavar="[SOURCE]", help="A folder with facts.jsonl; else Kafka."),
    ] = None,
    unit: Annotated[
        list[str] | None,
        typer.Option(metavar="UNIT", help="Only this school: id or skolenhetskod. Repeatable."),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Count from this day on.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Count up to and with this day.")
    ] = None,
    pupils: Annotated[
        bool, typer.Option("--pupils", help="List the pupils, by surrogate id.")
    ] = False,
    to_json: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write everything; - prints it.")
    ] = None,
) -> None:
    """Who would have been warned when, under one rule profile and under another.

    Judges the input log, or a folder's facts.jsonl, under both profiles as if each had held
    from the first day, and tells for every school how many pupils each warns, whom only one of
    them warns, how much earlier or later, and how often a pupil's state changes. Nothing is
    published and nobody is told. Kafka's address comes from the environment, as for the
    services. Exit status: 0 it could be told, 2 it could not.
    """
    logging.configure("replay", "WARNING")
    try:
        period = _period(first, last)
        answer = asyncio.run(_compare(profile, against, source, period, unit or []))
        if to_json is not None:
            _write(answer, to_json)
    except WhatIfError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    if to_json != "-":
        show(answer, console(), pupils=pupils)


async def _compare(
    new: str, old: str, folder: Path | None, period: Period, units: list[str]
) -> Answer:
    log = InputLog(_settings())
    source = log if folder is None else Folder(folder)
    published = log.contents if folder is None else None
    chosen_new, chosen_old = await choose(new, published), await choose(old, published)
    return await compare(source, chosen_old, chosen_new, period=period, asked_units=units, say=_say)


def _settings() -> OracleSettings:
    try:
        return OracleSettings()
    except ValidationError as error:
        names = ", ".join(
            f"FORVARNING_{'_'.join(map(str, row['loc'])).upper()}" for row in error.errors()
        )
        raise WhatIfError(f"these settings cannot be used: {names}") from None


def _period(first: str | None, last: str | None) -> Period:
    period = Period(_day("--from", first), _day("--to", last))
    if period.first is not None and period.last is not None and period.first > period.last:
        raise WhatIfError(f"--from {first} is after --to {last}")
    return period


def _day(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return epoch_day(date.fromisoformat(text))
    except ValueError:
        raise WhatIfError(f"{option} {text}: a date as 2026-11-24 is needed") from None


def _write(answer: Answer, where: str) -> None:
    text = json.dumps(as_json(answer), ensure_ascii=False)
    if where == "-":
        typer.echo(text)
        return
    try:
        Path(where).write_text(text + "\n", "utf-8")
    except OSError as error:
        raise WhatIfError(f"--json {where}: {error.strerror}") from error


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress, for a person
