"""A rule as those who check it see it: each of its predicates with its place, and what its fields can be."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from rules.catalogue import Catalogue, Domain
from rules.conditions import Condition, Has, Not, Versus
from rules.demands import OPPOSITE, Mode
from rules.finding import Code, Finding, Place, Severity, dotted
from rules.model import Rule
from rules.paths import Path, parse
from rules.room import Reader, below
from rules.tree import field_of


class Leaf(NamedTuple):
    """One predicate: where it stands, and how it must turn out for the whole to hold."""

    place: Place
    node: Condition
    mode: Mode


class Sight:
    """One rule, looked at with a catalogue."""

    def __init__(self, rule: Rule, catalogue: Catalogue) -> None:
        self.rule = rule
        self.catalogue = catalogue
        self.reader = Reader(lambda field: self.domain(parse(field)))

    def domain(self, path: Path) -> Domain:
        """What a field can be when this rule asks."""
        return self.catalogue.domain(path, self.rule.on)

    @cached_property
    def roots(self) -> tuple[tuple[str, Condition], ...]:
        """Its conditions, by the name of their field."""
        both = (("if", self.rule.when), ("unless", self.rule.unless))
        return tuple((name, root) for name, root in both if root is not None)

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """Every predicate of its conditions."""
        return tuple(leaf for name, root in self.roots for leaf in leaves(root, (name,)))

    @cached_property
    def fields(self) -> tuple[tuple[Place, str], ...]:
        """Every field it asks about, with its place."""
        found = [
            ((*leaf.place, "list" if isinstance(leaf.node, Has) else "field"), name)
            for leaf in self.leaves
            if (name := field_of(leaf.node))
        ]
        found += [((*leaf.place, "than"), leaf.node.than) for leaf in self.leaves if isinstance(leaf.node, Versus)]
        return (*found, (("correlate",), self.rule.correlate)) if self.rule.correlate else tuple(found)

    def told(self, place: Place, severity: Severity, code: Code, reason: str, hint: str = "") -> Finding:
        """A finding about this rule."""
        return Finding(self.rule.id, dotted(place), severity, code, reason, hint)


def leaves(root: Condition, place: Place) -> Iterator[Leaf]:
    """The predicates of a condition, those over the elements of a list included."""
    todo: list[Leaf] = [Leaf(place, root, "holds")]
    while todo:
        where, node, mode = todo.pop()
        if isinstance(node, Not):
            todo.append(Leaf((*where, "not"), node.part, OPPOSITE[mode]))
            continue
        parts = below(node, where)
        if parts:
            todo += [Leaf(at, part, mode) for part, at in reversed(parts)]
            continue
        yield Leaf(where, node, mode)
        if isinstance(node, Has):
            todo.append(Leaf((*where, "has"), node.has, mode))
