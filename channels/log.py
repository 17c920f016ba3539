"""What the dispatcher writes down: outcomes for itself, events for the profile, dead letters for people."""

from __future__ import annotations

from typing import Final

from hub import bus, metrics
from hub.bus import Producer
from hub.deadletter import DeadLetter
from hub.event import make
from hub.identity import Identity
from hub.ids import event_id
from hub.settings import Settings
from hub.topics import DEAD_LETTERS, INTERACTIONS, OUTCOMES
from hub.trigger import Outcome, Trigger

SOURCE: Final = "/dispatcher"


def recipient(trigger: Trigger) -> Identity:
    """Whom it went to; of an address that cannot be one, the customer's own id."""
    kind, _, value = trigger.to.partition(":")
    if kind and value:
        return {"type": kind, "value": value, "verified": False}
    return {"type": "customer", "value": trigger.customer, "verified": False}


class Log:
    """Writes to the topics."""

    def __init__(self, settings: Settings, producer: Producer) -> None:
        self._settings = settings
        self._producer = producer
        self._topics = {name: bus.topic(settings, name) for name in (OUTCOMES, INTERACTIONS, DEAD_LETTERS)}

    async def outcome(self, outcome: Outcome) -> None:
        """Log it. Raises Transient."""
        value = outcome.model_dump_json().encode()
        await self._producer.publish(self._topics[OUTCOMES], [(outcome.customer, value)])

    async def event(self, trigger: Trigger, outcome: Outcome) -> None:
        """Tell the customer's profile how it ended: the same end is always the same event. Raises Transient."""
        event = make(
            f"{trigger.channel}.{outcome.state}",
            id=event_id(SOURCE, trigger.id + outcome.state),
            source=SOURCE,
            identities=[recipient(trigger)],
            received=outcome.time,
            tenant=self._settings.tenant,
            trigger=trigger.id,
            rule=trigger.rule,
            text=trigger.text,
            subject=trigger.subject or None,
            message=outcome.message or None,
            provider=outcome.provider or None,
            customer=trigger.customer,
            purpose=trigger.purpose,
            agent=trigger.agent or None,
            error=(outcome.reason or None) if outcome.state != "sent" else None,
        )
        await self._producer.publish(self._topics[INTERACTIONS], [(event.subject, event.to_json())])

    async def dead(self, raw: bytes, key: str, reason: str, place: dict[str, object]) -> None:
        """Keep what is no trigger. Raises Transient."""
        letter = DeadLetter.of(raw, key=key, reason="unreadable", error=reason, place=place)
        metrics.DEAD.labels("unreadable").inc()
        await self._producer.publish(self._topics[DEAD_LETTERS], [(key, letter.to_json())])

    @staticmethod
    def count(trigger: Trigger, outcome: Outcome) -> None:
        """For the operators."""
        if outcome.state == "sent":
            metrics.SENT.labels(trigger.channel, outcome.provider).inc()
        elif outcome.state == "failed":
            metrics.FAILED.labels(trigger.channel, outcome.provider).inc()
        elif outcome.state == "in-doubt":
            metrics.IN_DOUBT.labels(trigger.channel).inc()
