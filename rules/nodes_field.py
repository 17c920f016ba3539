"""Predicates over one field of the event or the profile, against what the rule says or another field says."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from rules import paths, patterns
from rules.nodes import MAX_VALUES, FieldName, Node, Number, Scalar, Word, moment
from rules.spans import Span

COMPARISONS: Final = ("eq", "ne", "lt", "le", "gt", "ge")
OPERATORS: Final = (*(*COMPARISONS, "in", "between", "exists", "prefix", "suffix", "contains", "matches", "within"),)
EXACT: Final = Context(prec=34)

Order = Literal["eq", "ne", "lt", "le", "gt", "ge"]


class Compare(Node):
    """A field against one value. Moments are written as RFC 3339."""

    field: FieldName
    op: Order
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


def _readable(pattern: str) -> str:
    # Letters of both sizes make a larger pattern, and whether they are asked for stands beside it.
    for ignore_case in (False, True):
        try:
            patterns.search(pattern, ignore_case)
        except ValueError as error:
            raise PydanticCustomError("pattern", "{reason}", {"reason": str(error)}) from None
    return pattern


class Matches(Node):
    """A text has a part that a regular expression describes, in the syntax of RE2."""

    field: FieldName
    op: Literal["matches"]
    value: Annotated[str, Field(strict=True, min_length=1, max_length=patterns.LONGEST), AfterValidator(_readable)]
    ignore_case: bool = False


class Versus(Node):
    """A field against another one, or against some times as much. Kinds that differ have no order."""

    field: FieldName
    op: Order
    than: FieldName
    times: Annotated[Number, Field(gt=0, le=10**9)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _either(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("value") is not None:
            raise PydanticCustomError("than", "write `value` to compare with a value, `than` with a field: not both")
        return raw

    def scaled(self, value: Any) -> Any:
        """What is compared with, given what the other field says: as people multiply, 1.1 times 10 is 11."""
        if self.times is None:
            return value
        if value.__class__ not in {int, float}:
            return None
        return float(EXACT.multiply(Decimal(repr(value)), Decimal(repr(self.times))))


def _listed(raw: Any) -> Any:
    return raw if raw is None or isinstance(raw, list | tuple) else (raw,)


Values = Annotated[tuple[Scalar, ...], BeforeValidator(_listed), Field(min_length=1, max_length=MAX_VALUES)]


def _kept(field: str) -> str:
    if not field.startswith("profile."):
        raise PydanticCustomError(
            "field", "what changes is a field of the profile, such as profile.traits.plan or profile.stage"
        )
    return field


class Changed(Node):
    """What the profile says was changed by this event; from or to one of some values, where they are given."""

    changed: Annotated[FieldName, AfterValidator(_kept)]
    was: Values | None = Field(default=None, alias="from")
    now: Values | None = Field(default=None, alias="to")
