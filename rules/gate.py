"""What must be so before anything is said: an address, the customer's consent, room under the caps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from hub.profile import Profile, address, value
from rules.model import Cap, GlobalCap, Rule
from rules.spans import text as span_text

REACH: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "email": ("email",),
        "sms": ("phone",),
        "phone": ("phone",),
        "social": ("whatsapp", "instagram_id", "meta_psid", "telegram"),
    }
)
"""By which identities a customer is reached over a channel."""
ADDRESS: Final = {"email": "e-mail address", "sms": "phone number", "phone": "phone number", "social": "social account"}
HOLD: Final = "promotions_hold"
"""The trait that says: no promotion now, a complaint is open."""

Firing = Sequence[Any]
"""`[rule, channel, time, purpose]`, as the profile keeps it."""


@dataclass(frozen=True, slots=True)
class Way:
    """How the customer is reached."""

    channel: str
    to: str


@dataclass(frozen=True, slots=True)
class Held:
    """Why nothing is said."""

    reason: str


def consent(profile: Profile, channel: str, purpose: str) -> str:
    """Empty when this may be said over this channel, else the reason.

    Withdrawing for the channel, for any channel, for the purpose or for all of them each closes the way.
    Marketing must have been agreed to; service and transactional messages need nobody's leave.
    """
    said = profile["consent"]
    for where in (channel, "any"):
        for what in (purpose, "all"):
            if value(said, f"{where}/{what}") is False:
                over = "every channel" if where == "any" else channel
                return f"consent: {what} messages over {over} were refused"
    if purpose != "marketing" or value(said, f"{channel}/marketing") or value(said, "any/marketing"):
        return ""
    return f"consent: marketing over {channel} was not agreed to"


def way(rule: Rule, profile: Profile, event: Mapping[str, Any]) -> Way | Held:
    """The first channel of the rule that is reachable and allowed, or why there is none."""
    reasons: list[str] = []
    for channel in rule.send.channel:
        to = _address(rule, profile, event, REACH[channel])
        if to is None:
            reasons.append(f"unreachable: no {ADDRESS[channel]} is known")
            continue
        reason = consent(profile, channel, rule.send.purpose)
        if not reason:
            return Way(channel, to)
        reasons.append(reason)
    # A refusal tells more than a missing address.
    reasons.sort(key=lambda reason: reason.startswith("unreachable"))
    return Held(reasons[0])


def _address(rule: Rule, profile: Profile, event: Mapping[str, Any], kinds: tuple[str, ...]) -> str | None:
    """Whom an answer goes to: who wrote or called. A promotion goes to the address we trust most."""
    if rule.send.purpose != "marketing":
        for one in event.get("identities") or ():
            if one.get("type") in kinds and f"{one['type']}:{one['value']}" in profile["identities"]:
                return f"{one['type']}:{one['value']}"
    return address(profile, *kinds)


def capped(rule: Rule, firings: Iterable[Firing], now: int, caps: Sequence[GlobalCap]) -> str:
    """Empty when there is room for one more message, else the reason."""
    known = list(firings)
    if rule.cap is not None and _full(rule.cap, [one for one in known if one[0] == rule.id], now):
        return f"cap: this rule spoke {rule.cap.count} times within {span_text(rule.cap.per)}"
    for cap in caps:
        if cap.purpose is not None and cap.purpose != rule.send.purpose:
            continue
        counted = known if cap.purpose is None else [one for one in known if one[3] == cap.purpose]
        if _full(cap, counted, now):
            return f"cap: {cap.count} {cap.purpose or ''} messages within {span_text(cap.per)}".replace("  ", " ")
    return ""


def _full(cap: Cap, firings: list[Firing], now: int) -> bool:
    # A late event may ask about a moment before firings we know of: those count, the customer has them already.
    return sum(1 for one in firings if one[2] > now - cap.per) >= cap.count


def on_hold(rule: Rule, profile: Profile) -> str:
    """Empty unless promotions to this customer are on hold and the rule is one."""
    if rule.send.purpose == "marketing" and value(profile["traits"], HOLD) is True:
        return "hold: promotions are on hold for this customer"
    return ""
