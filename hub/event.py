"""The event: CloudEvents 1.0 in structured JSON. Everything that happens is one of these.

What `data` holds, beside what is particular to a channel:

| key | what |
|---|---|
| identities | list of {type, value, verified}: whom the event is about |
| text | what was said, as plain text |
| name | the name of a tracked event, page, screen or menu step |
| properties | what a tracked event, page or screen carries |
| traits | what is true of the customer from now on (name, tier, …) |
| facts | what the customer told us once ({key: value}, or {key: {value, confidence, sensitivity}}) |
| consent | {channel, purpose, given, proof, text, version, ip, method, expires} |
| unmatched | {type: what was meant to name the customer and cannot, as it was written} |
| amount | {value, currency, kind: order, refund or cancel, id}: what was paid or given back |
| scores | {name: {value, model, until, confidence}}: what another model says of the customer |
| survey | {kind: csat, nps or ces, score, scale, topic, question}: an answer to a question of ours |
| sentiment | {score: -1 to 1, confidence: 0 to 1, model}: how the text sounds, from whom knows better than our words |
| case | {id, state, subject, promise: {text, until}, owner, priority, channel, opened}: what is open between us |
| location | {latitude, longitude, accuracy in metres, city, country, source: gps, ip or declared} |
| context | what surrounds a tracked event: page, campaign, userAgent, device, os, app, location |
| trigger | the trigger a delivery or an answer belongs to |
| language, timezone | as the sender's device says them |
| agent | who on our side wrote it |
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, Field, PlainSerializer

from hub.errors import Rejected
from hub.identity import Identity, key
from hub.ids import ref
from hub.wire import Wire

LARGEST: Final = 900_000
"""Bytes an event may have on the topic; Kafka's own default limit is a little above."""


def rfc3339(moment: datetime) -> str:
    """The moment in UTC to the millisecond, `2026-01-31T12:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


Moment = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]


class Event(Wire):
    """Something that happened, on some channel, to one customer."""

    specversion: str = Field(default="1.0", pattern=r"^1\.0$")
    id: str = Field(min_length=1, max_length=200)
    source: str = Field(min_length=1, max_length=200)
    type: str = Field(pattern=r"^[a-z]{2,20}\.[a-z_-]{2,40}$")
    time: Moment
    subject: str = Field(min_length=3, max_length=400, pattern=r"^[a-z_]+:.")
    receivedat: Moment
    tenant: str = Field(default="default", max_length=60)
    datacontenttype: str = "application/json"
    data: dict[str, Any]

    @property
    def channel(self) -> str:
        """The customer's channel: what stands before the dot of the type."""
        return self.type.partition(".")[0]

    @property
    def ms(self) -> int:
        """When it happened, in milliseconds since 1970 UTC."""
        return int(self.time.timestamp() * 1000)

    @property
    def ref(self) -> str:
        """A short name of the event: the same however often it is sent."""
        return ref(f"{self.source}\n{self.id}")

    @property
    def identities(self) -> list[Identity]:
        """Whom it is about; the strongest first."""
        found: list[Identity] = self.data.get("identities") or []
        return found


def make(
    kind: str,
    *,
    id: str,
    source: str,
    identities: list[Identity],
    received: datetime,
    time: datetime | None = None,
    tenant: str = "default",
    **data: Any,
) -> Event:
    """An event about the given identities, keyed by the first. Raises Rejected when there is none."""
    if not identities:
        raise Rejected("nobody can be recognised in this message", field="identities")
    content = {name: value for name, value in data.items() if value is not None}
    return Event(
        id=id,
        source=source,
        type=kind,
        time=time or received,
        subject=key(identities[0]),
        receivedat=received,
        tenant=tenant,
        data={"identities": identities, **content},
    )
