"""Documents byte for byte: as they are stored, and as the log alone makes them."""

from __future__ import annotations

import asyncio
from collections import Counter

import orjson

from hub.errors import Rejected
from hub.topics import TRIGGERS
from hub.trigger import Trigger
from profile_store.document import alias, canonical, unpacked
from streams.decode import Incoming, one
from streams.foretell import Line
from streams.topic import describe
from streams.verify import differences, refold
from tests.faults.harness import Installation
from tests.faults.topic import read_all
from tests.faults.verdict import values


async def stored(hub: Installation) -> dict[str, bytes]:
    """Customer → its document, of those with events."""
    documents = [unpacked(value) for value in (await values(hub)).values() if alias(value) is None]
    return {one["id"]: canonical(one) for one in documents if one["parts"]}


async def folded(hub: Installation) -> dict[str, bytes]:
    """The same from the log alone, without a worker or a store."""
    topic = await asyncio.to_thread(describe, hub.settings)
    events: list[Incoming] = []
    for message in await asyncio.to_thread(hub.log.all):
        try:
            line = Line(message.value, message.partition, message.offset)
            events.append(one(line, topic.id, True, hub.settings.policy))
        except Rejected:
            continue
    return {one["id"]: canonical(one) for one in refold(events).documents() if one["parts"]}


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> str:
    """Where two sets of documents differ, a line a place; the first of them."""
    gone, new = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    found = [f"{len(gone)} gone, {len(new)} new"] if gone or new else []
    found += [f"{one} is gone" for one in gone[:5]] + [f"{one} is new" for one in new[:5]]
    for id in sorted(before.keys() & after.keys()):
        if before[id] != after[id]:
            found += [f"{id}: {line}" for line in differences(orjson.loads(before[id]), orjson.loads(after[id]))]
    return "\n".join(found[:20])


async def sent(hub: Installation) -> dict[str, Counter[str]]:
    """What led to messages: event id → trigger ids, and how often each is on its topic."""
    found: dict[str, Counter[str]] = {}
    for message in await asyncio.to_thread(read_all, hub.settings, TRIGGERS):
        trigger = Trigger.from_json(message.value)
        found.setdefault(trigger.cause, Counter())[trigger.id] += 1
    return found
