"""What a condition's text holds beside conditions: fields, plain values, spans and moments; and what is refused."""

from __future__ import annotations

import re
from math import isfinite
from typing import Final

from rules import paths
from rules.cel_fields import field, spelled
from rules.cel_wire import INDEX, Expr

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_NO_ARITHMETIC: Final = "conditions do not calculate; compare the field with the result, or declare a trait for it"
REFUSED: Final = {
    **dict.fromkeys(("_+_", "_-_", "_*_", "_/_", "_%_", "-_"), _NO_ARITHMETIC),
    "_?_:_": "there is no ?: here; write (a && b) || (!a && c)",
    "matches": "there are no patterns here; use startsWith, endsWith or contains",
    "size": "a length cannot be asked for; declare a trait that counts",
    "timestamp": "a moment stands beside a field that is one, as in event.time > timestamp(…)",
    "duration": "a span stands in within(field, duration(…)) or seen(kind, duration(…)) only",
    "caseless": 'write caseless(field).contains("…"), or startsWith, or endsWith',
    "dyn": "values keep their type; leave dyn(…) out",
}
"""What CEL has and conditions have not."""
_SPAN: Final = 'a span of time is written duration("7d")'


class Refused(Exception):
    """Something that a condition cannot say; `at` is where in the text."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at = at
        self.reason = reason


def is_field(expr: Expr) -> bool:
    """Whether it is names one below the other; they need not be known."""
    while expr.kind == "select" or expr.word == INDEX:
        expr = expr.parts[0]
    return expr.kind == "name"


def names(expr: Expr, item: str | None) -> tuple[str, ...]:
    """The names that lead to a field; `item` is what the element of a list is called just here."""
    found: list[str] = []
    while expr.kind != "name":
        if expr.kind in {"select", "has"}:
            found.append(expr.word)
        elif expr.word == INDEX and isinstance(expr.parts[1].value, str):
            found.append(expr.parts[1].value)
        elif expr.word == INDEX:
            raise Refused(expr.at, 'brackets hold a name in quotes; of a list ask list.exists(item, item == "…")')
        else:
            raise Refused(expr.at, "a field was expected here; fields start with event., profile. or item.")
        expr = expr.parts[0]
    if item is None and expr.word == "item":
        raise Refused(expr.at, "item has a meaning inside exists(item, …) only")
    return ("item" if expr.word == item else expr.word, *reversed(found))


def named(at: int, found: tuple[str, ...]) -> str:
    """The field of these names."""
    try:
        return field(found)
    except ValueError as error:
        raise Refused(at, str(error)) from None


def plain(expr: Expr, name: str) -> bool | int | float | str:
    """The value that a field is compared with."""
    if expr.word == "timestamp" and len(expr.parts) == 1:
        return _moment(expr, name)
    if is_field(expr):
        raise Refused(expr.at, "a field is compared with a value, not with another field")
    if expr.kind != "constant":
        told = REFUSED.get(expr.word, "a plain value was expected here: a text, a number, true or false")
        raise Refused(expr.at, told)
    if expr.value is None:
        raise Refused(expr.at, "null, bytes and unsigned numbers are not known here; a missing field is !has(field)")
    if isinstance(expr.value, float) and not isfinite(expr.value):
        raise Refused(expr.at, "this number is too large")
    if paths.parse(name).moment:
        raise Refused(expr.at, f'{spelled(name)} is a moment; write timestamp("2026-01-31T12:00:00Z")')
    return expr.value


def _moment(expr: Expr, name: str) -> str:
    text = word(expr.parts[0], "timestamp() takes a text")
    if not paths.parse(name).moment:
        raise Refused(expr.at, f"{spelled(name)} is no moment; compare it with a number or a text")
    if not _RFC3339.fullmatch(text):
        raise Refused(expr.at, "write a moment with its zone, such as 2026-01-31T12:00:00Z or 2026-01-31T12:00:00.125Z")
    return text


def word(expr: Expr, told: str) -> str:
    """A text in quotes."""
    if isinstance(expr.value, str):
        return expr.value
    raise Refused(expr.at, told)


def span(expr: Expr) -> str:
    """A span of time, as people write it."""
    if expr.word != "duration" or expr.method or len(expr.parts) != 1:
        raise Refused(expr.at, _SPAN)
    return word(expr.parts[0], _SPAN)
