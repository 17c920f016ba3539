"""A change to one customer, as it is being prepared: everything that is written in one step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import orjson

from hub.profile import Profile
from profile_store import keys
from profile_store.search import entry, terms

ABSENT: Final = ""
VERSION: Final = 12
"""Digits of a version, at the front of the stored profile."""

Arguments = list[str | bytes | int]


def packed(version: int, profile: Profile) -> bytes:
    """A profile as it is stored."""
    return b"%012d" % version + orjson.dumps(profile)


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
    changed: bool = False
    """Whether identities or names changed: then the search terms are made anew."""

    def members(self) -> int:
        """How many keys this change writes."""
        return 1 + len(self.aliases) + len(self.absorbed)

    def written(self) -> list[str]:
        """The keys it writes, in the order of `arguments`."""
        others = [*self.aliases, *(one.profile["id"] for one in self.absorbed)]
        return [keys.profile(self.profile["id"]), *map(keys.profile, others)]

    def expected(self) -> list[str]:
        """What the store must hold at these keys."""
        return [self.version, *(ABSENT for _ in self.aliases), *(one.version for one in self.absorbed)]

    def arguments(self) -> Arguments:
        """What is written, as the store's function reads it."""
        customer = self.profile["id"]
        new = terms(self.profile) if self.changed else self.terms
        fresh = [entry(term, customer) for term in sorted(new - self.terms)]
        gone = [entry(term, customer) for term in sorted(self.terms - new)]
        rows = self.rows[-keys.TIMELINE_ROWS :]
        forget = max(self.seen.values()) - keys.SEEN_MS if self.seen and len(self.seen) & 15 == 0 else ""
        own: Arguments = [packed(int(self.version or 0) + 1, self.profile), "", len(rows), *rows]
        own += [2 * len(self.seen), *(part for ref, at in self.seen.items() for part in (at, ref))]
        own += [keys.TIMELINE_ROWS if rows else 0, forget]
        own += [2 * len(self.outbox), *(part for item in self.outbox.items() for part in item)]
        own += [2 * len(self.timers), *(part for member, due in self.timers.items() for part in (due, member))]
        own += [len(self.cancelled), *sorted(self.cancelled)]
        own += [2 * len(fresh), *(part for term in fresh for part in (0, term)), len(gone), *gone, self.news]
        for place in self.aliases:
            own += _alias(customer, place)
        for loser in self.absorbed:
            own += _alias(customer, loser.profile["id"], loser)
        return own


def _alias(customer: str, place: str, loser: Draft | None = None) -> Arguments:
    """The arguments that make `place` a part of `customer`, with what it held when it was one itself."""
    nothing: Arguments = [0, 0, 0, "", 0, 0]
    if loser is None:
        return [f">{customer}", "", *nothing, 0, 0, 0, ""]
    gone = [entry(term, place) for term in sorted(loser.terms)]
    waiting = [keys.timer(place, slot, timer[0]) for slot, timer in loser.profile["timers"].items()]
    moved: Arguments = [
        f">{customer}",
        keys.profile(customer),
        *nothing,
        len(waiting),
        *waiting,
        0,
        len(gone),
        *gone,
        "",
    ]
    return moved
