"""Walking a tree of conditions without recursion, and its limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pydantic_core import PydanticCustomError

from rules.conditions import (
    MAX_DEPTH,
    MAX_NODES,
    All,
    AnyOf,
    Changed,
    Condition,
    Every,
    Has,
    Listed,
    Node,
    NoneOf,
    Not,
    Seen,
    Versus,
)

RAW_NODES = 20_000
RAW_DEPTH = 60


def below(node: Condition) -> tuple[Condition, ...]:
    """The parts of a node."""
    parts = _BELOW.get(node.__class__)
    return parts(node) if parts is not None else ()


def element(node: Has | Every | NoneOf) -> Condition:
    """The condition over each element of a list."""
    if isinstance(node, Has):
        return node.has
    return node.every if isinstance(node, Every) else node.none


def walk(root: Condition) -> Iterator[tuple[Condition, int, bool]]:
    """Every node with its depth and whether it is over the elements of a list."""
    todo: list[tuple[Condition, int, bool]] = [(root, 1, False)]
    while todo:
        node, depth, inside = todo.pop()
        yield node, depth, inside
        todo.extend((part, depth + 1, inside or isinstance(node, Listed)) for part in below(node))


def ending(root: Condition) -> tuple[Seen, ...]:
    """What is bound to make a condition hold once it is seen, whatever else the condition asks."""
    if isinstance(root, Seen):
        return (root,) if root.within is None else ()
    return tuple(node for part in root.parts for node in ending(part)) if isinstance(root, AnyOf) else ()


def check(root: Condition) -> None:
    """Raise a validation error when a condition is too large, or says `item` where there is no list."""
    for count, (node, depth, inside) in enumerate(walk(root), 1):
        if depth > MAX_DEPTH:
            raise PydanticCustomError("limit", f"nested deeper than {MAX_DEPTH}")
        if count > MAX_NODES:
            raise PydanticCustomError("limit", f"more than {MAX_NODES} conditions")
        if isinstance(node, Listed) and inside:
            raise PydanticCustomError("limit", "a list inside a list cannot be looked into")
        for name in fields_of(node):
            if name.partition(".")[0] == "item" and (not inside or isinstance(node, Listed)):
                raise PydanticCustomError(
                    "field", "{name} has a meaning inside `has`, `every` and `none` only", {"name": name}
                )


def field_of(node: Node) -> str:
    """The field a predicate asks about; empty for a node that asks about none."""
    name = _FIELDS.get(node.__class__, "field")
    return str(getattr(node, name, "")) if name else ""


def fields_of(node: Node) -> tuple[str, ...]:
    """The fields a predicate looks at, the one it compares with included."""
    name = field_of(node)
    return (name, node.than) if isinstance(node, Versus) else (name,) if name else ()


def check_raw(raw: Any) -> None:
    """Raise ValueError when data from outside is too deep or too large to be looked at."""
    todo, count = [(raw, 1)], 0
    while todo:
        value, depth = todo.pop()
        if depth > RAW_DEPTH:
            raise ValueError(f"nested deeper than {RAW_DEPTH}")
        below = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        count += len(below)
        if count > RAW_NODES:
            raise ValueError(f"more than {RAW_NODES} values")
        todo.extend((one, depth + 1) for one in below)


_BELOW: Final[Mapping[type, Callable[[Any], tuple[Condition, ...]]]] = {
    **dict.fromkeys((All, AnyOf), lambda node: node.parts),
    **dict.fromkeys((Has, Every, NoneOf), lambda node: (element(node),)),
    Not: lambda node: (node.part,),
}
_FIELDS: Final[Mapping[type, str]] = {
    **dict.fromkeys((Has, Every, NoneOf), "items"),
    **dict.fromkeys((All, AnyOf, Not, Seen), ""),
    Changed: "changed",
}
"""Under which name a node has its field, where it is not `field`."""
