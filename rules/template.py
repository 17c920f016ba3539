"""Messages with places to fill in: Jinja's syntax, a small part of it, and nothing that runs.

Jinja parses; what it parsed is checked against the list below and turned into closures. There are no calls,
no attributes of Python objects (a dot is a key of a dictionary), no loops but over a list that is there, and no
loop in a loop, so a message costs little whatever its author wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.parser import Parser

from rules.expressions import ROOTS, Expressions, Scope
from rules.filters import MAX_TEXT, TemplateFault, listed, text

MAX_SOURCE: Final = 10_000
_SYNTAX: Final = Environment(autoescape=False, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - plain text
# Control characters, and the two that turn the direction of everything after them.
_UNWANTED: Final = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160), 0x2028, 0x2029, 0x202D, 0x202E))

Statement = Callable[[Scope, list[str]], None]


class Template:
    """A message ready to be filled in. Raises TemplateFault when the source is not allowed."""

    def __init__(self, source: str, language: str = "en") -> None:
        self._expressions = Expressions(language)
        self._body = self._block(_parse(source).body, frozenset(ROOTS), 0)

    @property
    def needs(self) -> frozenset[tuple[str, ...]]:
        """The fields of the event it puts in, as keys below `event`."""
        return frozenset(self._expressions.needs)

    def render(self, context: Scope) -> str:
        """The message for a customer. Raises TemplateFault when something it needs is missing."""
        sheet: list[str] = []
        for statement in self._body:
            statement(context, sheet)
        whole = "".join(sheet)
        if len(whole) > MAX_TEXT:
            raise TemplateFault(f"longer than {MAX_TEXT} characters")
        return whole.translate(_UNWANTED).strip()

    def _block(self, parts: list[nodes.Node], names: frozenset[str], depth: int) -> tuple[Statement, ...]:
        built: list[Statement] = []
        for part in parts:
            self._expressions.spend(part.lineno)
            if isinstance(part, nodes.Output):
                built += [self._output(one, names) for one in part.nodes]
            elif isinstance(part, nodes.If) and depth < 10:
                built.append(self._if(part, names, depth + 1))
            elif isinstance(part, nodes.For) and not self._expressions.looping:
                built.append(self._for(part, names, depth + 1))
            else:
                what = "a loop in a loop" if isinstance(part, nodes.For) else f"{type(part).__name__.lower()} here"
                raise TemplateFault(f"{what} is not allowed", part.lineno)
        return tuple(built)

    def _output(self, node: nodes.Expr, names: frozenset[str]) -> Statement:
        if isinstance(node, nodes.TemplateData):
            said = node.data
            return lambda scope, sheet: sheet.append(said)
        value, label = self._expressions.build(node, names), self._expressions.label(node)
        return lambda scope, sheet: sheet.append(text(value(scope), label))

    def _if(self, node: nodes.If, names: frozenset[str], depth: int) -> Statement:
        ways = [(self._expressions.build(node.test, names), self._block(node.body, names, depth))]
        for other in node.elif_:
            body = self._block(other.body, names, depth)
            ways.append((self._expressions.build(other.test, names), body))
        otherwise = self._block(node.else_, names, depth)

        def run(scope: Scope, sheet: list[str]) -> None:
            chosen = next((body for test, body in ways if test(scope)), otherwise)
            for statement in chosen:
                statement(scope, sheet)

        return run

    def _for(self, node: nodes.For, names: frozenset[str], depth: int) -> Statement:
        if not isinstance(node.target, nodes.Name) or node.test is not None or node.recursive:
            raise TemplateFault("a loop is written {% for one in list %}", node.lineno)
        variable = self._expressions.named(node.target.name, node.lineno)
        items = self._expressions.build(node.iter, names)
        self._expressions.looping = True
        self._expressions.spend(node.lineno)
        body = self._block(node.body, names | {variable, "loop"}, depth)
        self._expressions.looping = False
        otherwise = self._block(node.else_, names, depth)

        def run(scope: Scope, sheet: list[str]) -> None:
            found = items(scope)
            elements = [] if found is None else listed(found)
            for index, one in enumerate(elements, 1):
                place = {"index": index, "first": index == 1, "last": index == len(elements)}
                inner = {**scope, variable: one, "loop": place}
                for statement in body:
                    statement(inner, sheet)
            for statement in () if elements else otherwise:
                statement(scope, sheet)

        return run


def _parse(source: str) -> nodes.Template:
    if len(source) > MAX_SOURCE:
        raise TemplateFault(f"longer than {MAX_SOURCE} characters")
    if "{" not in source and "\r" not in source:
        # Words alone, as most subjects are: Jinja takes far longer to say the same.
        return nodes.Template([nodes.Output([nodes.TemplateData(source)], lineno=1)])
    try:
        # Not Environment.parse: it compiles a piece of code to decorate the traceback of a syntax error.
        return Parser(_SYNTAX, source).parse()
    except TemplateSyntaxError as error:
        raise TemplateFault(error.message or "cannot be read", error.lineno) from None
    except (RecursionError, MemoryError, ValueError, OverflowError):
        # Jinja's parser is recursive, and Python refuses integers of thousands of digits.
        raise TemplateFault("too deeply nested, or a number is too long") from None


def check(source: str) -> TemplateFault | None:
    """What is wrong with a template, or None."""
    try:
        Template(source)
    except TemplateFault as fault:
        return fault
    return None


def headline(rendered: str) -> str:
    """A rendered text as one line, for a subject."""
    return " ".join(rendered.split())[:250]


def context(
    customer: Mapping[str, Any], event: Mapping[str, Any], facts: Mapping[str, Any], hub: Mapping[str, Any]
) -> dict[str, Any]:
    """What a template may speak of."""
    return {"customer": customer, "event": event, "facts": facts, "hub": hub}
