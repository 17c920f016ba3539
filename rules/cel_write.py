"""A condition as CEL text that means the same, where there is such a text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from rules import paths, tree
from rules.cel_fields import present, quoted, spelled
from rules.conditions import All, AnyOf, Between, Compare, Condition, Exists, Has, Not, OneOf, Seen, Text, Within

LONGEST: Final = 10_000
"""Characters of a text."""
_SIGNS: Final = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_METHODS: Final = {"prefix": "startsWith", "suffix": "endsWith", "contains": "contains"}
_UNITS: Final = (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
"""CEL has no days and weeks."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NoText(ValueError):
    """A part of a condition that CEL cannot say; `node` is that part."""

    def __init__(self, node: Condition, reason: str) -> None:
        super().__init__(reason)
        self.node = node


def write(condition: Condition) -> str:
    """The text of a condition; reading it gives one that means the same. Raises NoText."""
    try:
        tree.check(condition)
    except PydanticCustomError as error:
        raise NoText(condition, error.message()) from None
    text = _write(condition)
    if len(text) > LONGEST:
        raise NoText(condition, f"its text would be longer than {LONGEST} characters")
    return text


def _write(node: Condition) -> str:
    writer = _WRITERS.get(type(node))
    if writer is None:
        raise NoText(node, f"`{type(node).__name__.lower()}` has no text: write the condition as a tree")
    return writer(node)


def _all(node: All) -> str:
    return " && ".join(_inner(part, AnyOf) for part in node.parts)


def _any(node: AnyOf) -> str:
    return " || ".join(_inner(part, All, Between) for part in node.parts)


def _inner(part: Condition, *loose: type) -> str:
    """A part among others; in brackets where it would bind otherwise, or a reader would wonder."""
    while isinstance(part, All | AnyOf) and len(part.parts) == 1:
        part = part.parts[0]
    return f"({_write(part)})" if isinstance(part, loose) else _write(part)


def _not(node: Not) -> str:
    return f"!({_write(node.part)})"


def _compare(node: Compare) -> str:
    return f"{spelled(node.field)} {_SIGNS[node.op]} {_constant(node, node.value)}"


def _one_of(node: OneOf) -> str:
    return f"{spelled(node.field)} in [{', '.join(_constant(node, one) for one in node.value)}]"


def _between(node: Between) -> str:
    name, (low, high) = spelled(node.field), (_constant(node, one) for one in node.value)
    return f"{name} >= {low} && {name} <= {high}"


def _exists(node: Exists) -> str:
    asked = present(node.field)
    if asked is None:
        raise NoText(node, f"{node.field} exists: CEL cannot ask whether something of that name is there")
    if node.value:
        return asked
    return f"!{asked}" if asked.startswith("has(") else f"!({asked})"


def _text(node: Text) -> str:
    name, method = spelled(node.field), _METHODS[node.op]
    if not node.ignore_case:
        return f"{name}.{method}({quoted(node.value)})"
    part = node.value.casefold()
    try:
        Text.model_validate({**node.model_dump(), "value": part})
    except ValidationError:
        raise NoText(node, f"{node.field} {node.op} with ignore_case: in small letters the text is too long") from None
    return f"caseless({name}).{method}({quoted(part)})"


def _within(node: Within) -> str:
    return f"within({spelled(node.field)}, {_span(node.value)})"


def _seen(node: Seen) -> str:
    if node.correlate is not None:
        raise NoText(node, "`seen` with `correlate` has no text")
    kinds = [quoted(one) for one in node.seen]
    asked = kinds[0] if len(kinds) == 1 else f"[{', '.join(kinds)}]"
    return f"seen({asked})" if node.within is None else f"seen({asked}, {_span(node.within)})"


def _has(node: Has) -> str:
    part = node.has
    if isinstance(part, Compare) and part.op == "eq" and part.field == "item":
        return f"{_constant(part, part.value)} in {spelled(node.items)}"
    return f"{spelled(node.items)}.exists(item, {_write(part)})"


def _constant(node: Compare | OneOf | Between, value: Any) -> str:
    if paths.parse(node.field).moment:
        return _moment(node, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if isinstance(value, str) else repr(value)


def _moment(node: Compare | OneOf | Between, value: Any) -> str:
    ms = node.operand if isinstance(node, Compare) else value
    told = (
        f"{node.field} {node.op} {value!r:.40}: CEL compares a moment with a whole millisecond of the years 1 to 9999"
    )
    if isinstance(value, bool) or isinstance(ms, str) or ms != ms // 1:
        raise NoText(node, told)
    try:
        when = _EPOCH + timedelta(milliseconds=int(ms))
    except OverflowError:
        raise NoText(node, told) from None
    finest = "milliseconds" if when.microsecond else "seconds"
    return f'timestamp("{when.replace(tzinfo=None).isoformat(timespec=finest)}Z")'


def _span(ms: int) -> str:
    parts = []
    for unit, size in _UNITS:
        number, ms = divmod(ms, size)
        if number:
            parts.append(f"{number}{unit}")
    return f'duration("{"".join(parts)}")'


_WRITERS: Final[dict[type, Callable[[Any], str]]] = {
    All: _all,
    AnyOf: _any,
    Not: _not,
    Compare: _compare,
    OneOf: _one_of,
    Between: _between,
    Exists: _exists,
    Text: _text,
    Within: _within,
    Has: _has,
    Seen: _seen,
}
