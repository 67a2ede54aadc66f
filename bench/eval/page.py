"""docs/warning-quality.md and its plots, written from the figures.

The words stand in warning-quality.md.j2 beside this file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, StrictUndefined, select_autoescape

from bench.eval.curves import Curves
from bench.eval.report import AIMS, BY_SCHOOL, ENGINE, ENOUGH, Flat, estimates, points
from bench.eval.rules import Kind
from bench.eval.score import FAR, Estimate, Score
from bench.eval.svg import Axis, Line, chart
from bench.result import Aim

ELSEWHERE: dict[str, tuple[float | None, float | None, float | None]] = {
    "weekly_10_percent": (1.00, 56, 71),
    "seven_days": (0.28, None, None),
    "term_15_percent": (0.80, 28, 9.5),
    "decayed_25": (1.00, 33, 14.7),
    "decayed_40": (0.99, 29, 10.9),
}
"""Recall, lead and false alarms of the same rules on an independently built simulator."""
_FAR_OFF = 0.2
_TITLES = {
    ENGINE: "**`standard`**",
    "weekly_10_percent": "weekly mail, 10 % over 14 days",
    "seven_days": "7 school days in a row",
    "term_15_percent": "15 % of the term so far, at month end",
    "decayed_25": "decayed share, half-life 25 school days",
    "decayed_40": "decayed share, half-life 40 school days",
}
_SHORT = {
    "weekly_10_percent": "weekly mail, 14 days",
    "seven_days": "days in a row",
    "term_15_percent": "month end, term so far",
    "decayed_25": "decayed, 25 days",
    "decayed_40": "decayed, 40 days",
}
_COLUMNS = {
    "share_recall": "share recall",
    "share_lead_days": "lead, days",
    "share_false_alarms": "false alarms",
    "changes_per_pupil_term": "changes",
    "pattern_recall": "pattern recall",
    "pattern_delay_days": "delay, days",
    "run_recall_day5": "run recall, day 5",
    "run_recall_day7": "day 7",
    "run_recall_day10": "day 10",
    "run_false_alarms": "run false alarms",
}
_TEMPLATE = Path(__file__).with_name("warning-quality.md.j2")


@dataclass(frozen=True, slots=True)
class Found:
    """All that the page tells of. ``kinds`` tells of each curve what its rule is for."""

    figures: Flat
    by_way: Mapping[str, Score]
    by_group: Mapping[str, Mapping[str, Score]]
    curves: Curves
    kinds: Mapping[str, Kind]


def write(folder: Path, found: Found) -> None:
    """Write the page and its plots into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in plots(found).items():
        (folder / name).write_text(picture, encoding="utf-8")
    (folder / "warning-quality.md").write_text(page(found), encoding="utf-8")


def plots(found: Found) -> dict[str, str]:
    """The pictures by file name."""
    false_alarms = Axis("false alarms per 100 negative pupil-terms", 0, 80, 10)
    wanted: tuple[tuple[str, str, Axis, str, tuple[Kind, ...]], ...] = (
        ("recall", "Share truth: recall", Axis("recall", 0, 1, 0.1), "share_recall", ("share",)),
        (
            "lead",
            "Share truth: median lead",
            Axis("lead, school days", -10, 70, 10),
            "share_lead_days",
            ("share",),
        ),
        (
            "pattern",
            "Patterns warned of within 20 school days",
            Axis("pattern recall", 0, 1, 0.1),
            "pattern_recall",
            ("pattern", "share"),
        ),
        (
            "run",
            "Runs warned of by the seventh day",
            Axis("run recall, day 7", 0, 1, 0.1),
            "run_recall_day7",
            ("run", "share"),
        ),
    )
    return {
        f"warning-quality-{name}.svg": _chart(
            f"{title}, by false alarms",
            false_alarms,
            up,
            ("share_false_alarms", figure),
            found.figures,
            {one: some for one, some in found.curves.items() if found.kinds.get(one) in of},
        )
        for name, title, up, figure, of in wanted
    }


def _chart(  # noqa: PLR0917  # what is drawn against what, and from where
    title: str,
    across: Axis,
    up: Axis,
    names: tuple[str, str],
    figures: Flat,
    curves: Curves,
) -> str:
    lines = [
        Line(
            _SHORT.get(name, name),
            [(one[names[0]], one[names[1]]) for _, one in some if _known(one, names)],
        )
        for name, some in points(curves).items()
    ]
    if _known(figures, names):
        lines.append(Line("standard, all its rules", [(figures[names[0]], figures[names[1]])]))
    return chart(title, across, up, lines)


