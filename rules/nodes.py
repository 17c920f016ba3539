"""What conditions are made of: the kinds of values, names of fields and of events, and the limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from rules import paths

MAX_NODES: Final = 200
MAX_DEPTH: Final = 20
MAX_VALUES: Final = 1000
MAX_ITEMS: Final = 100
"""Elements of a list in an event that `has` and `contains` look at."""


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
