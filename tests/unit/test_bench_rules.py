"""The rule benchmark: its engines find the same rules, and one that does not ends the run."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench.contest import Differs, Ready, timed
from bench.curve import Point, svg
from bench.dialects import Case
from bench.engines import Bucket, Ours
from bench.rulesets import SETTINGS, Load
from bench.run import run
from hub.errors import Misconfigured

WHOLE = Load(60, wide=0.5, most=5, shape="one name", whole=True)


@pytest.mark.parametrize(
    "load",
    [
        *(Load(150, shape="one name", eager=one.eager, wide=one.wide) for one in SETTINGS.values()),
        Load(150, shape="one field"),
        Load(150, shape="all missing"),
        Load(20, shape="long lists"),
    ],
)
def test_the_index_and_the_closures_find_what_the_reference_finds(load: Load) -> None:
    ready = Ready.of(load, 8)
    for engine in (Ours(ready.lines, ready.conditions), Bucket(ready.lines, ready.conditions)):
        ready.check(type(engine).__name__, engine, ready.cases)


def test_an_engine_that_finds_others_ends_the_run() -> None:
    class Wrong:
        def find(self, case: Case) -> list[int]:
            return [-1]

    ready = Ready.of(WHOLE, 1)
    with pytest.raises(Differs, match="wrong does not find"):
        ready.check("wrong", Wrong(), ready.cases)


def test_each_is_timed_over_its_own_events() -> None:
    asked = {"a": 0, "b": 0}

    class Counting:
        def __init__(self, name: str) -> None:
            self.name = name

        def find(self, case: Case) -> list[int]:
            asked[self.name] += 1
            return []

    ready = Ready.of(Load(1), 70)
    costs = timed([(Counting("a"), ready.cases), (Counting("b"), ready.cases[:3])], repeats=2)
    assert asked == {"a": 140, "b": 6}
    assert all(cost >= 0 for cost in costs)


def test_the_picture_has_a_line_for_each_that_was_measured() -> None:
    drawn = ElementTree.fromstring(svg([Point(10, 1.0, 2.0), Point(1000, 3.0, 40.0), Point(100_000, 20.0)]))
    lines = [one for one in drawn.iter() if one.tag.endswith("polyline")]
    assert len(lines) == 2
    words = {one.text for one in drawn.iter() if one.tag.endswith("text")}
    assert {"this hub", "closures by name", "100,000"} <= words
    assert "best other engine" not in words


async def test_a_part_that_does_not_exist_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"no part ruels: use .*rules"):
        await run(["ruels"])
