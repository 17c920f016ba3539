"""Rows of the timeline: what an event looks like in a customer's history.

A row is stored in about a third of the room its JSON takes: time and kind as one number, the id as its 16 bytes
where it is a UUID, and the rest deflated against a dictionary of what rows usually say.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable
from struct import Struct
from typing import Any, Final
from zlib import crc32

import orjson
from typing_extensions import TypedDict

from hub.event import Event
from hub.jsonbytes import dumps
from profile_store.draft import place as place_of

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
)  # fmt: skip
CODES: Final = {kind: code for code, kind in enumerate(KINDS)}
UUID_ROW: Final = 1 << 63
"""Set in the head of a row whose id is a UUID."""
HEAD: Final = Struct(">Q")
TAG: Final = 3
DICTIONARY: Final = (
    b'"provider":"","message":"","in_reply_to":"<","purpose":"marketing","version":"","agent":"","status":"delivered"'
    b'"text":"","subject":"Re: ","call":{"id":"CA","state":"ringing","direction":"inbound","number":"+49"},"digits":"'
    b'"trigger":"t","rule":"abandoned-cart","channel":"email","reason":"consent: ","url":"https://www.","image_url":"'
    b'"order_id":"","cart_id":"","coupon":"","currency":"EUR","category":"","brand":"","sku":"","variant":"","total":'
    b'"Order Completed: ","Checkout Started","Viewed \\"","Product Viewed: ","Product Added: ",{"name":"Product Viewed"'
    b',"properties":{"path":"/","title":"","referrer":"","product_id":"","product":"","name":"","price":,"quantity":1}}]'
)


class Row(TypedDict):
    """One line of a customer's history."""

    id: str
    time: int
    type: str
    text: str
    data: dict[str, Any]


def _uuid(id: str) -> bytes | None:
    """The 16 bytes of a UUID in its one usual form, or None."""
    if len(id) != 36:
        return None
    try:
        raw = bytes.fromhex(id.replace("-", ""))
    except ValueError:
        return None
    return raw if len(raw) == 16 and _spelled(raw) == id else None


def _spelled(raw: bytes) -> str:
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def tag(owner: str) -> bytes:
    """What a row says of the identity whose event it is: enough to tell one customer's identities apart.

    Made of its place: so `customer:<id>`, and the name that is known later, are the same.
    """
    return crc32(place_of(owner).encode()).to_bytes(4)[:TAG]


def owned(rows: Iterable[bytes], owners: Iterable[str]) -> list[bytes]:
    """Those of a customer's rows that are events of these identities."""
    tags = {tag(owner) for owner in owners}
    return [row for row in rows if row[HEAD.size : HEAD.size + TAG] in tags]


def encode(
    id: str, ms: int, kind: str, text: str = "", data: dict[str, Any] | None = None, *, owner: str = ""
) -> bytes:
    """A row as it is stored."""
    code, raw = CODES.get(kind, 0), _uuid(id)
    named = [] if code and raw is not None else [kind, id]
    body = dumps([text[:TEXT], data or {}, *named])
    if len(body) > LARGEST:
        body = dumps([text[:TEXT], _small(data or {}), *named])
    head = HEAD.pack((UUID_ROW if raw is not None and code else 0) | code << 48 | ms)
    deflate = zlib.compressobj(6, zlib.DEFLATED, -12, 4, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
    rest = deflate.compress(body) + deflate.flush()
    return head + tag(owner) + (raw if raw is not None and code else b"") + rest


def _small(data: dict[str, Any]) -> dict[str, Any]:
    """What of the data is short; twenty of those at most."""
    single = ((name, value) for name, value in data.items() if isinstance(value, str | int | float))
    return dict([(name[:SHORT], value) for name, value in single if len(str(value)) < SHORT][:20])


def decode(stored: bytes) -> Row:
    """A row as people read it."""
    head = HEAD.unpack_from(stored)[0]
    begin = HEAD.size + TAG
    start = begin + (16 if head & UUID_ROW else 0)
    inflate = zlib.decompressobj(-12, DICTIONARY)
    text, data, *named = orjson.loads(inflate.decompress(stored[start:]))
    kind, id = named or (KINDS[head >> 48 & 0x7FFF], _spelled(stored[begin:start]))
    return {"id": id, "time": head & (1 << 48) - 1, "type": kind, "text": text, "data": data}


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
