"""What the CEL parser hands back, as plain nodes: protocol buffers (cel.expr.ParsedExpr), read by hand.

Only what conditions need is told apart. A node's place is where it begins, but for operators: there it is the
operator's own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Kind = Literal["constant", "name", "select", "has", "call", "list", "macro", "other"]
_Raw: TypeAlias = int | memoryview
_Places: TypeAlias = Mapping[int, int]

INDEX: Final = "_[_]"


@dataclass(frozen=True, slots=True)
class Expr:
    """A node: `word` is a name, a field or a function; `parts` are what it is made of, a method's target first."""

    kind: Kind
    at: int
    """Where it stands in the text, in characters from its start."""
    word: str = ""
    value: bool | int | float | str | None = None
    """A constant's value; None also for those that conditions have no use for."""
    parts: tuple[Expr, ...] = ()
    method: bool = False


def decoded(raw: bytes) -> Expr:
    """The root of a parsed expression, as the parser writes it down."""
    parsed = _fields(_one(memoryview(raw), 2))
    places: dict[int, int] = {}
    expr: memoryview = memoryview(b"")
    for number, value in parsed:
        if number == 2:
            expr = _view(value)
        elif number == 3:
            places = _places(_view(value))
    return _expr(expr, places)


def _fields(view: memoryview) -> Iterator[tuple[int, _Raw]]:
    """The fields of a message: its number, and a whole number or bytes."""
    at = 0
    while at < len(view):
        key, at = _varint(view, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(view, at)
            yield key >> 3, value
            continue
        size = {1: 8, 5: 4}.get(wire)
        if size is None:
            if wire != 2:
                raise ValueError(f"wire type {wire} is unknown")
            size, at = _varint(view, at)
        if at + size > len(view):
            raise ValueError("a message ends too early")
        yield key >> 3, view[at : at + size]
        at += size


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _view(value: _Raw) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message was expected")
    return value


def _text(value: _Raw) -> str:
    return bytes(_view(value)).decode()


def _signed(value: _Raw) -> int:
    number = int(value) if isinstance(value, int) else 0
    return number - (1 << 64) if number >= 1 << 63 else number


def _one(view: memoryview, wanted: int) -> memoryview:
    return next((_view(value) for number, value in _fields(view) if number == wanted), memoryview(b""))


def _places(info: memoryview) -> dict[int, int]:
    """Node → where it stands. A map on the wire is a list of pairs."""
    pairs = (dict(_fields(_view(value))) for number, value in _fields(info) if number == 4)
    return {_signed(pair.get(1, 0)): _signed(pair.get(2, 0)) for pair in pairs}


def _expr(view: memoryview, places: _Places) -> Expr:
    at, kind, body = 0, 0, memoryview(b"")
    for number, value in _fields(view):
        if number == 2:
            at = places.get(_signed(value), 0)
        elif number in _KINDS:
            kind, body = number, _view(value)
    return _KINDS[kind](body, at, places) if kind else Expr("other", at)


def _constant(body: memoryview, at: int, _: _Places) -> Expr:
    value: Any = None
    for number, raw in _fields(body):
        read = _CONSTANTS.get(number)
        value = None if read is None else read(raw)
    return Expr("constant", at, value=value)


def _name(body: memoryview, at: int, _: _Places) -> Expr:
    return Expr("name", at, bytes(_one(body, 1)).decode())


def _select(body: memoryview, at: int, places: _Places) -> Expr:
    below = _expr(_one(body, 1), places)
    word = bytes(_one(body, 2)).decode()
    tested = any(number == 3 and value for number, value in _fields(body))
    return (
        Expr("has", at - len("has"), word, parts=(below,)) if tested else Expr("select", below.at, word, None, (below,))
    )


def _call(body: memoryview, at: int, places: _Places) -> Expr:
    word, parts, method = "", [], False
    for number, value in _fields(body):
        if number == 2:
            word = _text(value)
        else:
            parts.append(_expr(_view(value), places))
            method = method or number == 1
    if method or word == INDEX:
        at = parts[0].at
    elif word.isidentifier():
        at -= len(word)  # a call is said to stand at its bracket
    return Expr("call", at, word, None, tuple(parts), method)


def _list(body: memoryview, at: int, places: _Places) -> Expr:
    return Expr("list", at, parts=tuple(_expr(_view(value), places) for number, value in _fields(body) if number == 1))


def _macro(body: memoryview, _: int, places: _Places) -> Expr:
    """A macro over a list: its variable, and (list, first result, one step)."""
    listed, start, step = (_expr(_one(body, number), places) for number in (2, 4, 6))
    return Expr("macro", listed.at, bytes(_one(body, 1)).decode(), None, (listed, start, step))


def _other(_: memoryview, at: int, __: _Places) -> Expr:
    return Expr("other", at)


_CONSTANTS: Final[dict[int, Callable[[_Raw], bool | int | float | str]]] = {
    2: bool,
    3: _signed,
    5: lambda raw: float(struct.unpack("<d", _view(raw))[0]),
    6: _text,
}
"""By the number of the field. Null (1), unsigned numbers (4) and bytes (7) have no place in conditions."""
_KINDS: Final[dict[int, Callable[[memoryview, int, _Places], Expr]]] = {
    3: _constant,
    4: _name,
    5: _select,
    6: _call,
    7: _list,
    8: _other,
    9: _macro,
}
"""By the number of the field, too: constant, identifier, selection, call, list, structure, comprehension."""
