"""Predicates that look around a field, as closures: at what it was before, at a place, at the clock.

As those of `predicates`, each is made for one of two questions; what is not known answers no to both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from hub.profile import Profile
from rules import clock, places
from rules.access import getter
from rules.conditions import Changed, Clock, Near, OnDate, TimeOfDay, Weekday
from rules.nodes_clock import DAYS
from rules.predicates import NUMBERS, Test, same
from rules.scene import Scene


def _changed(node: Changed, holds: bool) -> Test:
    name, get, was, now = node.changed, getter(node.changed), node.was, node.now

    def run(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
        before = scene.before
        if before is None or name not in before:
            return False
        old, new = before[name], get(data, profile, scene)
        other = new is not None if old is None else new is None or not _alike(old, new)
        fits = (
            other
            and (was is None or any(same(old, one) for one in was))
            and (now is None or any(same(new, one) for one in now))
        )
        return fits is holds

    return run


def _alike(old: Any, new: Any) -> bool:
    """As `same`, but of any kind: a list that says the same is no change, and neither is what never was a number."""
    if old.__class__ in NUMBERS and new.__class__ in NUMBERS:
        return bool(old == new or (old != old and new != new))  # noqa: PLR0124
    return old.__class__ is new.__class__ and bool(old == new)


def _near(node: Near, holds: bool) -> Test:
    get, centre, within = getter(node.field), (node.point.lat, node.point.lon), node.within

    def run(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
        position = places.position(get(data, profile, scene))
        return position is not None and (places.apart(position, centre) <= within) is holds

    return run


def _clock(answer: Callable[[Any], Callable[[datetime], bool]]) -> Callable[[Clock, bool], Test]:
    def make(node: Clock, holds: bool) -> Test:
        # Reads a folder the first time: that is now, when files are read anyway, and not within an event.
        clock.known()
        ask = answer(node)

        def run(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
            local = clock.local(profile, scene.now, scene.zone)
            return local is not None and ask(local) is holds

        return run

    return make


def _hours(node: TimeOfDay) -> Callable[[datetime], bool]:
    start, end = node.time.minutes
    if start < end:
        return lambda local: start <= local.hour * 60 + local.minute < end
    return lambda local: not end <= local.hour * 60 + local.minute < start


def _weekday(node: Weekday) -> Callable[[datetime], bool]:
    days = frozenset(map(DAYS.index, node.weekday))
    return lambda local: local.weekday() in days


def _date(node: OnDate) -> Callable[[datetime], bool]:
    month, day = node.date.month, node.date.day
    return lambda local: (month is None or local.month == month) and (day is None or local.day == day)


AROUND: Final[dict[type, Callable[[Any, bool], Test]]] = {
    Changed: _changed,
    Near: _near,
    TimeOfDay: _clock(_hours),
    Weekday: _clock(_weekday),
    OnDate: _clock(_date),
}
"""By the kind of node: what makes its closure, given the node and the question."""
