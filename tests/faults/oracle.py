"""What every profile must hold, worked out a second time and naively: from the whole set of events at once.

Nothing of streams/fold.py or streams/merge.py is used here. An event is counted once, whatever was resent;
customers are the connected components of identities; every register is the greatest statement there is.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from hub.event import Event
from hub.identity import key
from hub.ids import customer_id

PARTS: Final = (
    *("events", "first", "last", "identities", "traits", "facts", "channels", "counts", "latest", "consent"),
    *("stage", "call"),
)
"""What is a function of the set of events. Id, fences, timers and firings depend on more than the set."""

KEPT: Final = 128
OURS: Final = ("timer.due", "rule.fired", "rules.switched", "identity.merged", "identity.unmerged")
"""Events of the hub itself, which say nothing about what the customer did."""
WAYS: Final = {
    "received": "email.received sms.received phone.ringing social.message social.comment social.mention "
    "web.page web.screen web.track web.identify",
    "sent": "email.sent sms.sent social.sent phone.sent",
    "failed": "email.bounced email.failed sms.failed social.failed phone.failed",
}
CHOSE: Final = {"web.track/Product Added", "web.track/Checkout Started", "web.track/Cart Viewed"}
LOOKED: Final = {"web.track/Product Viewed", "web.track/Products Searched", "web.track/Product List Viewed"}

Statement = tuple[str, Any, int, str, str]
"""(name, value, time, ref, source)"""


def digest(profile: Mapping[str, Any]) -> str:
    """SHA-256 of the parts of a profile that are a function of the set of its events."""
    parts = {name: profile[name] for name in PARTS if name in profile}
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def once(events: Iterable[Event]) -> list[Event]:
    """The set of events: whatever was sent again counts once."""
    return list({(event.source, event.id): event for event in events}.values())


def names(event: Event) -> set[str]:
    """The identities of an event, `type:value`."""
    return {event.subject, *map(key, event.identities)}


def components(events: Iterable[Event]) -> list[tuple[set[str], list[Event]]]:
    """The customers: identities that events connect, each with all its events."""
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    distinct = once(events)
    for event in distinct:
        for name in names(event):
            leader[find(name)] = find(event.subject)
            # An event of our own may name a customer by the place that one of its identities has in the store.
            leader[find(f"customer:{customer_id(name)}")] = find(name)
    groups: dict[str, tuple[set[str], list[Event]]] = defaultdict(lambda: (set(), []))
    for name in list(leader):
        if not name.startswith("customer:"):
            groups[find(name)][0].add(name)
    for event in distinct:
        groups[find(event.subject)][1].append(event)
    return list(groups.values())


def expected(events: Sequence[Event]) -> dict[str, Any]:
    """What the profile of a customer with exactly these events holds."""
    told = [event for event in events if event.type not in OURS]
    times = [event.ms for event in told]
    counts: dict[str, int] = defaultdict(int)
    said: dict[str, list[Statement]] = defaultdict(list)
    for event in told:
        for name in _kinds(event):
            counts[name] += 1
            said["latest"].append(_statement(event, name, _excerpt(event)))
        for table, name, value in _said(event):
            said[table].append(_statement(event, name, value))
    profile: dict[str, Any] = {
        "events": len(told),
        "first": min(times, default=0),
        "last": max([0, *times]),
        "identities": _identities(events),
        "channels": _channels(told),
        "counts": {name: counts[name] for name in sorted(counts)[:KEPT]},
        "stage": _stage(told),
        **{table: _registers(said[table]) for table in ("traits", "facts", "latest", "consent")},
    }
    calls = _registers(said["call"])
    return {**profile, "call": calls["call"]} if calls else profile


def _kinds(event: Event) -> list[str]:
    name = event.data.get("name")
    return [event.type, f"{event.type}/{name}"[:100]] if event.type == "web.track" and name else [event.type]


def _excerpt(event: Event) -> str:
    text = event.data.get("text")
    return text[:80] if isinstance(text, str) and event.type != "web.track" else ""


def _statement(event: Event, name: str, value: Any) -> Statement:
    return name[:100], value, event.ms, event.ref, event.type


def _said(event: Event) -> list[tuple[str, str, Any]]:
    data = event.data
    found = [("traits", name, data[name][:60]) for name in ("language", "timezone") if isinstance(data.get(name), str)]
    for table in ("traits", "facts"):
        for name, value in (data.get(table) or {}).items():
            found.append((table, name, _kept(value)))
    if "consent" in data:
        given = data["consent"]
        what = f"{given.get('channel', 'any')}/{given.get('purpose', 'marketing')}"
        found.append(("consent", what, bool(given.get("given"))))
    if "call" in data:
        found.append(("call", "call", _kept({**data["call"], "text": str(data.get("text", ""))[:80]})))
    return [one for one in found if one[2] is not None]


def _kept(value: Any) -> Any:
    """Texts are cut; anything else is kept when it is small."""
    if isinstance(value, str):
        return value[:1000]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    value = _long_numbers_as_text(value)
    small = len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()) <= 1000
    return value if small else None


def _long_numbers_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _long_numbers_as_text(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_long_numbers_as_text(part) for part in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value) if abs(value) < 2**999 else None
    return value


def _registers(statements: Iterable[Statement]) -> dict[str, list[Any]]:
    best: dict[str, Statement] = {}
    for one in statements:
        name, value, time, short, _ = one
        if name not in best or (time, short, str(value)) > (best[name][2], best[name][3], str(best[name][1])):
            best[name] = one
    return {name: list(best[name][1:]) for name in sorted(best)[:KEPT]}


def _identities(events: Sequence[Event]) -> dict[str, dict[str, Any]]:
    events = [event for event in events if not event.type.startswith("identity.")]
    seen: dict[str, list[int]] = defaultdict(list)
    verified = {key(one) for event in events for one in event.identities if one.get("verified")}
    for event in events:
        for name in names(event):
            seen[name].append(event.ms)
    return {
        name: {"verified": name in verified, "first": min(times), "last": max(times)}
        for name, times in seen.items()
        if not name.startswith("customer:")
    }


def _channels(events: Sequence[Event]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for way, kinds in WAYS.items():
        for event in events:
            if event.type not in kinds.split():
                continue
            blank = {"received": 0, "sent": 0, "failed": 0, "last_received": 0, "last_sent": 0}
            traffic = found.setdefault(event.channel, blank)
            traffic[way] += 1
            if way != "failed":
                traffic[f"last_{way}"] = max(traffic[f"last_{way}"], event.ms)
    return found


def _stage(events: Sequence[Event]) -> str:
    def newest(wanted: set[str]) -> int:
        return max([0, *(event.ms for event in events if wanted & set(_kinds(event)))])

    bought, chose = newest({"web.track/Order Completed"}), newest(CHOSE)
    if chose > bought:
        return "purchase"
    if bought:
        return "after"
    pages = sum(event.type == "web.page" for event in events)
    return "evaluation" if newest(LOOKED) or pages >= 3 else "need"
