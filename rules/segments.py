"""Segments: customers for whom a condition holds just now. It looks at the profile, computed traits and other segments
included, and at how long ago things were."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rules import tree
from rules.conditions import Condition, Seen
from rules.paths import parse
from rules.traits import Declaration


class Segment(Declaration):
    """A declared condition. Whoever comes to fulfil it enters, whoever ceases to leaves; unknown is no."""

    when: Condition = Field(alias="if")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        tree.check(self.when)
        for node, _, _ in tree.walk(self.when):
            if isinstance(node, Seen) and node.within is None:
                raise PydanticCustomError("seen", "`seen` needs `within`")
            if tree.field_of(node).startswith("event."):
                raise PydanticCustomError("field", "a segment looks at the profile: there is no event to ask about")
        return self

    @property
    def asks(self) -> frozenset[str]:
        """The segments it asks about."""
        fields = [parse(name) for node, _, _ in tree.walk(self.when) if (name := tree.field_of(node))]
        return frozenset(path.keys[0] for path in fields if path.place == "segments")


def order(segments: Iterable[Segment]) -> tuple[list[Segment], dict[str, Segment]]:
    """The segments, those that others ask about first; and those without an order, since some ask about
    themselves."""
    left = {one.id: one for one in segments}
    known = set(left)
    done: dict[str, Segment] = {}
    while left:
        ready = [one for one in left.values() if not (one.asks & known) - done.keys()]
        if not ready:
            break
        for one in ready:
            done[one.id] = left.pop(one.id)
    return list(done.values()), left
