"""Spans of time as people write them: `90s`, `30m`, `1h30m`, `7d`, `2w`. Milliseconds inside."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

UNITS: Final = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
LONGEST: Final = 400 * UNITS["d"]
PATTERN: Final = r"^(\d{1,6}(w|d|h|ms|m|s))+$"

_WHOLE = re.compile(r"(?:\d{1,6}(?:w|d|h|ms|m|s)){1,6}", re.ASCII)
_PART = re.compile(r"(\d+)(w|d|h|ms|m|s)", re.ASCII)


def parse(text: Any) -> int:
    """Milliseconds of a span. Raises a validation error that says how to write one."""
    if not isinstance(text, str) or not _WHOLE.fullmatch(text):
        raise PydanticCustomError("span", "write a span of time with its unit, such as 90s, 30m, 2h, 7d or 1h30m")
    span = sum(int(number) * UNITS[unit] for number, unit in _PART.findall(text))
    if not 0 < span <= LONGEST:
        raise PydanticCustomError("span", "must be more than nothing and at most 400d")
    return span


def text(span: int) -> str:
    """The span as people write it, largest unit first; the inverse of `parse`."""
    parts = []
    for unit, size in UNITS.items():
        number, span = divmod(span, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts)


Span = Annotated[
    int,
    BeforeValidator(parse),
    PlainSerializer(text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["30m", "7d"]}),
]
