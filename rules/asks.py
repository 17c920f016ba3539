"""What the parts of a clause ask, as an index needs it: the field, and which of its values are right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rules.clauses import equals
from rules.conditions import Between, Changed, Compare, Condition, Exists, Not, Seen, Text
from rules.paths import parse
from rules.tree import field_of

Sort = Literal["is", "is not", "there", "missing", "range", "element", "some", "open"]

Ends: TypeAlias = tuple[float, bool, float, bool]
"""A range of numbers: low, whether low is inside, high, whether high is inside."""

INFINITE: Final = float("inf")
# Python takes True for 1; the tables of values must not.
_YES: Final = ("yes",)
_NO: Final = ("no",)


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
    inner, turned = (part.part, True) if isinstance(part, Not) else (part, False)
    # What is missing may have been there before.
    field = "" if isinstance(inner, Seen | Changed) else field_of(inner)
    if not field or parse(field).place == "item":
        return Ask(part, "", "open")
    if isinstance(inner, Exists):
        return Ask(part, field, "missing" if inner.value is turned else "there")
    values = equals(inner)
    if values is None and isinstance(inner, Compare) and inner.op == "ne":
        values, turned = (field, (inner.operand,)), not turned
    if values is not None:
        return Ask(part, field, "is not" if turned else "is", tuple(dict.fromkeys(map(key, values[1]))))
    ends = None if turned else _ends(inner)
    if ends is not None:
        return Ask(part, field, "range", ends)
    if isinstance(part, Text) and part.op == "contains" and not part.ignore_case:
        return Ask(part, field, "element", part.value)
    return Ask(part, field, "some")


def key(value: Any) -> Any:
    """What stands for a value in a table."""
    return value if value.__class__ is not bool else _YES if value else _NO


def _ends(part: Condition) -> Ends | None:
    if isinstance(part, Between) and not isinstance(part.value[0], str):
        return part.value[0], True, part.value[1], True
    if isinstance(part, Compare) and part.op in _ENDS and not isinstance(part.operand, str | bool):
        return _ENDS[part.op](part.operand)
    return None


_ENDS: Final[dict[str, Callable[[float], Ends]]] = {
    "lt": lambda value: (-INFINITE, False, value, False),
    "le": lambda value: (-INFINITE, False, value, True),
    "gt": lambda value: (value, False, INFINITE, False),
    "ge": lambda value: (value, True, INFINITE, False),
}
