"""Values as the slow reading sees them: which one a field has, of which kind it is, how two compare."""

from __future__ import annotations

from typing import Any, cast

from hub.profile import Profile
from hub.profile import language as spoken
from rules.paths import parse
from rules.scene import Scene
from rules.steps import Truth


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else "text" if isinstance(value, str) else "other"


def same(one: Any, other: Any) -> bool:
    return kind(one) == kind(other) != "other" and bool(one == other)


def against(op: str, value: Any, other: Any) -> Truth:
    if op == "eq":
        return same(value, other)
    if op == "ne":
        return not same(value, other)
    # Yes and no have no order, and neither has what is no number (NaN).
    if kind(value) != kind(other) or kind(value) in {"bool", "other"} or value != value or other != other:  # noqa: PLR0124
        return None
    return bool({"lt": value < other, "le": value <= other, "gt": value > other, "ge": value >= other}[op])


def look(field: str, scene: Scene, profile: Profile) -> Any:
    """The value of a field, None when it is missing."""
    path, whole = parse(field), cast(dict[str, Any], profile)
    first = path.keys[0] if path.keys else ""
    if path.place == "envelope":
        return getattr(scene, first)
    if path.place == "plain":
        return spoken(profile, "") or None if first == "language" else whole[first]
    if path.place == "counts":
        return whole["counts"].get(first, 0)
    if path.place == "latest":
        register = whole["latest"].get(first)
        return None if register is None else register[path.keys[1] == "time"]
    if path.place == "channels":
        number = whole["channels"].get(first, {}).get(path.keys[1], 0)
        return None if path.moment and number == 0 else number
    if path.place == "identities":
        return [key.partition(":")[2] for key in whole["identities"] if key.partition(":")[0] == first] or None
    if path.place == "place":
        found = _where(whole)
        return found if found is None or not first else found[first]
    if path.place == "computed":
        return scene.computed(profile, first, scene.now)
    if path.place == "segments":
        return first in whole.get("segments", {})
    if path.place in {"traits", "facts", "consent"}:
        register = whole[path.place].get(first)
        value, keys = (None if register is None else register[0]), path.keys[1:]
    else:
        value, keys = (scene.data, path.keys) if path.place == "data" else (scene.item, path.keys)
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _where(profile: dict[str, Any]) -> dict[str, Any] | None:
    """The newest place, or one of a more exact kind of source that is at most an hour older."""
    found: list[tuple[int, list[Any]]] = []
    newest = max((place[5] for place in profile.get("place", {}).values()), default=0)
    for rank, source in enumerate(("declared", "ip", "gps")):
        kept = profile.get("place", {}).get(source)
        if kept is not None and newest - kept[5] <= 3_600_000:
            found.append((rank, [*kept[:6], source]))
    if not found:
        return None
    names = ("latitude", "longitude", "accuracy", "city", "country", "time", "source")
    return {name: None if said == "" else said for name, said in zip(names, max(found)[1], strict=True)}
