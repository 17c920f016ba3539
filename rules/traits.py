"""Computed traits: what is counted, summed or remembered of a customer's events, over all time or a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from hub import ids
from hub.computed import KEEPS, Compute
from hub.errors import Misconfigured
from rules import spans, tree
from rules.conditions import Clock, Condition, FieldName, Kind, Seen
from rules.features import RING, Feature, feature, tile_of
from rules.model import Words

OWN: Final = frozenset(
    {"rule.fired", "timer.due", "segment.entered", "segment.left", "identity.merged", "identity.unmerged"}
)
"""What the hub itself does is no trait of a customer."""
ALL_TIME: Final = "all"


def _over(raw: Any) -> int:
    return 0 if raw == ALL_TIME else spans.parse(raw)


def _listed(raw: Any) -> Any:
    return (raw,) if isinstance(raw, str) else raw


Over = Annotated[
    int,
    BeforeValidator(_over),
    PlainSerializer(lambda span: spans.text(span) if span else ALL_TIME, return_type=str),
    WithJsonSchema({"type": "string", "examples": [ALL_TIME, "30d"]}),
]


class Declaration(BaseModel):
    """What is declared in a file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")
    name: Words
    note: str = Field(default="", max_length=2000)
    """Why it is there, for whoever reads it next."""

    @model_validator(mode="before")
    @classmethod
    def _small(cls, raw: Any) -> Any:
        try:
            tree.check_raw(raw)
        except ValueError as error:
            raise PydanticCustomError("limit", "{reason}", {"reason": str(error)}) from None
        return raw


class Trait(Declaration):
    """A computed trait. Rules and segments ask for it as `profile.computed.<id>`."""

    on: Annotated[tuple[Kind, ...], BeforeValidator(_listed), Field(min_length=1, max_length=50)]
    when: Condition | None = Field(default=None, alias="if")
    """Which of these events count; it looks at the event alone."""
    value: FieldName | None = None
    """The field of the event that is computed with."""
    compute: Compute
    over: Over = 0
    """A window, or `all` (0): all time."""
    tile: spans.Span | None = None
    """The grain of a window: an event stays in it until its whole tile has left."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        own = OWN.intersection(self.on)
        if own:
            raise PydanticCustomError("own", "{kind} is what the hub itself does", {"kind": min(own)})
        if (self.compute == "count") is (self.value is not None):
            told = "count counts events: say which with `if`" if self.value else f"{self.compute} needs a `value`"
            raise PydanticCustomError("value", "{reason}", {"reason": told})
        if self.value is not None and not self.value.startswith("event."):
            raise PydanticCustomError("value", "`value` is a field of the event, such as event.properties.total")
        if self.tile is not None and not self.over:
            raise PydanticCustomError("tile", "a tile is for a window: say how long with `over`, such as 30d")
        if self.tile is not None and not self.tile <= self.over <= self.tile * RING:
            raise PydanticCustomError("tile", f"a window has between 1 and {RING} tiles")
        if self.when is not None:
            _of_the_event(self.when)
        return self

    @property
    def grain(self) -> int:
        """Milliseconds of a tile; 0 for all time."""
        return self.tile or tile_of(self.over)


def _of_the_event(root: Condition) -> None:
    tree.check(root)
    for node, _, _ in tree.walk(root):
        if isinstance(node, Seen | Clock) or any(name.startswith("profile.") for name in tree.fields_of(node)):
            raise PydanticCustomError(
                "field", "`if` looks at the event alone: what a profile keeps must not depend on what came before"
            )


@dataclass(frozen=True, slots=True)
class Reading:
    """How a trait is read from what the profile keeps."""

    feature: str
    compute: str
    span: int
    tile: int
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The computed traits in force: what is kept for them, and how each is read."""

    features: tuple[Feature, ...] = ()
    readings: Mapping[str, Reading] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """A hash of what is kept and how it is read."""
        return ids.digest(repr(sorted(self.readings.items())))


def catalogue(traits: Iterable[Trait]) -> Catalogue:
    """Compile traits. Those that need the same share a feature; of one grain, that of the longest window.

    Raises Misconfigured when two features happen to have one name.
    """
    traits = tuple(traits)
    stems = [_feature(one, one.grain).id for one in traits]
    longest: dict[str, int] = {}
    for stem, one in zip(stems, traits, strict=True):
        longest[stem] = max(longest.get(stem, 0), one.over)
    features: dict[str, Feature] = {}
    readings: dict[str, Reading] = {}
    for stem, one in zip(stems, traits, strict=True):
        made = _feature(one, longest[stem])
        if features.setdefault(made.id, made).says != made.says:
            raise Misconfigured(f"the computed trait {one.id} cannot be told from another", "Change its tile a little.")
        readings[one.id] = Reading(made.id, one.compute, one.over, one.grain, made.on)
    return Catalogue(tuple(features.values()), readings)


def _feature(one: Trait, span: int) -> Feature:
    return feature(KEEPS[one.compute], one.on, one.when, one.value or "", (span, one.grain))
