"""What a rule decided to say, and what became of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from hub.event import Moment
from hub.wire import Wire

Purpose = Literal["marketing", "service", "transactional"]


class Trigger(Wire):
    """One message to one customer, decided once; the id names rule, customer and occurrence."""

    id: str = Field(min_length=1, max_length=100)
    rule: str
    version: str
    customer: str
    time: Moment
    channel: str
    provider: str = ""
    to: str
    """The identity it goes to, `type:value`."""
    subject: str = ""
    text: str
    language: str = "en"
    purpose: Purpose = "service"
    reason: str = ""
    """In one sentence for people: why this message was sent."""
    cause: str = ""
    """The id of the event that led to it."""
    agent: str = ""
    """Who wrote it, when a person did."""
    data: dict[str, Any] = Field(default_factory=dict)


class Outcome(Wire):
    """What became of a trigger at the last hop; the topic `outcomes` is the truth about sending."""

    trigger: str
    state: Literal["claimed", "sent", "failed", "in-doubt", "held"]
    time: Moment
    customer: str
    channel: str
    provider: str = ""
    message: str = ""
    """The provider's own id of the message."""
    reason: str = ""
