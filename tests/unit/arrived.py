"""A stand-in for the sums of what workers saw: what functions.lua promises of them, written a second time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import ceil

from hub.arrivals import Arrivals
from hub.errors import Transient
from profile_store.arrivals import Looks

LOOKS, STRETCH = 65_536, 5_000


def added(old: Arrivals, new: Looks) -> Arrivals:
    """What is known after one worker told what it saw."""
    latest = max(old.latest, new.latest)
    if not new.seen:
        since = old.since if old.dry else new.since
        return old._replace(dry=old.dry + new.looked, since=since, latest=latest, odd=old.odd + new.odd)
    before = min(old.dry, STRETCH)
    looked, seen = old.looked + before + new.looked - new.dry, old.seen + new.seen
    longest = min(max(old.longest, new.longest, before + new.lead if old.last else 0), STRETCH)
    if looked > LOOKS:
        looked, seen, longest = looked // 2, ceil(seen / 2), longest // 2
    return Arrivals(looked, seen, longest, new.dry, max(old.last, new.last), new.since, latest, new.odd)


class MemoryArrivals:
    """The sums in memory; several workers may share them."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Arrivals]] = {}
        self.away = False

    async def add(self, kind: str, looks: Mapping[str, Looks]) -> None:
        """Add what was seen."""
        if self.away:
            raise Transient("nobody there")
        here = self.known.setdefault(kind, {})
        for name, one in looks.items():
            here[name] = added(here.get(name, Arrivals()), one)

    async def read(self, kinds: Collection[str]) -> dict[str, dict[str, Arrivals]]:
        """How fields came."""
        return {kind: dict(self.known[kind]) for kind in kinds if kind in self.known}
