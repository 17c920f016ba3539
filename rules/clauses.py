"""The ways in which a condition can hold: clauses, each a few predicates that must all hold.

Negations are pushed down to the predicates (Kleene's logic allows it), and alternatives at the root become clauses
of their own, so that an index has equalities to hold on to. Everything stays exact: what an index has not verified
is asked after it.
"""

from __future__ import annotations

from operator import is_
from typing import Any, Final, TypeAlias

from rules.conditions import All, AnyOf, Compare, Condition, Not, OneOf
from rules.tree import below

_INNER: Final[tuple[type, ...]] = (All, AnyOf, Not)
MOST: Final = 64
"""Clauses of one condition at most; one that would need more is a single clause with a part that is asked whole."""

APART: Final = 8
"""Clauses of one condition at most where alternatives are told apart that need not be."""

Clause: TypeAlias = tuple[Condition, ...]


def clauses(root: Condition | None, *, apart: bool = False) -> list[Clause]:
    """The clauses of a condition: it holds when one of them does. A condition that is missing always holds.

    `apart`: also alternatives among other parts become clauses of their own, where an index could do without.
    """
    if root is None:
        return [()]
    pushed = _pushed(root, holds=True)
    found = _ways(pushed, apart=True) if apart else []
    if not 0 < len(found) <= APART:
        found = _ways(pushed, apart=False)
    return found if len(found) <= MOST else [(root,)]


def equals(part: Condition) -> tuple[str, tuple[Any, ...]] | None:
    """The field and the values of a predicate that asks for one of some values, else None."""
    if isinstance(part, OneOf):
        return part.field, part.value
    if isinstance(part, Compare) and part.op == "eq":
        return part.field, (part.operand,)
    return None


def _pushed(node: Condition, *, holds: bool) -> Condition:
    if node.__class__ not in _INNER:
        return node if holds else Not.model_construct(part=node)
    if node.__class__ is Not:
        return _pushed(node.part, holds=not holds)
    parts = tuple([_pushed(part, holds=holds) for part in below(node)])
    if holds and all(map(is_, parts, below(node))):
        return node
    return (All if (node.__class__ is All) is holds else AnyOf).model_construct(parts=parts)


def _ways(node: Condition, *, apart: bool) -> list[Clause]:
    if node.__class__ is AnyOf:
        merged = _one_of(node)
        return [(merged,)] if merged else [way for part in below(node) for way in _ways(part, apart=apart)]
    parts = _flat(node)
    if AnyOf not in {part.__class__ for part in parts}:
        return [tuple(parts)]
    parts = [_one_of(part) or part if isinstance(part, AnyOf) else part for part in parts]
    if apart or not any(map(equals, parts)):
        for number, part in enumerate(parts):
            if isinstance(part, AnyOf):
                rest = parts[:number] + parts[number + 1 :]
                return [(*way, *rest) for way in _ways(part, apart=apart)]
    return [tuple(parts)]


def _flat(node: Condition) -> list[Condition]:
    if node.__class__ is not All:
        return [node]
    found: list[Condition] = []
    for part in below(node):
        if part.__class__ is All:
            found += _flat(part)
        else:
            found.append(part)
    return found


def _one_of(node: AnyOf) -> OneOf | None:
    """`x is 1, or x is 2` as `x is one of 1, 2`."""
    asked = [equals(part) for part in node.parts]
    fields = {one[0] for one in asked if one is not None}
    if None in asked or len(fields) != 1:
        return None
    values = [value for one in asked if one is not None for value in one[1]]
    return OneOf.model_construct(field=fields.pop(), op="in", value=tuple(values))
