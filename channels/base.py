"""The channel contract: what every channel is, whatever it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, Self, runtime_checkable

from hub.event import Event
from hub.settings import Settings


@dataclass(frozen=True, slots=True)
class RawInbound:
    """What a sender sent, before anything was believed. Knows no web framework."""

    method: str
    url: str
    """As the sender called it: scheme, host, path and query."""
    headers: Mapping[str, str]
    """Lower-case names; of a doubled header the values joined with a comma."""
    query: Mapping[str, str]
    body: bytes
    received: datetime
    """When we got it, in UTC."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender must be told."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Can:
    """What a channel is able to do, as data: routes, tables and the composer read it."""

    inbound: bool = False
    outbound: bool = False
    answers_calls: bool = False
    delivery_states: bool = False
    read_receipts: bool = False
    idempotent_send: bool = False
    """The provider takes our key and sends once: a message in doubt may be sent again."""
    sender_retries: bool = True
    """The sender repeats what was refused; without it, what comes in goes to the spool when Kafka is away."""
    reply_window_hours: int | None = None
    addresses: tuple[str, ...] = ()
    """Identity types a message of this channel can go to."""
    max_body: int = 1_000_000
    """Bytes accepted in one inbound request."""
    real_peer: str = ""
    """Whom it speaks to, for the table in README."""


@dataclass(frozen=True, slots=True)
class Outbound:
    """A message on its way out."""

    key: str
    """The trigger's id: our idempotency key."""
    to: str
    """Identity, `type:value`."""
    text: str
    subject: str = ""
    language: str = "en"
    reply_to: str = ""
    """The message it answers, in the channel's own id."""
    unsubscribe_url: str = ""
    status_url: str = ""
    """Where the provider reports delivery."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the provider said when it took the message."""

    message: str
    """The provider's id."""
    provider: str


@runtime_checkable
class Channel(Protocol):
    """One channel with one provider."""

    name: str
    """The customer's channel: email, sms, phone, social, web."""
    provider: str
    can: Can

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build it. Opens no connection."""
        ...

    def verify(self, raw: RawInbound) -> None:
        """Raise Unauthenticated unless the sender proved who it is. Runs before anything is parsed."""
        ...

    def parse(self, raw: RawInbound) -> list[Event]:
        """The events in it, in order. Pure. Raises Rejected for what makes no sense."""
        ...

    def answer(self, raw: RawInbound, events: list[Event]) -> Answer:
        """What to say once the events are safe. Pure."""
        ...

    async def send(self, message: Outbound) -> Receipt:
        """Hand it to the provider. Raises Transient, Rejected or Unauthenticated."""
        ...
