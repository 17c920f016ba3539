"""Waits: their names, their bodies, and which of two stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hub import ids
from hub.profile import Profile
from rules.decision import Timer
from rules.scene import Scene

MAX_TEXT: Final = 300
MAX_LIST: Final = 20
MAX_DEPTH: Final = 4
ALWAYS: Final = (("name",), ("identities",), ("message",))


def slot(rule: str, correlation: str) -> str:
    """The place of a wait among a customer's. It names no customer: when two become one, so do their waits."""
    return ids.digest(f"{rule}\n{correlation}")


def correlation(value: Any) -> str | None:
    """A value by which waits are kept apart, as text."""
    return None if value is None else str(value)[:200]


def timer(rule: str, correlation: str, scene: Scene, wait: int, needs: Iterable[tuple[str, ...]]) -> Timer:
    """The wait that an event starts; its length is in milliseconds."""
    place = slot(rule, correlation)
    name = ids.digest(f"{place}\n{scene.id}")
    return Timer(place, name, scene.time + wait, rule, body(scene, needs))


def until(rule: str, correlation: str, scene: Scene, due: int, needs: Iterable[tuple[str, ...]]) -> Timer:
    """The wait for a moment. Whichever event of the customer names the moment, it is the same wait."""
    place = slot(rule, correlation)
    return Timer(place, named(place, scene, due), due, rule, body(scene, needs))


def named(place: str, scene: Scene, due: int) -> str:
    """The name of a wait for a moment."""
    return ids.digest(f"{place}\n{scene.subject}\n{due}")


def body(scene: Scene, needs: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """What must be remembered of an event until the wait is over: the fields the rule reads, cut to size."""
    data: dict[str, Any] = {}
    for keys in (*ALWAYS, *needs):
        _copy(scene.data, data, keys)
    return {
        "id": scene.id,
        "type": scene.type,
        "source": scene.source,
        "subject": scene.subject,
        "tenant": scene.tenant,
        "time": scene.time,
        "data": data,
    }


def _copy(source: Mapping[str, Any], target: dict[str, Any], keys: tuple[str, ...]) -> None:
    if not keys:
        return
    head, *rest = keys
    value = source.get(head)
    if value is None:
        return
    if rest:
        if isinstance(value, dict):
            below = target.setdefault(head, {})
            if isinstance(below, dict):
                _copy(value, below, tuple(rest))
        return
    target[head] = cut(value, MAX_DEPTH)


def cut(value: Any, depth: int) -> Any:
    """A value small enough to keep."""
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, list):
        return [cut(one, depth - 1) for one in value[:MAX_LIST]] if depth else []
    if isinstance(value, dict):
        return {str(key)[:100]: cut(one, depth - 1) for key, one in list(value.items())[:MAX_LIST]} if depth else {}
    return value


def since(waiting: list[Any]) -> int:
    """When the cause of a wait happened (ms); 0 when that is lost."""
    known = waiting[3] if len(waiting) > 3 else None
    return int(known.get("time", 0)) if isinstance(known, dict) else 0


def kept(profile: Profile, one: Timer) -> bool:
    """Whether the wait for a moment that is in the slot stays: a newer event named it, or it is the same."""
    there = profile["timers"].get(one.slot)
    known = there[3] if there is not None and len(there) > 3 else None
    if there is None or not isinstance(known, dict):
        return False
    newer = (known.get("time", 0), str(known.get("id"))) > (one.body["time"], one.body["id"])
    return newer or (there[1] == one.due and _told(known) == _told(one.body))


def _told(body: Mapping[str, Any]) -> dict[str, Any]:
    data = body.get("data")
    return {name: said for name, said in data.items() if (name,) not in ALWAYS} if isinstance(data, dict) else {}


def replaced(profile: Profile, one: Timer) -> bool:
    """Whether a newer event already holds the slot: by due time, then by name, as a merge of two profiles does."""
    there = profile["timers"].get(one.slot)
    return there is not None and (there[1], there[0]) >= (one.due, one.id)
