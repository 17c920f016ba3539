"""A profile as the API and the page show it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

from desk import labels
from desk.ports import Row
from desk.words import telephone
from hub.event import rfc3339
from hub.identity import TELEPHONES, Identity
from hub.profile import REF, SOURCE, STAGES, TIER, TIME, VALUE, Profile, Register, language, standing, value
from profile_store import traits

ANONYMOUS: Final = frozenset({"anonymous_id", "device", "call"})
"""Identities that tell a browser or a telephone set apart, not a person."""
STRENGTH: Final = ("user_id", "account", "email", "phone", "whatsapp", "telegram", "meta_psid", "instagram_id")
"""Which identity stands for a customer where one has to; the rest follow."""
BRANDS: Final = {"meta_psid": "Messenger", "instagram_id": "Instagram", "telegram": "Telegram"}
"""Accounts whose numbers mean nothing to people."""
RINGING: Final = frozenset({"ringing", "input"})
NAMED: Final = frozenset({"name", "first_name", "last_name", "firstName", "lastName", "language", "timezone", "tier"})
"""Traits the header shows already."""


def now_ms() -> int:
    """This moment in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def moment(ms: int) -> str:
    """RFC 3339 in UTC."""
    return rfc3339(datetime.fromtimestamp(ms / 1000, UTC))


def name_of(profile: Profile) -> str:
    """What to call the customer; empty when nobody ever said."""
    traits = profile["traits"]
    full = value(traits, "name")
    if isinstance(full, str) and full.strip():
        return full.strip()
    parts = [value(traits, one) or value(traits, other) for one, other in _HALVES]
    return " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())


_HALVES: Final = (("first_name", "firstName"), ("last_name", "lastName"))


def identities(profile: Profile) -> list[Identity]:
    """Every identity, those that stand best for the customer first."""
    found: list[Identity] = []
    for key, known in profile["identities"].items():
        kind, _, text = key.partition(":")
        found.append({"type": kind, "value": text, "verified": known["verified"]})
    return sorted(found, key=_rank)


def _rank(one: Identity) -> tuple[bool, bool, int, str]:
    kind = one["type"]
    strength = STRENGTH.index(kind) if kind in STRENGTH else len(STRENGTH)
    return kind in ANONYMOUS, not one["verified"], strength, one["value"]


def address_name(kind: str, text: str) -> str:
    """An identity as the name of somebody who has no other: long account numbers by their end."""
    if is_telephone(kind):
        return telephone(text)
    brand = BRANDS.get(kind)
    return f"{brand} …{text[-4:]}" if brand else text


def verification(profile: Profile) -> tuple[str, str]:
    """How sure we are who this is, and by what: ('verified', 'user_id'), ('claimed', …) or ('unknown', '')."""
    known = [one for one in identities(profile) if one["type"] not in ANONYMOUS]
    if not known:
        return "unknown", ""
    return ("verified" if known[0]["verified"] else "claimed"), known[0]["type"]


def said(register: Register) -> dict[str, Any]:
    """A register for the API: the value, where it came from and when."""
    return {"value": register[VALUE], "source": register[SOURCE], "time": moment(register[TIME])}


def call(profile: Profile) -> dict[str, Any] | None:
    """The newest call, or None when there never was one."""
    register = profile.get("call")
    if register is None or not isinstance(register[VALUE], dict):
        return None
    return {**register[VALUE], "time": moment(register[TIME])}


def is_ringing(profile: Profile) -> bool:
    """Whether the customer is on the line and nobody has answered."""
    now = call(profile)
    return now is not None and now.get("state") in RINGING


def stage(profile: Profile) -> int:
    """Where in the lifecycle the customer stands, as a place in STAGES."""
    return STAGES.index(profile["stage"]) if profile["stage"] in STAGES else 0


def customer(version: int, profile: Profile) -> dict[str, Any]:
    """The whole customer for the API."""
    return {
        "id": profile["id"],
        "version": version,
        "name": name_of(profile) or None,
        "verification": verification(profile)[0],
        "language": language(profile),
        "stage": profile["stage"],
        **({"tier": tier} if (tier := standing(profile["segments"], TIER)) else {}),
        "first": moment(profile["first"]),
        "last": moment(profile["last"]),
        "events": profile["events"],
        "identities": [_identity(profile, one) for one in identities(profile)],
        "traits": {name: said(register) for name, register in profile["traits"].items()},
        "unfit": {name: _unfit(name, note) for name, note in unfit(profile).items()},
        "facts": {name: said(register) for name, register in profile["facts"].items()},
        "channels": {name: _traffic(dict(traffic)) for name, traffic in profile["channels"].items()},
        "counts": profile["counts"],
        "consent": {name: _consent(register) for name, register in profile["consent"].items()},
        "call": call(profile),
    }


def _identity(profile: Profile, one: Identity) -> dict[str, Any]:
    known = profile["identities"][f"{one['type']}:{one['value']}"]
    return {**one, "first": moment(known["first"]), "last": moment(known["last"])}


def unfit(profile: Profile) -> dict[str, Register]:
    """What was said of traits last and not kept, or not whole, by trait."""
    return traits.standing(profile)


def why_unfit(name: str, note: Register) -> str:
    """The same in an English sentence."""
    reason, limit, _ = note[VALUE]
    return f"{name} {labels.unfit(reason, limit) % {'limit': limit}}"


def _unfit(name: str, note: Register) -> dict[str, Any]:
    reason, limit, begin = note[VALUE]
    return {**said([begin, *note[TIME:]]), "reason": reason, "limit": limit, "text": why_unfit(name, note)}


def _traffic(traffic: dict[str, Any]) -> dict[str, Any]:
    times = {"last_received", "last_sent"}
    return {name: (moment(number) if number else None) if name in times else number for name, number in traffic.items()}


def _consent(register: Register) -> dict[str, Any]:
    return {"given": bool(register[VALUE]), "source": register[SOURCE], "time": moment(register[TIME])}


def row(one: Row) -> dict[str, Any]:
    """A line of the timeline for the API."""
    return {
        "id": one["id"],
        "time": moment(one["time"]),
        "type": one["type"],
        "channel": one["type"].partition(".")[0],
        "text": one["text"],
        "data": one["data"],
    }


def is_telephone(kind: str) -> bool:
    """Whether an identity of this type is a telephone number."""
    return kind in TELEPHONES


def newest_first(registers: dict[str, Register]) -> list[tuple[str, Register]]:
    """Registers by when they were said, the newest first."""
    return sorted(registers.items(), key=lambda item: (item[1][TIME], item[1][REF]), reverse=True)


def further_traits(profile: Profile) -> list[tuple[str, Register]]:
    """Traits that no other part of the page shows, the newest first."""
    return [item for item in newest_first(profile["traits"]) if item[0] not in NAMED]
