"""`forvarning rules check` and `activate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from forvarning.warnings.v1 import warnings_pb2
from services.ews.core.profile import Profile, ProfileError, Rule, Span, parse_profile
from services.ingest.cli import activate
from services.ingest.errors import ProfileError as ContentError
from services.ingest.profiles import read_content

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Rule profiles.")
app.command("activate")(activate)
_out = Console(highlight=False, soft_wrap=True)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The profile (TOML).")],
) -> None:
    """Read a profile as ingest and the workers will, and show what it means.

    Exit status 1 when it cannot be used, with line, field and reason.
    """
    content = file.read_bytes()
    try:
        # Ingest names and publishes the content; the workers read its rules.
        read_content(content)
        profile = parse_profile(content)
    except (ProfileError, ContentError) as error:
        print(f"{file}: {error}")
        raise SystemExit(1) from None
    _out.print(f"{profile.profile_id}, version {profile.version}: {profile.name}", markup=False)
    _out.print(_table(profile))
    print("It can be used.")


def _table(profile: Profile) -> Table:
    table = Table("family", "rule", "level", "fires when", "over", "rests below", "from")
    for family, rules in profile.families.items():
        name = warnings_pb2.Family.Name(family).removeprefix("FAMILY_").lower()
        for rule in rules.rules:
            table.add_row(
                name,
                rule.rule_id,
                str(rule.level),
                _condition(rule),
                _window(rule),
                f"{rule.resolve_below} for {rule.resolve_days} days",
                rule.source,
            )
    return table


def _condition(rule: Rule) -> str:
    comparator = ">=" if rule.inclusive else ">"
    return f"{rule.metric.value} {rule.measure.value} {comparator} {rule.threshold}"


def _window(rule: Rule) -> str:
    if rule.window.span is Span.SCHOOL_DAYS:
        return f"{rule.window.length} school days"
    return str(rule.window.span.value).replace("_", " ")
