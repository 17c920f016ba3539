"""What facets of statements share: the newest of two, cutting to size, and reading fields that may hold anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import orjson

from hub.jsonbytes import dumps

Statement: TypeAlias = list[Any]
"""`[value, time, ref, …]`"""

NOTHING: Final[Mapping[str, Any]] = {}
LATEST: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""


def part(place: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object under this name, or an empty one."""
    found = place.get(name)
    return found if isinstance(found, dict) else NOTHING


def rank(one: Statement) -> tuple[int, str, str]:
    """What orders statements: the time, the event's name, and for one event that says two things, the value."""
    return one[1], one[2], repr(one)


def later(one: Statement | None, other: Statement) -> Statement:
    """The newer of two statements."""
    return other if one is None or rank(other) > rank(one) else one


def text(said: object, longest: int) -> str:
    """Text or a number as text, without outer blanks and cut; anything else is an empty string."""
    if isinstance(said, str):
        return said[: longest * 4].strip()[:longest]
    if isinstance(said, bool) or not isinstance(said, int | float):
        return ""
    return str(said)[:longest] if isinstance(said, float) or abs(said) < 10**longest else ""


def kept(said: Any, longest: int) -> Any:
    """The value as the store gives it back; None when it is longer than so many bytes. Text is cut."""
    if isinstance(said, str):
        return said.encode("utf-8", "replace")[:longest].decode("utf-8", "ignore")
    if said is None or isinstance(said, bool):
        return said
    try:
        raw = dumps(said)
    except (orjson.JSONEncodeError, RecursionError):
        return None
    return orjson.loads(raw) if len(raw) <= longest else None


def copied(value: Any) -> Any:
    """The same JSON, sharing nothing that can change."""
    if isinstance(value, dict):
        return {name: copied(inner) for name, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


def share(said: object) -> float | None:
    """A number from 0 to 1 to four digits, or None."""
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= 1:
        return None
    return round(float(said), 4)


def moment(said: object) -> int | None:
    """Milliseconds since 1970 from ISO 8601 (UTC unless it says otherwise) or milliseconds, or None."""
    if isinstance(said, str) and len(said) <= 40:
        try:
            found = datetime.fromisoformat(said.strip())
            ms = int((found.replace(tzinfo=UTC) if found.tzinfo is None else found).timestamp() * 1000)
        except (ValueError, OverflowError):
            return None
        return ms if 0 <= ms <= LATEST else None
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= LATEST:
        return None
    return int(said)


def newest(table: dict[str, Statement], most: int) -> None:
    """Keep so many statements, the newest ones."""
    while len(table) > most:
        del table[min(table, key=lambda name: (rank(table[name]), name))]


def smallest(table: dict[str, Any], most: int) -> None:
    """Keep so many names, the lexically smallest: a rule which no order of arrival can change."""
    while len(table) > most:
        del table[max(table)]
