"""`forvarning migrate`."""

from __future__ import annotations

import asyncio

import typer

from deploy.commands.settings import read
from services.common.migrate import MigrationError, migrate
from services.common.settings import MigrateSettings

app = typer.Typer(add_completion=False)


@app.command()
def run() -> None:
    """Bring the database's schemas up to date, and make the services' roles.

    Reads FORVARNING_OWNER_DATABASE_URL and the three FORVARNING_*_DATABASE_PASSWORD. Safe to
    repeat, and to run from several places at once.
    """
    settings = read(MigrateSettings)
    try:
        applied = asyncio.run(migrate(settings))
    except MigrationError as error:
        raise SystemExit(f"Migration failed: {error}") from error
    for name in applied:
        print(f"applied {name}")
    print("The schemas are up to date.")
