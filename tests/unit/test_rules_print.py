"""Rules as text: what is printed is read back as the same rule, and printed again as the same text."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rules.shop
from rules.load import load_folder, read_text, rule_from
from rules.model import Rule
from rules.print import has_remarks, printed, text
from rules.shape import said, spread, tight
from rules.source import documents
from tests.unit import generated

SHOP = load_folder(Path(next(iter(rules.shop.__path__)))).rules
SEND = {"channel": "sms", "purpose": "service", "text": "Hello"}


def back(source: str) -> Rule:
    """The one rule of a text."""
    page = read_text(source, "rule.yaml")
    assert page.problems == (), source
    return page.rules[0][0]


def same(rule: Rule) -> None:
    """Nothing is lost on the way through a text, nor through the shape that a form has."""
    again = back(printed(rule))
    assert again == rule
    assert again.version == rule.version
    assert printed(again) == printed(rule)
    assert Rule.model_validate(spread(said(rule))) == rule
    assert Rule.model_validate(tight(spread(said(rule)))) == rule


@pytest.mark.parametrize("rule", SHOP, ids=lambda rule: str(rule.id))
def test_a_shipped_rule_stays_what_it_is(rule: Rule) -> None:
    same(rule)


def test_generated_rules_stay_what_they_are() -> None:
    random, sound = Random(11), 0
    for number in range(300):
        conditions = {"if": generated.condition(random), "unless": generated.condition(random), "wait": "90m"}
        events = random.sample(
            ["sms.received", "web.track/Order: Completed", "web.page/#1 [new]"], random.randint(1, 3)
        )
        rule, _ = rule_from({"id": f"r{number}", "name": "x", "on": events, "send": SEND, **conditions})
        if rule is not None:
            sound += 1
            same(rule)
    assert sound > 50


AWKWARD = st.one_of(
    st.text(min_size=1, max_size=300),
    st.lists(
        st.sampled_from(
            ["a ", " b", "\n", "#", ": ", "- ", "'", '"', "\t", "…", "سلام", "\u200c", "\r", "\x85", "1", "{x"]
        )
    ).map("".join),
    st.sampled_from(
        ["true", "null", "~", "1.0", "1e5", "-0", "on", "yes", "2026-01-31", "<<", "=", "|", "? a", "&x", "!y", "%z"]
    ),
)


@settings(max_examples=150, deadline=None)
@given(AWKWARD, AWKWARD)
def test_any_words_stay_what_they_are(one: str, other: str) -> None:
    data = {"id": "a", "note": one, "send": {"text": {"en": other, "fa": one}}, "more": [one, {"deep": [other, one]}]}
    ((again, _),) = documents(text(data))
    assert again == tight(data)


@pytest.mark.parametrize("value", [0, -1, 10**17, 10**18, -(10**18), 0.5, -2.5e-9, 1e300, True, False, "10", "1e5", ""])
def test_values_keep_their_type(value: Any) -> None:
    condition = {"field": "event.properties.total", "op": "eq", "value": value}
    rule, problems = rule_from({"id": "a", "name": "x", "on": "sms.received", "if": condition, "send": SEND})
    assert rule is not None, problems
    assert back(printed(rule)) == rule


def test_it_reads_as_people_write() -> None:
    """Short conditions on one line, spans as they are said, one event and one channel without a list."""
    raw = {"field": "profile.latest.email.received.time", "op": "within", "value": "30d"}
    rule, _ = rule_from({"id": "a", "name": "x", "on": ["sms.received"], "if": raw, "wait": "14d", "send": SEND})
    assert rule is not None
    lines = printed(rule).splitlines()
    assert "if: {field: profile.latest.email.received.time, op: within, value: 30d}" in lines
    assert {"on: sms.received", "wait: 2w", "  channel: sms", "name: x"} <= set(lines)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# why\nid: a", True),
        ("id: a # why", True),
        ("id: 'a # b'\nnote: a#b", False),
        ("text: |\n  # no comment\n  x\n", False),
        ("text: |\n  x\n# a comment\nid: a", True),
        ("id: a", False),
    ],
)
def test_comments_are_found(source: str, expected: bool) -> None:
    assert has_remarks(source) is expected


def test_what_is_too_deep_is_refused() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    with pytest.raises(ValueError, match="nested deeper"):
        text({"id": deep})
