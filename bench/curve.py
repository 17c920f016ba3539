"""What an event costs over the number of rules: as a table, and as a picture that any browser shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

console = Console(highlight=False, width=150)

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 80, 200, 40, 50


@dataclass(frozen=True, slots=True)
class Point:
    """µs an event at so many rules; None where it was not measured."""

    rules: int
    ours: float
    bucket: float | None = None
    best: float | None = None
    """The fastest of the other engines."""


LINES: Final[tuple[tuple[str, str, Callable[[Point], float | None]], ...]] = (
    ("this hub", "#0a7d4f", lambda one: one.ours),
    ("closures by name", "#b36b00", lambda one: one.bucket),
    ("best other engine", "#8250df", lambda one: one.best),
)
"""What is drawn: its title, a colour that is read on light and dark ground, and its µs."""


def show(curve: Sequence[Point]) -> None:
    """Print the curve."""
    table = Table("rules", *(f"{title}, µs" for title, _, _ in LINES))
    for one in curve:
        values = (get(one) for _, _, get in LINES)
        table.add_row(f"{one.rules:,}", *("" if value is None else f"{value:,.1f}" for value in values))
    console.print(table)


def draw(curve: Sequence[Point], path: Path) -> None:
    """Write the curve as SVG, both axes logarithmic."""
    path.write_text(svg(curve), encoding="utf-8")


def svg(curve: Sequence[Point]) -> str:
    """The picture as text."""
    values = [value for one in curve for _, _, get in LINES if (value := get(one)) is not None]
    low, high = math.floor(math.log10(max(min(values), 0.01))), math.ceil(math.log10(max(values)))
    first, last = math.log10(curve[0].rules), math.log10(curve[-1].rules)

    def x(rules: float) -> float:
        share = (math.log10(rules) - first) / ((last - first) or 1)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(us: float) -> float:
        share = (math.log10(max(us, 0.01)) - low) / ((high - low) or 1)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    parts = [*_axes(curve, range(low, high + 1), x, y)]
    for title, colour, get in LINES:
        places = [(x(one.rules), y(value)) for one in curve if (value := get(one)) is not None]
        if not places:
            continue
        line = " ".join(f"{across},{down}" for across, down in places)
        across, down = places[-1]
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{a}" cy="{d}" r="3.5" fill="{colour}"/>' for a, d in places]
        parts.append(f'<text x="{across + 10}" y="{down + 4}" fill="{colour}">{title}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
    title = "µs of processor an event, over the number of rules"
    return "\n".join([f'{head} font-size="13" role="img" aria-label="{title}">', *parts, "</svg>", ""])


def _axes(curve: Sequence[Point], powers: range, x: Callable[[float], float], y: Callable[[float], float]) -> list[str]:
    # One grey that is read on white as well as on black.
    grey = "#808080"
    parts = [f'<text x="{LEFT}" y="20" fill="{grey}">µs of processor an event (mean)</text>']
    for power in powers:
        down = y(10.0**power)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{down}" y2="{down}" stroke="{grey}" stroke-opacity="0.4"/>'
        )
        parts.append(f'<text x="{LEFT - 8}" y="{down + 4}" fill="{grey}" text-anchor="end">{10.0**power:,g}</text>')
    under = HEIGHT - BOTTOM + 20
    parts += [
        f'<text x="{x(one.rules)}" y="{under}" fill="{grey}" text-anchor="middle">{one.rules:,}</text>' for one in curve
    ]
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 8}" fill="{grey}">rules</text>')
    return parts
