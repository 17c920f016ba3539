"""Conditions, events and profiles by the hundred thousand, each from a seed: of few fields and values, so they meet."""

from __future__ import annotations

from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from hub import ids
from hub.profile import Profile, empty
from rules.scene import Scene

NOW = 1_767_268_800_000
FIELDS = (
    *("event.type", "event.time", "event.name", "event.text", "event.properties.total", "event.properties.a.b"),
    *("event.properties.brand", "event.tags", "profile.traits.tier", "profile.traits.address.city"),
    *("profile.facts.account_number", "profile.stage", "profile.language", "profile.events", "profile.last"),
    *("profile.counts.email.received", "profile.latest.email.received.time", "profile.latest.email.received.text"),
    *("profile.channels.email.received", "profile.channels.sms.last_sent", "profile.consent.email/marketing"),
    *("profile.identities.email", "profile.computed.tier", "profile.segments.vip", "profile.place"),
    *("profile.place.city", "profile.place.time", "profile.place.latitude", "event.place"),
)
KINDS = ("email.received", "web.track/Order Completed", "sms.received")
WORDS = ("gold", "Gold", "x", "Straße", "STRASSE", "email.received", "purchase", "en")
NUMBERS = (-3, -1, 0, 1, 2, 3, 0.5, 1.0, 2.5, NOW, NOW - 5000, float(NOW))
PATTERNS = ("^g", "ol?d$", "[a-z]+[.]", "(?i)STRASS", "ß", "^$", "^(x|en)$")
POINTS = ((35.7, 51.4), (35.71, 51.39), (52.5, 13.4), (-35.7, -128.6), (90, 0), (0, 0))
"""Two that are near each other, two on the other sides of the earth, and one that is no position."""
ZONES = ("Europe/Berlin", "Asia/Tehran", "Pacific/Kiritimati", "Mars/Olympus", "")
WATCHED = ("profile.traits.tier", "profile.stage", "profile.segments.vip", "profile.computed.tier", "profile.place")
MOMENTS = (NOW, NOW - 1000, NOW - 5000, NOW + 1000, NOW - 10**7)


def scalar(random: Random) -> Any:
    """A word, a number, yes or no."""
    return random.choice((random.choice(WORDS), random.choice(NUMBERS), random.random() < 0.5))


def anything(random: Random) -> Any:
    """What an event may say of a field, missing and nonsense included."""
    kind = random.randrange(10)
    if kind < 5:
        return scalar(random)
    if kind < 7:
        return None
    if kind == 7:
        return float("nan")
    if kind == 8:
        return [scalar(random) for _ in range(random.randrange(4))]
    return {random.choice(WORDS): scalar(random)}


def predicate(random: Random, field: str) -> dict[str, Any]:
    """A predicate over one field; the kinds that an index looks at are the most frequent."""
    kinds = ("eq", "eq", "eq", "ne", "order", "order", "in", "between", "exists", "text", "within")
    kind = random.choice((*kinds, *kinds, "matches", "than", "than"))
    if kind == "matches":
        return {"field": field, "op": kind, "value": random.choice(PATTERNS), "ignore_case": random.random() < 0.3}
    if kind == "than":
        other = random.choice((random.choice(FIELDS), random.choice(FIELDS), field))
        times = {"times": random.choice((1, 2, 0.1, 1.1))} if random.random() < 0.4 else {}
        return {"field": field, "op": random.choice(("eq", "ne", "lt", "le", "gt", "ge")), "than": other, **times}
    if kind in {"eq", "ne"}:
        return {"field": field, "op": kind, "value": scalar(random)}
    if kind == "order":
        value = random.choice((random.choice(WORDS), random.choice(NUMBERS), random.choice(NUMBERS)))
        return {"field": field, "op": random.choice(("lt", "le", "gt", "ge")), "value": value}
    if kind == "in":
        return {"field": field, "op": "in", "value": [scalar(random) for _ in range(random.randint(1, 4))]}
    if kind == "between":
        return {"field": field, "op": "between", "value": sorted(random.choice(NUMBERS) for _ in range(2))}
    if kind == "exists":
        return {"field": field, "op": "exists", "value": random.random() < 0.5}
    if kind == "within":
        return {"field": field, "op": "within", "value": "5s"}
    op = random.choice(("prefix", "suffix", "contains"))
    return {"field": field, "op": op, "value": random.choice(WORDS), "ignore_case": random.random() < 0.5}


def leaf(random: Random) -> dict[str, Any]:
    """A condition without parts of its own."""
    kind = random.randrange(13)
    if kind == 0:
        inner = predicate(random, random.choice(("item", "item.a")))
        has = {"not": inner} if random.random() < 0.3 else inner
        return {"list": random.choice(("event.tags", "event.name")), random.choice(("has", "every", "none")): has}
    if kind == 10:
        return clock(random)
    if kind == 11:
        lat, lon = random.choice(POINTS)
        field = random.choice(("event.place", "profile.place", "event.name"))
        return {"near": {"lat": lat, "lon": lon}, "within": random.choice(("5km", "500m", "4000km")), "field": field}
    if kind == 12:
        some = {end: [scalar(random), "gold"] for end in ("from", "to") if random.random() < 0.3}
        return {"changed": random.choice(WATCHED), **some}
    if kind == 1:
        seen = [random.choice(KINDS) for _ in range(random.randint(1, 2))]
        return {"seen": seen, "within": random.choice(("1s", "5s", "1h"))} if random.random() < 0.5 else {"seen": seen}
    return predicate(random, random.choice(FIELDS))


