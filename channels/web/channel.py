"""The web channel: a request of the tracking API in, events and faults out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Self

import orjson

from channels.base import Answer, Can, Outbound, RawInbound, Receipt
from channels.fault import Fault
from channels.web import message as tracked
from channels.web import request
from channels.web.context import Surroundings, moment, part
from channels.web.pixel import GIF
from hub.errors import Rejected, Unauthenticated
from hub.event import LARGEST, Event, rfc3339
from hub.ids import body_key
from hub.security import same
from hub.settings import Settings

SUCCESS: Final = Answer(200, b'{"success": true}', "application/json")
"""Exactly this: some clients send again after 202 or 204, one after an answer that is not JSON."""
PIXEL: Final = Answer(200, GIF, "image/gif", {"Cache-Control": "no-store"})


@dataclass(frozen=True, slots=True)
class Tracked:
    """What was in one request."""

    events: list[Event] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


class Web:
    """Sites and apps, through any client of the Segment HTTP tracking API."""

    name = "web"
    provider = "segment"
    can = Can(inbound=True, max_body=request.LARGEST_RUDDER, real_peer="Segment and RudderStack SDKs, unchanged")

    def __init__(self, keys: frozenset[str], tenant: str, region: str, trusted: frozenset[str] = frozenset()) -> None:
        self._keys = tuple(keys | trusted)
        self._trusted = tuple(trusted)
        self._tenant = tenant
        self._region = region
        self._read: tuple[bytes, request.Document] | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build it. Opens no connection."""
        return cls(settings.keys, settings.tenant, settings.region, settings.server_keys)

    def knows(self, key: str) -> bool:
        """Whether this is a write key of ours."""
        return sum(same(key, one) for one in self._keys) > 0  # all are compared: no time tells which came close

    def verify(self, raw: RawInbound) -> None:
        """Raise Unauthenticated without a write key of ours: in Basic, else in the body, else in the query."""
        if not self.knows(self._key(raw)):
            raise Unauthenticated("the write key is not known")

    def _key(self, raw: RawInbound) -> str:
        key = request.basic_key(raw)
        return request.body_key(self._document(raw), raw) if key is None else key

    def read(self, raw: RawInbound) -> Tracked:
        """The events of a request, and what in it is at fault. Raises Rejected for the request as a whole."""
        document = self._document(raw)
        key = self._key(raw)
        self._read = None
        content = document.content
        single = document.kind != "batch"
        if raw.method == "GET":  # nobody repeats a pixel: two loads without an id are two events
            content.setdefault("messageId", f"pixel-{body_key(raw.url.encode())}-{raw.received.timestamp():.3f}")
        sent = moment(content.get("sentAt"))
        around = Surroundings(
            received=raw.received,
            sent=sent,
            sent_at=rfc3339(sent) if sent else None,
            context={} if single else part(content, "context"),
            tenant=self._tenant,
            region=self._region,
            anonymous_id=request.header_anonymous_id(raw),
            trusted=sum(same(key, one) for one in self._trusted) > 0,
        )
        found = Tracked()
        for one in request.messages(document):
            try:
                kind = document.kind if single else str(one.get("type") if isinstance(one, dict) else "")
                found.events.append(self._event(one, kind, around, document.size))
            except (Rejected, ValueError) as error:
                found.faults.append(_fault(one, error))
        return found

    def parse(self, raw: RawInbound) -> list[Event]:
        """The events in it, in order. Raises Rejected for what makes no sense as a whole."""
        return self.read(raw).events

    def answer(self, raw: RawInbound, events: list[Event]) -> Answer:
        """What to say once the events are safe."""
        return PIXEL if raw.method == "GET" else SUCCESS

    async def send(self, message: Outbound) -> Receipt:
        """Nothing can be sent to a web site."""
        raise Rejected("the web channel sends nothing", field="channel")

    def _document(self, raw: RawInbound) -> request.Document:
        """Read once for verify() and read(), which are called one after the other."""
        if raw.method == "GET":
            return request.read(raw)
        if self._read is None or self._read[0] is not raw.body:
            self._read = (raw.body, request.read(raw))
        return self._read[1]

    def _event(self, one: Any, kind: str, around: Surroundings, size: int) -> Event:
        if not isinstance(one, dict):
            raise Rejected("an event must be a JSON object", field="batch")
        if size > request.LARGEST_EVENT:
            length = len(orjson.dumps(one))
            limit = LARGEST if length > LARGEST or request.is_rudder(one) else request.LARGEST_EVENT
            if length > limit:
                raise Rejected(f"{length} bytes are too many", field="event", limit=f"{limit} bytes")
        return tracked.event(one, kind, around)


def _fault(one: Any, error: Rejected | ValueError) -> Fault:
    named = one if isinstance(one, dict) else {}
    key = next((str(named[name]) for name in ("userId", "anonymousId", "messageId") if named.get(name)), "unknown")
    place = error.field if isinstance(error, Rejected) else "event"
    try:
        body = orjson.dumps(one)
    except TypeError:  # nested too deep to be written down again
        body = b""
    return Fault(f"invalid {place}", str(error)[:500], key[:200], body)
