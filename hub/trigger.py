"""What a rule decided to say, and what became of it."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hub.errors import Rejected
from hub.event import Moment

Purpose = Literal["marketing", "service", "transactional"]


class Trigger(BaseModel):
    """One message to one customer, decided once; the id names rule, customer and occurrence."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

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

    def to_json(self) -> bytes:
        """The trigger as it stands on the topic."""
        return self.model_dump_json().encode()

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """Read a trigger from the topic. Raises Rejected with the field that is wrong."""
        try:
            return cls.model_validate_json(raw)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "body"
            raise Rejected(f"{place}: {first['msg']}", field=place) from None


class Outcome(BaseModel):
    """What became of a trigger at the last hop; the topic `outcomes` is the truth about sending."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    trigger: str
    state: Literal["claimed", "sent", "failed", "in-doubt", "held"]
    time: Moment
    customer: str
    channel: str
    provider: str = ""
    message: str = ""
    """The provider's own id of the message."""
    reason: str = ""
