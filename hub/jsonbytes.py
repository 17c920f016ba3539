"""JSON as bytes, of anything that an event can hold: numbers of more than 64 bits become text instead of a fault."""

from __future__ import annotations

from typing import Any, Final

import orjson

LEAST: Final = -(2**63)
MOST: Final = 2**64 - 1
LONGEST: Final = 1_000
"""Bits of the longest number that is kept."""


def dumps(value: Any) -> bytes:
    """The value as JSON."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return orjson.dumps(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, int) and not LEAST <= value <= MOST:
        return str(value) if value.bit_length() < LONGEST else None
    return value
