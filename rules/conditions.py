"""Conditions: a small tree of typed nodes over the event and the profile. Data, never code.

A field that is missing makes its predicate unknown; `all`, `any` and `not` carry that on as Kleene's logic
does, and unknown at the root is no match. Values of different types are never made alike: a number as text
is text.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from rules import paths
from rules.spans import Span

MAX_NODES: Final = 200
MAX_DEPTH: Final = 20
MAX_VALUES: Final = 1000
MAX_ITEMS: Final = 100
"""Elements of a list in an event that `has` and `contains` look at."""

COMPARISONS: Final = ("eq", "ne", "lt", "le", "gt", "ge")
OPERATORS: Final = (*COMPARISONS, "in", "between", "exists", "prefix", "suffix", "contains", "within")


def _field(text: str) -> str:
    try:
        return paths.parse(text).text
    except ValueError as error:
        raise PydanticCustomError("field", "{reason}", {"reason": str(error)}) from None


FieldName = Annotated[str, Field(strict=True, min_length=1), AfterValidator(_field)]
Word = Annotated[str, Field(strict=True, max_length=1000)]
Whole = Annotated[int, Field(strict=True, ge=-(10**18), le=10**18)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Number: TypeAlias = Whole | Real
Scalar: TypeAlias = Annotated[bool, Field(strict=True)] | Whole | Real | Word
NAMED: Final = "web.track"
"""The only type of event that a profile counts by name."""


def _kind(text: str) -> str:
    kind, slash, _ = text.partition("/")
    if slash and kind != NAMED:
        raise PydanticCustomError("kind", f"only {NAMED} events are remembered by name; write the type alone")
    return text


Kind = Annotated[str, Field(max_length=100, pattern=r"^[a-z]{2,20}\.[a-z_-]{2,40}(/.+)?$"), AfterValidator(_kind)]
"""`type` or `type/name`, as `profile.counts` has them."""


class Node(BaseModel):
    """One node of a condition."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)


class All(Node):
    """Every part holds."""

    parts: tuple[Condition, ...] = Field(alias="all", min_length=1, max_length=MAX_NODES)


class AnyOf(Node):
    """At least one part holds."""

    parts: tuple[Condition, ...] = Field(alias="any", min_length=1, max_length=MAX_NODES)


class Not(Node):
    """The part is known not to hold."""

    part: Condition = Field(alias="not")


class Compare(Node):
    """A field against one value. Moments are written as RFC 3339."""

    field: FieldName
    op: Literal["eq", "ne", "lt", "le", "gt", "ge"]
    value: Scalar

    @property
    def operand(self) -> bool | float | str:
        """The value to compare with: milliseconds for a moment."""
        return moment(self.value) if paths.parse(self.field).moment else self.value

    @model_validator(mode="after")
    def _fits(self) -> Compare:
        if self.op not in {"eq", "ne"} and isinstance(self.value, bool):
            raise PydanticCustomError("value", "yes and no have no order: use eq or ne")
        if paths.parse(self.field).moment and isinstance(self.value, str):
            moment(self.value)
        return self


class OneOf(Node):
    """A field is one of the values."""

    field: FieldName
    op: Literal["in"]
    value: tuple[Scalar, ...] = Field(min_length=1, max_length=MAX_VALUES)


class Between(Node):
    """A field lies between two numbers, or two words, the ends included."""

    field: FieldName
    op: Literal["between"]
    value: tuple[Number, Number] | tuple[Word, Word]

    @model_validator(mode="after")
    def _ordered(self) -> Between:
        low, high = self.value
        if low > high:  # type: ignore[operator]  # both are numbers, or both are words
            raise PydanticCustomError("value", "the lower end comes first")
        return self


class Exists(Node):
    """A field is there, or is not (`value: false`). Never unknown."""

    field: FieldName
    op: Literal["exists"]
    value: Annotated[bool, Field(strict=True)] = True


class Text(Node):
    """A text starts with, ends with or contains another; a list contains it as an element."""

    field: FieldName
    op: Literal["prefix", "suffix", "contains"]
    value: Word = Field(min_length=1)
    ignore_case: bool = False


class Within(Node):
    """A moment is at most so long ago."""

    field: FieldName
    op: Literal["within"]
    value: Span

    @model_validator(mode="after")
    def _moment(self) -> Within:
        if not paths.parse(self.field).moment:
            raise PydanticCustomError("field", "within needs a moment, such as profile.latest.email.received.time")
        return self


class Has(Node):
    """At least one element of a list fulfils a condition over `item`."""

    items: FieldName = Field(alias="list")
    has: Condition


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


_BY_KEY: Final = {"all": "<all>", "any": "<any>", "not": "<not>", "list": "<has>", "seen": "<seen>"}
_BY_OP: Final = {
    **dict.fromkeys(COMPARISONS, "<compare>"),
    "in": "<in>",
    "between": "<between>",
    "exists": "<exists>",
    "prefix": "<text>",
    "suffix": "<text>",
    "contains": "<text>",
    "within": "<within>",
}


def _tag(raw: Any) -> str | None:
    if isinstance(raw, Node):
        return _TAGS[type(raw)]
    if not isinstance(raw, dict):
        return None
    for key, tag in _BY_KEY.items():
        if key in raw:
            return tag
    op = raw.get("op")
    # An unknown operator is reported by Compare, at the line of `op`.
    return _BY_OP.get(op if isinstance(op, str) else "", "<compare>") if "field" in raw or "op" in raw else None


Condition: TypeAlias = Annotated[
    Annotated[All, Tag("<all>")]
    | Annotated[AnyOf, Tag("<any>")]
    | Annotated[Not, Tag("<not>")]
    | Annotated[Compare, Tag("<compare>")]
    | Annotated[OneOf, Tag("<in>")]
    | Annotated[Between, Tag("<between>")]
    | Annotated[Exists, Tag("<exists>")]
    | Annotated[Text, Tag("<text>")]
    | Annotated[Within, Tag("<within>")]
    | Annotated[Has, Tag("<has>")]
    | Annotated[Seen, Tag("<seen>")],
    Discriminator(_tag),
]

_TAGS: Final[dict[type[Node], str]] = {
    All: "<all>",
    AnyOf: "<any>",
    Not: "<not>",
    Compare: "<compare>",
    OneOf: "<in>",
    Between: "<between>",
    Exists: "<exists>",
    Text: "<text>",
    Within: "<within>",
    Has: "<has>",
    Seen: "<seen>",
}
for _model in (All, AnyOf, Not, Has):
    _model.model_rebuild()


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(value: Any) -> float:
    """A moment in milliseconds, from RFC 3339 text or already a number."""
    if not isinstance(value, str):
        return float(value)
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise PydanticCustomError("value", "write a moment with its zone, such as 2026-01-31T12:00:00Z")
    # Whole milliseconds: a float's would be one less for some.
    return (when - _EPOCH) // timedelta(milliseconds=1)
