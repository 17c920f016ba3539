"""Third step: an event changes the profile. Pure, and independent of the order events arrive in.

A profile is a function of the set of a customer's events: sums, earliest and newest, and registers that keep
the newest statement by (time, name of the event). What is bounded keeps its lexically smallest names, since
that is a rule which no order of arrival can change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from hub.event import Event
from hub.jsonbytes import dumps
from hub.profile import REF, TIME, Profile, Register, Traffic

RECEIVED: Final = frozenset(
    {"email.received", "sms.received", "phone.ringing", "social.message", "social.comment", "social.mention"}
    | {"web.page", "web.screen", "web.track", "web.identify"}
)
SENT: Final = frozenset({"email.sent", "sms.sent", "social.sent", "phone.sent"})
FAILED: Final = frozenset({"email.bounced", "email.failed", "sms.failed", "social.failed", "phone.failed"})
QUIET: Final = frozenset({"timer.due", "rule.fired", "segment.entered", "segment.left"})
"""Events of our own that say nothing about what the customer did."""

NAMES: Final = 128
"""Kinds of events, traits, facts and identities kept of one customer, each."""
LONGEST: Final = 1_000
"""Characters of a text, bytes of anything else."""
EXCERPT: Final = 80
FIRED: Final = 50
"""Triggers remembered, for caps."""

BOUGHT: Final = ("web.track/Order Completed",)
CHOOSING: Final = ("web.track/Product Added", "web.track/Checkout Started", "web.track/Cart Viewed")
LOOKING: Final = ("web.track/Product Viewed", "web.track/Products Searched", "web.track/Product List Viewed")
ENOUGH_PAGES: Final = 3


def later(one: Register | None, other: Register) -> Register:
    """The newer of two statements; of the same moment, the one of the greater event name."""
    if one is None or (other[TIME], other[REF], str(other[0])) > (one[TIME], one[REF], str(one[0])):
        return other
    return one


def _bound(table: dict[str, Any]) -> None:
    while len(table) > NAMES:
        del table[max(table)]


def say(table: dict[str, Register], name: str, register: Register) -> None:
    """Note a statement under a name, unless a newer one is known."""
    table[name[:100]] = later(table.get(name[:100]), register)
    if len(table) > NAMES:
        _bound(table)


def _value(value: Any) -> Any:
    """A value small enough to keep, as the store gives it back, or None."""
    if isinstance(value, str):
        return value[:LONGEST]
    if value is None or isinstance(value, bool):
        return value
    raw = dumps(value)
    return orjson.loads(raw) if len(raw) <= LONGEST else None


def _statements(table: dict[str, Register], said: Any, ms: int, ref: str, source: str) -> None:
    if isinstance(said, Mapping):
        for name, value in said.items():
            kept = _value(value)
            if kept is not None:
                say(table, str(name), [kept, ms, ref, source])


def _seen_as(profile: Profile, keys: tuple[str, ...], event: Event, ms: int) -> None:
    verified = {f"{one['type']}:{one['value']}" for one in event.identities if one.get("verified")}
    for name in keys:
        if name.startswith("customer:"):
            continue
        known = profile["identities"].get(name)
        if known is None:
            profile["identities"][name] = {"verified": name in verified, "first": ms, "last": ms}
            continue
        known["verified"] = known["verified"] or name in verified
        known["first"] = min(known["first"], ms)
        known["last"] = max(known["last"], ms)


def _count(profile: Profile, event: Event, ms: int, ref: str) -> None:
    kind, name, text = event.type, event.data.get("name"), event.data.get("text")
    excerpt = text[:EXCERPT] if isinstance(text, str) and kind != "web.track" else ""
    keys = (kind, f"{kind}/{name}"[:100]) if kind == "web.track" and name else (kind,)
    counts, latest = profile["counts"], profile["latest"]
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
        latest[key] = later(latest.get(key), [excerpt, ms, ref, kind])
    if len(counts) > NAMES:
        _bound(counts)
        _bound(latest)


def _traffic(profile: Profile, event: Event, ms: int) -> None:
    kind, channel = event.type, event.channel
    way = "received" if kind in RECEIVED else "sent" if kind in SENT else "failed" if kind in FAILED else ""
    if not way:
        return
    traffic = profile["channels"].get(channel)
    if traffic is None:
        traffic = profile["channels"][channel] = Traffic(received=0, sent=0, failed=0, last_received=0, last_sent=0)
    if way == "received":
        traffic["received"] += 1
        traffic["last_received"] = max(traffic["last_received"], ms)
    elif way == "sent":
        traffic["sent"] += 1
        traffic["last_sent"] = max(traffic["last_sent"], ms)
    else:
        traffic["failed"] += 1


def _newest(profile: Profile, names: tuple[str, ...]) -> int:
    latest = profile["latest"]
    return max((latest[name][TIME] for name in names if name in latest), default=0)


def stage(profile: Profile) -> str:
    """Where the customer stands: what they did last among buying, choosing and looking decides."""
    bought, choosing = _newest(profile, BOUGHT), _newest(profile, CHOOSING)
    if choosing > bought:
        return "purchase"
    if bought:
        return "after"
    looked = _newest(profile, LOOKING) or profile["counts"].get("web.page", 0) >= ENOUGH_PAGES
    return "evaluation" if looked else "need"


def note_firing(profile: Profile, trigger: str, firing: list[Any]) -> bool:
    """Remember that a rule spoke; False when it was known. `firing` is [rule, channel, time, purpose]."""
    fired = profile["fired"]
    if trigger in fired:
        return False
    fired[trigger] = firing
    while len(fired) > FIRED:
        del fired[min(fired, key=lambda id: (fired[id][2], id))]
    return True


def fold(profile: Profile, event: Event, keys: tuple[str, ...], ms: int, ref: str) -> None:
    """Change the profile by one event. `keys` are its identities, `ms` its time, `ref` its short name."""
    _seen_as(profile, keys, event, ms)
    kind, data = event.type, event.data
    if kind in QUIET:
        if kind == "rule.fired":
            note_firing(profile, event.id, [data.get("rule", ""), data.get("channel", ""), ms, data.get("purpose", "")])
        return
    profile["first"] = min(profile["first"], ms) if profile["events"] else ms
    profile["events"] += 1
    profile["last"] = max(profile["last"], ms)
    _count(profile, event, ms, ref)
    _traffic(profile, event, ms)
    for name in ("language", "timezone"):
        if isinstance(data.get(name), str):
            say(profile["traits"], name, [data[name][:60], ms, ref, kind])
    if "traits" in data:
        _statements(profile["traits"], data["traits"], ms, ref, kind)
    if "facts" in data:
        _statements(profile["facts"], data["facts"], ms, ref, kind)
    consent = data.get("consent")
    if isinstance(consent, Mapping):
        what = f"{consent.get('channel', 'any')}/{consent.get('purpose', 'marketing')}"
        say(profile["consent"], what, [bool(consent.get("given")), ms, ref, kind])
    call = data.get("call")
    if isinstance(call, Mapping):
        state = _value({**call, "text": str(data.get("text", ""))[:EXCERPT]})
        if state is not None:
            profile["call"] = later(profile.get("call"), [state, ms, ref, kind])
    profile["stage"] = stage(profile)
