"""Events that are remembered for a while, each apart by what one of its fields says: what came before, what came since.

A profile keeps the newest event of each kind, which does not tell one cart from another. So where a rule asks for an
event about the same thing, the event is kept among the customer's waits, in a slot of the thing it is about, and is
forgotten by the clock as waits are. Of one thing the newest event stays, of all things the newest `MOST`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from hub import ids
from hub.profile import Profile
from rules.access import getter
from rules.conditions import Seen
from rules.decision import Decision, Timer
from rules.model import Rule
from rules.scene import Scene
from rules.timers import correlation

MARK: Final = "/seen"
"""What stands in the place of the rule where nothing is waited for."""
MOST: Final = 50
"""Things of one customer that events of one sort are remembered of."""
IN_ALL: Final = 200
"""The same, for events of all sorts."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A sort of events to remember: by which field, and for how long after they happened (ms)."""

    place: str
    field: str | None
    keep: int


def of_after(rule: Rule) -> Mark | None:
    """What a rule remembers of the event that must come before its own. It may come late, and so may its own."""
    if rule.after is None:
        return None
    return Mark(f"after\n{rule.id}", rule.after.correlate, rule.after.within + rule.max_age)


def of_seen(node: Seen, keep: int = 0) -> Mark:
    """What is remembered for `unless`; rules that ask for the same events share it."""
    return Mark(f"seen\n{','.join(sorted(node.seen))}\n{node.correlate}", node.correlate, keep)


def by_kind(rules: Iterable[Rule]) -> dict[str, tuple[Mark, ...]]:
    """What rules want remembered, by kind of event, `type` or `type/name`."""
    found: dict[str, dict[str, Mark]] = {}
    for rule in rules:
        asked = [(node.seen, of_seen(node, rule.max_age)) for node in rule.ends if node.correlate]
        first = of_after(rule)
        if rule.after is not None and first is not None:
            asked.append((rule.after.seen, first))
        for kinds, mark in asked:
            for kind in kinds:
                marks = found.setdefault(kind, {})
                known = marks.get(mark.place)
                marks[mark.place] = mark if known is None or known.keep < mark.keep else known
    return {kind: tuple(marks.values()) for kind, marks in found.items()}


def slot(mark: Mark, scene: Scene, profile: Profile) -> str | None:
    """The place of an event among a customer's waits; None when it does not say what it is about."""
    if mark.field is None:
        return ids.digest(mark.place)
    about = correlation(getter(mark.field)(scene.data, profile, scene))
    return None if about is None else ids.digest(f"{mark.place}\n{about}")


def note(mark: Mark, scene: Scene, profile: Profile, received: int) -> Decision | None:
    """Remember an event, unless a newer one is known, or it is too old to matter."""
    place = slot(mark, scene, profile)
    due = scene.time + mark.keep
    if place is None or due <= received:
        return None
    timers = profile["timers"]
    there = timers.get(place)
    if there is not None and _when(there) >= (scene.time, scene.id):
        return None
    timer = Timer(place, ids.digest(f"{place}\n{scene.id}"), due, MARK, _body(mark, scene))
    over = None if there is not None or len(timers) < MOST else _oldest(profile, mark)
    if over is not None and (over.due, over.id) > (due, timer.id):
        return None
    return Decision(MARK, "", "noted", f"seen: {scene.type} is remembered", timer=timer, over=over)


def _oldest(profile: Profile, mark: Mark) -> Timer | None:
    """What is forgotten to make room; None while there is some."""
    marks = [(one[1], one[0], slot, _place(one)) for slot, one in profile["timers"].items() if one[2] == MARK]
    sort = ids.digest(mark.place)
    same = [one for one in marks if one[3] == sort]
    full = same if len(same) >= MOST else marks if len(marks) >= IN_ALL else []
    if not full:
        return None
    due, id, slot, _ = min(full)
    return Timer(slot, id, due, MARK, {})


def before(rule: Rule, scene: Scene, profile: Profile) -> Timer | None:
    """The event that came before, within the span of the rule's `after`; None when there was none."""
    place, there = _first(rule, scene, profile)
    if rule.after is None or there is None:
        return None
    time, id = _when(there)
    if id == scene.id or not 0 <= scene.time - time <= rule.after.within:
        return None
    return Timer(place, there[0], there[1], MARK, {})


def newest(rule: Rule, scene: Scene, profile: Profile) -> int | None:
    """When the newest event happened that a rule's `after` may mean, in time or not; None when there was none."""
    _, there = _first(rule, scene, profile)
    return None if there is None else _when(there)[0]


def _first(rule: Rule, scene: Scene, profile: Profile) -> tuple[str, list[Any] | None]:
    mark = of_after(rule)
    place = (None if mark is None else slot(mark, scene, profile)) or ""
    return place, profile["timers"].get(place)


def since(node: Seen, scene: Scene, profile: Profile) -> int | None:
    """When an event about the same thing was seen since the cause; None when none was."""
    place = slot(of_seen(node), scene, profile)
    there = None if place is None else profile["timers"].get(place)
    if there is None:
        return None
    time, id = _when(there)
    return time if time > scene.time or (time == scene.time and id != scene.id) else None


def _body(mark: Mark, scene: Scene) -> dict[str, Any]:
    return {"id": scene.id, "time": scene.time, "place": ids.digest(mark.place)}


def _of(waiting: list[Any]) -> dict[str, Any]:
    return waiting[3] if len(waiting) > 3 and isinstance(waiting[3], dict) else {}


def _when(waiting: list[Any]) -> tuple[int, str]:
    return int(_of(waiting).get("time", 0)), str(_of(waiting).get("id", ""))


def _place(waiting: list[Any]) -> str:
    return str(_of(waiting).get("place", ""))
