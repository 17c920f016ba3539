"""The conditions of the rule benchmark as other engines write them, over one flat context per event.

Only what the load asks is translated: eq, ne, in, ge, between, contains over a list, and any. The name of the event,
which our index takes from the rule, is the first predicate here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

from bench.rulesets import Moment

Raw: TypeAlias = dict[str, Any]
RuleLine: TypeAlias = tuple[str, Raw]
"""The name of the event a rule listens to, and its condition as data."""


@dataclass(frozen=True, slots=True)
class Case:
    """An event, and the same as one flat mapping of names to values."""

    moment: Moment
    flat: dict[str, Any]


def case_of(moment: Moment) -> Case:
    """The flat form of an event with its profile; what our engine fetches on demand lies ready here."""
    data = moment.scene.data
    flat = {"name": moment.name, "tags": data.get("tags", []), **data.get("properties", {})}
    flat |= {name: register[0] for name, register in moment.profile["traits"].items()}
    flat |= moment.windows
    return Case(moment, flat)


def short(field: str) -> str:
    """The name of a field in the flat context."""
    return field.rpartition(".")[2]


def text(rule: RuleLine, both: str = "and", either: str = "or") -> str:
    """A rule as one line of an expression language; these differ in two words only."""
    name, condition = rule
    return f"name == {name!r} {both} {_text(condition, both, either)}"


def condition_text(condition: Raw) -> str:
    """The condition alone."""
    return _text(condition, "and", "or")


def _text(raw: Raw, both: str, either: str) -> str:
    for key, word in (("all", both), ("any", either)):
        if key in raw:
            return "(" + f" {word} ".join(_text(part, both, either) for part in raw[key]) + ")"
    field, op, value = short(raw["field"]), raw["op"], raw["value"]
    if op == "between":
        return f"({field} >= {value[0]} {both} {field} <= {value[1]})"
    if op == "contains":
        return f"{value!r} in {field}"
    sign = {"eq": "==", "ne": "!=", "ge": ">=", "in": "in"}[op]
    return f"{field} {sign} {value!r}"


def logic(rule: RuleLine) -> Raw:
    """A rule as JsonLogic."""
    name, condition = rule
    return {"and": [{"==": [{"var": "name"}, name]}, _logic(condition)]}


def _logic(raw: Raw) -> Raw:
    for key, word in (("all", "and"), ("any", "or")):
        if key in raw:
            return {word: [_logic(part) for part in raw[key]]}
    var, op, value = {"var": short(raw["field"])}, raw["op"], raw["value"]
    if op == "between":
        return {"<=": [value[0], var, value[1]]}
    if op == "contains":
        return {"in": [value, var]}
    return {{"eq": "==", "ne": "!=", "ge": ">=", "in": "in"}[op]: [var, value]}


def table(rules: Sequence[RuleLine]) -> dict[str, Any]:
    """All rules as one decision table that collects: a column for the name, one for the rest of the condition."""
    rows = [
        {"_id": f"r{number}", "name": f"{name!r}", "rest": condition_text(condition), "rule": str(number)}
        for number, (name, condition) in enumerate(rules)
    ]
    content = {
        "hitPolicy": "collect",
        "inputs": [{"id": "name", "name": "name", "field": "name"}, {"id": "rest", "name": "rest"}],
        "outputs": [{"id": "rule", "name": "rule", "field": "rule"}],
        "rules": rows,
    }
    place = {"x": 0, "y": 0}
    return {
        "nodes": [
            {"id": "in", "type": "inputNode", "name": "in", "position": place},
            {"id": "table", "type": "decisionTableNode", "name": "table", "position": place, "content": content},
            {"id": "out", "type": "outputNode", "name": "out", "position": place},
        ],
        "edges": [
            {"id": "a", "type": "edge", "sourceId": "in", "targetId": "table"},
            {"id": "b", "type": "edge", "sourceId": "table", "targetId": "out"},
        ],
    }


def durable(rule: RuleLine, m: Any, item: Any) -> Any:
    """A rule as durable_rules builds it, from its `m` and `item`."""
    name, condition = rule
    return (m.name == name) & _durable(condition, m, item)


def _durable(raw: Raw, m: Any, item: Any) -> Any:
    if "all" in raw:
        return reduce(lambda a, b: a & b, (_durable(part, m, item) for part in raw["all"]))
    if "any" in raw:
        return reduce(lambda a, b: a | b, (_durable(part, m, item) for part in raw["any"]))
    op, value = raw["op"], raw["value"]
    field = getattr(m, short(raw["field"]))
    if op == "in":
        # It has no lists of values.
        return reduce(lambda a, b: a | b, (field == one for one in value))
    if op == "between":
        return (field >= value[0]) & (field <= value[1])
    if op == "contains":
        return field.anyItem(item == value)
    return {"eq": field.__eq__, "ne": field.__ne__, "ge": field.__ge__}[op](value)
