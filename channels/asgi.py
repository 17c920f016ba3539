"""The little of HTTP that the gateway needs, straight on ASGI: a framework would cost a third of its speed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

import orjson

from channels.base import Answer, RawInbound
from hub.errors import Rejected, TooLarge, Transient

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_SLOWEST: Final = 30.0
"""Seconds a sender may take for a body."""
_MOST_PARAMETERS: Final = 1_000
_LINGER: Final = 5.0
_MOST_DISCARDED: Final = 16_000_000
_MOST_HELD: Final = 128_000_000
"""Bytes of all bodies that are on their way in."""


class Gone(Exception):
    """The client hung up before we understood what it wanted."""


class BodyReader:
    """Reads bodies, never more of one than its limit, nor more of all together than memory should hold."""

    def __init__(self, most: int = _MOST_HELD) -> None:
        self._most = most
        self._held = 0

    async def read(self, scope: Scope, receive: Receive, limit: int) -> bytes:
        """The body. Raises TooLarge, Rejected, Transient or Gone."""
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if declared.isdigit() and int(declared[:20]) > limit:
            await _discard(receive)
            raise _too_large(limit)
        first = await _part(receive)
        if not first.get("more_body"):
            return _within(limit, first.get("body", b""))
        try:
            async with asyncio.timeout(_SLOWEST):
                return await self._rest(first.get("body", b""), receive, limit)
        except TimeoutError:
            raise Rejected("the body came too slowly", field="body", limit=f"{_SLOWEST:.0f} seconds") from None

    async def _rest(self, first: bytes, receive: Receive, limit: int) -> bytes:
        parts = [first]
        size, more = len(first), True
        self._held += size
        try:
            while more and size <= limit:
                message = await _part(receive)
                part = message.get("body", b"")
                more = message.get("more_body", False)
                parts.append(part)
                size += len(part)
                self._held += len(part)
                if self._held > self._most:
                    raise Transient("too much at once", retry_after=2)
        finally:
            self._held -= size
        if more:
            await _discard(receive)
        return _within(limit, b"".join(parts))


async def _part(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    return message


async def _discard(receive: Receive) -> None:
    """Hear the sender out, within reason: whoever still sends when we hang up never sees the answer."""
    seen = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER):
            while seen <= _MOST_DISCARDED:
                message = await _part(receive)
                seen += len(message.get("body", b""))
                if not message.get("more_body"):
                    return


def _within(limit: int, body: bytes) -> bytes:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> TooLarge:
    return TooLarge("the body is too large", field="body", limit=f"{limit} bytes")


def inbound(scope: Scope, body: bytes, public_url: str) -> RawInbound:
    """The request as channels know it. Raises Rejected."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        low, text = name.decode("latin-1"), value.decode("latin-1")
        headers[low] = f"{headers[low]}, {text}" if low in headers else text
    path = scope.get("raw_path") or scope["path"].encode()
    url = base(scope, headers, public_url) + path.decode("latin-1")
    query: Mapping[str, str] = {}
    if scope["query_string"]:
        text = scope["query_string"].decode("latin-1")
        url = f"{url}?{text}"
        query = _query(text)
    return RawInbound(scope["method"], url, headers, query, body, datetime.now(UTC))


def base(scope: Scope, headers: Mapping[str, str], public_url: str) -> str:
    """The address the sender used, without the path: what providers sign begins with the public one."""
    if public_url:
        return public_url.rstrip("/")
    return f"{scope['scheme']}://{headers.get('host', 'localhost')}"


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS))
    except ValueError:
        raise Rejected("too many parameters", field="query", limit=f"{_MOST_PARAMETERS} parameters") from None


async def respond(send: Send, answer: Answer, extra: Mapping[str, str] | None = None) -> None:
    """Send an answer; `extra` headers are added to its own."""
    headers = [(b"content-length", str(len(answer.body)).encode()), (b"content-type", answer.content_type.encode())]
    for more in (answer.headers, extra or {}):
        headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in more.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def problem(status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
    """An error as JSON. Stock clients look for `code` and `message`, people for `error`."""
    body = {"success": False, "code": code, "message": message, "error": message, **more}
    return Answer(status, orjson.dumps(body), "application/json", headers or {})


def rejected(status: int, error: Rejected) -> Answer:
    """An error that names the field and the limit."""
    limit = f" (limit: {error.limit})" if error.limit else ""
    field = f"{error.field}: " if error.field and not str(error).startswith(error.field) else ""
    return problem(status, "invalid_request", f"{field}{error}{limit}", field=error.field, limit=error.limit)
