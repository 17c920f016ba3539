"""What surrounds a tracked event: who, when, where, and whether they agreed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from hub.errors import Rejected
from hub.identity import BLOCKED, LONGEST, Identity, identity

Json: TypeAlias = dict[str, Any]

LONGEST_ID: Final = 100
_LONGEST_TEXT: Final = 2_000
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Before it, a device has no clock."""

PAGE: Final = ("url", "path", "title", "referrer")
CAMPAIGN: Final = ("name", "source", "medium", "term", "content", "id")
PLAIN: Final = ("locale", "timezone", "userAgent")
DEVICE: Final = ("id", "manufacturer", "model", "name", "type")
NAMED: Final = ("name", "version")
NAMES_OF_PLACES: Final = ("city", "country", "source")
POSITION: Final = ("latitude", "longitude", "accuracy")

TOLD: Final = ("email", "phone")
"""Traits that are identities, too."""

MARKETING: Final = frozenset({"marketing", "advertising", "targeting", "c0004", "ads"})
"""Names that consent managers give the category we call marketing; C0004 is OneTrust's."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all events of one request share."""

    received: datetime
    sent: datetime | None
    sent_at: str | None
    context: Json
    tenant: str
    region: str
    anonymous_id: str | None
    trusted: bool = False
    """Whether it came from a server of ours, whose word on mail addresses and telephones can be taken."""


def text_id(message: Json, field: str) -> str | None:
    """An id as text, or None. Numbers become text: `42` and `"42"` are one customer. Raises Rejected."""
    value = message.get(field)
    if not isinstance(value, str):
        value = _number(value, field)
    if value is not None and len(value) > LONGEST_ID:
        raise Rejected(f"{field} is too long", field=field, limit=f"{LONGEST_ID} characters")
    return value or None


def _number(value: object, field: str) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int | float):
        raise Rejected(f"{field} must be text", field=field)
    return str(value)


def moment(value: object) -> datetime | None:
    """A moment in UTC from ISO 8601 or from milliseconds, or None when it says nothing usable."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def happened(message: Json, around: Surroundings) -> datetime:
    """When it happened by our clock: the sender's clock is only trusted for differences."""
    original = moment(message.get("timestamp")) or moment(message.get("originalTimestamp"))
    if original is None:
        return around.received
    sent = around.sent or moment(message.get("sentAt"))
    time = original if sent is None else around.received - (sent - original)
    return time if _EARLIEST <= time <= around.received else around.received


def known(pairs: Iterable[tuple[str, object]], around: Surroundings) -> list[Identity]:
    """The identities among the given (type, value) pairs, without repetitions."""
    found: list[Identity] = []
    for kind, value in pairs:
        sure = around.trusted and kind in TOLD
        one = None if value is None else identity(kind, value, verified=sure, region=around.region)
        if one is not None and one not in found:
            found.append(one)
    return found


def unmatched(pairs: Iterable[tuple[str, object]], region: str) -> Json | None:
    """What was meant to name somebody and cannot: kept as it was written, and never matched by."""
    found = {
        kind: value.strip()[:LONGEST]
        for kind, value in pairs
        if isinstance(value, str)
        and value.strip().lower() not in BLOCKED
        and identity(kind, value, region=region) is None
    }
    return found or None


def part(place: Json, name: str) -> Json:
    """The object under a name; senders write null, or something else, where they have none."""
    value = place.get(name)
    return value if isinstance(value, dict) else {}


def word(value: object) -> str | None:
    """The value when it is text that says something, cut to a sane length."""
    return value[:_LONGEST_TEXT] if isinstance(value, str) and value else None


def trimmed(context: Json) -> Json | None:
    """What we keep of a context: page, campaign, language, time zone, browser, device, system, app and place."""
    kept: Json = {name: said for name in PLAIN if (said := word(context.get(name)))}
    for name, fields in (("page", PAGE), ("campaign", CAMPAIGN)):
        inner = context.get(name)
        if isinstance(inner, dict):
            kept[name] = {field: said for field in fields if (said := word(inner.get(field)))}
    around = {**{name: _named(part(context, name)) for name in ("os", "app")}, **_here(context)}
    return {**kept, **{name: said for name, said in around.items() if said}} or None


def _named(thing: Json) -> Json:
    return {field: said for field in NAMED if (said := word(thing.get(field)))}


def _here(context: Json) -> Json:
    """The device and where it is. A token for push messages is a secret: only that there is one is kept."""
    device, place = part(context, "device"), part(context, "location")
    kept: Json = {field: said for field in DEVICE if (said := word(device.get(field)))}
    if kept and "token" in device:
        kept["push"] = bool(device["token"])
    where: Json = {field: said for field in NAMES_OF_PLACES if (said := word(place.get(field)))}
    numbers = {field: place[field] for field in POSITION if _is_number(place.get(field))}
    return {"device": kept, "location": {**where, **numbers}}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def consent(context: Json) -> Json | None:
    """What the site's consent manager says about marketing, or None when it says nothing."""
    manager = context.get("consent")
    choices = manager.get("categoryPreferences") if isinstance(manager, dict) else None
    if not isinstance(choices, dict):
        return None
    said = [given for name, given in choices.items() if name.lower() in MARKETING and isinstance(given, bool)]
    if not said:
        return None
    proof = {"by": "consent manager", "url": part(context, "page").get("url")}
    return {"channel": "web", "purpose": "marketing", "given": all(said), "proof": proof}


_MOST_SCORES: Final = 16


def scores(context: Json, around: Surroundings) -> Json | None:
    """What a model of the company's says of the customer: taken from its servers, never from a browser."""
    said = part(context, "scores") if around.trusted else {}
    return dict(list(said.items())[:_MOST_SCORES]) or None


EXTERNAL: Final = frozenset({"instagram_id", "meta_psid", "whatsapp", "telegram", "account", "device"})
"""Identity types that a site may name in `context.externalIds`, as Segment's clients send them."""
_MOST_EXTERNAL: Final = 10


def external(context: Json) -> list[tuple[str, object]]:
    """Other ids the site knows of this person: an account number, a connected Instagram, …"""
    listed = context.get("externalIds")
    if not isinstance(listed, list):
        return []
    named = [one for one in listed[:_MOST_EXTERNAL] if isinstance(one, dict)]
    return [(one["type"], one.get("id")) for one in named if one.get("type") in EXTERNAL]
