"""Predicates over the clock and the calendar where the customer is, at the moment they are asked."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from rules.nodes import Node

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of each month, in the longest year."""
PATTERN: Final = "^([01][0-9]|2[0-3]):[0-5][0-9]$"


def _clock(raw: Any) -> str:
    if not isinstance(raw, str) or not re.match(PATTERN, raw) or len(raw) != 5:
        raise PydanticCustomError("clock", "write a time of day from 00:00 to 23:59, such as 09:00")
    return raw


ClockTime = Annotated[
    str, BeforeValidator(_clock), WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["09:00"]})
]


class Clock(Node):
    """A predicate whose answer depends on the moment and on the zone, and on nothing else."""


class Hours(Node):
    """From `after`, included, to `before`, not included; where `after` is the later of the two, over midnight."""

    after: ClockTime | None = None
    before: ClockTime | None = None

    @model_validator(mode="after")
    def _some(self) -> Hours:
        if self.after is None and self.before is None:
            raise PydanticCustomError("clock", "write `after`, `before`, or both")
        if self.after == self.before:
            raise PydanticCustomError("clock", "nothing lies between a time of day and itself")
        return self

    @property
    def minutes(self) -> tuple[int, int]:
        """Both ends in minutes since midnight; the day's own ends where one is not given."""
        return _minutes(self.after) if self.after else 0, _minutes(self.before) if self.before else 24 * 60


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


class TimeOfDay(Clock):
    """It is such a time of day."""

    time: Hours


def _one(raw: Any) -> Any:
    return (raw,) if isinstance(raw, str) else raw


class Weekday(Clock):
    """It is one of these days of the week."""

    weekday: Annotated[
        tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...],
        BeforeValidator(_one),
        Field(min_length=1, max_length=7),
    ]


class Day(Node):
    """A day of each year, a day of each month, or a whole month; of the Gregorian calendar."""

    month: Annotated[int, Field(strict=True, ge=1, le=12)] | None = None
    day: Annotated[int, Field(strict=True, ge=1, le=31)] | None = None

    @model_validator(mode="after")
    def _some(self) -> Day:
        if self.month is None and self.day is None:
            raise PydanticCustomError("date", "write a `month`, a `day`, or both")
        if self.month is not None and self.day is not None and self.day > LONGEST[self.month - 1]:
            raise PydanticCustomError("date", "this month has no such day")
        return self


class OnDate(Clock):
    """It is such a day."""

    date: Day
