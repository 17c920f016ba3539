"""What must be so before anything is said: an address, the customer's consent, room under the caps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from hub import reach
from hub.profile import Profile, value
from rules.model import Cap, GlobalCap, Rule
from rules.spans import text as span_text

ADDRESS: Final = {"email": "e-mail address", "sms": "phone number", "phone": "phone number", "social": "social account"}
FAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        reach.HARD_BOUNCE: "does not exist (hard bounce)",
        reach.SOFT_BOUNCES: "did not take the last messages",
        reach.COMPLAINT: "belongs to somebody who complained of our messages",
        reach.BLOCKED: "is blocked",
        reach.STOPPED: "was closed by STOP",
    }
)
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


def consent(profile: Profile, channel: str, purpose: str, now: int) -> str:
    """Empty when this may be said over this channel at a moment (ms), else the reason."""
    why_not, said = reach.leave(profile, channel, purpose, now)
    where, _, what = said.partition("/")
    over = "every channel" if where == "any" else channel
    if why_not == reach.REFUSED:
        return f"consent: {what} messages over {over} were refused"
    if why_not == reach.EXPIRED:
        return f"consent: the leave for {what} over {over} has expired"
    return f"consent: {purpose} over {channel} was not agreed to" if why_not else ""


def way(rule: Rule, profile: Profile, event: Mapping[str, Any], now: int) -> Way | Held:
    """The first channel of the rule that is reachable and allowed at a moment (ms), or why there is none."""
    reasons: list[str] = []
    for channel in rule.send.channel:
        to, reason = _address(rule, profile, event, channel, now)
        reason = reason or consent(profile, channel, rule.send.purpose, now)
        if not reason:
            return Way(channel, to)
        reasons.append(reason)
    # A refusal tells more than an address that does not work, and that more than a missing one.
    reasons.sort(key=lambda reason: (reason.startswith("unreachable"), reason.startswith("address")))
    return Held(reasons[0])


def _address(rule: Rule, profile: Profile, event: Mapping[str, Any], channel: str, now: int) -> tuple[str, str]:
    """The best address that works, `type:value`, and an empty reason; or why there is none.

    An answer goes to who wrote or called, a promotion to the address we trust most.
    """
    known = reach.addresses(profile, channel)
    if rule.send.purpose != "marketing":
        named = [f"{one.get('type')}:{one.get('value')}" for one in event.get("identities") or ()]
        known = [one for one in named if one in known] + known
    if not known:
        return "", f"unreachable: no {ADDRESS[channel]} is known"
    for one in known:
        if not reach.faults(profile, channel, one, now):
            return one, ""
    fault = reach.faults(profile, channel, known[0], now)[0]
    return "", f"address: the {ADDRESS[channel]} {FAULTS[fault]}"


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
