"""A line chart as SVG: points with straight lines between them, labelled, nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 760, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 210, 40, 56
_COLOURS = ("#0b5fa5", "#b3541e", "#2e7d32", "#7b3fa0", "#8a6d00", "#555555", "#c2185b")


@dataclass(frozen=True, slots=True)
class Line:
    """A curve, or with one point a mark."""

    label: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """From ``low`` to ``high``, with a tick every ``step``."""

    label: str
    low: float
    high: float
    step: float


def chart(title: str, across: Axis, up: Axis, lines: Sequence[Line]) -> str:
    """The document. What lies outside an axis is left out."""
    wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x(value: float) -> float:
        return _LEFT + wide * (value - across.low) / (across.high - across.low)

    def y(value: float) -> float:
        return _TOP + tall * (1 - (value - up.low) / (up.high - up.low))

    found = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'font-family="sans-serif" font-size="12">'
        ),
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        _text(_LEFT, 22, title, size=15),
        _text(_LEFT + wide / 2, _HEIGHT - 14, across.label, anchor="middle"),
        (
            f'<g transform="translate(18 {_TOP + tall / 2:.1f}) rotate(-90)">'
            f"{_text(0, 0, up.label, anchor='middle')}</g>"
        ),
    ]
    for tick in _ticks(across):
        found += [_grid(x(tick), _TOP, x(tick), _TOP + tall)]
        found += [_text(x(tick), _TOP + tall + 18, f"{tick:g}", anchor="middle")]
    for tick in _ticks(up):
        found += [_grid(_LEFT, y(tick), _LEFT + wide, y(tick))]
        found += [_text(_LEFT - 8, y(tick) + 4, f"{tick:g}", anchor="end")]
    for number, line in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        inside = [
            (x(a), y(b))
            for a, b in line.points
            if across.low <= a <= across.high and up.low <= b <= up.high
        ]
        if len(line.points) > 1:
            path = " ".join(f"{a:.1f},{b:.1f}" for a, b in inside)
            found.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
            )
        size = 2.6 if len(line.points) > 1 else 6
        found += [
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{size}" fill="{colour}"/>' for a, b in inside
        ]
        at = _TOP + 12 + 20 * number
        found.append(f'<circle cx="{_WIDTH - _RIGHT + 20}" cy="{at - 4}" r="5" fill="{colour}"/>')
        found.append(_text(_WIDTH - _RIGHT + 32, at, line.label))
    return "\n".join([*found, "</svg>", ""])


def _ticks(axis: Axis) -> list[float]:
    count = int((axis.high - axis.low) / axis.step + 1e-9)
    return [round(axis.low + nth * axis.step, 9) for nth in range(count + 1)]


def _grid(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#dddddd"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="#222222">{escape(text)}</text>'
    )