def clock(random: Random) -> dict[str, Any]:
    """A predicate over the hour or the day."""
    after, before = random.sample(("00:00", "09:00", "12:59", "13:00", "15:30", "23:59"), 2)
    return random.choice(
        (
            {"time": {"after": after, "before": before}},
            {"time": {random.choice(("after", "before")): after}},
            {"weekday": random.sample(("mon", "thu", "fri", "sat"), 2)},
            {"date": {"month": 1, "day": random.choice((1, 2))}},
            {"date": {random.choice(("month", "day")): 1}},
        )
    )


def point(random: Random) -> Any:
    """Coordinates, also such as nobody can use."""
    lat, lon = random.choice(POINTS)
    names = random.choice((("lat", "lon"), ("latitude", "longitude"), ("lat", "lng"), ("lat", "x")))
    return dict(zip(names, (lat, random.choice((lon, lon, str(lon), None))), strict=True))


def condition(random: Random, depth: int = 3) -> dict[str, Any]:
    """A condition of up to so many levels."""
    kind = random.randrange(10) if depth else 9
    if kind < 5:
        return {"all": [condition(random, depth - 1) for _ in range(random.randint(1, 4))]}
    if kind < 7:
        return {"any": [condition(random, depth - 1) for _ in range(random.randint(1, 4))]}
    return {"not": condition(random, depth - 1)} if kind == 7 else leaf(random)


def profile(random: Random) -> Profile:
    """A profile with something, or nothing, in every place a field can point to."""
    one = empty("c1")

    def registers(*names: str) -> dict[str, list[Any]]:
        return {name: [anything(random), NOW, "r", "web.identify"] for name in names if random.random() < 0.6}

    one["traits"] = registers("tier", "address")
    if random.random() < 0.3:
        one["traits"]["address"] = [{"city": anything(random)}, NOW, "r", "web.identify"]
    if random.random() < 0.6:
        one["traits"]["timezone"] = [random.choice((*ZONES, 3, None)), NOW, "r", "web.page"]
    one["place"] = {
        source: [*random.choice((*POINTS, (None, None))), None, random.choice(("", "gold")), "", moment, "r"]
        for source in ("gps", "ip", "declared")
        if random.random() < 0.4 and (moment := random.choice(MOMENTS))
    }
    one["facts"], one["consent"] = registers("account_number"), registers("email/marketing")
    one["stage"] = random.choice(("need", "purchase"))
    one["events"], one["last"] = random.randrange(4), random.choice(MOMENTS)
    for kind in KINDS:
        if random.random() < 0.5:
            one["counts"][kind] = random.randint(1, 3)
            ref = random.choice(("r", ids.ref("/s\ne1")))
            one["latest"][kind] = [random.choice(WORDS), random.choice(MOMENTS), ref, "t"]
    for key in ("email:x", "phone:1"):
        if random.random() < 0.5:
            one["identities"][key] = {"verified": True, "first": NOW, "last": NOW}
    for channel in ("email", "sms"):
        if random.random() < 0.5:
            one["channels"][channel] = {
                "received": random.randrange(3),
                "sent": random.randrange(3),
                "failed": random.randrange(3),
                "last_received": random.randrange(3),
                "last_sent": random.randrange(3),
            }
    if random.random() < 0.5:
        one["segments"]["vip"] = random.choice(MOMENTS)
    return one


def computed(profile: Profile, trait: str, now: int) -> Any:
    """A stand-in for computed traits: the trait of that name, at this moment only."""
    return profile["traits"].get(trait, [None])[0] if now == NOW else None


def scene(random: Random) -> Scene:
    """An event at a moment."""
    data: dict[str, Any] = {name: anything(random) for name in ("name", "text", "tags") if random.random() < 0.7}
    data["place"] = anything(random) if random.random() < 0.3 else point(random)
    if random.random() < 0.5:
        data["tags"] = [{"a": anything(random)} for _ in range(random.randrange(4))]
    said = {name: anything(random) for name in ("total", "brand", "a") if random.random() < 0.7}
    if random.random() < 0.3:
        said["a"] = {"b": anything(random)}
    data["properties"] = anything(random) if random.random() < 0.1 else said
    before = {name: anything(random) for name in WATCHED if random.random() < 0.8} if random.random() < 0.8 else None
    return Scene(
        *("e1", "email.received", "/s", "email:x", "default", data, random.choice(MOMENTS), NOW),
        computed=computed,
        zone=ZoneInfo(random.choice(ZONES[:3])),
        before=before,
    )
