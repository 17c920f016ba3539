"""Reading what events carry: senders put anything anywhere, and nothing of it may raise."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hub.event import Event

NOTHING: Final[Mapping[str, Any]] = {}
DAY: Final = timedelta(days=1)
LATEST: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""

_NUMBER: Final = re.compile(r"[+-]?\d{1,12}(?:[.,٫]\d{1,12})?")


def obj(value: object) -> Mapping[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else NOTHING


def part(event: Event, name: str) -> Mapping[str, Any]:
    """The object that the event's data has under this name, or an empty one."""
    value = event.data.get(name)
    return value if isinstance(value, dict) else NOTHING


def text(value: object, longest: int) -> str:
    """Text or a number as text, without outer blanks and cut; anything else is an empty string."""
    if isinstance(value, str):
        return value[: longest * 4].strip()[:longest]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    found = number(value)
    return "" if found is None else f"{found:.12g}"[:longest] if abs(found) > 2**53 else str(value)[:longest]


def first(place: Mapping[str, Any], names: Iterable[str]) -> Any:
    """What stands under the first of the names that says something."""
    for name in names:
        value = place.get(name)
        if value is not None and value != "":
            return value
    return None


def number(value: object) -> float | None:
    """A finite number, also from text in Latin or Persian digits; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if len(value) > 40 or not _NUMBER.fullmatch(value.strip()):
            return None
        return float(value.strip().replace(",", ".").replace("٫", "."))
    if not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def moment(value: object) -> int | None:
    """Milliseconds since 1970 from ISO 8601 or milliseconds; a day without a time means its end, in UTC."""
    if isinstance(value, str):
        if len(value) > 40:
            return None
        try:
            found = datetime.fromisoformat(value.strip())
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
            if len(value.strip()) <= len("2026-01-31"):
                found += DAY - timedelta(milliseconds=1)
            return max(0, int(found.timestamp() * 1000))
        except (ValueError, OverflowError):
            return None
    said = number(value)
    return int(said) if said is not None and 0 <= said <= LATEST else None
