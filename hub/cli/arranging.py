"""Joining two customers, taking one apart, and why one is who it is: at the command line."""

from __future__ import annotations

import asyncio
import getpass
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from hub import ids
from hub.bus import Producer, topic
from hub.errors import HubError, Rejected, Transient
from hub.event import Event, make
from hub.identity import Identity
from hub.kinds import Policy
from hub.profile import Profile
from hub.settings import Settings
from hub.topics import INTERACTIONS
from profile_store import outlook, why
from profile_store.store import Store
from profile_store.why import No, Tie

PATIENCE: Final = 30.0
"""Seconds until a decision should be visible, also when the workers have much to do."""
PAUSE: Final = 0.1

RULES: Final = {
    "together": "named together in one event",
    "by hand": "joined by hand",
    "taken apart": "stayed together when others were taken apart",
}
REASONS: Final = {
    "claimed": "only claimed: the other customer is known, and nobody proved that it is the same person",
    "divided": "somebody took them apart by hand; only by hand they become one again",
    "shared": "several people use it",
    "blocked": "it is on the list of values that mean nothing",
    "type": "identities of this type connect nobody",
    "size": "a customer has at most {limit} identities",
    "limit": "a customer has at most {limit} of type {type}{within}",
}


class Refused(HubError):
    """What was asked for was decided against."""


def reason(no: No) -> str:
    """Why an identity was refused, as a sentence."""
    within = f" seen within {no['window']:.0f} s" if no["window"] else ""
    known = REASONS.get(no["code"], no["code"])
    return known.format(limit=no["limit"], type=no["type"], within=within)


Events = Mapping[str, Mapping[str, Any]]
"""What the log says of events, by their short names."""


def behind(decided: Tie | No, events: Events) -> str:
    """The event that led to a decision, as much as is known of it."""
    ref = decided["event"]["ref"]
    found = events.get(ref)
    if found is None:
        return f"{decided['event']['type'] or 'event'} {ref}"
    return " ".join(filter(None, (found["type"], found["id"], found["agent"] and f"by {found['agent']}")))


class Decided:
    """What was decided about a customer's identities: links, refusals, and claims for others that were refused."""

    def __init__(self, profile: Profile, others: Iterable[Profile], policy: Policy) -> None:
        self.profile = profile
        self.ties, self.refusals = why.links(profile), why.refusals(profile, policy)
        self.claims = why.claims(profile, others, policy)

    @property
    def all(self) -> list[Tie | No]:
        """Every one of them."""
        return [*self.ties, *self.refusals, *self.claims]


def print_kinship(console: Console, decided: Decided, when: Callable[[int], str], events: Events | None = None) -> None:
    """Links, refusals and claims, a table each."""
    known = events or {}
    if decided.ties:
        table = Table("link", "identities", "why", "event", "id that stayed", "since", box=None)
        for tie in decided.ties:
            rule = RULES.get(tie["rule"], tie["rule"])
            both = f"{tie['one']} {tie['other']}"
            table.add_row(tie["state"], both, rule, behind(tie, known), tie["kept"], when(tie["time"]))
        console.print(table)
    if decided.refusals:
        table = Table("not taken", "because", "event", "since", box=None)
        for no in decided.refusals:
            table.add_row(no["identity"], reason(no), behind(no, known), when(no["time"]))
        console.print(table)
    if decided.claims:
        table = Table("not given", "to", "because", "event", "since", box=None)
        for one in decided.claims:
            table.add_row(one["identity"], one["customer"], reason(one), behind(one, known), when(one["time"]))
        console.print(table)


def request(settings: Settings, kind: str, customers: list[str], **data: Any) -> Event:
    """What a person asks of the workers."""
    agent = _user()
    source = f"/hub/{agent}"[:200]
    people: list[Identity] = [{"type": "customer", "value": one, "verified": False} for one in customers]
    return make(
        kind,
        id=ids.event_id(source, f"{kind}\n{uuid.uuid4()}"),
        source=source,
        identities=people,
        received=datetime.now(UTC),
        tenant=settings.tenant,
        agent=agent,
        **data,
    )


def _user() -> str:
    """Who is at the keyboard; a container may not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "hub"


async def ask(settings: Settings, event: Event) -> None:
    """Put a request into the log. Raises Transient."""
    producer = Producer(settings.kafka_bootstrap_servers, client="hub-cli")
    await producer.start()
    try:
        await producer.publish(topic(settings, INTERACTIONS), [(event.subject, event.to_json())])
    finally:
        await producer.stop()


async def decided(store: Store, settings: Settings, customer: str, ref: str) -> Profile:
    """Wait until a request is decided; the customer then. Raises Refused, or Transient when it takes too long."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = await store.get(customer)
        said = why.outcome(found[1], ref, settings.policy) if found else None
        if said is not None and found is not None:
            if said[1] is not None:
                raise Refused(f"refused: {reason(said[1])}")
            return found[1]
        await asyncio.sleep(PAUSE)
    raise Transient(
        f"not decided after {PATIENCE:.0f} s: the request is in the log and will be done; are the workers running?"
    )


async def merge(store: Store, settings: Settings, one: Profile, other: Profile, *, force: bool) -> str:
    """Make two customers one; what came of it. Raises Rejected, Refused or Transient."""
    if one["id"] == other["id"]:
        raise Rejected("both are the same customer already")
    event = request(settings, "agent.merge", [one["id"], other["id"]], merge={"force": force})
    await ask(settings, event)
    found = await decided(store, settings, one["id"], event.ref)
    gone = ({one["id"], other["id"]} - {found["id"]}).pop()
    return f"merged: {gone} is part of {found['id']} now, with {len(found['identities'])} identities"


async def unmerge(store: Store, settings: Settings, profile: Profile, names: list[str]) -> list[str]:
    """Take identities out of a customer; what there is now, a line a customer. Raises Rejected or Transient."""
    document = await store.document(profile["id"])
    nodes = set(profile["identities"])
    foreign = sorted(set(names) - nodes)
    if foreign:
        raise Rejected(f"not this customer's: {', '.join(foreign)}; it has {', '.join(sorted(nodes))}")
    if nodes == set(names) or document is None:
        raise Rejected("these are all identities of this customer: nothing would be left apart")
    sides = outlook.taken_apart(document[1], names)
    event = request(settings, "agent.unmerge", [profile["id"]], unmerge={"identities": sorted(set(names))})
    await ask(settings, event)
    await decided(store, settings, profile["id"], event.ref)
    lines = []
    for side in sides:
        found = await store.find(min(side["identities"]))
        if found is not None:
            lines.append(f"{found[1]['id']}: {', '.join(sorted(found[1]['identities']))}")
    return lines
