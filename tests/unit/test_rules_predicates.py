"""Patterns, whole lists and other fields; and what is told to whoever writes a predicate that cannot be."""

from __future__ import annotations

import time
from typing import Any

import pytest

from rules.conditions import MAX_ITEMS
from rules.declared import check_segments, check_traits, unknown
from rules.load import check_text
from rules.model import Rule
from tests.unit.asked import answer, rule


def found(field: str, op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"field": f"event.{field}", "op": op, "value": value, **more}


DEAR = found("price", "gt", 9) | {"field": "item.price"}
MANY = [{"price": 10}] * MAX_ITEMS


@pytest.mark.parametrize(
    ("raw", "data", "wanted"),
    [
        (found("text", "matches", r"re(fund|turn)"), {"text": "a return"}, True),
        (found("text", "matches", r"^re(fund|turn)"), {"text": "a return"}, False),
        (found("text", "matches", r"^\+98\d{10}$"), {"text": "+989120000000"}, True),
        (found("text", "matches", "STRASSE", ignore_case=True), {"text": "Hauptstrasse"}, True),
        (found("text", "matches", "STRASSE"), {"text": "Hauptstrasse"}, False),
        (found("text", "matches", r"^\pL{4}$"), {"text": "سلام"}, True),
        (found("text", "matches", "x"), {"text": 5}, None),
        (found("text", "matches", "x"), {"text": ["x"]}, None),
        (found("text", "matches", "x"), {}, None),
        (found("text", "matches", "a"), {"text": "\ud800a"}, True),
        (found("text", "matches", "x"), {"text": "a" * 9_999 + "x"}, True),
        (found("text", "matches", "x"), {"text": "a" * 10_000 + "x"}, False),
        ({"list": "event.p", "every": DEAR}, {"p": [{"price": 10}, {"price": 11}]}, True),
        ({"list": "event.p", "every": DEAR}, {"p": [{"price": 10}, {"price": 1}, {}]}, False),
        ({"list": "event.p", "every": DEAR}, {"p": [{"price": 10}, {}]}, None),
        ({"list": "event.p", "every": DEAR}, {"p": []}, True),
        ({"list": "event.p", "every": DEAR}, {"p": "none"}, None),
        ({"list": "event.p", "every": DEAR}, {}, None),
        ({"list": "event.p", "none": DEAR}, {"p": [{"price": 1}, {"price": 2}]}, True),
        ({"list": "event.p", "none": DEAR}, {"p": [{}, {"price": 10}]}, False),
        ({"list": "event.p", "none": DEAR}, {"p": [{}, {"price": 1}]}, None),
        ({"list": "event.p", "none": DEAR}, {"p": []}, True),
        ({"list": "event.p", "none": DEAR}, {}, None),
        # Nobody looks beyond the first hundred, so nobody knows of those.
        ({"list": "event.p", "every": DEAR}, {"p": MANY}, True),
        ({"list": "event.p", "every": DEAR}, {"p": [*MANY, {"price": 1}]}, None),
        ({"list": "event.p", "none": {"not": DEAR}}, {"p": [*MANY, {"price": 1}]}, None),
        ({"not": {"list": "event.p", "has": {"not": DEAR}}}, {"p": [*MANY, {"price": 1}]}, None),
        ({"field": "event.a", "op": "gt", "than": "event.b"}, {"a": 3, "b": 2.5}, True),
        ({"field": "event.a", "op": "gt", "than": "event.b"}, {"a": "b", "b": "a"}, True),
        ({"field": "event.a", "op": "gt", "than": "event.b"}, {"a": "3", "b": 2}, None),
        ({"field": "event.a", "op": "gt", "than": "event.b"}, {"a": True, "b": False}, None),
        ({"field": "event.a", "op": "gt", "than": "event.b"}, {"a": float("nan"), "b": 1}, None),
        ({"field": "event.a", "op": "eq", "than": "event.b"}, {"a": 1, "b": 1.0}, True),
        ({"field": "event.a", "op": "eq", "than": "event.b"}, {"a": 1, "b": True}, False),
        ({"field": "event.a", "op": "ne", "than": "event.b"}, {"a": 1, "b": "1"}, True),
        ({"field": "event.a", "op": "ne", "than": "event.b"}, {"a": 1}, None),
        ({"field": "event.a", "op": "eq", "than": "event.b"}, {"b": 1}, None),
        ({"field": "event.a", "op": "ge", "than": "event.b", "times": 1.1}, {"a": 11, "b": 10}, True),
        ({"field": "event.a", "op": "lt", "than": "event.b", "times": 2}, {"a": 11, "b": 5}, False),
        ({"field": "event.a", "op": "eq", "than": "event.b", "times": 2}, {"a": "x", "b": "x"}, None),
        ({"field": "event.a", "op": "lt", "than": "event.b", "times": 0.5}, {"a": 1, "b": 10**400}, True),
        ({"list": "event.p", "has": {"field": "item.price", "op": "gt", "than": "event.a"}},
         {"p": [{"price": 1}, {"price": 3}], "a": 2}, True),
    ],
)  # fmt: skip
def test_what_a_predicate_means(raw: Any, data: dict[str, Any], wanted: bool | None) -> None:
    assert answer(raw, data) is wanted


