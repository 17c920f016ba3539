"""Speaking to the gateway without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from channels.asgi import Message, Scope
from channels.base import Channel
from channels.edge import Edge
from channels.fault import Fault
from channels.gateway import Gateway
from channels.registry import build
from hub.deadletter import DeadLetter
from hub.errors import Transient
from hub.event import Event
from hub.settings import Settings


class FakeEdge(Edge):
    """Remembers what it was given; refuses when told to."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.kept: list[bool | None] = []
        self.letters: list[DeadLetter] = []
        self.away = False

    async def accept(self, channel: Channel, events: Sequence[Event], *, keep: bool | None = None) -> None:
        """Take them, or refuse."""
        if self.away:
            raise Transient("Kafka does not answer", retry_after=2)
        self.events += events
        self.kept.append(keep)

    async def dead(self, channel: Channel, faults: Sequence[Fault], *, keep: bool = False) -> None:
        """Take them, or refuse."""
        if self.away:
            raise Transient("Kafka does not answer", retry_after=2)
        for one in faults:
            self.letters.append(DeadLetter.of(one.body, key=one.key, reason=one.reason, error=one.error, place={}))


@dataclass(frozen=True, slots=True)
class Response:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return orjson.loads(self.body)


@dataclass(slots=True)
class Client:
    """Sends requests to a gateway whose edge is a fake."""

    settings: Settings
    edge: FakeEdge = field(default_factory=FakeEdge)

    async def send(
        self,
        method: str,
        url: str,
        body: bytes | list[bytes] = b"",
        headers: Mapping[str, str] | None = None,
        hang_up: bool = False,
    ) -> Response:
        """One request; a list of bytes is a body in chunks."""
        parts = urlsplit(url)
        fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
        scope: Scope = {
            "type": "http",
            "scheme": "http",
            "method": method,
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "headers": fields,
        }
        chunks = list(body) if isinstance(body, list) else [body]
        sent: list[Message] = []

        async def receive() -> Message:
            if not chunks:
                return {"type": "http.disconnect"}
            chunk = chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(chunks) or hang_up}

        async def send(message: Message) -> None:
            sent.append(message)

        await Gateway(self.settings, build(self.settings), self.edge)(scope, receive, send)
        if not sent:
            return Response(0, {}, b"")
        head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Response(sent[0]["status"], head, sent[1]["body"])
