"""A change to one customer, as it is being prepared: everything that is written in one step."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from hub.jsonbytes import dumps
from hub.profile import Profile
from profile_store import keys
from profile_store.search import entry, terms

ABSENT: Final = ""
VERSION: Final = 12
"""Characters of a version, at the front of the stored profile: a count of 8 digits, and 4 drawn by lot.

The lot is for a store that lost its tail: counted up again, a version must not look like the lost one to a worker
that still holds that.
"""
COUNT: Final = 8

FORGET_EVERY: Final = 16
"""At every so many events of a customer, names of events too old to be sent again are forgotten."""

Member = tuple[str, str, dict[str, Any]]


def packed(before: str, profile: Profile) -> bytes:
    """A profile as it is stored, in the version after `before`."""
    return b"%08d%04x" % (count(before) + 1, random.getrandbits(16)) + dumps(profile)


def count(version: str) -> int:
    """How often the profile was written."""
    return int(version[:COUNT] or 0)


def name(ref: str) -> bytes:
    """An event's short name as it is stored."""
    return bytes.fromhex(ref)


def alias(raw: bytes) -> str | None:
    """The customer this one was merged into, or None when it is one of its own."""
    return raw[1:].decode() if raw[:1] == b">" else None


def unpacked(raw: bytes) -> Profile:
    """The profile in a stored value. We wrote it, so it is not checked again."""
    profile: Profile = orjson.loads(memoryview(raw)[VERSION:])
    return profile


@dataclass(slots=True)
class Draft:
    """One customer before and after a batch; `version` is what the store must still hold."""

    profile: Profile
    version: str = ABSENT
    rows: list[bytes] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    """Short name of each applied event → when it was received."""
    outbox: dict[str, bytes] = field(default_factory=dict)
    timers: dict[str, int] = field(default_factory=dict)
    """Timers to set: member → due."""
    cancelled: set[str] = field(default_factory=set)
    terms: set[str] = field(default_factory=set)
    """Search terms the store holds."""
    aliases: list[str] = field(default_factory=list)
    """Identities' places that become part of this customer and held nothing."""
    absorbed: list[Draft] = field(default_factory=list)
    """Customers that become part of this one."""
    news: bytes = b""
    events: int = 0
    """How many events the stored profile has."""
    changed: bool = False
    """Whether identities or names changed: then the search terms are made anew."""

    def members(self) -> list[Member]:
        """Everything this change writes, together or not at all: key, version the store must hold, and what."""
        customer = self.profile["id"]
        found: list[Member] = [(keys.profile(customer), self.version, self._own())]
        found += [(keys.profile(place), ABSENT, {"document": f">{customer}"}) for place in self.aliases]
        found += [(keys.profile(one.profile["id"]), one.version, _absorbed(customer, one)) for one in self.absorbed]
        return found

    def _own(self) -> dict[str, Any]:
        written: dict[str, Any] = {"document": packed(self.version, self.profile)}
        if self.rows:
            written["rows"] = self.rows[-keys.TIMELINE_ROWS :]
        if self.seen:
            written["seen"] = [part for ref, at in self.seen.items() for part in (at // keys.SEEN_UNIT, name(ref))]
            # Now and then is enough: what is too old or too much does no harm.
            if self.profile["events"] // FORGET_EVERY != self.events // FORGET_EVERY:
                written["keep"] = keys.TIMELINE_ROWS
                written["forget"] = (max(self.seen.values()) - keys.SEEN_MS) // keys.SEEN_UNIT
        if self.outbox:
            written["outbox"] = [part for item in self.outbox.items() for part in item]
        if self.timers:
            written["timers"] = [part for member, due in self.timers.items() for part in (due, member)]
        if self.cancelled:
            written["cancelled"] = sorted(self.cancelled)
        if self.changed:
            customer, new = self.profile["id"], terms(self.profile)
            written["terms"] = [part for term in sorted(new - self.terms) for part in (0, entry(term, customer))]
            written["gone"] = [entry(term, customer) for term in sorted(self.terms - new)]
        if self.news:
            written["news"] = self.news
        return written


def _absorbed(customer: str, loser: Draft) -> dict[str, Any]:
    """What becomes of a customer that turns out to be part of another: a pointer; all it had moves."""
    was = loser.profile["id"]
    waiting = (keys.timer(was, slot, timer[0]) for slot, timer in loser.profile["timers"].items())
    return {
        "document": f">{customer}",
        "absorbed": keys.profile(customer),
        "cancelled": [*waiting, *sorted(loser.cancelled)],
        "gone": [entry(term, was) for term in sorted(loser.terms)],
    }
