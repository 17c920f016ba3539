"""The ways in which a condition can hold: clauses, each a few predicates that must all hold.

Negations are pushed down to the predicates (Kleene's logic allows it), and alternatives at the root become clauses
of their own, so that an index has equalities to hold on to. Everything stays exact: what an index has not verified
is asked after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from rules.conditions import All, AnyOf, Compare, Condition, Not, OneOf

MOST: Final = 64
"""Clauses of one condition at most; one that would need more is a single clause with a part that is asked whole."""

Clause: TypeAlias = tuple[Condition, ...]


def clauses(root: Condition | None) -> list[Clause]:
    """The clauses of a condition: it holds when one of them does. A condition that is missing always holds."""
    if root is None:
        return [()]
    found = _ways(_pushed(root, holds=True))
    return found if len(found) <= MOST else [(root,)]


def equals(part: Condition) -> tuple[str, tuple[Any, ...]] | None:
    """The field and the values of a predicate that asks for one of some values, else None."""
    if isinstance(part, OneOf):
        return part.field, part.value
    if isinstance(part, Compare) and part.op == "eq":
        return part.field, (part.operand,)
    return None


def _pushed(node: Condition, *, holds: bool) -> Condition:
    if isinstance(node, Not):
        return _pushed(node.part, holds=not holds)
    if isinstance(node, All | AnyOf):
        parts = tuple(_pushed(part, holds=holds) for part in node.parts)
        return (All if isinstance(node, All) is holds else AnyOf).model_construct(parts=parts)
    return node if holds else Not.model_construct(part=node)


def _ways(node: Condition) -> list[Clause]:
    if isinstance(node, AnyOf):
        merged = _one_of(node)
        return [(merged,)] if merged else [way for part in node.parts for way in _ways(part)]
    parts = [_one_of(part) or part if isinstance(part, AnyOf) else part for part in _flat(node)]
    if not any(equals(part) for part in parts):
        # Nothing to hold on to: an alternative among the parts may have it.
        for number, part in enumerate(parts):
            if isinstance(part, AnyOf):
                rest = parts[:number] + parts[number + 1 :]
                return [(*way, *rest) for way in _ways(part)]
    return [tuple(parts)]


def _flat(node: Condition) -> Iterable[Condition]:
    if isinstance(node, All):
        for part in node.parts:
            yield from _flat(part)
    else:
        yield node


def _one_of(node: AnyOf) -> OneOf | None:
    """`x is 1, or x is 2` as `x is one of 1, 2`."""
    asked = [equals(part) for part in node.parts]
    fields = {one[0] for one in asked if one is not None}
    if None in asked or len(fields) != 1:
        return None
    values = [value for one in asked if one is not None for value in one[1]]
    return OneOf.model_construct(field=fields.pop(), op="in", value=tuple(values))