def _known(figures: Flat, names: Sequence[str]) -> bool:
    return all(not math.isnan(figures.get(name, math.nan)) for name in names)


def page(found: Found) -> str:
    """The text."""
    template = Environment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=select_autoescape(default_for_string=False),
    ).from_string(_TEMPLATE.read_text("utf-8"))
    return template.render(
        figures=found.figures,
        aims=_table(("Figure", "Value", "Aim", ""), [_aim(aim, found.figures) for aim in AIMS]),
        missed={aim.name for aim in _missed(found.figures)},
        shortfalls="\n".join(_shortfall(aim, found.figures) for aim in _missed(found.figures)),
        ways=_scores("", {_TITLES.get(name, name): one for name, one in found.by_way.items()}),
        elsewhere=_elsewhere(found.by_way),
        groups="\n\n".join(
            _scores(label, {f"`{value}`": one for value, one in parts.items()})
            for label, parts in found.by_group.items()
        ),
        schools=_schools(found.figures),
        enough=ENOUGH,
        curves=_curves(found.curves),
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _aim(aim: Aim, figures: Flat) -> list[str]:
    value = figures.get(aim.name, math.nan)
    bounds = [figures.get(f"{aim.name}_{end}") for end in ("low", "high")]
    between = "" if bounds[0] is None or bounds[1] is None else _between(bounds[0], bounds[1])
    met = "met" if aim.met(value) else "**not met**"
    return [f"`{aim.name}`", f"{_short(value)}{between}", f"{aim.op} {aim.aim:g}", met]


def _missed(figures: Flat) -> list[Aim]:
    """The aims that were measured and not met."""
    return [
        aim
        for aim in AIMS
        if not math.isnan(value := figures.get(aim.name, math.nan)) and not aim.met(value)
    ]


def _shortfall(aim: Aim, figures: Flat) -> str:
    value = figures[aim.name]
    words = "at most" if aim.op == "<=" else "at least"
    by = 100 * abs(value - aim.aim) / aim.aim
    return f"- `{aim.name}` is {_short(value)} where {words} {aim.aim:g} is asked: {by:.0f} % off."


def _scores(label: str, found: Mapping[str, Score]) -> str:
    rows = []
    for name, one in found.items():
        named = estimates(one)
        rows.append([name, *(_cell(named[column]) for column in _COLUMNS)])
    return _table((label, *_COLUMNS.values()), rows)


def _cell(one: Estimate) -> str:
    return f"{_short(one.value)}{_between(one.low, one.high)}" if one.count else "–"


def _between(low: float, high: float) -> str:
    return f" ({_short(low)} to {_short(high)})"


def _short(value: float) -> str:
    if math.isnan(value):
        return "–"
    if value >= FAR:
        return "never"
    return f"{value:.3f}" if abs(value) < 2 else f"{value:.1f}"


def _elsewhere(by_way: Mapping[str, Score]) -> str:
    rows = []
    for name, there in ELSEWHERE.items():
        one = by_way.get(name)
        if one is None:
            continue
        here = (one.share_recall, one.share_lead_days, one.share_false_alarms)
        rows.append([_TITLES[name], *map(_beside, here, there)])
    return _table(("", "share recall", "lead, days", "false alarms"), rows)


def _beside(mine: Estimate, other: float | None) -> str:
    if other is None:
        return f"{_short(mine.value)} / –"
    star = " *" if abs(mine.value - other) > _FAR_OFF * other else ""
    return f"{_short(mine.value)} / {_short(other)}{star}"


def _schools(figures: Flat) -> str:
    rows = [
        [name, _short(figures[f"school_{name}_worst"]), _short(figures[f"school_{name}_best"])]
        for name in BY_SCHOOL
        if f"school_{name}_worst" in figures
    ]
    return _table(("", "worst", "best"), rows)


def _curves(curves: Curves) -> str:
    names = {
        "share_recall": "share recall",
        "share_lead_days": "lead",
        "share_false_alarms": "false alarms",
        "pattern_recall": "pattern recall",
        "run_recall_day7": "run recall, day 7",
        "raises_per_pupil_term": "raises",
    }
    rows = [
        [_TITLES.get(name, f"`{name}`"), f"{threshold:g}", *(_short(one[what]) for what in names)]
        for name, some in points(curves).items()
        for threshold, one in some
    ]
    return _table(("rule", "threshold", *names.values()), rows)
