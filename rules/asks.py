"""What the parts of a clause ask, as an index needs it: the field, and which of its values are right."""

from __future__ import annotations

from collections.abc import Callable
from sys import intern
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

from rules.conditions import Between, Changed, Compare, Condition, Exists, Not, OneOf, Seen, Text
from rules.paths import parse
from rules.tree import field_of

Sort = Literal["is", "is not", "there", "missing", "range", "element", "some", "open"]

Ends: TypeAlias = tuple[float, bool, float, bool]
"""A range of numbers: low, whether low is inside, high, whether high is inside."""

INFINITE: Final = float("inf")
# Python takes True for 1; the tables of values must not.
_YES: Final = ("yes",)
_NO: Final = ("no",)


Asked: TypeAlias = tuple[Sort, Any]
SOME: Final[Asked] = ("some", None)
_OF_BEFORE: Final[tuple[type, ...]] = (Seen, Changed)


class Ask(NamedTuple):
    """One part of a clause."""

    part: Condition
    field: str
    """Empty when the value of no single field decides anything."""
    sort: Sort
    """`some`: the field must be there, and what more is asked of it is for a closure."""
    what: Any = None
    """Keys of the values for `is` and `is not`, the ends for `range`, the text for `element`."""


def ask(part: Condition) -> Ask:
    """What a part asks."""
    # By class: Pydantic's models take their time over `isinstance`, and there may be a hundred thousand parts.
    turned = part.__class__ is Not
    inner = cast(Not, part).part if turned else part
    # What is missing may have been there before.
    field = "" if inner.__class__ in _OF_BEFORE else field_of(inner)
    if not field or parse(field).place == "item":
        return Ask(part, "", "open")
    known = _KNOWN.get(inner.__class__)
    return Ask(part, field, *(known(inner, turned) if known is not None else SOME))


def key(value: Any) -> Any:
    """What stands for a value in a table."""
    return value if value.__class__ is not bool else _YES if value else _NO


def _named(value: Any) -> Any:
    """The key of a value that a rule names. A text is the same object for all who name it: rules name the same texts
    again and again, and what is compared with each of them need not be fetched from elsewhere."""
    return intern(value) if value.__class__ is str else key(value)


def _exists(part: Exists, turned: bool) -> Asked:
    return "missing" if part.value is turned else "there", None


def _compare(part: Compare, turned: bool) -> Asked:
    operand = part.operand
    if part.op in {"eq", "ne"}:
        return "is" if (part.op == "eq") is not turned else "is not", (_named(operand),)
    return SOME if turned or isinstance(operand, str) else ("range", _ENDS[part.op](operand))


def _one_of(part: OneOf, turned: bool) -> Asked:
    return "is not" if turned else "is", tuple(dict.fromkeys(map(_named, part.value)))


def _between(part: Between, turned: bool) -> Asked:
    low, high = part.value
    return SOME if turned or isinstance(low, str) else ("range", (low, True, high, True))


def _text(part: Text, turned: bool) -> Asked:
    return SOME if turned or part.op != "contains" or part.ignore_case else ("element", intern(part.value))


_KNOWN: Final[dict[type, Callable[[Any, bool], Asked]]] = {
    Exists: _exists,
    Compare: _compare,
    OneOf: _one_of,
    Between: _between,
    Text: _text,
}
"""By the kind of predicate: what it asks, and what its contrary asks."""

_ENDS: Final[dict[str, Callable[[float], Ends]]] = {
    "lt": lambda value: (-INFINITE, False, value, False),
    "le": lambda value: (-INFINITE, False, value, True),
    "gt": lambda value: (value, False, INFINITE, False),
    "ge": lambda value: (value, True, INFINITE, False),
}
