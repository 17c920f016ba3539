"""Runs the benchmarks one after another and prints what they found."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.curve import draw
from bench.figures import Figure, Report
from bench.gateway import gateway
from bench.ground import Ground, ground
from bench.growth import growth
from bench.latency import latency
from bench.many import many
from bench.reads import reads
from bench.rebuild import rebuild
from bench.rules import rules
from bench.size import size
from bench.throughput import throughput
from hub.errors import Misconfigured

Part = Callable[[Ground, float], Awaitable[list[Figure]]]

PARTS: dict[str, Part] = {
    "throughput": throughput,
    "latency": latency,
    "gateway": gateway,
    "size": size,
    "reads": reads,
    "rebuild": rebuild,
    "growth": growth,
    "many": many,
}

RULES: str = "rules"
"""The part that needs no ground, neither Kafka nor Redis; what follows it, `many`, does."""

console = Console(highlight=False, width=150)


async def run(only: Sequence[str] = (), *, quick: bool = False, picture: Path | None = None) -> Report:
    """Run the parts asked for, or all, each on a fresh ground. Raises Misconfigured when there is no such part."""
    known = (*PARTS, RULES)
    for name in only:
        if name not in known:
            raise Misconfigured(f"bench: there is no part {name[:40]}: use {', '.join(known)}")
    report = Report()
    if not only or RULES in only:
        console.print(f"[dim]{RULES} …[/]")
        figures, curve = await rules(0.1 if quick else 1.0)
        report.figures += figures
        if picture is not None:
            draw(curve, picture)
    # What rules cost is seen by themselves, and in a whole worker.
    wanted = {*(only or PARTS), *(("many",) if RULES in only else ())}
    for name, part in PARTS.items():
        if name not in wanted:
            continue
        console.print(f"[dim]{name} …[/]")
        report.figures += await _grounded(part, quick)
    show(report)
    return report


async def _grounded(part: Part, quick: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        async with ground(Path(folder)) as place:
            return await part(place, 0.1 if quick else 1.0)


def show(report: Report) -> None:
    """Print the figures with their baselines and bounds."""
    table = Table("figure", "measured", "baseline", "bound", "", "how")
    for one in report.figures:
        mark = {True: "[green]kept[/]", False: "[red]missed[/]", None: ""}[one.kept]
        table.add_row(
            one.name,
            f"{_number(one.value)} {one.unit}",
            "" if one.baseline is None else f"{_number(one.baseline)} {one.unit}",
            "" if one.bound is None else f"{one.sense} {_number(one.bound)}",
            mark,
            one.note,
        )
    console.print(table)
    console.print(", ".join(f"{name}: {value}" for name, value in report.machine.items()))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
