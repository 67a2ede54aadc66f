"""`forvarning rules check` and `activate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.ingest.cli import activate
from services.rules.reading import LABELS, RefusedError, read_profile, remarks

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Rule profiles.")
app.command("activate")(activate)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The profile (TOML).")],
) -> None:
    """Read a profile, signals and ladder, as ingest and the services will.

    Exit status 1 when it cannot be used, with a line for each thing that is wrong: file,
    line, field and reason. What can be used but is hardly meant is a warning.
    """
    try:
        profile = read_profile(file.read_bytes())
    except RefusedError as error:
        for one in error.findings:
            print(f"{file}:{one.line}: {one.about}" if one.line else f"{file}: {one.about}")
        raise SystemExit(1) from None
    signals = profile.signals
    print(f"{signals.profile_id}, version {signals.version}: {signals.name}")
    for family, rules in signals.families.items():
        print(f"  signals.{LABELS[family]}: {', '.join(rule.rule_id for rule in rules.rules)}")
    print(f"  ladder: {', '.join(step.id for step in profile.ladder.steps) or 'none'}")
    for remark in remarks(profile):
        print(f"{file}: warning: {remark}")
    print("It can be used.")
