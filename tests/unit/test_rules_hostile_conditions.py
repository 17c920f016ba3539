"""Conditions by people who mean harm, and events made for them: refused before they are published, or asked at once."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.event import make
from hub.profile import empty
from rules import access, predicates
from rules.catalogue import Catalogue
from rules.check import check
from rules.engine import Engine
from rules.load import check_text, read_text
from rules.model import Rule
from tests.unit.test_rules_hostile import DONE, FILES, REFUSED, SAVING, nothing_is_run

ASKING = 0.010
"""Seconds for one event, whatever is asked of it."""
__all__ = ["nothing_is_run"]


def deep(levels: int, inside: Any, *, key: str = "not") -> Any:
    for _ in range(levels):
        inside = {key: [inside] if key in {"all", "any"} else inside}
    return inside


def leaf(op: str, value: Any, field: str = "event.text", **more: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, **more}


PATTERNS = ["(a+)+$", "(a|aa)+b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*a){25}", "a" * 500 + "b" + "a" * 499, "%s" * 500]
CODE = [
    "__import__('os').system('true')",
    "{0.__class__}",
    "%n%n",
    "${7*7}",
    "{{ 7 * 7 }}",
    "'; DROP TABLE x; --",
    "\u202e",
]
DUNDERS = [
    "__class__",
    "__class__.__mro__",
    "__init__.__globals__",
    "__dict__",
    "keys",
    "get.__self__",
    "properties.__len__",
]
THERE = leaf("exists", True)
FOLDED: dict[str, Any] = {"ignore_case": True}
FIELDS: dict[str, Any] = {f"f{number}": number for number in range(200)}

CONDITIONS: dict[str, Any] = {
    **{f"{op} {one:.12}": leaf(op, one) for op in ("eq", "contains", "suffix") for one in PATTERNS},
    **{f"folded {one:.12}": leaf("contains", one, ignore_case=True) for one in PATTERNS},
    **{f"in {one:.12}": leaf("in", [one] * 1000) for one in PATTERNS[:2]},
    **{f"code {one}": {"any": [leaf("eq", one), leaf("prefix", one), leaf("gt", one)]} for one in CODE},
    **{f"event.{one}": leaf("eq", "x", f"event.{one}") for one in DUNDERS},
    **{f"item.{one}": {"list": "event.list", "has": leaf("ne", "x", f"item.{one}")} for one in DUNDERS},
    **{f"traits.{one}": leaf("ne", "x", f"profile.traits.{one}") for one in DUNDERS},
    **{f"counts.{one}": leaf("ne", 1, f"profile.counts.{one}") for one in DUNDERS[:3]},
    **{f"computed.{one}": leaf("ne", 1, f"profile.computed.{one}") for one in DUNDERS[:3]},
    **{f"number {one}": leaf("lt", one, "event.n") for one in (10**18, -(10**18), 1e308, 10**19, 10**400, 5e-324)},
    **{f"nested {n}": deep(n, THERE) for n in (5, 18, 19, 25, 50, 1000)},
    **{f"all of all {n}": deep(n, THERE, key="all") for n in (18, 30, 500)},
    "nobody knows": leaf("eq", "x", "event." + ".".join("a" * 90)),
    "too long a field": leaf("eq", "x", "event." + "a" * 1000),
    "200 searches": {"any": [leaf("contains", "a" * 500 + f"b{n}", **FOLDED) for n in range(199)]},
    "25 searches": {"any": [leaf("contains", "a" * 300 + f"b{n}" + "a" * 200) for n in range(25)]},
    "199 equalities": {"any": [leaf("eq", f"x{n}", f"event.f{n}") for n in range(199)]},
    "a list of 1000": leaf("in", list(range(1000)), "event.n"),
    "20 lists of 1000": {"any": [leaf("in", list(range(1000)), f"event.f{n}") for n in range(19)]},
    "each of each": {"list": "event.list", "has": {"any": [leaf("contains", "a" * n, "item") for n in range(1, 199)]}},
    "a list in a list": {"list": "event.list", "has": {"list": "item", "has": leaf("eq", 1, "item")}},
    "one list of many": {"list": "event.list", "has": {"any": [leaf("eq", n, "item") for n in range(20)]}},
    "many lists": {"any": [{"list": "event.list", "has": leaf("eq", f"{n}", "item")} for n in range(90)]},
    "many ways": {"all": [{"any": [leaf("gt", n, f"event.f{n}"), leaf("lt", n, "event.n")]} for n in range(60)]},
    "2**60 ways": {"not": {"all": [{"any": [leaf("eq", n, f"event.f{m}") for n in range(2)]} for m in range(60)]}},
    "seen of all": {"seen": [f"web.track/{n}" for n in range(50)], "within": "400d"},
    "seen of too many": {"seen": [f"web.track/{n}" for n in range(51)], "within": "1d"},
    "for ever": {"seen": "sms.received", "within": "9" * 6 + "w"},
    "a condition as value": leaf("eq", {"all": [THERE]}),
    "a list as value": leaf("eq", [[["x"]]]),
    "nothing": {},
    "text": "event.text == 'x'",
    "a number": 1,
    "two in one": {"all": [THERE], "any": [THERE]},
    "an operator of Python's": leaf("__eq__", 1),
    "an operator that is no text": leaf(["eq"], 1),  # type: ignore[arg-type]
    "a field that is no text": {"field": ["event.text"], "op": "eq", "value": 1},
    "a yes that is a number": leaf("eq", True, "event.n"),
}
BOTTOM: dict[str, Any] = {"x": 1}
for _ in range(400):
    BOTTOM = {"a": BOTTOM}
EVENT = make(
    "sms.received",
    id="e",
    source="/t",
    identities=[{"type": "phone", "value": "+491701234567", "verified": True}],
    received=datetime(2026, 1, 1, tzinfo=UTC),
    text="a" * 100_000,
    list=["a" * 400] * 1000,
    n=float("nan"),
    a=BOTTOM,
    __class__={"__mro__": "x"},
    keys="x",
    **FIELDS,
)


@pytest.fixture(scope="module", autouse=True)
def warm() -> Engine:
    """Whatever is read once is read now: the time zone, and the product's own predicates, of which none is a rule's."""
    places = (*access._FETCHES.values(), "get(data, profile, scene)")
    for kind in predicates._TESTS:
        for place in places:
            predicates._maker(kind, place)
    assert asked([Rule.model_validate(rule(THERE))]) < 1
    return Engine([])


def rule(when: Any) -> dict[str, Any]:
    send = {"channel": "sms", "purpose": "service", "text": "hi"}
    return {"id": "x", "name": "x", "on": "sms.received", "if": when, "send": send}


@pytest.mark.parametrize("when", CONDITIONS.values(), ids=[name[:40] for name in CONDITIONS])
@pytest.mark.usefixtures("nothing_is_run")
def test_a_hostile_condition_is_refused_or_asked_at_once(when: Any) -> None:
    text = written(rule(when))
    start = time.process_time()
    page = read_text(text, "x.json")
    taken = time.process_time() - start
    assert taken < 4 * SAVING
    if page.problems:
        assert all(len(str(one)) < 500 and one.reason for one in page.problems)
        return
    rules = [found for found, _ in page.rules]
    start = time.process_time()
    errors = [one for one in check(rules, Catalogue()) if one.severity == "error"]
    assert time.process_time() - start < 2 * SAVING
    if not errors:
        assert asked(rules) < ASKING
    assert all(one.reason and len(str(one)) < 1000 for one in errors)


def written(value: Any) -> str:
    """JSON of any depth: Python's own writer gives up sooner than ours reads."""
    levels, inner = 0, value["if"]
    while isinstance(inner, dict) and len(inner) == 1 and set(inner) <= {"not", "all"} and levels < 2000:
        key, below = next(iter(inner.items()))
        inner, levels = (below[0] if key == "all" else below), levels + 1
    if levels < 60:
        return json.dumps(value)
    opening, closing = ('{"not": ', "}") if "not" in value["if"] else ('{"all": [', "]}")
    whole = json.dumps({**value, "if": 0})
    return whole.replace('"if": 0', '"if": ' + opening * levels + json.dumps(inner) + closing * levels)


