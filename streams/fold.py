"""Third step: an event changes what is told of one identity. Pure, and independent of the order events arrive in.

What is told is a function of the set of events: sums, earliest and newest, and registers that keep the newest
statement by (time, name of the event). What is bounded keeps its lexically smallest names, since that is a rule
which no order of arrival can change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from hub.event import Event
from hub.profile import PSEUDO, Register, Told, Traffic
from hub.traits import UNTYPED, Types
from profile_store import traits
from profile_store.facets import windows
from profile_store.facets.table import FACETS
from profile_store.facets.told import unwrapped
from profile_store.facets.windows import Index
from profile_store.registers import NAMES, bound, keep_newest, kept, later, say

RECEIVED: Final = frozenset(
    {"email.received", "sms.received", "phone.ringing", "social.message", "social.comment", "social.mention"}
    | {"web.page", "web.screen", "web.track", "web.identify"}
)
SENT: Final = frozenset({"email.sent", "sms.sent", "social.sent", "phone.sent"})
FAILED: Final = frozenset({"email.bounced", "email.failed", "sms.failed", "social.failed", "phone.failed"})
QUIET: Final = frozenset(
    {"timer.due", "rule.fired", "identity.merged", "identity.unmerged", "segment.entered", "segment.left"}
)
"""Events of our own that say nothing about what the customer did."""
UNSEEN: Final = QUIET - {"rule.fired"}
"""Those of them that are no line of the customer's history."""

SPOKEN: Final = ("language", "timezone")
"""Traits that an event says beside the others."""
EXCERPT: Final = 80


def _statements(table: dict[str, Register], said: Any, ms: int, ref: str, source: str) -> None:
    if isinstance(said, dict):
        for name, value in said.items():
            small = kept(value)
            if small is not None:
                say(table, str(name), [small, ms, ref, source])


def _bare(facts: Any) -> Any:
    """Facts without what their sender says about how sure they are."""
    return {name: unwrapped(value)[0] for name, value in facts.items()} if isinstance(facts, dict) else None


def _seen_as(profile: Told, keys: tuple[str, ...], event: Event, ms: int) -> None:
    verified = {f"{one['type']}:{one['value']}" for one in event.identities if one.get("verified")}
    for name in keys:
        if name.startswith(PSEUDO):
            continue
        known = profile["mentions"].get(name)
        if known is None:
            profile["mentions"][name] = {"verified": name in verified, "first": ms, "last": ms}
            continue
        known["verified"] = known["verified"] or name in verified
        known["first"] = min(known["first"], ms)
        known["last"] = max(known["last"], ms)
    if len(profile["mentions"]) > NAMES:
        bound(profile["mentions"])


def _count(profile: Told, event: Event, ms: int, ref: str) -> None:
    kind, name, text = event.type, event.data.get("name"), event.data.get("text")
    excerpt = text[:EXCERPT] if isinstance(text, str) and kind != "web.track" else ""
    keys = (kind, f"{kind}/{name}"[:100]) if kind == "web.track" and name else (kind,)
    counts, latest = profile["counts"], profile["latest"]
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
        latest[key] = later(latest.get(key), [excerpt, ms, ref, kind])
    if len(counts) > NAMES:
        bound(counts)
        bound(latest)


def _traffic(profile: Told, event: Event, ms: int) -> None:
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


def note_firing(profile: Told, trigger: str, firing: list[Any]) -> bool:
    """Remember that a rule spoke; False when it was known. `firing` is [rule, channel, time, purpose]."""
    fired = profile["fired"]
    if trigger in fired:
        return False
    fired[trigger] = firing
    keep_newest(fired)
    return True


def fold(profile: Told, event: Event, keys: tuple[str, ...], ms: int, ref: str, *, types: Types = UNTYPED) -> None:
    """Change what is told by one event. `keys` are its identities, `ms` its time, `ref` its short name; `types` are
    the traits whose type is declared."""
    kind, data = event.type, event.data
    if kind in QUIET:
        if kind == "rule.fired":
            _seen_as(profile, keys, event, ms)
            note_firing(profile, event.id, [data.get("rule", ""), data.get("channel", ""), ms, data.get("purpose", "")])
        return
    _seen_as(profile, keys, event, ms)
    profile["first"] = min(profile["first"], ms) if profile["events"] else ms
    profile["events"] += 1
    profile["last"] = max(profile["last"], ms)
    _count(profile, event, ms, ref)
    _traffic(profile, event, ms)
    for name in SPOKEN:
        if isinstance(data.get(name), str):
            traits.say(profile, name, data[name][:60], types, [ms, ref, kind])
    if isinstance(data.get("traits"), Mapping):
        for name, said in data["traits"].items():
            traits.say(profile, str(name), said, types, [ms, ref, kind])
    if "facts" in data:
        _statements(profile["facts"], _bare(data["facts"]), ms, ref, kind)
    unmatched = data.get("unmatched")
    if isinstance(unmatched, dict):
        _statements(profile["facts"], {f"unmatched_{name}": said for name, said in unmatched.items()}, ms, ref, kind)
    consent = data.get("consent")
    if isinstance(consent, dict):
        what = f"{consent.get('channel', 'any')}/{consent.get('purpose', 'marketing')}"
        say(profile["consent"], what, [bool(consent.get("given")), ms, ref, kind])
    call = data.get("call")
    if isinstance(call, dict):
        state = kept({**call, "text": str(data.get("text", ""))[:EXCERPT]})
        if state is not None:
            profile["call"] = later(profile.get("call"), [state, ms, ref, kind])
    told = cast("dict[str, Any]", profile)
    for facet in FACETS:
        facet.fold(told, event, ms, ref)


@dataclass(frozen=True, slots=True)
class Folding:
    """How a store is folded: the same for whoever works on it, and for whoever checks it."""

    features: Index = field(default_factory=dict)
    """What computed traits keep, by kind of event."""
    types: Types = field(default_factory=dict)
    """The traits whose type is declared."""

    def fold(self, told: Told, event: Event, keys: tuple[str, ...], ms: int, ref: str) -> None:
        """Change what is told by one event, as `fold` does, and what computed traits keep of it."""
        fold(told, event, keys, ms, ref, types=self.types)
        if self.features and event.type not in QUIET:
            windows.fold(told, event, ms, ref, self.features)


PLAIN: Final = Folding()
"""Nothing is declared."""
