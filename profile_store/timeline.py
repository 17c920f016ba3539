"""Rows of the timeline: what an event looks like in a customer's history."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import orjson
from typing_extensions import TypedDict

from hub.event import Event

TEXT: Final = 2_000
"""Characters of text kept in a row; the whole event stays in the log."""
DATA: Final = 2_000
"""Bytes of data kept in a row."""
LEFT_OUT: Final = frozenset({"identities", "text", "context", "traits", "full", "language", "timezone"})
"""Parts of an event that a row does without: they are in the profile, or only in the log."""


class Row(TypedDict):
    """One line of a customer's history."""

    id: str
    time: int
    type: str
    text: str
    data: dict[str, Any]


def encode(id: str, ms: int, kind: str, text: str = "", data: dict[str, Any] | None = None) -> bytes:
    """A row as it is stored: `[time, id, type, text, data]`, without what is empty at the end."""
    row: list[Any] = [ms, id, kind]
    if text or data:
        row.append(text[:TEXT])
    if data:
        row.append(data)
    return orjson.dumps(row, option=orjson.OPT_NON_STR_KEYS)


def of_event(event: Event, ms: int) -> bytes:
    """The row of an event."""
    data = {name: value for name, value in event.data.items() if name not in LEFT_OUT and value not in (None, "", {})}
    text = event.data.get("text")
    row = encode(event.id, ms, event.type, text if isinstance(text, str) else "", data)
    if len(row) <= TEXT + DATA:
        return row
    small = {
        name: value for name, value in data.items() if isinstance(value, str | int | float) and len(str(value)) < 200
    }
    return encode(event.id, ms, event.type, text if isinstance(text, str) else "", small)


def decode(raw: bytes) -> Row:
    """A row as people read it."""
    time, id, kind, *rest = orjson.loads(raw)
    text, data = [*rest, "", {}][:2] if len(rest) < 2 else rest[:2]
    return {"id": id, "time": time, "type": kind, "text": text, "data": data}


def order(row: Row) -> tuple[int, str]:
    """Where a row stands in time; rows of the same moment by their id."""
    return row["time"], row["id"]


def cursor(row: Row) -> str:
    """The place of a row, for `before=`."""
    return base64.urlsafe_b64encode(f"{row['time']} {row['id']}".encode()).decode().rstrip("=")


def place(text: str) -> tuple[int, str] | None:
    """The place a cursor names, or None when it is not one of ours."""
    try:
        time, _, id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(" ")
        return int(time), id
    except (ValueError, binascii.Error, UnicodeDecodeError):
        return None


def page(rows: list[Row], before: str | None, limit: int) -> tuple[list[Row], str | None]:
    """The newest rows before a cursor, newest first, and the cursor of the next page."""
    end = place(before) if before else None
    ordered = sorted((row for row in rows if end is None or order(row) < end), key=order, reverse=True)
    chosen = ordered[:limit]
    return chosen, cursor(chosen[-1]) if len(ordered) > limit else None