def asked(rules: list[Rule]) -> float:
    """Seconds the engine takes for an event made to be slow, at best: the machine does other things as well."""
    engine, profile = Engine(rules), empty("c1")
    best = 1.0
    for _ in range(5):
        start = time.process_time()
        engine.decide(EVENT, EVENT.ms, profile)
        best = min(best, time.process_time() - start)
    return best


BOMB = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9) if n else 'lol'}]\n" for n in range(9))
TEXTS = {
    "a thousand million laughs": BOMB,
    "an anchor alone": "id: &id x",
    "a merge of itself": "a: &a\n  <<: *a",
    "a tag in a key": "!!python/object/new:os.system [x]: y",
    "a tag of bytes": "id: !!binary aGVsbG8=",
    "a set": "id: !!set {a, b}",
    "a million brackets": "[" * 150_000,
    "a million keys": "\n".join(f"k{n}: {n}" for n in range(15_000)),
    "a key of a page": "? " + "k" * 100_000 + "\n: x",
    "a thousand documents": "---\n" * 15_000,
    "a very long number": "id: " + "9" * 100_000,
    "a base of 60": "id: " + ":".join(["59"] * 5000),
    "a directive": "%YAML 1.1\n%TAG ! tag:example,2000:\n---\nid: !x y",
    "an escape": 'id: "\\x1b[2J"',
    "a byte order mark inside": "id: x\ufeff\nname: \ufeff",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.usefixtures("nothing_is_run")
def test_a_hostile_text_is_refused_with_a_line(text: str) -> None:
    start = time.process_time()
    problems = check_text(text, "x.yaml")
    assert time.process_time() - start < 4 * SAVING
    assert problems
    assert all(one.line >= 1 and one.reason and len(str(one)) < 500 for one in problems)


def test_there_are_two_hundred_of_templates_and_a_hundred_of_rules() -> None:
    assert len(REFUSED) + len(DONE) >= 150
    assert len(CONDITIONS) + len(TEXTS) + len(FILES) >= 150
