"""What a predicate demands of the values it looks at, for each of the four things that may be taken of it.

Where values cannot say all of it (a word somewhere in a text, an element of a list), the predicate itself stands
among the demands as a key of its own, so that it is never taken to hold and to fail at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

from rules import values
from rules.conditions import Between, Compare, Condition, Exists, Has, OneOf, Seen, Text, Within
from rules.paths import parse
from rules.values import ABSENT, ANY_NUMBER, ANY_TEXT, BOTTOM, LIST, PRESENT, TOP, Values, after, before

Mode = Literal["holds", "fails", "does not hold", "does not fail"]
"""A condition holds, or is known not to; unknown is neither, so the last two each leave room for more."""
Key: TypeAlias = str | tuple[str, ...]
"""A field, or `(what, of which)`: how long ago (age, seen), whether since the cause (since), one predicate (node)."""
Demands: TypeAlias = tuple[tuple[Key, Values], ...]

OPPOSITE: Final[Mapping[Mode, Mode]] = {
    **{"holds": "fails", "fails": "holds", "does not hold": "does not fail", "does not fail": "does not hold"},
}
PLACES: Final = {
    "age": values.EVERYTHING,
    "seen": ANY_NUMBER | ABSENT,
    "since": values.EITHER,
    "node": values.EITHER | ABSENT,
}
"""What the values of keys that are no fields can be."""
_NODE: Final[Mapping[Mode, Values]] = {
    "holds": Values(values.YES),
    "fails": Values(values.NO),
    "does not hold": Values(values.NO) | ABSENT,
    "does not fail": Values(values.YES) | ABSENT,
}
_LISTS: Final = Values(LIST)


def demands(node: Condition, mode: Mode) -> Demands:
    """What must be so when a predicate is taken so."""
    maker = _EXACT.get(type(node))
    if isinstance(node, Text) and node.op == "prefix" and not node.ignore_case:
        maker = _prefix
    if maker is not None:
        key, holds, fails = maker(node)
        chosen = holds if mode in {"holds", "does not hold"} else fails
        return _with_parents(key, chosen if mode in {"holds", "fails"} else ~chosen)
    if isinstance(node, Within):
        recent = _recent(node.value)
        chosen = recent if mode in {"holds", "does not hold"} else ANY_NUMBER & ~recent
        known = mode in {"holds", "fails"}
        age = (("age", node.field), chosen if known else ~chosen)
        return (age, *_with_parents(node.field, ANY_NUMBER)) if known else (age,)
    if isinstance(node, Seen):
        return (_seen(node, holds=mode in {"holds", "does not fail"}),)
    own: Demands = ((_key(node), _NODE[mode]),)
    if mode not in {"holds", "fails"}:
        # Whoever walks a condition sees which texts are left.
        return (*own, (node.field, values.EVERYTHING)) if isinstance(node, Text) else own
    if isinstance(node, Has):
        return (*own, *_with_parents(node.items, _LISTS))
    if isinstance(node, Text):
        return (*own, *_with_parents(node.field, ANY_TEXT | _LISTS if node.op == "contains" else ANY_TEXT))
    return own


def test(node: Text) -> Callable[[str], bool]:
    """Whether a text fulfils it."""

    def plain(word: str) -> str:
        return word.casefold() if node.ignore_case else word

    part = plain(node.value)
    asks: dict[str, Callable[[str], bool]] = {
        "prefix": lambda word: plain(word).startswith(part),
        "suffix": lambda word: plain(word).endswith(part),
        "contains": lambda word: part in plain(word),
    }
    return asks[node.op]


def _with_parents(field: str, allowed: Values) -> Demands:
    """The demand, and that whatever has this field is a group of fields."""
    own = (field, allowed)
    path = parse(field)
    if len(path.keys) < 2 or path.place not in {"data", "traits", "facts", "item"} or allowed.marks & values.MISSING:
        return (own,)
    stem = field.split(".")
    first = len(stem) - len(path.keys) + 1
    group = Values(values.OTHER)
    return (own, *((".".join(stem[:end]), group) for end in range(first, len(stem))))


def _key(node: Condition) -> Key:
    if isinstance(node, Text):
        part = node.value.casefold() if node.ignore_case else node.value
        return ("node", node.field, node.op, "any" if node.ignore_case else "exact", part)
    return ("node", node.model_dump_json(by_alias=True))


def _recent(span: int) -> Values:
    return values.between(BOTTOM, after(span), text=False)


def _seen(node: Seen, *, holds: bool) -> tuple[Key, Values]:
    """Of one kind; whoever walks a condition takes several apart."""
    (kind,) = node.seen
    if node.correlate is not None:  # of one thing: it says nothing of the others
        return ("since", kind, node.correlate), Values(values.YES if holds else values.NO)
    if node.within is None:
        return ("since", kind), Values(values.YES if holds else values.NO)
    recent = _recent(node.within)
    return ("seen", kind), recent if holds else ~recent


def _compare(node: Compare) -> tuple[str, Values, Values]:
    operand = node.operand
    if node.op in {"eq", "ne"}:
        same = values.among([operand])
        other = PRESENT & ~same
        return (node.field, same, other) if node.op == "eq" else (node.field, other, same)
    text = isinstance(operand, str)
    low, high = _ENDS[node.op](operand)
    inside = values.between(low, high, text=text)
    return node.field, inside, (ANY_TEXT if text else ANY_NUMBER) & ~inside


_ENDS: Final[Mapping[str, Callable[[Any], tuple[values.Cut, values.Cut]]]] = {
    "lt": lambda value: (BOTTOM, before(value)),
    "le": lambda value: (BOTTOM, after(value)),
    "gt": lambda value: (after(value), TOP),
    "ge": lambda value: (before(value), TOP),
}


def _one_of(node: OneOf) -> tuple[str, Values, Values]:
    some = values.among(node.value)
    return node.field, some, PRESENT & ~some


def _between(node: Between) -> tuple[str, Values, Values]:
    low, high = node.value
    text = isinstance(low, str)
    inside = values.between(before(low), after(high), text=text)
    return node.field, inside, (ANY_TEXT if text else ANY_NUMBER) & ~inside


def _prefix(node: Text) -> tuple[str, Values, Values]:
    some = values.starting(node.value)
    return node.field, some, ANY_TEXT & ~some


def _exists(node: Exists) -> tuple[str, Values, Values]:
    return (node.field, PRESENT, ABSENT) if node.value else (node.field, ABSENT, PRESENT)


_EXACT: Final[Mapping[type, Callable[[Any], tuple[str, Values, Values]]]] = {
    Compare: _compare,
    OneOf: _one_of,
    Between: _between,
    Exists: _exists,
}
"""By the kind of node: the field, the values for which it holds, and those for which it is known not to."""
