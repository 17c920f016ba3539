"""How long a rule waits, and what must have come before: a span, a moment that a field names, a day of every year."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from rules.conditions import FieldName, Kind
from rules.paths import parse
from rules.spans import Span

MORNING: Final = "09:00"
"""When a day is spoken of, unless the rule says otherwise."""
FARTHEST: Final = 5 * 366 * 86_400_000
"""Milliseconds from an event to the moment it is waited for."""

_CLOCK: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)

Calendar = Literal["gregorian", "persian"]


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise PydanticCustomError("clock", "write a time of the day, such as 09:00")
    return text


Clock = Annotated[
    str,
    Field(strict=True),
    AfterValidator(_clock),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK.pattern}$", "examples": [MORNING]}),
]


class Part(BaseModel):
    """A part of a rule."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)


class Birthday(Part):
    """A day that comes back every year, by one of two calendars."""

    birthday: FieldName
    calendar: Calendar = "gregorian"


def _kind_of(raw: Any) -> str:
    return "<birthday>" if isinstance(raw, dict | Birthday) else "<field>"


class Until(Part):
    """A moment that a field names, or a day of every year; some time before it or after it."""

    until: Annotated[
        Annotated[FieldName, Tag("<field>")] | Annotated[Birthday, Tag("<birthday>")], Discriminator(_kind_of)
    ]
    before: Span | None = None
    after: Span | None = None
    at: Clock | None = None
    """The time of the day, where the customer is."""

    @model_validator(mode="after")
    def _sound(self) -> Until:
        if self.before is not None and self.after is not None:
            raise PydanticCustomError("wait", "has `before` and `after`: keep one")
        if parse(self.field).place == "item":
            raise PydanticCustomError("wait", "`until` names a field of the event or of the profile")
        return self

    @property
    def field(self) -> str:
        """The field that names the moment or the day."""
        return self.until.birthday if isinstance(self.until, Birthday) else self.until

    @property
    def yearly(self) -> bool:
        """Whether it comes back every year."""
        return isinstance(self.until, Birthday)

    @property
    def shift(self) -> int:
        """Milliseconds from what the field names to the moment that is waited for."""
        return (self.after or 0) - (self.before or 0)

    @property
    def clock(self) -> tuple[int, int]:
        """Hour and minute at which a day is spoken of."""
        hour, _, minute = (self.at or MORNING).partition(":")
        return int(hour), int(minute)


def _wait_of(raw: Any) -> str:
    return "<until>" if isinstance(raw, dict | Until) else "<span>"


Wait: TypeAlias = Annotated[Annotated[Span, Tag("<span>")] | Annotated[Until, Tag("<until>")], Discriminator(_wait_of)]


class After(Part):
    """One of these events must have come before, within a span; with `correlate` one about the same thing."""

    seen: tuple[Kind, ...] = Field(min_length=1, max_length=50)
    within: Span
    correlate: FieldName | None = None

    @model_validator(mode="before")
    @classmethod
    def _one(cls, raw: Any) -> Any:
        return {**raw, "seen": (raw["seen"],)} if isinstance(raw, dict) and isinstance(raw.get("seen"), str) else raw

    @model_validator(mode="after")
    def _of_the_event(self) -> After:
        if self.correlate is not None and not self.correlate.startswith("event."):
            raise PydanticCustomError("correlate", "`correlate` names a field of both events, such as event.name")
        return self
