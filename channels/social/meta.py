"""Meta: Messenger, Instagram and WhatsApp in one webhook, `/in/social/meta`, and out over the Graph API."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any, Final, Self

import orjson

from channels.base import Answer, Can, Outbound, RawInbound, Receipt
from channels.outgoing import Caller
from channels.social import graph, messenger, whatsapp
from channels.social.shapes import Entry, Json, moment, obj, objects, text
from hub.errors import Rejected, Unauthenticated
from hub.event import Event
from hub.security import same
from hub.settings import Settings

SIGNATURE: Final = "x-hub-signature-256"
WHATSAPP: Final = "whatsapp_business_account"
OBJECTS: Final = frozenset({"page", "instagram", WHATSAPP})
MOST_EVENTS: Final = 5_000
"""Meta sends at most 1,000 updates in one request."""
LONGEST_CHALLENGE: Final = 200


def signature(secret: str, body: bytes) -> str:
    """What Meta puts into its header for this body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _entry(kind: str, item: Json, raw: RawInbound) -> Iterator[Event]:
    entry = Entry(kind, text(item.get("id"))[:100], raw.received)
    at = moment(item.get("time"), raw.received)
    for change in objects(item.get("changes")):
        field, value = text(change.get("field")), obj(change.get("value"))
        if kind == WHATSAPP:
            yield from whatsapp.value_events(entry, field, value)
        else:
            yield messenger.change(entry, field, value, at)
    for direct in (*objects(item.get("messaging")), *objects(item.get("standby"))):
        yield from messenger.messaging(entry, direct)


class Meta:
    """Meta's messaging platforms."""

    name = "social"
    provider = "meta"
    can = Can(
        inbound=True,
        outbound=True,
        delivery_states=True,
        read_receipts=True,
        reply_window_hours=24,
        addresses=("meta_psid", "instagram_id", "whatsapp"),
        max_body=3_000_000,
        real_peer="Meta Graph API: Messenger, Instagram, WhatsApp Cloud",
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.meta
        token = settings.meta.access_token.get_secret_value()
        self._rest = Caller(settings.meta.api_url, headers={"Authorization": f"Bearer {token}"} if token else {})

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build it. Opens no connection."""
        return cls(settings)

    def verify(self, raw: RawInbound) -> None:
        """Raise Unauthenticated unless Meta signed it, or knows our word when it asks who we are."""
        if raw.method == "GET":
            word = self._settings.verify_token.get_secret_value()
            if raw.query.get("hub.mode") != "subscribe" or not same(raw.query.get("hub.verify_token", ""), word):
                raise Unauthenticated("the verify token is another one")
            return
        secret = self._settings.app_secret.get_secret_value()
        if not secret or not same(raw.headers.get(SIGNATURE, ""), signature(secret, raw.body)):
            raise Unauthenticated("the signature does not fit")

    def parse(self, raw: RawInbound) -> list[Event]:
        """Every item of every entry, in order."""
        if raw.method == "GET":
            return []
        try:
            content: Any = orjson.loads(raw.body)
        except ValueError as error:
            raise Rejected("not JSON", field="body") from error
        kind = text(obj(content).get("object"))
        if kind not in OBJECTS:
            raise Rejected("an object we know nothing of", field="object")
        events: list[Event] = []
        for item in objects(obj(content).get("entry")):
            for event in _entry(kind, item, raw):
                if len(events) >= MOST_EVENTS:
                    raise Rejected("too many updates at once", field="entry", limit=str(MOST_EVENTS))
                events.append(event)
        return events

    def answer(self, raw: RawInbound, events: list[Event]) -> Answer:
        """The challenge, bare, when Meta asks who we are."""
        if raw.method == "GET":
            return Answer(200, raw.query.get("hub.challenge", "")[:LONGEST_CHALLENGE].encode())
        return Answer(200)

    async def open(self) -> None:
        """Keep connections between messages."""
        await self._rest.open()

    async def close(self) -> None:
        """Close them."""
        await self._rest.close()

    async def send(self, message: Outbound) -> Receipt:
        """Send to a Messenger, Instagram or WhatsApp user. Raises Transient, InDoubt, Rejected, Unauthenticated."""
        path, body = graph.request(message, self._settings.page_id, self._settings.phone_number_id)
        reply = await self._rest.post(path, json=body)
        return Receipt(graph.accepted(reply), self.provider)
