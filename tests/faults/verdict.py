"""The comparison of an installation with the oracle: what is wrong, in words; nothing when all is well."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from hub.errors import Rejected
from hub.event import Event
from hub.ids import customer_id
from hub.topics import TRIGGERS
from hub.trigger import Trigger
from profile_store import timeline
from profile_store.cluster import ledger
from profile_store.document import alias, profile_of, unpacked
from profile_store.store import Store
from tests.faults import decisions as told
from tests.faults import oracle
from tests.faults.harness import Installation
from tests.faults.topic import Message, read_all

SHOWN = 4


@dataclass
class Verdict:
    """What an installation made of its log."""

    events: list[Event]
    """Every readable event of the log, resends and our own included."""
    records: int
    customers: int
    faults: list[str] = field(default_factory=list)
    triggers: Counter[str] = field(default_factory=Counter)
    """Trigger id → how often it is on its topic."""
    causes: dict[str, set[str]] = field(default_factory=dict)
    """Event id → trigger ids it led to."""


async def judge(hub: Installation, *, without: Container[str] = (), decisions: bool = False) -> Verdict:
    """Compare history, log, profiles, timelines and triggers with the oracle; events `without` have no effect.

    `decisions`: customers are what the decisions in the log say, compared part by part; otherwise everybody who is
    named together is one.
    """
    log = await asyncio.to_thread(hub.log.all)
    readable = [(one, event) for one in log if (event := _event(one)) is not None and event.id not in without]
    events = [event for _, event in readable]
    held = await values(hub)
    wanted = told.customers(events, hub.policy) if decisions else []
    groups = [] if decisions else oracle.components(events)
    verdict = Verdict(events, len(log), len(groups) + len(wanted))
    there = {(event.source, event.id) for event in events}
    verdict.faults += [f"lost: {one} was accepted" for one in hub.accepted() if one not in there]
    verdict.faults += _documents(wanted, held) if decisions else _profiles(groups, held)
    verdict.faults += [f"alias: {one} leads nowhere" for one in held if _resolve(held, one) is None]
    verdict.faults += await _order(hub, readable, held)
    for message in await asyncio.to_thread(read_all, hub.settings, TRIGGERS):
        trigger = Trigger.from_json(message.value)
        verdict.triggers[trigger.id] += 1
        verdict.causes.setdefault(trigger.cause, set()).add(trigger.id)
    return verdict


def _event(message: Message) -> Event | None:
    try:
        return Event.from_json(message.value)
    except Rejected:
        return None


async def values(hub: Installation) -> dict[str, bytes]:
    """Customer → what the store holds of it."""
    at = await Store(hub.redis).where()
    names = [name async for name in hub.redis.scan_iter(f"{at.mark}{{b*}}:c:*", count=1000)]
    wanted: dict[str, list[str]] = {name.decode().partition(":c:")[2]: [] for name in names}
    here = ledger(hub.redis, hub.settings.group)
    here.at = at
    found = await here.read(wanted)
    return {customer: one.value for customer, one in found.items() if one.value is not None}


def _resolve(held: dict[str, bytes], place: str) -> str | None:
    for _ in range(len(held)):
        value = held.get(place)
        if value is None:
            return None
        target = alias(value)
        if target is None:
            return place
        place = target
    return None


def pointers(held: dict[str, bytes]) -> tuple[Counter[int], list[str]]:
    """How many places lead to a customer in how many steps; and the places that lead in a circle."""
    steps: Counter[int] = Counter()
    circles: list[str] = []
    for place in held:
        way = [place]
        while (value := held.get(way[-1])) is not None and (target := alias(value)) is not None:
            if target in way:
                circles.append(place)
                break
            way.append(target)
        else:
            steps[len(way) - 1] += 1
    return steps, circles


def _profiles(groups: Sequence[tuple[set[str], list[Event]]], held: dict[str, bytes]) -> list[str]:
    faults: list[str] = []
    claimed: set[str] = set()
    for identities, events in groups:
        found = {_resolve(held, customer_id(name)) for name in identities}
        if len(found) != 1 or None in found:
            faults.append(f"torn: {sorted(identities)} lead to {found}: {[event.to_json() for event in events][:3]}")
            continue
        customer = str(found.pop())
        claimed.add(customer)
        profile, wanted = profile_of(held[customer]), oracle.expected(events)
        if oracle.digest(profile) != oracle.digest(wanted):
            faults.append(f"differs: {customer}: {_difference(dict(profile), wanted)}")
    orphans = {one for one, value in held.items() if alias(value) is None} - claimed
    return [*faults, *(f"orphan: {one}" for one in sorted(orphans))]


def _documents(wanted: Sequence[told.Customer], held: dict[str, bytes]) -> list[str]:
    faults: list[str] = []
    claimed: set[str] = set()
    for one in wanted:
        found = {_resolve(held, told.place(name)) for name in one.nodes}
        if len(found) != 1 or None in found:
            faults.append(f"torn: {sorted(one.nodes)} lead to {found}")
            continue
        customer = str(found.pop())
        claimed.add(customer)
        document = unpacked(held[customer])
        faults += [f"differs: {customer}: {fault}" for fault in told.differences(document, one)]
    orphans = {one for one, value in held.items() if alias(value) is None} - claimed
    return [*faults, *(f"orphan: {one}" for one in sorted(orphans))]


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    parts = []
    for name in oracle.PARTS:
        one, other = found.get(name), wanted.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            names = sorted(part for part in one.keys() | other.keys() if one.get(part) != other.get(part))
            parts += [f"{name}.{part}: {one.get(part)} instead of {other.get(part)}" for part in names]
        elif one != other:
            parts.append(f"{name}: {one} instead of {other}")
    return "; ".join(parts)[:1500]


async def _order(hub: Installation, readable: Sequence[tuple[Message, Event]], held: dict[str, bytes]) -> list[str]:
    """The rows of a timeline lie in the order of applying: for one identity's events, that of the log."""
    place: dict[str, tuple[str, int]] = {}
    for message, event in readable:
        if event.type not in oracle.OURS:
            whose = f"{told.owner(event, hub.policy)} in {message.partition}"
            place.setdefault(event.id, (whose, message.offset))
    faults: list[str] = []
    at = await Store(hub.redis).where()
    for customer, value in held.items():
        if alias(value) is not None:
            continue
        last: dict[str, int] = {}
        for raw in await hub.redis.lrange(at.timeline(customer), 0, -1):
            id = timeline.decode(cast(bytes, raw))["id"]
            if id not in place:
                continue
            subject, offset = place[id]
            if offset <= last.get(subject, -1):
                faults.append(f"order: {customer}: {id} of {subject} at {offset} stands after {last[subject]}")
            last[subject] = offset
    return faults


def shown(faults: Sequence[str]) -> str:
    """The first faults, and how many of which kind there are."""
    kinds = Counter(fault.partition(":")[0] for fault in faults)
    first = [fault for kind in kinds for fault in [one for one in faults if one.startswith(f"{kind}:")][:SHOWN]]
    return f"{dict(kinds)}\n" + "\n".join(first)
