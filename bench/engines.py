"""Ours and its baselines in the rule benchmark: one small class each, all asked the same way.

The baselines are an extra, `bench`, and imported by name when they are measured, so that the hub runs without them.
Each compiles its own form of every rule once, then is asked all rules in a plain loop. What it makes of the flat
context is counted; making the flat context is not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import count
from typing import Any, Protocol

from pydantic import TypeAdapter

from bench import dialects
from bench.dialects import Case, RuleLine
from bench.rulesets import field_names
from rules.compile import compiled
from rules.conditions import Condition
from rules.index import Index
from rules.model import On, Rule

READ: TypeAdapter[Condition] = TypeAdapter(Condition)
KIND = "web.track"


class Engine(Protocol):
    """Something that knows which rules an event fulfils."""

    def find(self, case: Case) -> list[int]:
        """The numbers of the rules that hold, in their order."""
        ...


def rules_of(lines: Sequence[RuleLine], conditions: Sequence[Condition]) -> list[Rule]:
    """The rules as the hub has them; what they say is the same for all."""
    first = Rule.model_validate(
        {
            "id": "r",
            "name": "r",
            "on": KIND,
            "send": {"channel": "sms", "purpose": "marketing", "text": "Hello"},
        }
    )
    ons = {name: (On(type=KIND, name=name),) for name, _ in lines}
    return [
        first.model_copy(update={"id": f"r{number}", "on": ons[name], "when": condition})
        for number, ((name, _), condition) in enumerate(zip(lines, conditions, strict=True))
    ]


class Ours:
    """The hub's index."""

    def __init__(self, lines: Sequence[RuleLine], conditions: Sequence[Condition]) -> None:
        self.index = Index(rules_of(lines, conditions))

    def find(self, case: Case) -> list[int]:
        moment = case.moment
        concern = self.index.find(KIND, moment.name)
        return concern.matches(moment.profile, moment.scene) if concern is not None else []


class Bucket:
    """What everybody writes first: the rules of an event's name, each a compiled closure, one after another."""

    def __init__(self, lines: Sequence[RuleLine], conditions: Sequence[Condition]) -> None:
        self._buckets: dict[str, list[tuple[Any, int]]] = {}
        for number, ((name, _), condition) in enumerate(zip(lines, conditions, strict=True)):
            self._buckets.setdefault(name, []).append((compiled(condition), number))

    def find(self, case: Case) -> list[int]:
        moment = case.moment
        data, profile, scene = moment.scene.data, moment.profile, moment.scene
        return [number for test, number in self._buckets.get(moment.name, ()) if test(data, profile, scene)]


class ZenExpression:
    """GoRules zen-engine, an expression a rule. It takes the context anew for each."""

    def __init__(self, lines: Sequence[RuleLine]) -> None:
        compile_ = import_module("zen").compile_expression
        self._rules = [compile_(dialects.text(line)) for line in lines]

    def find(self, case: Case) -> list[int]:
        return [number for number, rule in enumerate(self._rules) if rule.evaluate(case.flat)]


class ZenTable:
    """GoRules zen-engine, one decision table of all rules."""

    def __init__(self, lines: Sequence[RuleLine]) -> None:
        zen = import_module("zen")
        self._table = zen.ZenEngine().create_decision(json.dumps(dialects.table(lines)))

    def find(self, case: Case) -> list[int]:
        return [row["rule"] for row in self._table.evaluate(case.flat)["result"]]


class CelRust:
    """CEL in Rust, one Context an event."""

    def __init__(self, lines: Sequence[RuleLine]) -> None:
        self._cel = import_module("cel")
        self._rules = [self._cel.compile(dialects.text(line, "&&", "||")) for line in lines]

    def find(self, case: Case) -> list[int]:
        context = self._cel.Context(case.flat)
        return [number for number, rule in enumerate(self._rules) if rule.execute(context)]


class CelCpp:
    """CEL in C++, type-checked, one Activation an event."""

    def __init__(self, lines: Sequence[RuleLine]) -> None:
        cel = import_module("cel_expr_python.cel")
        types = {str: cel.Type.STRING, int: cel.Type.INT, list: cel.Type.List(cel.Type.STRING)}
        self._env = cel.NewEnv(variables={name: types[kind] for name, kind in field_names().items()})
        self._rules = [self._env.compile(dialects.text(line, "&&", "||")) for line in lines]

    def find(self, case: Case) -> list[int]:
        context = self._env.Activation(case.flat)
        return [number for number, rule in enumerate(self._rules) if rule.eval(context).plain_value()]


class RuleEngine:
    """rule-engine, in pure Python."""

    def __init__(self, lines: Sequence[RuleLine]) -> None:
        rule = import_module("rule_engine").Rule
        self._rules = [rule(dialects.text(line)) for line in lines]

    def find(self, case: Case) -> list[int]:
        return [number for number, rule in enumerate(self._rules) if rule.matches(case.flat)]


class JsonLogic:
    """panzi-json-logic, in pure Python."""

    def __init__(self, lines: Sequence[RuleLine]) -> None:
        self._apply = import_module("json_logic").jsonLogic
        self._rules = [dialects.logic(line) for line in lines]

    def find(self, case: Case) -> list[int]:
        return [number for number, rule in enumerate(self._rules) if self._apply(rule, case.flat)]


class Durable:
    """durable_rules: a Rete network in C. An event is told as a fact, and taken back."""

    _names = count()

    def __init__(self, lines: Sequence[RuleLine]) -> None:
        self._lang = import_module("durable.lang")
        self._unheard = import_module("durable.engine").MessageNotHandledException
        self._name = f"bench{next(self._names)}"
        self._hits: list[int] = []
        with self._lang.ruleset(self._name):
            for number, line in enumerate(lines):
                self._lang.when_all(dialects.durable(line, self._lang.m, self._lang.item))(self._heard(number))

    def _heard(self, number: int) -> Callable[[Any], None]:
        return lambda context: self._hits.append(number)

    def find(self, case: Case) -> list[int]:
        self._hits.clear()
        fact = {**case.flat, "id": case.moment.scene.id, "sid": "1"}
        # A fact that no rule hears of is refused and not kept.
        with suppress(self._unheard):
            self._lang.assert_fact(self._name, fact)
            self._lang.retract_fact(self._name, fact)
        return sorted(self._hits)


BASELINES: dict[str, tuple[str, Callable[[Sequence[RuleLine]], Engine]]] = {
    "zen-engine, expressions": ("zen", ZenExpression),
    "zen-engine, decision table": ("zen", ZenTable),
    "CEL Rust": ("cel", CelRust),
    "CEL C++": ("cel_expr_python.cel", CelCpp),
    "rule-engine": ("rule_engine", RuleEngine),
    "json-logic": ("json_logic", JsonLogic),
    "durable_rules": ("durable.lang", Durable),
}
"""By name: the module it needs, and what makes it."""

AT_MOST: dict[str, int] = {"durable_rules": 1_000}
"""Rules that an engine is asked at most: the network of 10,000 was not made within 25 s of processor."""

__all__ = ["AT_MOST", "BASELINES", "READ", "Bucket", "Engine", "Ours", "rules_of"]
