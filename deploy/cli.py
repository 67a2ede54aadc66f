"""The `forvarning` command: a table of what it can do, each part imported only when it is used."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import typer


@dataclass(frozen=True)
class Entry:
    """One command: where its typer application is (``module:attribute``), and what it does."""

    name: str
    target: str
    summary: str
    group: str


RUN = "Run"
DATA = "Bring data in"
OPERATE = "Operate"

COMMANDS: tuple[Entry, ...] = (
    Entry("up", "deploy.local.up:app", "Run everything on this machine; Ctrl-C stops it.", RUN),
    Entry(
        "demo-check",
        "deploy.check.cli:app",
        "Eight school weeks with faults, against the oracle.",
        RUN,
    ),
    Entry("simulate", "bench.simulator.cli:app", "Play a municipality's lessons to ingest.", DATA),
    Entry(
        "roster",
        "services.ingest.cli:roster",
        "Import a roster: units, pupils, staff, duties.",
        DATA,
    ),
    Entry(
        "sources",
        "services.ingest.cli:sources",
        "School systems: add, connect, read, see how it goes.",
        DATA,
    ),
    Entry("import", "services.ingest.cli:imports", "Import attendance from a CSV file.", DATA),
    Entry(
        "migrate",
        "deploy.commands.migrate:app",
        "Bring the database's schemas up to date.",
        OPERATE,
    ),
    Entry(
        "topics", "deploy.commands.topics:app", "Create Kafka's topics, or verify them.", OPERATE
    ),
    Entry(
        "rules",
        "deploy.commands.rules:app",
        "Check a rule profile, explain it, activate it.",
        OPERATE,
    ),
    Entry(
        "replay",
        "services.ews.whatif.cli:app",
        "What if another rule profile held: who would be warned when.",
        OPERATE,
    ),
    Entry(
        "retention",
        "services.records.cli:retention",
        "What is kept how long; erase what is due, with certificates.",
        OPERATE,
    ),
    Entry(
        "certificates",
        "deploy.commands.certificates:app",
        "Certificates of what was erased, as PDF.",
        OPERATE,
    ),
    Entry("erase", "services.records.cli:erase", "Erase a pupil by decision.", OPERATE),
    Entry(
        "extract",
        "services.cases.cli:extract_app",
        "Everything about one pupil, as JSON and PDF.",
        OPERATE,
    ),
    Entry(
        "huvudman",
        "services.cases.settings_cli:organiser_app",
        "What a huvudman has decided for its chain.",
        OPERATE,
    ),
    Entry("audit", "services.cases.cli:audit_app", "Verify the audit log's chains.", OPERATE),
    Entry("ews", "services.ews.cli:ews", "Mend a partition of the stream.", OPERATE),
    Entry("dlq", "services.ews.cli:dlq", "Replay what could not be digested.", OPERATE),
    Entry(
        "oracle",
        "services.ews.oracle.cli:app",
        "Recompute from the log and compare with the services.",
        OPERATE,
    ),
)

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

app = typer.Typer(
    name="forvarning",
    help="Förvarning: early warning for school absence. Each command has its own --help.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)


def load(entry: Entry) -> typer.Typer:
    """Import a command's application."""
    module, _, attribute = entry.target.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        raise TypeError(f"{entry.target} is not a typer application")
    return found


def _register(entry: Entry) -> None:
    def run(context: typer.Context) -> None:
        load(entry)(args=context.args, prog_name=f"forvarning {entry.name}")

    app.command(
        entry.name,
        help=entry.summary,
        rich_help_panel=entry.group,
        context_settings=_PASS_ON,
        add_help_option=False,
    )(run)


for _entry in COMMANDS:
    _register(_entry)


def main() -> None:
    """The console command."""
    app()


if __name__ == "__main__":
    main()
