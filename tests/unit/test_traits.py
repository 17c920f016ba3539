"""Declared traits: what is kept in which type, what is left out and why."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import Misconfigured
from hub.traits import LONGEST, REASONS, UNKNOWN, Traits
from tests.unit.customer_events import hostile

DECLARED = """
name: {type: text, label: Name, sensitivity: personal, limit: 20}
age: {type: number, sensitivity: personal}
premium: {type: boolean, sources: [crm.updated]}
birthday: {type: date}
renewal: {type: moment}
site: {type: url}
interests: {type: list, limit: 3}
"""
TRAITS = Traits.from_yaml(DECLARED)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("name", " Anna ", "Anna"),
        ("name", 7, "7"),
        ("age", "41", 41),
        ("age", 41.5, 41.5),
        ("premium", "Yes", True),
        ("premium", 0, False),
        ("birthday", "1990-02-03", "1990-02-03"),
        ("birthday", "1990-02-03T23:30:00-08:00", "1990-02-03"),
        ("renewal", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00.000Z"),
        ("renewal", "2026-01-31", "2026-01-31T00:00:00.000Z"),
        ("site", "https://example.org/a?b=1", "https://example.org/a?b=1"),
        ("interests", "shoes", ["shoes"]),
        ("interests", ["a", 1, True], ["a", 1, True]),
        ("unknown", {"a": [1]}, {"a": [1]}),
        ("unknown", False, False),
    ],
)
def test_a_value_is_kept_in_its_type(name: str, value: Any, kept: Any) -> None:
    found, reason = TRAITS.keep(name, value, "crm.updated")
    assert (found, type(found), reason) == (kept, type(kept), None)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("name", "x" * 21, "limit"),
        ("name", True, "type"),
        ("name", "  ", "type"),
        ("name", None, "empty"),
        ("age", "old", "type"),
        ("age", "1_000", "type"),
        ("age", math.nan, "type"),
        ("age", 10**400, "type"),
        ("premium", 2, "type"),
        ("birthday", "3.2.1990", "type"),
        ("renewal", "0001-01-01T00:00:00+14:00", "type"),
        ("site", "javascript:alert(1)", "type"),
        ("site", "https://user:pw@example.org/", "type"),
        ("site", "https://[::1", "type"),
        ("interests", ["a", "b", "c", "d"], "limit"),
        ("interests", [["a"]], "type"),
        ("interests", ["x" * 101], "type"),
        ("unknown", "x" * (LONGEST + 1), "size"),
        ("unknown", ["x" * LONGEST], "size"),
        ("unknown", math.nan, "empty"),
        ("", 1, "name"),
        ("x" * 101, 1, "name"),
    ],
)
def test_what_is_left_out_has_a_reason(name: str, value: Any, reason: str) -> None:
    assert TRAITS.keep(name, value, "crm.updated") == (None, reason)


def test_a_trait_may_be_said_by_its_sources_only() -> None:
    assert TRAITS.keep("premium", True, "web.identify") == (None, "source")


@settings(deadline=None, max_examples=150)
@given(st.sampled_from([*TRAITS.declared, "unknown"]), hostile(("a", "name")))
def test_nothing_makes_it_raise_and_what_is_kept_is_small_json(name: str, value: Any) -> None:
    found, reason = TRAITS.keep(name, value, "crm.updated")
    assert (found is None) == (reason in REASONS)
    assert orjson.loads(orjson.dumps(found)) == found
    again = TRAITS.keep(name, found, "crm.updated")
    assert reason or again == (found, None)


@settings(deadline=None, max_examples=30)
@given(st.permutations(range(UNKNOWN + 4)))
def test_too_many_unknown_ones_are_left_out_in_any_order(order: list[int]) -> None:
    table: dict[str, int] = {"name": 1}
    out: set[str] = set()
    for number in order:
        table[f"t{number:03d}"] = number
        out.update(TRAITS.bound(table))
    assert sorted(out) == [f"t{number:03d}" for number in range(UNKNOWN, UNKNOWN + 4)]
    assert len(table) == UNKNOWN + 1


def test_labels_and_sensitivity() -> None:
    assert (TRAITS.label("name"), TRAITS.label("first_name")) == ("Name", "first name")
    assert (TRAITS.sensitivity("age"), TRAITS.sensitivity("site"), TRAITS.sensitivity("?")) == (
        "personal",
        "normal",
        "normal",
    )


@pytest.mark.parametrize(
    "text", ["name: {type: txt}", "name: text", "[a]", "a: {type: text, limit: 0}", "a: {", "'': {type: text}", "a: {}"]
)
def test_mistakes_are_named(text: str) -> None:
    with pytest.raises(Misconfigured, match="traits"):
        Traits.from_yaml(text)


def test_nothing_declared_is_fine() -> None:
    assert Traits.from_yaml("").keep("a", 1) == (1, None)
