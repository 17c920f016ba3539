"""Rows of the timeline: what an event looks like in a customer's history.

A row is stored in about a quarter of the room its JSON takes: time, kind and owner as one number, the id as its 16
bytes where it is a UUID, and the rest deflated against a dictionary of what rows usually say. A text that only
repeats what the data says is left out.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterable
from functools import lru_cache
from struct import Struct
from typing import Any, Final
from zlib import crc32

import orjson
from typing_extensions import TypedDict

from hub.event import Event
from hub.jsonbytes import LEAST, MOST, dumps
from profile_store.draft import place as place_of
from profile_store.phrases import ROWS

VERBS: Final = ("Viewed", "Opened")
TEXT: Final = 2_000
"""Characters of text kept in a row; the whole event stays in the log."""
LARGEST: Final = 6_000
"""Bytes of a row before it is deflated; of one that is larger only short single values are kept."""
SHORT: Final = 200
LEFT_OUT: Final = frozenset({"identities", "text", "context", "traits", "full", "language", "timezone"})
"""Parts of an event that a row does without: they are in the profile, or only in the log."""

# Append only: the place of a kind is its code in stored rows. 0 is a kind that is not here.
KINDS: Final = (
    "", "web.page", "web.screen", "web.track", "web.identify", "web.group", "web.alias",
    "email.received", "email.sent", "email.delivered", "email.bounced", "email.opened", "email.clicked",
    "email.complained", "email.failed", "sms.received", "sms.sent", "sms.delivered", "sms.failed",
    "phone.ringing", "phone.input", "phone.answered", "phone.ended", "phone.missed", "phone.sent",
    "social.message", "social.comment", "social.mention", "social.reaction", "social.delivered", "social.read",
    "social.sent", "social.failed", "agent.note", "agent.reply", "agent.wrap-up", "survey.answered",
    "consent.given", "consent.withdrawn", "identity.merged", "identity.unmerged", "rule.fired", "rule.held",
    "segment.entered", "segment.left",
)  # fmt: skip
CODES: Final = {kind: code for code, kind in enumerate(KINDS)}
HEAD: Final = Struct(">Q")
"""7 bits of kind, 15 of the owner's tag, 42 of time. Where the kind is 0, the body says kind, time and id."""
TIME_BITS: Final = 42
TAG_BITS: Final = 15
SUBJECTS: Final = ("order_id", "query", "product", "title", "label", "name")
"""Properties that the text of a tracked event names. Append only: the place is a part of stored rows."""
BITS: Final = 11
"""Of the window a row is deflated in: it holds the dictionary, which may have 1,786 bytes, and little else."""


_UUID: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_deflate: Final = zlib.compressobj(6, zlib.DEFLATED, -BITS, 1, zlib.Z_DEFAULT_STRATEGY, ROWS)


class Row(TypedDict):
    """One line of a customer's history."""

    id: str
    time: int
    type: str
    text: str
    data: dict[str, Any]


def _uuid(id: str) -> bytes | None:
    """The 16 bytes of a UUID in its one usual form, or None."""
    return bytes.fromhex(id.replace("-", "")) if _UUID(id) else None


def _spelled(raw: bytes) -> str:
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@lru_cache(maxsize=32_768)
def tag(owner: str) -> int:
    """What a row says of the identity whose event it is: enough to tell one customer's identities apart.

    Made of its place: so `customer:<id>`, and the name that is known later, are the same.
    """
    return crc32(place_of(owner).encode()) >> 32 - TAG_BITS


def owned(rows: Iterable[bytes], owners: Iterable[str]) -> list[bytes]:
    """Those of a customer's rows that are events of these identities."""
    tags = {tag(owner) for owner in owners}
    return [row for row in rows if HEAD.unpack_from(row)[0] >> TIME_BITS & (1 << TAG_BITS) - 1 in tags]


def encode(
    id: str, ms: int, kind: str, text: str = "", data: dict[str, Any] | None = None, *, owner: str = ""
) -> bytes:
    """A row as it is stored."""
    code, raw = CODES.get(kind, 0), _uuid(id)
    if raw is None or not 0 <= ms < 1 << TIME_BITS:
        code = 0
    named = [] if code else [kind, ms, id]
    body = dumps([_short(text[:TEXT], data or {}), data or {}, *named])
    if len(body) > LARGEST:
        small = _small(data or {})
        body = dumps([_short(text[:TEXT], small), small, *named])
    head = HEAD.pack((code << TAG_BITS | tag(owner)) << TIME_BITS | (ms if code else 0))
    deflate = _deflate.copy()  # made anew, it would read the dictionary each time
    rest = deflate.compress(body) + deflate.flush()
    return head + (raw if raw is not None and code else b"") + rest


def _said(form: int, data: dict[str, Any]) -> str:
    """The text that a number stands for: what channels say of an event that has a name."""
    name = data["name"]
    if form == 0:
        return str(name)
    if form <= len(VERBS):
        return f'{VERBS[form - 1]} "{name}"'
    return f"{name}: {data['properties'][SUBJECTS[form - len(VERBS) - 1]]}"


def _short(text: str, data: dict[str, Any]) -> str | int:
    """The number that stands for the text where the data says the same; otherwise the text."""
    name, properties = data.get("name"), data.get("properties")
    if name.__class__ is not str or name not in text:
        return text
    if text == name:
        return 0
    if text[-1] == '"':
        for form in range(1, len(VERBS) + 1):
            if text == _said(form, data):
                return form
    if isinstance(properties, dict):
        for number, subject in enumerate(SUBJECTS):
            about = properties.get(subject)
            if (
                about.__class__ is str or (about.__class__ is int and LEAST <= about <= MOST)
            ) and text == f"{name}: {about}":
                return 1 + len(VERBS) + number
    return text


def _small(data: dict[str, Any]) -> dict[str, Any]:
    """What of the data is short; twenty of those at most."""
    single = ((name, value) for name, value in data.items() if isinstance(value, str | int | float))
    return dict([(name[:SHORT], value) for name, value in single if len(str(value)) < SHORT][:20])


def decode(stored: bytes) -> Row:
    """A row as people read it."""
    head = HEAD.unpack_from(stored)[0]
    code, time = head >> TIME_BITS + TAG_BITS, head & (1 << TIME_BITS) - 1
    start = HEAD.size + (16 if code else 0)
    inflate = zlib.decompressobj(-BITS, ROWS)
    text, data, *named = orjson.loads(inflate.decompress(stored[start:]))
    kind, time, id = named or (KINDS[code], time, _spelled(stored[HEAD.size : start]))
    return {
        "id": id,
        "time": time,
        "type": kind,
        "text": text if isinstance(text, str) else _said(text, data),
        "data": data,
    }


def of_event(event: Event, ms: int, owner: str) -> bytes:
    """The row of an event that is told of an identity."""
    data = {name: value for name, value in event.data.items() if name not in LEFT_OUT and value not in (None, "", {})}
    text = event.data.get("text")
    return encode(event.id, max(0, ms), event.type, text if isinstance(text, str) else "", data, owner=owner)


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
