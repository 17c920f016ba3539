"""Stages: the built-in ones agree with the fold's, an operator's are read from YAML, and mistakes are named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from hub.errors import Misconfigured
from hub.event import Event
from hub.profile import empty
from profile_store.facets import scores, worth
from profile_store.insight.lifecycle import from_yaml, read, stage
from profile_store.insight.value import DAY
from profile_store.stage import stage as stored_stage
from streams.fold import fold
from tests.unit.customer_events import folded, told
from tests.unit.strategies import events
from tests.unit.test_insight_value import order

SHOP = """
- {stage: lost, when: [{score: churn, at_least: 0.8}]}
- {stage: loyal, when: [{value: orders, at_least: 3}, {latest: [web.track/Order Completed], within_days: 30}]}
- {stage: vip, when: [{trait: tier, is: [gold, platinum]}]}
- {stage: rich, when: [{value: tier, is: [gold]}, {value: lifetime, at_least: 1000, at_most: 5000}]}
- {stage: old, when: [{trait: age, at_least: 60}]}
- {stage: curious, when: [{any: [{count: [web.page, web.screen], at_least: 3}, {trait: newsletter, is: [true]}]}]}
- {stage: new}
"""


@settings(deadline=None, max_examples=100)
@given(events())
def test_the_built_in_stages_are_those_of_the_fold(some: list[Event]) -> None:
    profile = empty("c1")
    for event in some:
        fold(profile, event, (event.subject,), event.ms, event.ref)
        assert stage(profile, event.ms) == stored_stage(profile)


def test_all_built_in_stages_are_met() -> None:
    said = ["", "Product Viewed", "Product Added", "Order Completed"]
    profile, met = empty("c1"), []
    for number, name in enumerate(said):
        event = told("web.track", number, at=100 + number, name=name) if name else told("web.page", number, at=100)
        fold(profile, event, (event.subject,), event.ms, event.ref)
        met.append(stage(profile, event.ms))
    assert met == ["need", "evaluation", "purchase", "after"]


def trait(**said: Any) -> dict[str, Any]:
    return {"traits": {name: [value, 1, "r", "web.identify"] for name, value in said.items()}}


LATELY = {"latest": {"web.track/Order Completed": ["", 300 * DAY, "r", "web.track"]}}
THREE = folded(worth, [order(number, 100 * number, 500) for number in (1, 2, 3)])


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ({}, "new"),
        (folded(scores, [told("crm.updated", scores={"churn": 0.8})]), "lost"),
        (folded(scores, [told("crm.updated", scores={"churn": 0.7})]), "new"),
        ({**THREE, **LATELY}, "loyal"),
        (THREE, "rich"),
        (trait(tier="gold"), "vip"),
        (trait(tier=["gold"]), "new"),
        (trait(age=60), "old"),
        (trait(age="60"), "new"),
        (trait(age=True), "new"),
        (trait(newsletter=True), "curious"),
        (trait(newsletter=1), "new"),
        ({"counts": {"web.page": 2, "web.screen": 1}}, "curious"),
    ],
)
def test_an_operators_own_stages(profile: dict[str, Any], name: str) -> None:
    assert stage(profile, 310 * DAY, from_yaml(SHOP)) == name


def test_when_none_holds_there_is_no_stage() -> None:
    assert stage({}, 0, read([{"stage": "a", "when": [{"latest": ["web.page"]}]}])) == ""


@pytest.mark.parametrize(
    "said",
    [
        [],
        None,
        "need",
        [{"stage": ""}],
        [{"stage": "a", "when": [{"latest": []}]}],
        [{"stage": "a", "when": [{"latest": ["x"], "count": ["y"]}]}],
        [{"stage": "a", "when": [{"python": "1 == 1"}]}],
        [{"stage": "a", "when": [{"value": "money", "at_least": 1}]}],
        [{"stage": "a", "when": [{"any": [{"any": [{"count": ["x"]}]}]}]}],
        [{"stage": "a", "when": [{"count": ["x"], "atleast": 1}]}],
        [{"stage": "a", "when": [7]}],
    ],
)
def test_mistakes_are_named(said: Any) -> None:
    with pytest.raises(Misconfigured, match="lifecycle"):
        read(said)


@pytest.mark.parametrize("text", ["- {stage: [", "- !!python/object/apply:os.getcwd []"])
def test_yaml_that_is_none_or_wants_to_run_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="lifecycle"):
        from_yaml(text)
