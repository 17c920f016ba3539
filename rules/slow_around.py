"""The slow reading of what lies around a field: another field, what it was before, a place, the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import atan2, cos, radians, sin, sqrt
from typing import Any

from hub.profile import Profile
from rules import clock, places
from rules.conditions import Changed, Near, OnDate, TimeOfDay, Versus, Weekday
from rules.nodes_clock import DAYS
from rules.nodes_place import text as distance_text
from rules.scene import Scene
from rules.slow import against, kind, look, same
from rules.steps import Step


def versus(node: Versus, scene: Scene, profile: Profile) -> Step:
    """One field against another."""
    value, other = look(node.field, scene, profile), look(node.than, scene, profile)
    times = "" if node.times is None else f"{node.times} times "
    asked, found = f"{node.field} {node.op} {times}{node.than}", f"found {value!r:.200} and {other!r:.200}"
    other = node.scaled(other)
    if value is None or other is None:
        return Step(asked, None, found)
    return Step(asked, against(node.op, value, other), found)


def changed(node: Changed, scene: Scene, profile: Profile) -> Step:
    """What a field was before the event, against what it is now."""
    asked = f"{node.changed} changed"
    asked += "" if node.was is None else f" from {', '.join(map(repr, node.was)):.200}"
    asked += "" if node.now is None else f" to {', '.join(map(repr, node.now)):.200}"
    if scene.before is None or node.changed not in scene.before:
        return Step(asked, None, "what it was before is not known")
    old, new = scene.before[node.changed], look(node.changed, scene, profile)
    answer = not _unchanged(old, new)
    if node.was is not None:
        answer = answer and any(same(old, one) for one in node.was)
    if node.now is not None:
        answer = answer and any(same(new, one) for one in node.now)
    shown = ["missing" if one is None else f"{one!r:.200}" for one in (old, new)]
    return Step(asked, answer, f"was {shown[0]}, is {shown[1]}")


def _unchanged(old: Any, new: Any) -> bool:
    if kind(old) != kind(new):
        return False
    return bool(old == new or (old != old and new != new))  # noqa: PLR0124


def near(node: Near, scene: Scene, profile: Profile) -> Step:
    """A place against a point."""
    value = look(node.field, scene, profile)
    asked = f"{node.field} is within {distance_text(node.within)} of {node.point.lat}, {node.point.lon}"
    there = places.position(value)
    if there is None:
        return Step(asked, None, "missing" if value is None else "no coordinates")
    metres = _metres(there, (node.point.lat, node.point.lon))
    return Step(asked, metres <= node.within, f"{metres:.0f} m away")


def _metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """By the angle between two vectors from the middle of the earth."""
    a, b = (
        (cos(radians(lat)) * cos(radians(lon)), cos(radians(lat)) * sin(radians(lon)), sin(radians(lat)))
        for lat, lon in (one, other)
    )
    across = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    return places.RADIUS * atan2(sqrt(sum(x * x for x in across)), sum(x * y for x, y in zip(a, b, strict=True)))


def on_the_clock(node: TimeOfDay | Weekday | OnDate, scene: Scene, profile: Profile) -> Step:
    """The customer's clock and calendar."""
    zone = clock.zone_of(profile, scene.zone)
    try:
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=scene.now)).astimezone(zone)
    except (OverflowError, ValueError):
        return Step("the clock", None, "no calendar has this moment")
    found = f"{local:%a %Y-%m-%d %H:%M} in {zone}"
    if isinstance(node, TimeOfDay):
        after, before = node.time.after or "00:00", node.time.before or "24:00"
        now = f"{local:%H:%M}"
        inside = after <= now < before if after < before else now >= after or now < before
        return Step(f"it is from {after} to {before}", inside, found)
    if isinstance(node, Weekday):
        return Step(f"it is {', '.join(node.weekday)}", DAYS[local.weekday()] in node.weekday, found)
    month, day = node.date.month or local.month, node.date.day or local.day
    asked = f"it is month {node.date.month or 'any'}, day {node.date.day or 'any'}"
    return Step(asked, (month, day) == (local.month, local.day), found)
