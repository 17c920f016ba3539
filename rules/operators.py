"""What may stand between two values of a template, and after `is`. Values of different types are never alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from jinja2 import nodes


def _numeric(a: Any, b: Any, order: int) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return False
    if not isinstance(a, int | float) or not isinstance(b, int | float):
        return False
    return bool(a == b if order == 0 else a > b if order > 0 else a < b)


def _within(a: Any, b: Any) -> bool:
    if isinstance(b, str):
        return isinstance(a, str) and a in b
    return isinstance(b, list | tuple) and any(type(one) is type(a) and one == a for one in b[:100])


COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda a, b: bool(type(a) is type(b) and a == b) or _numeric(a, b, 0),
    "ne": lambda a, b: not (bool(type(a) is type(b) and a == b) or _numeric(a, b, 0)),
    "lt": lambda a, b: _numeric(a, b, -1),
    "gt": lambda a, b: _numeric(a, b, 1),
    "lteq": lambda a, b: _numeric(a, b, -1) or _numeric(a, b, 0),
    "gteq": lambda a, b: _numeric(a, b, 1) or _numeric(a, b, 0),
    "in": _within,
    "notin": lambda a, b: not _within(a, b),
}
TESTS: Final[dict[str, Callable[[Any], bool]]] = {
    "defined": lambda value: value is not None,
    "undefined": lambda value: value is None,
    "none": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
}
ARITHMETIC: Final[dict[type[nodes.BinExpr], Callable[[Any, Any], Any]]] = {
    nodes.Add: lambda a, b: a + b,
    nodes.Sub: lambda a, b: a - b,
    nodes.Mul: lambda a, b: a * b,
    nodes.Div: lambda a, b: a / b,
}
