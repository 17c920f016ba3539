"""The profile: what we know of one customer, as a function of the set of their events.

What is stored is a `Document`: for each identity the `Part` that its own events make, and what connects the
identities. What people and rules see is the `Profile`: all parts as one. So customers that turn out to be one are
their parts put together, and customers that are taken apart again get their own parts back.

Times are milliseconds since 1970 UTC. A *register* keeps the newest of several statements and where it
came from: `[value, time, ref, source]`, ordered by (time, ref), so that the order of arrival does not
matter. They are plain dictionaries on the hot path; `PROFILE` checks one where it enters from outside.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NotRequired, TypeAlias

from pydantic import TypeAdapter
from typing_extensions import TypedDict

Register: TypeAlias = list[Any]
"""`[value, time, ref, source]`; source is the type of the event that said it."""

VALUE, TIME, REF, SOURCE = 0, 1, 2, 3

Link: TypeAlias = list[Any]
"""`[state, time, ref, rule, keep, lose]`: two identities are `joined` or `apart` since a time; which of the two
customers kept its id."""

STATE, SINCE, CAUSE, RULE, KEEP, LOSE = range(6)
JOINED, APART = "joined", "apart"

Refusal: TypeAlias = list[Any]
"""`[reason, time, ref]`: why an identity that an event named was not taken as the customer's."""


class Known(TypedDict):
    """An identity the customer was seen with."""

    verified: bool
    first: int
    last: int


class Traffic(TypedDict):
    """What went through one channel."""

    received: int
    sent: int
    failed: int
    last_received: int
    last_sent: int


class Told(TypedDict):
    """What events tell, whether of one identity or of a whole customer."""

    first: int
    """Time of the earliest event."""
    last: int
    """Time of the newest event."""
    events: int
    mentions: dict[str, Known]
    """Every identity that the events name."""
    traits: dict[str, Register]
    unfit: NotRequired[dict[str, Register]]
    """Statements about traits that were not kept, or not whole; see profile_store/traits.py."""
    facts: dict[str, Register]
    """What the customer told us once: digits of a phone menu, fields of a form."""
    channels: dict[str, Traffic]
    counts: dict[str, int]
    """By event type, and by `type/name` for tracked events."""
    latest: dict[str, Register]
    """The newest text by the same keys as `counts`: `[text, time, ref, type]`."""
    consent: dict[str, Register]
    """By `channel/purpose`: `[given, time, ref, source]`."""
    refused: dict[str, Refusal]
    """Identities that events named and that were not taken as the customer's."""
    fired: dict[str, list[Any]]
    """Trigger id → `[rule, channel, time, purpose]`, the newest ones: caps are counted here."""
    call: NotRequired[Register]
    """The newest state of the newest call: `[{id, state, direction, number, digits}, time, ref, source]`."""
    answers: NotRequired[dict[str, Any]]
    devices: NotRequired[dict[str, Any]]
    matters: NotRequired[dict[str, Any]]
    permission: NotRequired[dict[str, Any]]
    place: NotRequired[dict[str, Any]]
    satisfaction: NotRequired[dict[str, Any]]
    scores: NotRequired[dict[str, Any]]
    sentiment: NotRequired[list[list[Any]]]
    told: NotRequired[dict[str, Any]]
    windows: NotRequired[dict[str, list[list[Any]]]]
    """What computed traits are read from: feature → its tiles, oldest first. See profile_store/tiles.py."""
    worth: NotRequired[dict[str, Any]]
    """These and what follows: facets, each described in profile_store/facets."""


class Part(Told):
    """What the events of one identity tell."""

    fences: dict[str, int]
    """`topic id/partition` → last offset applied. Bookkeeping of the pipeline."""


class Profile(Told):
    """Everything known of one customer; the timeline is kept beside it."""

    id: str
    identities: dict[str, Known]
    """Those of `mentions` that are the customer's own."""
    links: dict[str, Link]
    """What made them the customer's own, by `one\\nother`."""
    stage: str
    """Lifecycle: one of STAGES, or of the stages that are declared."""
    timers: dict[str, list[Any]]
    """Slot → `[timer id, due, rule]`: what we are waiting for."""
    segments: dict[str, int]
    """Segment → since when the customer is in it; declared stages and tiers are memberships too."""


class Document(TypedDict):
    """One customer as it is stored."""

    id: str
    nodes: list[str]
    """The customer's identities, `type:value`."""
    parts: dict[str, Part]
    """By the identity whose events they are."""
    links: dict[str, Link]
    timers: dict[str, list[Any]]
    segments: dict[str, int]


PROFILE: Final[TypeAdapter[Profile]] = TypeAdapter(Profile)

STAGES: Final = ("need", "evaluation", "purchase", "after")
STAGE: Final = "stage:"
TIER: Final = "tier:"
"""How memberships begin that say where the customer stands in a declared lifecycle, and in which value tier."""
PSEUDO: Final = "customer:"
"""How the hub's own events name a customer by its place, when they name no identity."""


def part() -> Part:
    """The part of an identity without events."""
    return {
        "first": 0,
        "last": 0,
        "events": 0,
        "mentions": {},
        "traits": {},
        "facts": {},
        "channels": {},
        "counts": {},
        "latest": {},
        "consent": {},
        "refused": {},
        "fired": {},
        "fences": {},
    }


def blank(customer: str, *nodes: str) -> Document:
    """A customer of whom nothing is known yet but who it is."""
    return {"id": customer, "nodes": sorted(nodes), "parts": {}, "links": {}, "timers": {}, "segments": {}}


def empty(customer: str) -> Profile:
    """The profile of a customer of whom nothing is known yet."""
    return {
        "id": customer,
        "first": 0,
        "last": 0,
        "events": 0,
        "identities": {},
        "mentions": {},
        "links": {},
        "refused": {},
        "traits": {},
        "facts": {},
        "channels": {},
        "counts": {},
        "latest": {},
        "consent": {},
        "stage": "need",
        "fired": {},
        "timers": {},
        "segments": {},
    }


def value(registers: dict[str, Register], name: str, default: Any = None) -> Any:
    """What a register says now, or the default when nothing was ever said."""
    found = registers.get(name)
    return default if found is None else found[VALUE]


def standing(members: Iterable[str], place: str) -> str:
    """The declared stage (STAGE) or tier (TIER) among a customer's memberships; empty when there is none."""
    for name in members:
        if name.startswith(place):
            return name[len(place) :]
    return ""


def language(profile: Profile, default: str = "en") -> str:
    """The customer's language as a two-letter code."""
    said = value(profile["traits"], "language", default)
    return str(said).replace("_", "-").partition("-")[0].lower() or default


def address(profile: Profile, *kinds: str) -> str | None:
    """The identity of the given types last seen, verified ones first, as `type:value`."""
    best: tuple[bool, int, str] | None = None
    for key, known in profile["identities"].items():
        if key.partition(":")[0] in kinds:
            rank = (known["verified"], known["last"], key)
            best = rank if best is None or rank > best else best
    return best[2] if best else None
