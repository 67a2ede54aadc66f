"""`forvarning topics create` and `verify`."""

from __future__ import annotations

import asyncio

import typer

from deploy.commands.settings import read
from services.common.kafka import create_topics, verify_topics
from services.common.settings import CommonSettings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The topics of the registry.")


@app.command()
def create() -> None:
    """Create the topics that are missing; existing ones are left as they are."""
    made = asyncio.run(create_topics(read(CommonSettings)))
    for name in made:
        print(f"created {name}")
    print(f"{len(made)} created." if made else "All topics are there.")


@app.command()
def verify() -> None:
    """Compare the broker's topics with the registry; exit status 1 when one differs."""
    problems = asyncio.run(verify_topics(read(CommonSettings)))
    for problem in problems:
        print(problem)
    if problems:
        raise SystemExit(1)
    print("All topics are as the registry says.")
