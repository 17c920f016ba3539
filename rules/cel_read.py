"""From what the CEL parser understood to a condition. What conditions cannot say is refused where it stands, with what
to write instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from pydantic import ValidationError

from rules import paths
from rules.cel_fields import MAPS, quoted, spelled
from rules.cel_values import REFUSED, Refused, is_field, named, names, plain, span, word
from rules.cel_wire import INDEX, Expr
from rules.conditions import (
    MAX_NODES,
    All,
    AnyOf,
    Between,
    Compare,
    Condition,
    Exists,
    Has,
    Not,
    OneOf,
    Seen,
    Text,
    Within,
    moment,
)

_ORDER: Final = {"_==_": "eq", "_!=_": "ne", "_<_": "lt", "_<=_": "le", "_>_": "gt", "_>=_": "ge"}
_TURNED: Final = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
_TEXTS: Final = {"startsWith": "prefix", "endsWith": "suffix", "contains": "contains"}
_FUNCTIONS: Final = ("has", "exists", *_TEXTS, "caseless", "seen", "within", "timestamp", "duration")
_UNFIT: Final = {
    "too_long": "more than {max_length} values",
    "string_too_long": "a text is longer than {max_length} characters",
    "string_too_short": "the text is empty",
    "string_pattern_mismatch": "write a kind of event such as email.received, or web.track/Order Completed",
}
"""What pydantic finds, by its name for it."""


class Reader:
    """Reads one expression."""

    def __init__(self) -> None:
        self._item: str | None = None
        """What the element of a list is called, inside `exists`."""

    def condition(self, expr: Expr) -> Condition:
        """The condition that an expression stands for."""
        if is_field(expr):
            return self._flag(expr)
        if expr.kind == "has":
            return _made(expr, Exists, field=self._field(expr), op="exists")
        if expr.kind == "macro":
            return self._exists(expr)
        if expr.kind != "call" or expr.word == INDEX:
            raise Refused(expr.at, "a condition was expected here, such as event.properties.total > 100")
        maker = self._CALLS.get(expr.word)
        if maker is None:
            name = expr.word[:40]
            unknown = f"there is no {name}() here" + paths.hint(name, list(_FUNCTIONS))
            raise Refused(expr.at, REFUSED.get(name, unknown))
        return maker(self, expr)

    def _flag(self, expr: Expr) -> Condition:
        name = self._field(expr)
        if paths.parse(name).place != "segments":
            # CEL has no answer for a field that is neither yes nor no, and `== true` has: so it is said.
            raise Refused(expr.at, f"a field alone is no condition; write {spelled(name)} == true")
        return _made(expr, Compare, field=name, op="eq", value=True)

    def _all(self, expr: Expr) -> Condition:
        parts = _betweens([self.condition(part) for part in _joined(expr)])
        return parts[0] if len(parts) == 1 else _made(expr, All, parts=tuple(parts))

    def _any(self, expr: Expr) -> Condition:
        return _made(expr, AnyOf, parts=tuple(self.condition(part) for part in _joined(expr)))

    def _not(self, expr: Expr) -> Condition:
        part = self.condition(expr.parts[0])
        if isinstance(part, Exists):
            return _made(expr, Exists, field=part.field, op="exists", value=not part.value)
        return _made(expr, Not, part=part)

    def _compare(self, expr: Expr) -> Condition:
        (left, right), op = expr.parts, _ORDER[expr.word]
        if not is_field(left):
            left, right, op = right, left, _TURNED.get(op, op)
        if not is_field(left):
            odd = next((one for one in expr.parts if one.word in REFUSED), expr)
            raise Refused(odd.at, REFUSED.get(odd.word, "one side must be a field, such as event.properties.total"))
        name = self._field(left)
        value = plain(right, name)
        if isinstance(value, bool) and op in _TURNED:
            raise Refused(expr.at, "yes and no have no order: use == or !=")
        return _made(expr, Compare, field=name, op=op, value=value)

    def _in(self, expr: Expr) -> Condition:
        left, right = expr.parts
        if right.kind == "list" and is_field(left):
            return self._one_of(expr, left, right)
        if left.kind != "constant" or not is_field(right):
            raise Refused(expr.at, 'write field in ["one", "other"], or "one" in field where the field is a list')
        above = names(right, self._item)
        if above in MAPS and isinstance(left.value, str):
            return _made(expr, Exists, field=named(right.at, (*above, left.value)), op="exists")
        element = _made(left, Compare, field="item", op="eq", value=plain(left, "item"))
        return _made(expr, Has, items=self._list(right), has=element)

    def _one_of(self, expr: Expr, left: Expr, right: Expr) -> Condition:
        name = self._field(left)
        values: list[Any] = [plain(one, name) for one in right.parts]
        if not values:
            raise Refused(right.at, "the list is empty: nothing is in it")
        if paths.parse(name).moment:
            values = [_milliseconds(one, text) for one, text in zip(right.parts, values, strict=True)]
        return _made(expr, OneOf, field=name, op="in", value=tuple(values))

    def _exists(self, expr: Expr) -> Condition:
        listed, start, step = expr.parts
        if start.value is not False or step.word != "_||_":
            raise Refused(listed.at, "of a list only exists() can be asked; all(x, …) is !list.exists(x, !(…))")
        if expr.word in {"event", "profile"}:
            raise Refused(listed.at, f"{expr.word} cannot be the name of an element; call it item")
        name, self._item = self._list(listed), expr.word
        element = self.condition(step.parts[1])
        self._item = None
        return _made(expr, Has, items=name, has=element)

    def _list(self, expr: Expr) -> str:
        if self._item is not None:
            raise Refused(expr.at, "a list inside a list cannot be looked into")
        return self._field(expr)

    def _text(self, expr: Expr) -> Condition:
        whole = expr.parts[0] if expr.method and len(expr.parts) == 2 else expr
        caseless = whole.word == "caseless" and not whole.method and len(whole.parts) == 1
        whole = whole.parts[0] if caseless else whole
        if not is_field(whole):
            raise Refused(expr.at, f'write field.{expr.word}("…"), or caseless(field).{expr.word}("…")')
        part = word(expr.parts[1], f"{expr.word}() takes one text in quotes")
        if caseless and part != part.casefold():
            raise Refused(expr.parts[1].at, f"caseless() leaves no capitals; write {quoted(part.casefold())}")
        return _made(expr, Text, field=self._field(whole), op=_TEXTS[expr.word], value=part, ignore_case=caseless)

    def _seen(self, expr: Expr) -> Condition:
        if expr.method or not 1 <= len(expr.parts) <= 2:
            raise Refused(expr.at, 'write seen("email.received", duration("1h"))')
        what, *spans = expr.parts
        told = 'seen() takes a kind of event such as "email.received", or a list of them'
        kinds = tuple(word(one, told) for one in (what.parts if what.kind == "list" else (what,)))
        return _made(expr, Seen, seen=kinds, within=span(spans[0]) if spans else None)

    def _within(self, expr: Expr) -> Condition:
        if expr.method or len(expr.parts) != 2 or not is_field(expr.parts[0]):
            raise Refused(expr.at, 'write within(event.time, duration("7d"))')
        return _made(expr, Within, field=self._field(expr.parts[0]), op="within", value=span(expr.parts[1]))

    def _field(self, expr: Expr) -> str:
        return named(expr.at, names(expr, self._item))

    _CALLS: Final[dict[str, Callable[[Reader, Expr], Condition]]] = {
        "_&&_": _all,
        "_||_": _any,
        "!_": _not,
        **dict.fromkeys(_ORDER, _compare),
        "@in": _in,
        **dict.fromkeys(_TEXTS, _text),
        "seen": _seen,
        "within": _within,
    }


def _made(expr: Expr, kind: Callable[..., Condition], **values: Any) -> Condition:
    try:
        return kind(**values)
    except ValidationError as error:
        # Of a value that may be of several types the last one tried is text, as most are; and a list that is short
        # because its parts were refused is no second fault.
        found = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "too_short")[-1]
        told = _UNFIT.get(found["type"], "{msg}").format(msg=found["msg"], **found.get("ctx", {}))
        name = values.get("field") or values.get("items")
        raise Refused(expr.at, f"{spelled(name)}: {told}" if name else told) from None


def _milliseconds(expr: Expr, text: str) -> float:
    try:
        return moment(text)
    except ValueError as error:
        raise Refused(expr.at, str(error)) from None


def _joined(expr: Expr) -> Sequence[Expr]:
    """`a && b && c` as its three parts, however the parser has paired them."""
    parts, todo = [], [expr]
    while todo:
        one = todo.pop()
        if one.kind == "call" and one.word == expr.word:
            todo += reversed(one.parts)
        else:
            parts.append(one)
    if len(parts) > MAX_NODES:
        raise Refused(parts[MAX_NODES].at, f"more than {MAX_NODES} conditions")
    return parts


def _betweens(parts: Sequence[Condition]) -> list[Condition]:
    """`x >= 1 && x <= 2` is `x` between 1 and 2."""
    found: list[Condition] = []
    for part in parts:
        pair = _between(found[-1], part) if found else None
        if pair is None:
            found.append(part)
        else:
            found[-1] = pair
    return found


def _between(low: Condition, high: Condition) -> Between | None:
    if not isinstance(low, Compare) or not isinstance(high, Compare):
        return None
    if (low.op, high.op, low.field) != ("ge", "le", high.field):
        return None
    try:
        return Between.model_validate({"field": low.field, "op": "between", "value": (low.operand, high.operand)})
    except ValidationError:
        return None  # a number and a word, or the lower end last
