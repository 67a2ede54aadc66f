"""`forvarning rules check`, `explain` and `activate`."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from services.ingest.cli import activate
from services.rules.explain import Chapter, explain
from services.rules.reading import LABELS, RefusedError, WholeProfile, read_profile, remarks

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Rule profiles.")
app.command("activate")(activate)

SHIPPED = Path(__file__).parents[2] / "services" / "ews" / "profiles"


def _read(file: Path) -> WholeProfile:
    """The profile, or its findings a line each and exit status 1."""
    try:
        return read_profile(file.read_bytes())
    except RefusedError as error:
        for one in error.findings:
            print(f"{file}:{one.line}: {one.about}" if one.line else f"{file}: {one.about}")
        raise SystemExit(1) from None


@app.command()
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The profile (TOML).")],
) -> None:
    """Read a profile, signals and ladder, as ingest and the services will.

    Exit status 1 when it cannot be used, with a line for each thing that is wrong: file,
    line, field and reason. What can be used but is hardly meant is a warning.
    """
    profile = _read(file)
    signals = profile.signals
    print(f"{signals.profile_id}, version {signals.version}: {signals.name}")
    for family, rules in signals.families.items():
        print(f"  signals.{LABELS[family]}: {', '.join(rule.rule_id for rule in rules.rules)}")
    print(f"  ladder: {', '.join(step.id for step in profile.ladder.steps) or 'none'}")
    for remark in remarks(profile):
        print(f"{file}: warning: {remark}")
    print("It can be used.")


@app.command("explain")
def explain_profile(
    profile: Annotated[
        str | None,
        typer.Argument(help="A profile's file, or the id of one that comes with Förvarning."),
    ] = None,
) -> None:
    """Tell in plain Swedish what a profile does; without argument, which ones there are."""
    page = _Page()
    if profile is None:
        page.list(_shipped())
        return
    file = Path(profile)
    if not file.is_file():
        file = SHIPPED / f"{profile}.toml"
    if file.parent == SHIPPED and not file.is_file():
        known = ", ".join(one.stem for one in _shipped())
        print(f"{profile} is neither a file nor one of {known}.")
        raise SystemExit(1)
    page.profile(_read(file))


def _shipped() -> list[Path]:
    """The profiles that come with Förvarning, its own first."""
    return sorted(SHIPPED.glob("*.toml"), key=lambda one: (one.stem != "standard", one.stem))


class _Page:
    """Lines no wider than are good to read; nothing but text where no terminal reads them."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._width = min(self._console.width, 88)

    def _say(self, text: str, style: str = "", indent: str = "", first: str | None = None) -> None:
        lines = textwrap.wrap(
            text,
            self._width,
            initial_indent=indent if first is None else first,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines:
            self._console.print(Text(line, style), soft_wrap=True)

    def list(self, files: list[Path]) -> None:
        for file in files:
            signals = _read(file).signals
            self._say(signals.description or signals.name, "", " " * 20, f"{file.stem:<20}")
        self._console.print()
        self._say("forvarning rules explain NAMN berättar vad en profil gör.", "dim")

    def profile(self, profile: WholeProfile) -> None:
        signals = profile.signals
        self._say(f"{signals.name} ({signals.profile_id}, version {signals.version})", "bold")
        for text in (signals.description, signals.source and f"Källa: {signals.source}"):
            if text:
                self._say(text)
        self._console.print()
        self._say(
            "Nivå 1 är den mildaste. Lektioner som ingen har rapporterat räknas varken som "
            "närvaro eller som frånvaro."
        )
        for chapter in explain(profile):
            self._chapter(chapter)

    def _chapter(self, chapter: Chapter) -> None:
        self._console.print()
        self._console.print()
        self._say(chapter.title.upper(), "bold")
        if chapter.intro:
            self._say(chapter.intro)
        for part in chapter.parts:
            self._console.print()
            self._say(part.heading, "bold")
            self._say(part.text, "", "  ")
            for bullet in part.bullets:
                self._say(bullet, "", "    ", "  – ")
            if part.source:
                self._say(f"Källa: {part.source}", "dim", "  ")
