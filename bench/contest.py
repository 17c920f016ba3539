"""A contest of engines over the same rules and events: first whether all find the same, then what each costs."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.dialects import Case, RuleLine, case_of
from bench.engines import READ, Engine
from bench.rulesets import Load, conditions, moments
from hub.errors import HubError
from hub.lots import lots
from rules.conditions import Condition
from rules.reference import ask

CHUNK: Final = 50
REPEATS: Final = 9


class Differs(HubError):
    """An engine did not find the rules that hold."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Rules as data and as conditions, and events for them."""

    lines: list[RuleLine]
    conditions: list[Condition]
    cases: list[Case]

    @classmethod
    def of(cls, load: Load, events: int) -> Ready:
        lines = conditions(load)
        return cls(lines, [READ.validate_python(raw) for _, raw in lines], list(map(case_of, moments(load, events))))

    def expected(self, case: Case) -> list[int]:
        """What the reference interpreter finds."""
        moment = case.moment
        there = zip(self.lines, self.conditions, strict=True)
        return [
            number
            for number, ((name, _), condition) in enumerate(there)
            if name == moment.name and ask(condition, moment.scene, moment.profile).answer is True
        ]

    def check(self, name: str, engine: Engine, cases: Sequence[Case]) -> float:
        """Matches an event. Raises Differs when an engine finds other rules than the reference interpreter."""
        found = 0
        for case in cases:
            expected = self.expected(case)
            if engine.find(case) != expected:
                raise Differs(f"{name} does not find what the reference interpreter finds in {case.moment.scene.id}")
            found += len(expected)
        return found / len(cases)


def timed(contestants: Sequence[tuple[Engine, Sequence[Case]]], repeats: int = REPEATS) -> list[float]:
    """µs of processor an event of each: all its events in small lots, in turns, and of each lot the best time."""
    parts = [list(lots(cases, CHUNK)) for _, cases in contestants]
    best = [[float("inf")] * len(some) for some in parts]
    gc.collect()
    gc.disable()
    try:
        for _ in range(repeats):
            # Each goes through all of them before the next has its turn: between two of its lots is what is between
            # them in a worker, other events, and not another engine.
            for number, (engine, _) in enumerate(contestants):
                best[number] = [
                    min(known, _once(engine, lot)) for known, lot in zip(best[number], parts[number], strict=True)
                ]
    finally:
        gc.enable()
    return [sum(one) / len(cases) / 1000 for one, (_, cases) in zip(best, contestants, strict=True)]


def _once(engine: Engine, lot: Sequence[Case]) -> int:
    cases = [case_of(one.moment.decoded()) for one in lot]
    start = time.process_time_ns()
    for case in cases:
        engine.find(case)
    return time.process_time_ns() - start
