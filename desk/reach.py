"""The ways an agent can write to a customer, and why some are closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hub import reach
from hub.profile import Profile

HOUR: Final = 3_600_000
FINAL: Final = frozenset({reach.HARD_BOUNCE, reach.BLOCKED, reach.STOPPED})
"""What an agent's message cannot pass either. Whoever complained of our offers may still be answered by a person."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of writing: the channel and provider behind it, and the identity it goes to."""

    id: str
    channel: str
    provider: str
    identity: str
    window_hours: int | None = None
    """A business may answer only this long after the customer's last message."""


KINDS: Final = (
    Kind("sms", "sms", "", "phone"),
    Kind("email", "email", "", "email"),
    Kind("whatsapp", "social", "meta", "whatsapp", 24),
    Kind("messenger", "social", "meta", "meta_psid", 24),
    Kind("instagram", "social", "meta", "instagram_id", 24),
)
ALWAYS_SHOWN: Final = frozenset({"sms", "email"})
"""Shown closed too: that we have no number or address is worth asking for."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to one customer."""

    kind: Kind
    to: str
    """The identity, `type:value`; empty when we know none."""
    closed: str = ""
    """Why not: '', 'no-address', 'withdrawn', 'window'; of the address 'hard-bounce', 'blocked' or 'stopped'."""
    last: int = 0
    """When the customer last wrote on this channel, in milliseconds; 0 for never."""


def ways(profile: Profile, now: int) -> list[Way]:
    """Every way worth showing, open ones first."""
    found = [_way(kind, profile, now) for kind in KINDS]
    shown = [way for way in found if way.to or way.kind.id in ALWAYS_SHOWN]
    return sorted(shown, key=lambda way: bool(way.closed))


def _way(kind: Kind, profile: Profile, now: int, to: str = "") -> Way:
    traffic = profile["channels"].get(kind.channel)
    last = traffic["last_received"] if traffic else 0
    if not to:
        known = [one for one in reach.addresses(profile, kind.channel) if one.partition(":")[0] == kind.identity]
        to = next((one for one in known if not _final(profile, kind, one, now)), known[0] if known else "")
    if not to:
        return Way(kind, "", "no-address", last)
    if reach.leave(profile, kind.channel, "service", now).why_not:
        return Way(kind, to, reach.REFUSED, last)
    if fault := _final(profile, kind, to, now):
        return Way(kind, to, fault, last)
    if kind.window_hours is not None and now - last > kind.window_hours * HOUR:
        return Way(kind, to, "window", last)
    return Way(kind, to, "", last)


def _final(profile: Profile, kind: Kind, address: str, now: int) -> str:
    return next((one for one in reach.faults(profile, kind.channel, address, now) if one in FINAL), "")


def way_to(profile: Profile, channel: str, to: str, now: int) -> Way | None:
    """The way an agent asked for, or None when the customer has no such identity on that channel.

    `channel` is a channel's name or the id of one of KINDS; without `to` the best identity is taken.
    """
    for kind in KINDS:
        if channel not in (kind.id, kind.channel):
            continue
        if to and (not to.startswith(f"{kind.identity}:") or to not in profile["identities"]):
            continue
        way = _way(kind, profile, now, to)
        if way.to:
            return way
    return None
