"""Conditions: a small tree of typed nodes over the event and the profile. Data, never code.

A field that is missing makes its predicate unknown; `all`, `any` and `not` carry that on as Kleene's logic
does, and unknown at the root is no match. Values of different types are never made alike: a number as text
is text.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from rules.nodes import (
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_NODES,
    MAX_VALUES,
    NAMED,
    FieldName,
    Kind,
    Node,
    Number,
    Real,
    Scalar,
    Whole,
    Word,
    moment,
)
from rules.nodes_clock import Clock, OnDate, TimeOfDay, Weekday
from rules.nodes_field import (
    COMPARISONS,
    OPERATORS,
    Between,
    Changed,
    Compare,
    Exists,
    Matches,
    OneOf,
    Text,
    Versus,
    Within,
)
from rules.nodes_place import Near
from rules.spans import Span


class All(Node):
    """Every part holds."""

    parts: tuple[Condition, ...] = Field(alias="all", min_length=1, max_length=MAX_NODES)


class AnyOf(Node):
    """At least one part holds."""

    parts: tuple[Condition, ...] = Field(alias="any", min_length=1, max_length=MAX_NODES)


class Not(Node):
    """The part is known not to hold."""

    part: Condition = Field(alias="not")


class Listed(Node):
    """A condition over the elements of a list; what lies beyond the first MAX_ITEMS of them is unknown."""

    items: FieldName = Field(alias="list")


class Has(Listed):
    """At least one element of a list fulfils a condition over `item`."""

    has: Condition


class Every(Listed):
    """Every element of a list fulfils a condition over `item`; those of an empty list do."""

    every: Condition


class NoneOf(Listed):
    """No element of a list fulfils a condition over `item`."""

    none: Condition


class Seen(Node):
    """One of these events was seen: within a span, or, in `unless` of a rule that waits, since the cause."""

    seen: tuple[Kind, ...] = Field(min_length=1, max_length=50)
    within: Span | None = None
    correlate: FieldName | None = None
    """Only such an event counts whose field says the same as that of the cause."""

    @model_validator(mode="before")
    @classmethod
    def _one(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and isinstance(raw.get("seen"), str):
            return {**raw, "seen": (raw["seen"],)}
        return raw

    @model_validator(mode="after")
    def _of_one_thing(self) -> Seen:
        if self.correlate is None:
            return self
        if self.within is not None or not self.correlate.startswith("event."):
            raise PydanticCustomError(
                "seen", "`correlate` of `seen` names a field of both events, and goes without `within`"
            )
        return self


_TAGS: Final[dict[type[Node], str]] = {
    All: "<all>",
    AnyOf: "<any>",
    Not: "<not>",
    Every: "<every>",
    NoneOf: "<none>",
    Has: "<has>",
    Seen: "<seen>",
    TimeOfDay: "<time>",
    Weekday: "<weekday>",
    OnDate: "<date>",
    Near: "<near>",
    Changed: "<changed>",
    Versus: "<than>",
    Compare: "<compare>",
    OneOf: "<in>",
    Between: "<between>",
    Exists: "<exists>",
    Text: "<text>",
    Matches: "<matches>",
    Within: "<within>",
}
_KEYS: Final = {
    **{key: f"<{key}>" for key in ("all", "any", "not", "every", "none")},
    "list": "<has>",
    **{key: f"<{key}>" for key in ("seen", "time", "weekday", "date", "near", "changed", "than")},
}
"""What a condition is by the first of these keys that it has."""
_BY_OP: Final = {
    **dict.fromkeys(COMPARISONS, "<compare>"),
    **dict.fromkeys(("prefix", "suffix", "contains"), "<text>"),
    **{op: f"<{op}>" for op in ("in", "between", "exists", "matches", "within")},
}


def _tag(raw: Any) -> str | None:
    if isinstance(raw, Node):
        return _TAGS[type(raw)]
    if not isinstance(raw, dict):
        return None
    for key, tag in _KEYS.items():
        if key in raw:
            return tag
    op = raw.get("op")
    # An unknown operator is reported by Compare, at the line of `op`.
    return _BY_OP.get(op if isinstance(op, str) else "", "<compare>") if "field" in raw or "op" in raw else None


Condition: TypeAlias = Annotated[
    Annotated[All, Tag("<all>")]
    | Annotated[AnyOf, Tag("<any>")]
    | Annotated[Not, Tag("<not>")]
    | Annotated[Every, Tag("<every>")]
    | Annotated[NoneOf, Tag("<none>")]
    | Annotated[Has, Tag("<has>")]
    | Annotated[Seen, Tag("<seen>")]
    | Annotated[TimeOfDay, Tag("<time>")]
    | Annotated[Weekday, Tag("<weekday>")]
    | Annotated[OnDate, Tag("<date>")]
    | Annotated[Near, Tag("<near>")]
    | Annotated[Changed, Tag("<changed>")]
    | Annotated[Versus, Tag("<than>")]
    | Annotated[Compare, Tag("<compare>")]
    | Annotated[OneOf, Tag("<in>")]
    | Annotated[Between, Tag("<between>")]
    | Annotated[Exists, Tag("<exists>")]
    | Annotated[Text, Tag("<text>")]
    | Annotated[Matches, Tag("<matches>")]
    | Annotated[Within, Tag("<within>")],
    Discriminator(_tag),
]

for _model in (All, AnyOf, Not, Has, Every, NoneOf):
    _model.model_rebuild()

__all__ = [
    "COMPARISONS",
    "MAX_DEPTH",
    "MAX_ITEMS",
    "MAX_NODES",
    "MAX_VALUES",
    "NAMED",
    "OPERATORS",
    "All",
    "AnyOf",
    "Between",
    "Changed",
    "Clock",
    "Compare",
    "Condition",
    "Every",
    "Exists",
    "FieldName",
    "Has",
    "Kind",
    "Listed",
    "Matches",
    "Near",
    "Node",
    "NoneOf",
    "Not",
    "Number",
    "OnDate",
    "OneOf",
    "Real",
    "Scalar",
    "Seen",
    "Text",
    "TimeOfDay",
    "Versus",
    "Weekday",
    "Whole",
    "Within",
    "Word",
    "moment",
]
