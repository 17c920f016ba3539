"""Segments: customers for whom a condition holds just now. It looks at the profile, computed traits and other segments
included, and at how long ago things were. Stages and tiers (lifecycle.py) are kept as segments."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from hub.profile import STAGE
from rules import tree
from rules.conditions import Changed, Clock, Condition, Seen
from rules.paths import parse
from rules.traits import Declaration

STAGE_FIELD: Final = "profile.stage"


class Segment(Declaration):
    """A declared condition. Whoever comes to fulfil it enters, whoever ceases to leaves; unknown is no."""

    when: Condition = Field(alias="if")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        check(self.when)
        return self

    def asks(self, known: Collection[str]) -> set[str]:
        """Those of the known segments that it asks about; the stage it asks for is any of the stages."""
        names = {name for node, _, _ in tree.walk(self.when) for name in tree.fields_of(node)}
        found = {path.keys[0] for path in map(parse, names) if path.place == "segments"}.intersection(known)
        return found | {name for name in known if name.startswith(STAGE)} if STAGE_FIELD in names else found


def check(root: Condition) -> None:
    """Raise a validation error when a condition is too large, or not over the profile alone."""
    tree.check(root)
    for node, _, _ in tree.walk(root):
        if isinstance(node, Seen) and node.within is None:
            raise PydanticCustomError("seen", "`seen` needs `within`")
        if isinstance(node, Clock | Changed):
            asked = "what has just changed" if isinstance(node, Changed) else "what time or day it is"
            raise PydanticCustomError("clock", "a segment cannot ask {asked}: ask it in a rule", {"asked": asked})
        if any(name.startswith("event.") for name in tree.fields_of(node)):
            raise PydanticCustomError("field", "a segment looks at the profile: there is no event to ask about")


def order(segments: Iterable[Segment]) -> tuple[list[Segment], dict[str, Segment]]:
    """The segments, those that others ask about first; and those without an order, since some ask about
    themselves."""
    left = {one.id: one for one in segments}
    asked = {id: one.asks(left.keys()) for id, one in left.items()}
    done: dict[str, Segment] = {}
    while left:
        ready = [one for one in left.values() if not asked[one.id] - done.keys()]
        if not ready:
            break
        for one in ready:
            done[one.id] = left.pop(one.id)
    return list(done.values()), left
