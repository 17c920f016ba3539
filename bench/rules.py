"""The rule index beside its baselines: first whether all find the same, then how fast, how large, how long to build."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, Final

from bench.contest import Differs, Ready, timed
from bench.curve import Point, show
from bench.engines import AT_MOST, BASELINES, Bucket, Engine, Ours
from bench.figures import Figure
from bench.rulesets import SETTINGS, Load, Shape
from bench.weight import weight

SIZES: Final = (10, 100, 1_000, 10_000, 100_000)
BESIDE: Final = 10_000
"""Rules of the comparisons; the baselines are asked no more than that."""
EVENTS: Final = 1_000
CHECKED: Final = 60
"""Events that the reference interpreter is asked about too: it takes its time."""
FEW: Final = 6
"""Events for engines that need a second for each; all of them are checked."""
MATCHER_US, FLAT, BUCKET_TIMES, BEST_TIMES, HOSTILE_TIMES = 20.0, 4.0, 5.0, 100.0, 5.0
HOSTILE: Final[dict[str, Shape]] = {
    "all rules on one event": "one name",
    "all ranges on one field": "one field",
    "lists of 1,000 values": "long lists",
    "every field missing": "all missing",
}


async def rules(share: float = 1.0) -> tuple[list[Figure], list[Point]]:
    """The figures, and the curve of costs over rules; a small share leaves out what takes long."""
    most = BESIDE if share >= 1 else 1_000
    points = {size: _point(size) for size in SIZES if size <= most or share >= 1}
    beaten, best = _baselines([size for size in SIZES if size <= most])
    curve = [Point(size, ours, bucket, best.get(size)) for size, (ours, bucket) in points.items()]
    show(curve)
    return [*_of_curve(curve, most), *_settings(most), *beaten, *_hostile(most), *await weight(most)], curve


def _point(size: int) -> tuple[float, float | None]:
    """µs an event of ours and of the bucket, which is asked no more than it must."""
    ready = Ready.of(Load(size), EVENTS)
    engines: list[Engine] = [Ours(ready.lines, ready.conditions)]
    if size <= BESIDE:
        engines.append(Bucket(ready.lines, ready.conditions))
    for engine in engines:
        # The larger the set, the longer the slow way takes.
        ready.check(type(engine).__name__, engine, ready.cases[: CHECKED if size <= BESIDE else CHECKED // 3])
    ours, *bucket = timed([(engine, ready.cases) for engine in engines])
    return ours, bucket[0] if bucket else None


def _of_curve(curve: list[Point], most: int) -> list[Figure]:
    by_size = {one.rules: one for one in curve}
    at, first, last = by_size[most], by_size[1_000], curve[-1]
    bound = MATCHER_US if most == BESIDE else None
    found = [
        Figure(
            f"rules asked of an event, {most:,} rules",
            at.ours,
            "µs",
            bound,
            "at most",
            at.bucket,
            "mean; event, profile and windows; baseline: closures by name",
        )
    ]
    found += [Figure(f"the same, {one.rules:,} rules", one.ours, "µs", baseline=one.bucket) for one in curve]
    if last.rules > first.rules:
        ratio = last.ours / first.ours
        found.append(Figure(f"{last.rules:,} rules beside {first.rules:,}", ratio, "×", FLAT, "at most"))
    if at.bucket is not None:
        bound = BUCKET_TIMES if most == BESIDE else None
        found.append(Figure("faster than closures by name", at.bucket / at.ours, "×", bound, note=f"{most:,} rules"))
    return found


def _settings(size: int) -> Iterator[Figure]:
    """How it is where rules hardly ever match, and where many do."""
    for wanted, load in SETTINGS.items():
        ready = Ready.of(replace(load, rules=size), EVENTS)
        engines: list[Engine] = [Ours(ready.lines, ready.conditions), Bucket(ready.lines, ready.conditions)]
        for engine in engines:
            ready.check(type(engine).__name__, engine, ready.cases[:CHECKED])
        matches = sum(len(engines[0].find(case)) for case in ready.cases) / len(ready.cases)
        ours, bucket = timed([(engine, ready.cases) for engine in engines])
        note = f"{size:,} rules made for {wanted}: {matches:.2g} matches an event; baseline: closures by name"
        yield Figure(f"about {wanted} matches an event", ours, "µs", baseline=bucket, note=note)


def _baselines(sizes: list[int]) -> tuple[list[Figure], dict[int, float]]:
    """Each other engine beside ours, on a load that all can express; and the best of them by number of rules."""
    best: dict[int, float] = {}
    figures: list[Figure] = []
    for size in sizes:
        figures = []
        ready = Ready.of(Load(size, whole=True), EVENTS)
        ours = Ours(ready.lines, ready.conditions)
        ready.check("Ours", ours, ready.cases[:CHECKED])
        for name, (module, make) in BASELINES.items():
            figure, cost = _beside(name, module, make, ready, ours)
            figures.append(figure)
            if cost is not None:
                best[size] = min(best.get(size, cost), cost)
        known = [one.value for one in figures if one.value]
        bound = BEST_TIMES if size == BESIDE and known else None
        figures.append(Figure("faster than the best of these", min(known, default=0.0), "×", bound))
    return figures, best


def _beside(name: str, module: str, make: Any, ready: Ready, ours: Ours) -> tuple[Figure, float | None]:
    """How many times faster ours is than another engine, and what that one costs in µs, if it was asked."""
    title = f"faster than {name}"
    if find_spec(module.partition(".")[0]) is None:
        return Figure(title, 0.0, "×", note="not installed"), None
    if len(ready.lines) > AT_MOST.get(name, BESIDE):
        return Figure(title, 0.0, "×", note=f"not asked more than {AT_MOST[name]:,}: it takes too long"), None
    engine: Engine = make(ready.lines)
    few = ready.cases[:FEW]
    try:
        ready.check(name, engine, few)
    except Differs as error:
        return Figure(title, 0.0, "×", note=f"left out: {error}"), None
    mine, theirs = timed([(ours, ready.cases), (engine, few)], repeats=2)
    note = f"{mine:.1f} µs beside {theirs:,.0f} µs, {len(ready.lines):,} rules, no field missing"
    return Figure(title, theirs / mine, "×", note=note), theirs


def _hostile(size: int) -> Iterator[Figure]:
    """Sets that are made to be slow, beside the mixed one, in turns."""
    mixed = Ready.of(Load(size), EVENTS)
    usual = Ours(mixed.lines, mixed.conditions)
    for title, shape in HOSTILE.items():
        ready = Ready.of(Load(size, shape=shape), EVENTS)
        engine = Ours(ready.lines, ready.conditions)
        ready.check(title, engine, ready.cases[: CHECKED // 6])
        hostile, beside = timed([(engine, ready.cases), (usual, mixed.cases)])
        note = f"{hostile:.1f} µs beside {beside:.1f} µs, {size:,} rules"
        bound = HOSTILE_TIMES if size == BESIDE else None
        yield Figure(f"{title}, beside the mixed set", hostile / beside, "×", bound, "at most", note=note)
