"""The profile: what we know of one customer, as a function of the set of their events.

Times are milliseconds since 1970 UTC. A *register* keeps the newest of several statements and where it
came from: `[value, time, ref, source]`, ordered by (time, ref), so that the order of arrival does not
matter. Profiles are plain dictionaries on the hot path; `PROFILE` checks one where it enters from outside.
"""

from __future__ import annotations

from typing import Any, Final, NotRequired, TypeAlias

from pydantic import TypeAdapter
from typing_extensions import TypedDict

Register: TypeAlias = list[Any]
"""`[value, time, ref, source]`; source is the type of the event that said it."""

VALUE, TIME, REF, SOURCE = 0, 1, 2, 3


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


class Profile(TypedDict):
    """Everything known of one customer; the timeline is kept beside it."""

    id: str
    first: int
    """Time of the earliest event."""
    last: int
    """Time of the newest event."""
    events: int
    identities: dict[str, Known]
    traits: dict[str, Register]
    facts: dict[str, Register]
    """What the customer told us once: digits of a phone menu, fields of a form."""
    channels: dict[str, Traffic]
    counts: dict[str, int]
    """By event type, and by `type/name` for tracked events."""
    latest: dict[str, Register]
    """The newest text by the same keys as `counts`: `[text, time, ref, type]`."""
    consent: dict[str, Register]
    """By `channel/purpose`: `[given, time, ref, source]`."""
    stage: str
    """Lifecycle: need, evaluation, purchase or after."""
    fired: dict[str, list[Any]]
    """Trigger id → `[rule, channel, time, purpose]`, the newest ones: caps are counted here."""
    timers: dict[str, list[Any]]
    """Slot → `[timer id, due, rule]`: what we are waiting for."""
    fences: dict[str, dict[str, int]]
    """Identity → `topic id/partition` → last offset applied. Bookkeeping of the pipeline."""
    windows: NotRequired[dict[str, list[list[Any]]]]
    """What computed traits are read from: feature → its tiles, oldest first. See profile_store/tiles.py."""
    segments: NotRequired[dict[str, int]]
    """Segment → since when the customer is in it. Like `timers` it belongs to the customer, not to an identity."""
    call: NotRequired[Register]
    """The newest state of the newest call: `[{id, state, direction, number, digits}, time, ref, source]`."""


PROFILE: Final[TypeAdapter[Profile]] = TypeAdapter(Profile)

STAGES: Final = ("need", "evaluation", "purchase", "after")


def empty(customer: str) -> Profile:
    """A customer of whom nothing is known yet."""
    return {
        "id": customer,
        "first": 0,
        "last": 0,
        "events": 0,
        "identities": {},
        "traits": {},
        "facts": {},
        "channels": {},
        "counts": {},
        "latest": {},
        "consent": {},
        "stage": "need",
        "fired": {},
        "timers": {},
        "fences": {},
    }


def value(registers: dict[str, Register], name: str, default: Any = None) -> Any:
    """What a register says now, or the default when nothing was ever said."""
    found = registers.get(name)
    return default if found is None else found[VALUE]


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
