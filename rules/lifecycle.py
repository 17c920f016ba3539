"""Lifecycle stages and value tiers, as an operator declares them. A customer stands in the first one that holds.

Each is kept as a segment, `stage:<name>` or `tier:<name>`, whose condition is its own and none of those before it: so
customers enter and leave it, and age out of it, as they do with any segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from hub.profile import STAGE, TIER
from rules import tree
from rules.conditions import All, AnyOf, Compare, Condition, FieldName, Not, Number
from rules.model import ANY_LANGUAGE, Words
from rules.paths import parse
from rules.segments import STAGE_FIELD, Segment, check
from rules.traits import Declaration

MOST: Final = 20
"""Stages of a lifecycle, and tiers."""


class _Step(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """What rules and segments call it."""
    title: Words
    """What people call it."""


class Stage(_Step):
    """A stage, and who is in it unless a stage before holds."""

    when: Condition | None = Field(default=None, alias="if")
    otherwise: Annotated[bool, Field(strict=True)] = False
    """Whether it is the last one, for everybody else."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.otherwise is (self.when is not None):
            reason = (
                "has `if` and `otherwise`: keep one" if self.when else "needs `if`, or `otherwise: true` as the last"
            )
            raise PydanticCustomError("stage", "the stage {name} {reason}", {"name": self.name, "reason": reason})
        if self.when is not None:
            check(self.when)
            if any(tree.field_of(node) == STAGE_FIELD for node, _, _ in tree.walk(self.when)):
                raise PydanticCustomError(
                    "field", "a stage cannot ask for profile.stage, which it declares; the first that holds counts"
                )
        return self


class Tier(_Step):
    """A tier, and the least value of those in it."""

    least: Number


class Lifecycle(Declaration):
    """Stages in order; the first that holds is the customer's, and rules and segments read it as `profile.stage`."""

    id: Literal["stage:"] = STAGE
    name: Words = Field(default={ANY_LANGUAGE: "Lifecycle"})
    stages: tuple[Stage, ...] = Field(alias="lifecycle", min_length=2, max_length=MOST)

    @field_validator("stages", mode="after")
    @classmethod
    def _ends(cls, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        _distinct(stages)
        early = next((one.name for one in stages[:-1] if one.otherwise), "")
        if early:
            raise PydanticCustomError(
                "otherwise", "no stage after {name} could ever hold: move {name} to the end", {"name": early}
            )
        if not stages[-1].otherwise:
            raise PydanticCustomError(
                "otherwise", "nobody may be left over: add a last stage with `otherwise: true` instead of `if`"
            )
        return stages

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The stages as they are kept, in their order."""
        return tuple(_kept(self.id, [(one, one.when) for one in self.stages]))


class Tiers(Declaration):
    """Tiers by the value of a computed trait; the highest whose least value is reached is the customer's."""

    id: Literal["tier:"] = TIER
    name: Words = Field(default={ANY_LANGUAGE: "Value tiers"})
    of: FieldName
    """The computed trait that is the value, over all time or a window."""
    tiers: tuple[Tier, ...] = Field(min_length=1, max_length=MOST)

    @field_validator("of")
    @classmethod
    def _computed(cls, field: str) -> str:
        if parse(field).place != "computed":
            raise PydanticCustomError("of", "`of` is a computed trait, such as profile.computed.spent-in-a-year")
        return field

    @field_validator("tiers", mode="after")
    @classmethod
    def _apart(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        _distinct(tiers)
        if len({one.least for one in tiers}) < len(tiers):
            raise PydanticCustomError("least", "two tiers have the same `least`: change one, or leave one out")
        return tiers

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The tiers as they are kept, the highest first."""
        ordered = sorted(self.tiers, key=lambda one: one.least, reverse=True)
        return tuple(_kept(self.id, [(one, Compare(field=self.of, op="ge", value=one.least)) for one in ordered]))


Group: TypeAlias = Segment | Lifecycle | Tiers
"""What a document in the folder of segments declares."""


def group_of(said: Any) -> type[Group]:
    """Which of them a document is."""
    if not isinstance(said, dict):
        return Segment
    return Lifecycle if "lifecycle" in said else Tiers if "tiers" in said else Segment


def grouped(said: Any) -> Group:
    """A document as what it is. Raises ValidationError."""
    return group_of(said).model_validate(said)


def segments_of(groups: Iterable[Group]) -> tuple[Segment, ...]:
    """All segments there are: those declared as such, stages and tiers."""
    return tuple(one for group in groups for one in ((group,) if isinstance(group, Segment) else group.segments))


def _kept(place: str, steps: Iterable[tuple[_Step, Condition | None]]) -> Iterator[Segment]:
    before: tuple[Condition, ...] = ()
    for step, when in steps:
        own = () if when is None else (when,)
        others = (Not(part=AnyOf(parts=before)),) if before else ()
        id = place + step.name
        # Made of what was checked already, and under a name that nothing in a file can have.
        yield Segment.model_construct(id=id, name=step.title, note="", when=All(parts=(*own, *others)))
        before = (*before, Compare(field=f"profile.segments.{id}", op="eq", value=True))


def _distinct(steps: Iterable[_Step]) -> None:
    names: set[str] = set()
    for one in steps:
        if one.name in names:
            raise PydanticCustomError("name", "{name} stands here twice: rename one", {"name": one.name})
        names.add(one.name)
