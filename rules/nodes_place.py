"""The predicate over a place: not farther from a point than so much."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from rules.nodes import FieldName, Node

FARTHEST: Final = 20_000_000
"""Metres: half around the earth."""
PATTERN: Final = r"^[0-9]{1,8}(\.[0-9]{1,3})?(m|km)$"

_WHOLE = re.compile(r"([0-9]{1,8})(?:\.([0-9]{1,3}))?(m|km)")


def parse(raw: Any) -> int:
    """Metres of a distance. Raises a validation error that says how to write one."""
    found = _WHOLE.fullmatch(raw) if isinstance(raw, str) else None
    if found is None:
        raise PydanticCustomError("distance", "write a distance with its unit, such as 500m, 2km or 1.5km")
    whole, part, unit = found.groups()
    metres = int(whole + (part or "").ljust(3, "0")) if unit == "km" else int(whole)
    if not 1 <= metres <= FARTHEST or (part and unit == "m"):
        raise PydanticCustomError("distance", "a distance is in whole metres, from 1m to 20000km")
    return metres


def text(metres: int) -> str:
    """The distance as people write it; the inverse of `parse`."""
    return f"{metres}m" if metres % 1000 else f"{metres // 1000}km"


Distance = Annotated[
    int,
    BeforeValidator(parse),
    PlainSerializer(text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["500m", "2km"]}),
]


class Point(Node):
    """A point on earth, in degrees."""

    lat: float = Field(strict=True, ge=-90, le=90)
    lon: float = Field(strict=True, ge=-180, le=180)


class Near(Node):
    """A place is within a distance of a point."""

    point: Point = Field(alias="near")
    within: Distance
    field: FieldName
