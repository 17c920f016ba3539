"""The index finds exactly the rules that the slow reading of the language finds, whatever shape it has."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hub.profile import empty
from rules import likely, matcher
from rules.conditions import Condition
from rules.matcher import Matcher
from rules.reference import ask
from tests.unit import generated

READ: TypeAdapter[Condition] = TypeAdapter(Condition)
CONDITIONS, MOMENTS, EXAMPLES = 50, 40, 12
"""102,000 triples of condition, event and profile in all."""


def read(random: Random, count: int) -> list[Condition]:
    """So many conditions that the language accepts."""
    found: list[Condition] = []
    while len(found) < count:
        try:
            found.append(READ.validate_python(generated.condition(random)))
        except ValidationError:
            continue  # a moment against a word, `within` over none: refused, and rightly so
    return found


@pytest.mark.parametrize(
    ("few", "worth", "rare", "many"),
    [(0, 0, 0.2, 500), (0, 0, 0.2, 10), (4, 1, 1, 500), (4, 1, 1, 10), (1, 1000, 0, 500), (0, 0, 0, 10)],
)
def test_the_index_agrees_with_the_slow_reading(
    monkeypatch: pytest.MonkeyPatch, few: int, worth: float, rare: float, many: int
) -> None:
    """`few`, `worth`, `rare`: from one by one to columns of masks for everything. `many`: from circles of fields on."""
    monkeypatch.setattr(matcher, "FEW", few)
    monkeypatch.setattr(matcher, "WORTH", worth)
    monkeypatch.setattr(matcher, "RARE", rare)
    monkeypatch.setattr(likely, "SELDOM", rare)
    monkeypatch.setattr(matcher, "NEST", few)
    monkeypatch.setattr(matcher, "MANY", many)
    monkeypatch.setattr(matcher, "BLOCK", 4 * many)

    @settings(
        phases=[Phase.explicit, Phase.generate], max_examples=EXAMPLES if few == 0 else EXAMPLES // 2 - 1, deadline=None
    )
    @given(st.integers(0, 2**32))
    def agree(seed: int) -> None:
        random = Random(seed)
        conditions = read(random, CONDITIONS)
        index = Matcher([(one, number) for number, one in enumerate(conditions)])
        for _ in range(MOMENTS):
            scene, profile = generated.scene(random), generated.profile(random)
            expected = [n for n, one in enumerate(conditions) if ask(one, scene, profile).answer is True]
            assert index.find(scene.data, profile, scene) == expected

    agree()


@pytest.mark.parametrize("count", [3, 40, 400])
def test_rules_over_one_range_are_told_apart(count: int) -> None:
    ops = ("lt", "le", "gt", "ge")
    raw = [{"field": "event.x", "op": ops[n % 4], "value": n // 4} for n in range(count)]
    conditions = [READ.validate_python(one) for one in raw]
    index = Matcher([(one, number) for number, one in enumerate(conditions)])
    for value in (-1, 0, 0.5, 1, count // 8, count // 8 + 0.5, count, 10**30, float("nan"), True, "1", None):
        scene = generated.scene(Random(0))
        scene.data = {"x": value}
        expected = [n for n, one in enumerate(conditions) if ask(one, scene, empty("c")).answer is True]
        assert index.find(scene.data, empty("c"), scene) == expected


def test_one_and_yes_are_two_values() -> None:
    raw = [{"field": "event.x", "op": "eq", "value": value} for value in (1, True, 0, False, 1.5, "1", "a", "b")]
    index = Matcher([(READ.validate_python(one), number) for number, one in enumerate(raw)])
    for value, found in ((1, [0]), (1.0, [0]), (True, [1]), (0, [2]), (False, [3]), ("1", [5]), ([1], []), ({}, [])):
        scene = generated.scene(Random(0))
        scene.data = {"x": value}
        assert index.find(scene.data, empty("c"), scene) == found
