"""When a rule's wait begins, what ends it, and until when it goes on: spans, moments, days of every year. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from hub.profile import Profile
from rules import moments, timers
from rules.clock import zone_of
from rules.decision import Timer
from rules.model import Rule
from rules.scene import Scene, of_cause
from rules.speech import Ready
from rules.waits import FARTHEST, Until

YEARLY: int = 300 * moments.DAY
"""Milliseconds in which a day of every year comes once: who moves house or mends a date is not congratulated twice."""


def begun(one: Ready, scene: Scene, profile: Profile, zone: ZoneInfo) -> Timer | None:
    """The wait that an event begins; None when another one stays, or there is nothing to wait for."""
    rule = one.rule
    value = one.correlate(scene.data, profile, scene) if one.correlate else None
    about = timers.correlation(value) or ""
    if isinstance(rule.wait, int):
        timer = timers.timer(rule.id, about, scene, rule.wait, one.needs)
        return None if timers.replaced(profile, timer) else timer
    due = ahead(one, scene, profile, zone)
    if not isinstance(due, int):
        return None
    timer = timers.until(rule.id, about, scene, due, one.needs)
    return None if timers.kept(profile, timer) else timer


def ahead(one: Ready, scene: Scene, profile: Profile, zone: ZoneInfo) -> int | str:
    """The moment (ms) that is to be waited for, or why there is none."""
    wait = one.rule.wait
    if not isinstance(wait, Until) or one.moment is None:
        return scene.time + wait if isinstance(wait, int) else "nothing to wait for"
    value = one.moment(scene.data, profile, scene)
    if value is None:
        return f"{wait.field} is missing"
    due = named(one, scene, profile, zone, since=scene.now)
    if due is None:
        return f"{wait.field} is no {'day' if wait.yearly else 'moment'}: found {value!r:.60}"
    if due <= scene.now:
        return f"the moment is past: {shown(due, zone)}"
    return due if due - scene.now <= FARTHEST else f"{shown(due, zone)} is more than 5 years ahead"


def named(one: Ready, scene: Scene, profile: Profile, zone: ZoneInfo, *, since: int) -> int | None:
    """The moment (ms) as its field names it now; of a day of every year the first one after `since`."""
    wait = one.rule.wait
    if not isinstance(wait, Until) or one.moment is None:
        return None
    value, here = one.moment(scene.data, profile, scene), zone_of(profile, zone)
    if wait.yearly:
        return moments.anniversary(wait, value, here, since)
    return moments.moment(wait, value, here)


def onward(rule: Rule, timer: Timer, scene: Scene, due: int) -> Timer:
    """The same wait, until another moment."""
    return Timer(timer.slot, timers.named(timer.slot, scene, due), due, rule.id, timer.body)


def ended(ready: dict[str, Ready], scene: Scene, profile: Profile) -> Iterator[tuple[Ready, Timer]]:
    """The waits of these rules that an event makes pointless."""
    for slot, waiting in profile["timers"].items():
        one = ready.get(waiting[2])
        if one is not None and timers.since(waiting) <= scene.time and _ends(one, waiting, scene, profile):
            yield one, Timer(slot, waiting[0], waiting[1], waiting[2], {})


def _ends(one: Ready, waiting: list[object], scene: Scene, profile: Profile) -> bool:
    name = scene.data.get("name")
    kinds = {scene.type, f"{scene.type}/{name}"}
    for kind, field in one.ends:
        if kinds.isdisjoint(kind):
            continue
        if field is None:
            return True
        body = waiting[3] if len(waiting) > 3 else None
        cause = of_cause(body, scene.now) if isinstance(body, dict) else None
        theirs = timers.correlation(field(scene.data, profile, scene))
        if cause is not None and theirs is not None:
            ours = timers.correlation(field(cause.data, profile, cause))
            if ours == theirs:
                return True
    return False


def shown(due: int, zone: ZoneInfo) -> str:
    """A moment for people."""
    return datetime.fromtimestamp(due / 1000, zone).isoformat(timespec="seconds")
