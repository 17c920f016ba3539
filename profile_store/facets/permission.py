"""Permission: the proof of every consent, and hard facts about the addresses we would write to.

| key | what |
|---|---|
| consent | `{channel/purpose: [given, withdrawn]}`, the newest of each or null: `[time, ref, source, evidence]` |
| reach | `{channel/type:value: {fact: [number, time, ref, code]}}`; of an address that works, only `{"ok": time}` |

Evidence has, of what was said, `proof`, `method`, `text`, `version`, `ip` and `expires` (milliseconds). The leave
is kept beside the withdrawal: what was sent in between was allowed, and somebody may have to show it.

Facts are `hard` (no such address), `soft` (not now), `complaint`, `blocked`, `stop` (the network lets nothing
through until the customer writes START) and `start`, which ends it. A bounce that is not proven to be about a mail
of ours is no fact: anybody could close anybody's mailbox with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from hub.event import Event
from hub.ids import digest
from hub.jsonbytes import dumps
from hub.reach import EVIDENCE, GIVEN, KEPT, KINDS, NUMBER, WHEN, WITHDRAWN
from profile_store.facets.carry import copied, kept, moment, part, smallest, text

NAME: Final = KEPT

CONSENTS: Final = 32
ADDRESSES: Final = 16
LONGEST: Final = 200
"""Bytes of one part of the evidence."""

CODES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("30005", "30006", "21211", "21614", "131026"), "hard"),
    **dict.fromkeys(("30003", "131049"), "soft"),
    "30004": "blocked",
    **dict.fromkeys(("21610", "131050"), "stop"),
}
"""Errors of Twilio and Meta that tell something about the address. The others are about the message, or about us."""

WORKS: Final = frozenset({"received", "delivered", "opened", "clicked", "read", "message", "reaction", "answered"})
"""Second words of events that only an address which works can cause."""

_STATUS: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.\d{1,3}(?![\d.])")
_SMS: Final = "/channels/sms"


def fold(profile: dict[str, Any], event: Event, ms: int, ref: str) -> None:
    """Keep the evidence of a consent, and what the event tells about the addresses in it."""
    consent = part(event.data, "consent")
    if consent:
        _consent(profile, event, consent, ms, ref)
    channel, _, what = event.type.partition(".")
    if what in WORKS:
        for address in _addresses(event, channel):
            facts = _reach(profile).setdefault(address, {})
            facts["ok"] = max(ms, facts.get("ok", 0))
    else:
        fact, code = _fact(event, consent, what)
        if not fact:
            return
        for address in _addresses(event, "sms" if channel == "consent" else channel):
            facts = _reach(profile).setdefault(address, {})
            facts[fact] = _joined(facts.get(fact), [1, ms, ref, code])
    _bound(profile)


def _consent(profile: dict[str, Any], event: Event, said: Mapping[str, Any], ms: int, ref: str) -> None:
    try:
        # The same name that the register for the rules has.
        name = f"{said.get('channel', 'any')}/{said.get('purpose', 'marketing')}"[:100]
    except ValueError:  # a whole number of thousands of digits
        return
    table = profile.setdefault(NAME, {}).setdefault("consent", {})
    pair = table.get(name, [None, None])
    which = GIVEN if said.get("given") else WITHDRAWN
    theirs = [ms, ref, event.type, _evidence(said)]
    pair[which] = _later(pair[which], theirs)
    table[name] = pair
    smallest(table, CONSENTS)


def _evidence(said: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"proof": _proof(said.get("proof"))}
    for name in ("method", "text", "version", "ip"):
        found[name] = kept(text(said.get(name), LONGEST), LONGEST)
    found["expires"] = moment(said.get("expires"))
    return {name: value for name, value in found.items() if value not in (None, "", {}, [])}


def _proof(said: Any) -> Any:
    """The proof as it came; of one that is too long its hash, so that the original can be recognised."""
    if isinstance(said, dict):
        said = {name: value for name, value in said.items() if value is not None}
    found = kept(said, LONGEST)
    if found is None and said is not None:
        try:
            return {"digest": digest(dumps(said).decode(), 16)}
        except (TypeError, ValueError, RecursionError):
            return None
    return found


def _later(one: list[Any] | None, other: list[Any]) -> list[Any]:
    return other if one is None or (other[:2], repr(other)) > (one[:2], repr(one)) else one


def _fact(event: Event, consent: Mapping[str, Any], what: str) -> tuple[str, str]:
    """What the event tells about its address, and by which code; two empty strings for nothing."""
    if event.type.startswith("consent."):
        if not consent or not event.source.startswith(_SMS) or consent.get("channel") != "sms":
            return "", ""
        return ("start" if consent.get("given") else "stop"), ""
    if what == "complained":
        return ("complaint", "") if part(event.data, "bounce").get("proven") is not False else ("", "")
    if what == "bounced":
        bounce = part(event.data, "bounce")
        if bounce.get("proven") is False:
            return "", ""
        return ("hard" if bounce.get("hard") is True else "soft"), text(bounce.get("status"), 12)
    return _failure(text(event.data.get("error"), 300)) if what == "failed" else ("", "")


def _failure(error: str) -> tuple[str, str]:
    """The same of an error, by its first word or the status of a mail server that is in it."""
    code = error.partition(" ")[0]
    if code in CODES:
        return CODES[code], code
    status = _STATUS.search(error)
    # Only 5.1 is about the address; other refusals are about the message or the sender.
    if status is None or status[2] != "1" or status[1] == "2":
        return "", ""
    return ("hard" if status[1] == "5" else "soft"), status[0][:12]


def _addresses(event: Event, channel: str) -> list[str]:
    kinds = KINDS.get(channel, ())
    found = (f"{one['type']}:{one['value']}" for one in event.identities if one["type"] in kinds)
    return [f"{channel}/{address}" for address in dict.fromkeys(found)]


def _reach(profile: dict[str, Any]) -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = profile.setdefault(NAME, {}).setdefault("reach", {})
    return table


def _joined(ours: list[Any] | None, theirs: list[Any]) -> list[Any]:
    if ours is None:
        return list(theirs)
    return [ours[NUMBER] + theirs[NUMBER], *max(ours[WHEN:], theirs[WHEN:])]


def _bound(profile: dict[str, Any]) -> None:
    table = profile.get(NAME, {}).get("reach")
    if table is not None:
        smallest(table, ADDRESSES)


def merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    """Add the evidence and the facts that the other profile has."""
    theirs = other.get(NAME)
    if theirs is None:
        return
    ours = into.setdefault(NAME, {})
    for name, pair in theirs.get("consent", {}).items():
        table = ours.setdefault("consent", {})
        mine = table.get(name, [None, None])
        copies = [None if one is None else [*one[:EVIDENCE], copied(one[EVIDENCE])] for one in pair]
        table[name] = [mine[at] if copy is None else _later(mine[at], copy) for at, copy in enumerate(copies)]
        smallest(table, CONSENTS)
    for address, facts in theirs.get("reach", {}).items():
        known = ours.setdefault("reach", {}).setdefault(address, {})
        for fact, said in facts.items():
            known[fact] = max(said, known.get(fact, 0)) if fact == "ok" else _joined(known.get(fact), said)
    _bound(into)
