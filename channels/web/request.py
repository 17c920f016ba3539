"""From the bytes of a request to one JSON document: encodings, limits, and where clients put their key."""

from __future__ import annotations

import base64
import binascii
import gc
import zlib
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import unquote, urlsplit

import orjson

from channels.base import RawInbound
from channels.web.pixel import document as pixel_document
from hub.errors import Rejected

Json: TypeAlias = dict[str, Any]

KB: Final = 1024
LARGEST_EVENT: Final = 32 * KB
LARGEST_BATCH: Final = 500 * KB
LARGEST_RUDDER: Final = 4_000 * KB
"""RudderStack's clients send up to this much, in one event or in a batch."""
MOST_EVENTS: Final = 2_500
MOST_VALUES: Final = 250_000
"""Values, objects and lists in one body: megabytes of the smallest would hold everybody else up for half a second."""

KINDS: Final = {
    **{"t": "track", "p": "page", "s": "screen", "i": "identify", "g": "group", "a": "alias"},
    **{kind: kind for kind in ("track", "page", "screen", "identify", "group", "alias")},
    **dict.fromkeys(("batch", "b", "import"), "batch"),
}
"""The last part of the path → what is in the body. Browsers use the letters, servers the words."""

_WINDOW: Final = {"gzip": 31, "x-gzip": 31, "deflate": 47}
_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Document:
    """The JSON object of one request."""

    kind: str
    """A type of event, or `batch`."""
    content: Json
    size: int
    """Bytes, inflated."""


def _inflate(body: bytes, window: int) -> bytes:
    """Never more than the cap, however small a bomb looks on the wire."""
    parts: list[bytes] = []
    room = LARGEST_RUDDER
    while body:
        member = zlib.decompressobj(window)
        try:
            parts.append(member.decompress(body, room + 1))
        except zlib.error:
            raise Rejected("the body is not valid gzip", field="body") from None
        room -= len(parts[-1])
        if room < 0:
            raise Rejected("the body is too large when inflated", field="body", limit=f"{LARGEST_RUDDER} bytes")
        if not member.eof:
            raise Rejected("the gzip body ends too early", field="body")
        body = member.unused_data
    return b"".join(parts)


def plain(raw: RawInbound) -> bytes:
    """The body without its Content-Encoding. Raises Rejected when it is broken, unknown or too large."""
    coding = raw.headers.get("content-encoding", "").strip().lower()
    if raw.body.startswith(_MAGIC):
        coding = "gzip"  # some proxies lose the header; no JSON begins with these bytes
    if coding in {"", "identity"}:
        if len(raw.body) > LARGEST_RUDDER:
            raise Rejected("the body is too large", field="body", limit=f"{LARGEST_RUDDER} bytes")
        return raw.body
    if coding not in _WINDOW:
        raise Rejected(f"content encoding {coding[:40]!r} is not supported", field="Content-Encoding", limit="gzip")
    return _inflate(raw.body, _WINDOW[coding])


def kind_of(url: str) -> str:
    """What the path says the body holds, or an empty string."""
    return KINDS.get(urlsplit(url).path.rstrip("/").rpartition("/")[2], "")


def read(raw: RawInbound) -> Document:
    """The document of a request, whatever its Content-Type says. Raises Rejected."""
    kind = kind_of(raw.url)
    if raw.method == "GET":
        content = pixel_document(raw.query)
        return Document(kind, content, 0)
    body = plain(raw)
    if len(body) > LARGEST_BATCH and sum(map(body.count, (b",", b"{", b"["))) > MOST_VALUES:
        raise Rejected("the body holds too many values", field="body", limit=f"{MOST_VALUES} values")
    content = _loads(body)
    if not isinstance(content, dict):
        raise Rejected("the body must be a JSON object", field="body")
    return Document(kind, content, len(body))


def _loads(body: bytes) -> Any:
    # Reading makes no garbage, but so many objects at once that the collector would go through them several times.
    gc.disable()
    try:
        return orjson.loads(body)
    except ValueError as error:
        raise Rejected(f"the body is not valid JSON: {error}"[:200], field="body") from None
    finally:
        gc.enable()


def messages(document: Document) -> list[Any]:
    """The events of a document, unchecked. Raises Rejected when the request as a whole breaks a limit."""
    if document.kind != "batch":
        _check(document.size, LARGEST_EVENT, document.content)
        return [document.content]
    batch = document.content.get("batch")
    if not isinstance(batch, list):
        raise Rejected("batch must be a list of events", field="batch")
    if len(batch) > MOST_EVENTS:
        raise Rejected(f"{len(batch)} events are too many for one batch", field="batch", limit=f"{MOST_EVENTS} events")
    _check(document.size, LARGEST_BATCH, batch[0] if batch else {})
    return batch


def _check(size: int, limit: int, first: object) -> None:
    if size > limit and not is_rudder(first):
        raise Rejected(f"{size} bytes are too many", field="body", limit=f"{limit} bytes")


def is_rudder(message: object) -> bool:
    """Whether a RudderStack client made this event: it may be larger. Its library's name says so."""
    context = message.get("context") if isinstance(message, dict) else None
    library = context.get("library") if isinstance(context, dict) else None
    name = library.get("name") if isinstance(library, dict) else None
    return isinstance(name, str) and "rudder" in name.lower()


def basic_key(raw: RawInbound) -> str | None:
    """The user of a Basic authorization, or None without one. The colon may be missing."""
    scheme, _, value = raw.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace").partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


def body_key(document: Document, raw: RawInbound) -> str:
    """The write key in the document, in its first event, or in the query; clients differ."""
    content = document.content
    batch = content.get("batch")
    first = batch[0] if isinstance(batch, list) and batch and isinstance(batch[0], dict) else {}
    for place in (content, first, raw.query):
        key = place.get("writeKey")
        if isinstance(key, str) and key:
            return key
    return ""


def header_anonymous_id(raw: RawInbound) -> str | None:
    """RudderStack's browser client names its visitor in a header too, in base64."""
    value = raw.headers.get("anonymousid")
    if not value:
        return None
    try:
        return unquote(base64.b64decode(value, validate=True).decode("utf-8"))
    except (binascii.Error, ValueError):
        return value
