"""The expressions a template may hold, as closures over plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from jinja2 import nodes

from rules.filters import FILTERS, LARGEST, MAX_LIST, TemplateFault, bound, number, text
from rules.operators import ARITHMETIC, COMPARE, TESTS
from rules.paths import hint

ROOTS: Final = ("customer", "event", "facts", "hub")
MAX_DEPTH: Final = 20
MAX_STEPS: Final = 10_000
"""Steps a template may take at most; what is in a loop counts as often as the loop can run."""

Scope: TypeAlias = Mapping[str, Any]
Expression = Callable[[Scope], Any]


def _step(value: Any, key: Any) -> Any:
    """A dot or brackets: a key of a dictionary or a place in a list, never an attribute."""
    if isinstance(value, dict):
        return value.get(key) if isinstance(key, str) else None
    if isinstance(value, list) and isinstance(key, int) and not isinstance(key, bool):
        return value[key] if -len(value) <= key < len(value) else None
    return None


def chain(node: nodes.Node) -> tuple[str, ...] | None:
    """`event.properties['name']` as its names; None for anything more than that."""
    keys: list[str] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        key = node.attr if isinstance(node, nodes.Getattr) else node.arg
        if isinstance(key, nodes.Const):
            key = key.value
        if not isinstance(key, str):
            return None
        keys.append(key)
        node = node.node
    return (node.name, *reversed(keys)) if isinstance(node, nodes.Name) else None


class Expressions:
    """Builds closures for one template and notes which fields of the event they read."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._depth = 0
        self._steps = 0
        self.looping = False
        self.needs: set[tuple[str, ...]] = set()

    def spend(self, line: int) -> None:
        """Count one step. Raises TemplateFault when the template could take too long."""
        self._steps += MAX_LIST if self.looping else 1
        if self._steps > MAX_STEPS:
            raise TemplateFault("too much to do", line)

    def named(self, name: str, line: int) -> str:
        """A name, unless it is of Python's own kind."""
        if name.startswith("_"):
            raise TemplateFault(f"{name[:40]}: names that start with _ are not allowed", line)
        return name

    def label(self, node: nodes.Expr) -> str:
        """How a message about this expression names it."""
        names = chain(node)
        return ".".join(names) if names else "a value"

    def build(self, node: nodes.Node, names: frozenset[str]) -> Expression:
        """The closure of an expression. Raises TemplateFault for what is not allowed."""
        maker = self._MAKERS.get(type(node))
        if maker is None:
            raise TemplateFault(f"{type(node).__name__.lower()} is not allowed", node.lineno)
        self.spend(node.lineno)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TemplateFault(f"nested deeper than {MAX_DEPTH}", node.lineno)
        built = cast(Expression, maker(self, node, names))
        self._depth -= 1
        return built

    def _const(self, node: nodes.Const, names: frozenset[str]) -> Expression:
        value = node.value
        if isinstance(value, int | float) and not -LARGEST < value < LARGEST:
            raise TemplateFault("a number is too large", node.lineno)
        return lambda scope: value

    def _name(self, node: nodes.Name, names: frozenset[str]) -> Expression:
        return self._chain((node.name,), names, node.lineno)

    def _item(self, node: nodes.Getattr | nodes.Getitem, names: frozenset[str]) -> Expression:
        steps = chain(node)
        if steps is not None:
            return self._chain(steps, names, node.lineno)
        below = self.build(node.node, names)
        if isinstance(node, nodes.Getattr):
            attribute = self.named(node.attr, node.lineno)
            return lambda scope: _step(below(scope), attribute)
        key = self.build(node.arg, names)
        return lambda scope: _step(below(scope), key(scope))

    def _chain(self, steps: tuple[str, ...], names: frozenset[str], line: int) -> Expression:
        for name in steps:
            self.named(name, line)
        root, *keys = steps
        if root not in names:
            raise TemplateFault(f"there is no {root[:40]}" + hint(root, sorted(names)), line)
        if root == "event":
            self.needs.add(tuple(keys))

        def get(scope: Scope) -> Any:
            value = scope.get(root)
            for key in keys:
                value = _step(value, key)
            return value

        return get

    def _list(self, node: nodes.List | nodes.Tuple, names: frozenset[str]) -> Expression:
        if not all(isinstance(one, nodes.Const) for one in node.items):
            raise TemplateFault("a list may hold plain values only", node.lineno)
        values = [one.value for one in node.items if isinstance(one, nodes.Const)]
        return lambda scope: values

    def _and(self, node: nodes.And, names: frozenset[str]) -> Expression:
        left, right = self.build(node.left, names), self.build(node.right, names)
        return lambda scope: left(scope) and right(scope)

    def _or(self, node: nodes.Or, names: frozenset[str]) -> Expression:
        left, right = self.build(node.left, names), self.build(node.right, names)
        return lambda scope: left(scope) or right(scope)

    def _not(self, node: nodes.Not, names: frozenset[str]) -> Expression:
        inner = self.build(node.node, names)
        return lambda scope: not inner(scope)

    def _neg(self, node: nodes.Neg, names: frozenset[str]) -> Expression:
        inner = self.build(node.node, names)
        return lambda scope: -number(inner(scope))

    def _choice(self, node: nodes.CondExpr, names: frozenset[str]) -> Expression:
        test, yes = self.build(node.test, names), self.build(node.expr1, names)
        no = self.build(node.expr2, names) if node.expr2 is not None else (lambda scope: "")
        return lambda scope: yes(scope) if test(scope) else no(scope)

    def _compare(self, node: nodes.Compare, names: frozenset[str]) -> Expression:
        left = self.build(node.expr, names)
        steps = [(COMPARE[one.op], self.build(one.expr, names)) for one in node.ops]

        def run(scope: Scope) -> bool:
            value = left(scope)
            for holds, other in steps:
                following = other(scope)
                if not holds(value, following):
                    return False
                value = following
            return True

        return run

    def _arithmetic(self, node: nodes.BinExpr, names: frozenset[str]) -> Expression:
        left, right = self.build(node.left, names), self.build(node.right, names)
        apply = ARITHMETIC[type(node)]

        def run(scope: Scope) -> Any:
            try:
                return number(apply(number(left(scope)), number(right(scope))))
            except ZeroDivisionError:
                raise TemplateFault("a division by zero") from None

        return run

    def _concat(self, node: nodes.Concat, names: frozenset[str]) -> Expression:
        parts = [(self.build(one, names), self.label(one)) for one in node.nodes]
        return lambda scope: text("".join(text(part(scope), label) for part, label in parts))

    def _test(self, node: nodes.Test, names: frozenset[str]) -> Expression:
        test = TESTS.get(node.name)
        if test is None or node.args or node.kwargs:
            raise TemplateFault(f"the test {node.name[:40]} is not allowed", node.lineno)
        inner = self.build(node.node, names)
        return lambda scope: test(inner(scope))

    def _filter(self, node: nodes.Filter, names: frozenset[str]) -> Expression:
        if node.name not in FILTERS:
            raise TemplateFault(f"there is no filter {node.name[:40]}" + hint(node.name, list(FILTERS)), node.lineno)
        function, most = bound(node.name, self._language)
        if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs or len(node.args) > most:
            raise TemplateFault(f"the filter {node.name} takes at most {most} plain arguments", node.lineno)
        value = self.build(node.node, names)
        arguments = [self.build(one, names) for one in node.args]
        if not arguments:
            return lambda scope: function(value(scope))
        return lambda scope: function(value(scope), *(one(scope) for one in arguments))

    _MAKERS: Final[dict[type[nodes.Node], Callable[..., Any]]] = {
        nodes.Const: _const,
        nodes.Name: _name,
        nodes.Getattr: _item,
        nodes.Getitem: _item,
        nodes.List: _list,
        nodes.Tuple: _list,
        nodes.And: _and,
        nodes.Or: _or,
        nodes.Not: _not,
        nodes.Neg: _neg,
        nodes.CondExpr: _choice,
        nodes.Compare: _compare,
        nodes.Add: _arithmetic,
        nodes.Sub: _arithmetic,
        nodes.Mul: _arithmetic,
        nodes.Div: _arithmetic,
        nodes.Concat: _concat,
        nodes.Test: _test,
        nodes.Filter: _filter,
    }
