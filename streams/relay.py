"""What a batch set off goes on its way: triggers to their topic, firings back into the log, dead letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import orjson

from hub.bus import Producer, topic
from hub.deadletter import DeadLetter
from hub.event import Event
from hub.logs import get
from hub.lots import lots
from hub.metrics import DEAD
from hub.settings import Settings
from hub.topics import DEAD_LETTERS, INTERACTIONS, TRIGGERS
from hub.trigger import Trigger
from profile_store.ledger import Ledger
from profile_store.timeline import TEXT
from streams.decode import Dead

SOURCE: Final = "/rules"
FIRED: Final = "rule.fired"
"""The event that a rule spoke."""
EVENT: Final = "event:"
"""How the id of an outbox entry begins that is an event for the log: a decision about identities."""

AT_ONCE: Final = 1_000
"""Entries that are sent together. The broker has a moment to take them: of more than it can take, all would be sent
again and again."""

Entry = tuple[int, str, bytes]
"""Bucket, id, and what is sent."""

log = get("relay")


def firing(trigger: Trigger, tenant: str) -> Event:
    """The event that a rule spoke, and what it said: with it in the log, caps and histories survive a rebuild."""
    kind, _, value = trigger.to.partition(":")
    said = {
        "rule": trigger.rule,
        "channel": trigger.channel,
        "purpose": trigger.purpose,
        "version": trigger.version,
        "text": trigger.text[:TEXT],
        "reason": trigger.reason,
        "trigger": trigger.id,
    }
    return Event(
        id=trigger.id,
        source=SOURCE,
        type=FIRED,
        time=trigger.time,
        subject=trigger.to,
        receivedat=datetime.now(UTC),
        tenant=tenant,
        data={"identities": [{"type": kind, "value": value, "verified": False}], **said},
    )


class Relay:
    """Takes triggers from the outbox to Kafka. An outbox entry leaves only after Kafka has it."""

    def __init__(self, producer: Producer, ledger: Ledger, settings: Settings) -> None:
        self._producer = producer
        self._ledger = ledger
        self._tenant = settings.tenant
        self._waiting: set[str] = set()
        self._topics = {name: topic(settings, name) for name in (TRIGGERS, INTERACTIONS, DEAD_LETTERS)}

    async def send(self, outboxes: Iterable[tuple[int, Mapping[str, bytes]]]) -> None:
        """Send what waits in buckets: (bucket, id → trigger, or `event:` and id → event). Raises Transient.

        What was sent before that is not in the outbox any more.
        """
        waiting = [(bucket, id, body) for bucket, outbox in outboxes for id, body in outbox.items()]
        for some in lots([one for one in waiting if one[1].startswith(EVENT)], AT_ONCE):
            events = [(str(orjson.loads(body)["subject"]), body) for _, _, body in some]
            await self._producer.publish(self._topics[INTERACTIONS], events)
            await self._ledger.relayed((bucket, id) for bucket, id, _ in some)
        for some in lots([one for one in waiting if not one[1].startswith(EVENT)], AT_ONCE):
            triggers = [Trigger.from_json(body) for _, _, body in some]
            messages = [(one.customer, body) for one, (_, _, body) in zip(triggers, some, strict=True)]
            await self._producer.publish(self._topics[TRIGGERS], messages)
            firings = [firing(one, self._tenant) for one in triggers]
            await self._producer.publish(self._topics[INTERACTIONS], [(one.subject, one.to_json()) for one in firings])
            await self._ledger.relayed((bucket, id) for bucket, id, _ in some)

    async def sweep(self, *, all_: bool = False) -> int:
        """Send what a worker that died left in the outbox; how many there were. Raises Transient."""
        waiting = await self._ledger.waiting_triggers()
        # What is there for the first time is most likely in somebody's hands just now.
        known, self._waiting = self._waiting, {id for outbox in waiting.values() for id in outbox}
        known = self._waiting if all_ else known
        left = {bucket: {id: body for id, body in outbox.items() if id in known} for bucket, outbox in waiting.items()}
        count = sum(map(len, left.values()))
        if count:
            log.info("sending what was left in the outbox", triggers=count)
            await self.send(left.items())
        return count

    async def bury(self, dead: Dead) -> None:
        """Put a record among the dead letters. Raises Transient."""
        record = dead.record
        letter = DeadLetter.of(
            record.value or b"",
            key=(record.key or b"").decode("utf-8", "replace"),
            reason=dead.reason,
            error=dead.error,
            place={"topic": INTERACTIONS, "partition": record.partition, "offset": record.offset},
        )
        await self._producer.publish(self._topics[DEAD_LETTERS], [(letter.key, letter.to_json())])
        DEAD.labels(dead.reason).inc()
