"""Reads a profile's file as every service that uses it will, or tells all that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.common.profiles import Ladder, LadderError, parse_ladder
from services.ews.core.profile import ProfileError, parse_profile
from services.ews.core.rule import FAMILIES, TODAY, Profile
from services.ews.core.toml_lines import TomlLines

LABELS: dict[int, str] = {number: label for label, number in FAMILIES.items()}
"""A family's name in the file, by its number in the contracts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``line`` counts from 1 and is 0 where it is not known."""

    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.field}: {self.reason}" if self.line else self.about

    @property
    def about(self) -> str:
        """Field and reason, for those who show the line in their own way."""
        return f"{self.field}: {self.reason}"


class RefusedError(ValueError):
    """A profile that cannot be used; ``findings`` is never empty and in the file's order."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(sorted(findings, key=lambda one: one.line or 1_000_000))
        super().__init__("; ".join(map(str, self.findings)))


@dataclass(frozen=True, slots=True)
class WholeProfile:
    """Both parts of one file."""

    signals: Profile
    ladder: Ladder


def read_profile(content: bytes) -> WholeProfile:
    """Read a profile's file. Raises :class:`RefusedError` with everything that was found.

    Of each rule the first thing that is wrong is told, of the ladder all; a file that
    is no TOML has no parts, so that is told alone.
    """
    findings: list[Finding] = []
    signals, ladder = None, None
    try:
        signals = parse_profile(content)
    except ProfileError as error:
        findings += [Finding(one.line, one.field, one.reason) for one in (error, *error.others)]
        if error.field == "file":
            raise RefusedError(findings) from error
    try:
        ladder = parse_ladder(content)
    except LadderError as error:
        text = content.decode("utf-8")
        findings += [_of_ladder(text, one) for one in (error, *error.others)]
    if signals is None or ladder is None:
        raise RefusedError(findings)
    return WholeProfile(signals, ladder)


def _of_ladder(text: str, error: LadderError) -> Finding:
    """The ladder's own path counts its steps from 0; people look for the line."""
    match error.field.split("."):
        case ["ladder", "steps", nth, *keys] if nth.isdecimal():
            line = TomlLines(text).of("ladder.steps", keys[0] if keys else "", int(nth))
            return Finding(line, ".".join(["ladder.steps", *keys]), error.reason)
        case _:
            return Finding(_named_step(text, error.reason), error.field, error.reason)


def _named_step(text: str, reason: str) -> int:
    """The last line that gives a step the name that the reason begins with."""
    named = re.search(r"the step '([a-z0-9-]+)'", reason)
    if named is None:
        return 0
    given = re.compile(rf"\s*id\s*=\s*[\"']{re.escape(named[1])}[\"']")
    return max((i for i, row in enumerate(text.splitlines(), 1) if given.match(row)), default=0)


def remarks(profile: WholeProfile) -> Iterator[str]:
    """What can be used but is hardly meant: where the two parts do not meet."""
    levels = {
        LABELS[family]: {rule.level for rule in rules.rules}
        for family, rules in profile.signals.families.items()
    }
    if LABELS[TODAY] not in levels:
        yield (
            "ogiltig_idag is not judged, so nobody is told the same day "
            "(skollagen 7 kap. 17 §, 15 kap. 16 §)"
        )
    steps = profile.ladder.steps
    if not steps:
        yield "there is no ladder, so the case service's own defaults hold"
        return
    for step in steps:
        family, least = step.trigger.family, step.trigger.least
        if family is None:
            continue
        if family not in levels:
            yield f"ladder step {step.id}: the signals raise no warning of {family}"
        elif least > max(levels[family]):
            yield (
                f"ladder step {step.id}: the signals raise {family} to level "
                f"{max(levels[family])} only, and the step begins at {least}"
            )
    for label, raised in levels.items():
        for level in sorted(raised):
            if profile.ladder.step(label, level) is None:
                yield f"no ladder step begins when {label} reaches level {level}"