def test_no_pattern_takes_long() -> None:
    start = time.process_time()
    for pattern in (r"(a+)+$", r"(a|a?)+c", r"[ab]*a[ab]{90}c", r"(.*)(.*)(.*)(.*)x"):
        assert answer(found("text", "matches", pattern), {"text": "ab" * 10_000}) is False
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("{field: event.x, op: matches, value: '(a'}", "if.value: this is no pattern of RE2: missing ): (a"),
        (r"{field: event.x, op: matches, value: '(a)\1'}", r"invalid escape sequence: \1; there is no looking around"),
        ("{field: event.x, op: matches, value: '(?=a)'}", "there is no looking around and no reference back"),
        (r"{field: event.x, op: matches, value: '(\pL{9}){9}'}", "more than 256 kB"),
        (f"{{field: event.x, op: matches, value: '{'a' * 201}'}}", "at most 200 characters"),
        ("{field: event.x, op: match, value: a}", "if.op: match is no operator; did you mean matches?"),
        ("{list: event.x, evry: {field: item, op: exists}}", "if.evry: is unknown here; did you mean every?"),
        ("{list: event.x, every: {list: item.y, none: {field: item, op: exists}}}", "a list inside a list"),
        ("{field: event.x, op: gt, than: item.y}", "inside `has`, `every` and `none` only"),
        ("{field: event.x, op: gt, than: event.y, value: 3}", "not both"),
        ("{field: event.x, op: contains, than: event.y}", "if.op: contains is not possible here: use 'eq'"),
        ("{field: event.x, op: gt, than: event.y, times: 0}", "if.times: "),
        ("{field: event.x, op: gt, than: evnt.y}", "if.than: evnt.y is no field"),
        ("{time: {after: '9:00'}}", "if.time.after: write a time of day from 00:00 to 23:59, such as 09:00"),
        ("{time: {after: '24:00'}}", "if.time.after: write a time of day"),
        ("{time: {after: 09:00, before: 09:00}}", "if.time: nothing lies between"),
        ("{time: {}}", "if.time: write `after`, `before`, or both"),
        ("{time: {from: 09:00}}", "if.time.from: is unknown here"),
        ("{weekday: [saturday]}", "if.weekday.0: saturday is not possible here: use 'mon'"),
        ("{weekday: []}", "if.weekday: "),
        ("{date: {month: 2, day: 30}}", "if.date: this month has no such day"),
        ("{date: {month: 13}}", "if.date.month: "),
        ("{date: {}}", "if.date: write a `month`, a `day`, or both"),
        ("{near: {lat: 35.7, lon: 51.4}, field: event.location}", "if.within: is missing"),
        ("{near: {lat: 91, lon: 51.4}, within: 2km, field: event.location}", "if.near.lat: "),
        (
            "{near: {lat: 1, lng: 1}, within: 2km, field: event.location}",
            "if.near.lng: is unknown here; did you mean lon",
        ),
        (
            "{near: {lat: 1, lon: 1}, within: 2 miles, field: event.location}",
            "if.within: write a distance with its unit",
        ),
        ("{near: {lat: 1, lon: 1}, within: 20001km, field: event.location}", "from 1m to 20000km"),
        ("{near: {lat: 1, lon: 1}, within: 0.5m, field: event.location}", "whole metres"),
        ("{near: {lat: 1, lon: 1}, within: 1m, field: profile.place.town}", "a place has latitude"),
        ("{changed: event.text}", "if.changed: what changes is a field of the profile"),
        ("{changed: profile.traits.plan, too: gold}", "if.too: is unknown here; did you mean to?"),
        ("{changed: profile.traits.plan, to: []}", "if.to: "),
        ("{sometimes: true}", "write all, any, not, seen, list, near, changed, time, weekday, date, or field"),
    ],
)
def test_a_wrong_predicate_is_told_what_to_write(condition: str, reason: str) -> None:
    text = f"id: r\nname: r\non: sms.received\nsend: {{channel: sms, purpose: service, text: hi}}\nif: {condition}\n"
    problems = [str(one) for one in check_text(text)]
    assert any(reason in one for one in problems), problems


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("{weekday: mon}", "a segment cannot ask what time or day it is"),
        ("{changed: profile.stage}", "a segment cannot ask what has just changed"),
        ("{field: profile.events, op: gt, than: event.x}", "there is no event to ask about"),
        ("{field: profile.events, op: gt, than: profile.computed.mean}", "there is no computed trait mean"),
        ("{any: [{field: profile.events, op: gt, than: profile.counts.web.page}, {not: {near: {lat: 1, lon: 1}, "
         "within: 1km, field: profile.place}}]}", ""),
    ],
)  # fmt: skip
def test_a_segment_asks_for_what_it_can_keep_track_of(condition: str, reason: str) -> None:
    problems = [str(one) for one in check_segments(f"id: s\nname: s\nif: {condition}\n", ["spent"])]
    assert any(reason in one for one in problems) if reason else problems == []


@pytest.mark.parametrize(
    "condition",
    ["{time: {after: '09:00'}}", "{changed: profile.stage}", "{field: event.x, op: gt, than: profile.events}"],
)
def test_a_trait_looks_at_the_event_alone(condition: str) -> None:
    (problem,) = check_traits(f"id: t\nname: t\non: web.page\ncompute: count\nif: {condition}\n")
    assert "looks at the event alone" in str(problem)


def test_a_trait_that_is_not_declared_is_told_which_are() -> None:
    asked = {"field": "event.total", "op": "gt", "than": "profile.computed.x"}
    assert unknown(rule(asked), ["b", "a"], []) == ["there is no computed trait x; there are a, b"]
    (many,) = unknown(rule(asked), [f"t{n:02}" for n in range(12)], [])
    assert many.endswith("t08, t09 and 2 more")
    (none,) = unknown(rule(asked), [], [])
    assert none == "there is no computed trait x; declare it in a file of traits"


def test_the_language_has_a_schema_for_editors() -> None:
    said = str(Rule.model_json_schema(by_alias=True))
    assert all(f"'{word}'" in said for word in ("matches", "every", "none", "weekday", "near", "than", "changed"))
