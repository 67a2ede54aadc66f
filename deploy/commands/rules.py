"""`forvarning rules check` and `activate`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from forvarning.warnings.v1 import warnings_pb2
from services.ews.core.profile import Profile, ProfileError, Rule, Span, parse_profile
from services.ingest.cli import activate
from services.ingest.errors import ProfileError as ContentError
from services.ingest.profiles import read_content

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Rule profiles.")
app.command("activate")(activate)


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
    print(f"{profile.profile_id}, version {profile.version}: {profile.name}")
    for line in _lines(profile):
        print(line)
    print("It can be used.")


def _lines(profile: Profile) -> Iterator[str]:
    """One short paragraph a rule: it reads the same in a narrow window and in a file."""
    for family, rules in profile.families.items():
        yield warnings_pb2.Family.Name(family).removeprefix("FAMILY_").lower()
        for rule in rules.rules:
            yield f"  {rule.rule_id}, level {rule.level}"
            yield f"    fires when  {_condition(rule)} {_window(rule)}"
            if rule.resolve_days:
                yield f"    rests       below {rule.resolve_below} for {rule.resolve_days} days"
            yield f"    from        {rule.source}"


def _condition(rule: Rule) -> str:
    comparator = ">=" if rule.inclusive else ">"
    return (
        f"{rule.metric.value} {rule.measure.value.replace('_', ' ')} {comparator} {rule.threshold}"
    )


def _window(rule: Rule) -> str:
    if rule.window.span is Span.RUN:
        return "in one run"
    if rule.window.span is Span.SCHOOL_DAYS:
        return f"over {rule.window.length} school days"
    return f"over a {rule.window.span.value}".replace("_", " ")
