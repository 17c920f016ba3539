"""Devices: what the customer uses, from what apps say of the device and browsers say of themselves.

`{"seen": {id: [time, ref, kind, model, system, app, push]}, "first": {name: time}}`. *Seen* has the ten devices
used last, as they were described last; a browser, which does not say which device it is on, is a device named
by system and browser. *Push* is 1 when the device can be sent push messages, 0 when it cannot, null when that
was not said; the token itself is never kept.

*First* is when a device was first used, by a short hash of its id. It is bounded by name and not by time: a device
that fell out of the ten and comes back must not look new, in whatever order the events come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from hub.event import Event
from hub.ids import digest
from profile_store.facets.shapes import first, obj, text

NAME: Final = "devices"

TIME, REF, KIND, MODEL, SYSTEM, APP, PUSH = range(7)

SEEN_KEPT: Final = 10
FIRST_KEPT: Final = 20
LONGEST_ID: Final = 48
LONGEST: Final = 32

_LONGEST_AGENT: Final = 400
_ROBOT: Final = re.compile(r"bot\b|crawl|spider|headless|slurp|preview|monitor", re.IGNORECASE)
_SYSTEMS: Final = (
    ("iPhone", "phone", "iOS"),
    ("iPad", "tablet", "iPadOS"),
    ("Android", "phone", "Android"),
    ("CrOS", "desktop", "ChromeOS"),
    ("Windows", "desktop", "Windows"),
    ("Macintosh", "desktop", "macOS"),
    ("Linux", "desktop", "Linux"),
)
"""What a browser's name contains → kind of device and system; the first that fits, since Android names Linux too."""
_BROWSERS: Final = (
    *(("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("YaBrowser", "Yandex")),
    *(("FxiOS", "Firefox"), ("Firefox/", "Firefox"), ("CriOS", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari")),
)
"""The first that fits: every browser also claims to be the ones after it."""
_KINDS: Final = {"ios": "phone", "android": "phone", "ipados": "tablet", "tvos": "tv"}
_PHONE: Final = frozenset({"phone", "mobile", "smartphone"})

Device = tuple[str, str, str, str, str, int | None]
"""Id, kind, model, system, app, push."""


@lru_cache(maxsize=4096)
def browser(agent: str) -> Device | None:
    """The device that a browser's own name tells of; None for programs, robots and unknown ones."""
    if _ROBOT.search(agent):
        return None
    system = next((one for one in _SYSTEMS if one[0] in agent), None)
    app = next((name for sign, name in _BROWSERS if sign in agent), None)
    if system is None or app is None:
        return None
    mark, kind, name = system
    if mark == "Android" and "Mobile" not in agent:
        kind = "tablet"
    return f"{name}/{app}".lower(), kind, "", name, app, None


def _versioned(said: Mapping[str, Any]) -> str:
    return f"{text(said.get('name'), LONGEST)} {text(said.get('version'), LONGEST)}".strip()[:LONGEST]


def _push(device: Mapping[str, Any]) -> int | None:
    """Whether there is a token, or the channel already said so in place of it."""
    if isinstance(device.get("push"), bool):
        return int(device["push"])
    return int(bool(device["token"])) if "token" in device else None


def _described(context: Mapping[str, Any]) -> Device | None:
    """The device that an app describes. An id alone says nothing that is worth forgetting the description for."""
    device, app = obj(context.get("device")), _versioned(obj(context.get("app")))
    os = obj(context.get("os"))
    system, model = _versioned(os), text(first(device, ("model", "name")), LONGEST)
    if not (model or system or app):
        return None
    said = text(device.get("type"), LONGEST).lower()
    kind = "phone" if said in _PHONE else _KINDS.get(said) or _KINDS.get(text(os.get("name"), 20).lower()) or said
    id = text(device.get("id"), LONGEST_ID) or f"{system}/{model}".lower()[:LONGEST_ID]
    return id, kind, model, system, app, _push(device)


def fold(profile: dict[str, Any], event: Event, ms: int, ref: str) -> None:
    """Note which device the event came from."""
    context = event.data.get("context")
    if not isinstance(context, dict):
        return
    agent = context.get("userAgent")
    found = _described(context) or (browser(agent[:_LONGEST_AGENT]) if isinstance(agent, str) else None)
    if found is None:
        return
    devices = profile.setdefault(NAME, {"seen": {}, "first": {}})
    id, *rest = found
    _keep(devices["seen"], id, [ms, ref, *rest])
    name = digest(id, 4)
    devices["first"][name] = min(ms, devices["first"].get(name, ms))
    _bound(devices)


def _keep(seen: dict[str, list[Any]], id: str, device: list[Any]) -> None:
    if id not in seen or (device[:2], str(device)) > (seen[id][:2], str(seen[id])):
        seen[id] = device


def _bound(devices: dict[str, Any]) -> None:
    seen, early = devices["seen"], devices["first"]
    while len(seen) > SEEN_KEPT:
        del seen[min(seen, key=lambda id: (seen[id][:2], id))]
    while len(early) > FIRST_KEPT:
        del early[max(early)]


def merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    """Add the devices that the other profile knows."""
    theirs = other.get(NAME)
    if theirs is None:
        return
    ours = into.setdefault(NAME, {"seen": {}, "first": {}})
    for id, device in theirs["seen"].items():
        _keep(ours["seen"], id, list(device))
    for name, ms in theirs["first"].items():
        ours["first"][name] = min(ms, ours["first"].get(name, ms))
    _bound(ours)
