"""Why a rule spoke, or did not: every predicate with what it expected and what it found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from hub.computed import Lookup, nothing
from hub.event import Event
from hub.profile import Profile
from rules import gate, marks, waiting
from rules.before import Before
from rules.engine import ACTIVE, delay, zone_of
from rules.model import ANY_LANGUAGE, CAPS, GlobalCap, Rule
from rules.reference import MARKS, Step, ask, look
from rules.scene import Scene, of_event
from rules.spans import text as span_text
from rules.speech import ready


@dataclass(frozen=True, slots=True)
class Explanation:
    """How one rule looked at one event of one customer."""

    rule: str
    version: str
    concerned: bool
    """The rule listens to this kind of event."""
    when: Step | None
    unless: Step | None
    gates: tuple[str, ...]
    """What would have forbidden the message; empty when nothing would."""
    after: Step | None = None
    """Whether what must come before came before."""
    wait: str = ""
    """Until when the rule waits, or why it does not."""

    @property
    def matched(self) -> bool:
        """The rule's condition held, and what must come before came before."""
        return self.concerned and all(step is None or step.answer is True for step in (self.when, self.after))

    def lines(self) -> Iterator[str]:
        """The whole of it as text."""
        yield f"rule {self.rule} ({self.version})"
        yield f"{MARKS[self.concerned]}: listens to this kind of event"
        for title, step in (("if", self.when), ("after", self.after), ("unless", self.unless)):
            if step is not None:
                yield f"{title}:"
                yield from step.lines(1)
        if self.wait:
            yield f"wait: {self.wait}"
        yield from (f"held by {reason}" for reason in self.gates)


def explain(
    rule: Rule,
    event: Event,
    ms: int,
    profile: Profile,
    *,
    caps: Sequence[GlobalCap] = CAPS,
    computed: Lookup = nothing,
    timezone: str = "UTC",
    before: Before | None = None,
) -> Explanation:
    """Ask one rule about one event, and keep every answer; as the engine would that has this zone and was told this."""
    scene = of_event(event, ms, computed, zone_of(timezone), before)
    named = event.data.get("name")
    way = gate.way(rule, profile, event.data, max(ms, int(event.receivedat.timestamp() * 1000)))
    reasons = [gate.on_hold(rule, profile), gate.capped(rule, profile["fired"].values(), ms, caps)]
    if isinstance(way, gate.Held):
        reasons.append(way.reason)
    if delay(event) > rule.max_age:
        reasons.append(f"late: it reached us {span_text(delay(event) // 1000 * 1000)} after it happened")
    if rule.state not in ACTIVE:
        reasons.append(f"state: the rule is {rule.state}")
    if event.data.get("automatic"):
        reasons.append("automatic: a machine wrote this, and gets no answer")
    return Explanation(
        rule=rule.id,
        version=rule.version,
        concerned=any(on.type == event.type and (on.name is None or on.name == named) for on in rule.on),
        when=None if rule.when is None else ask(rule.when, scene, profile),
        unless=None if rule.unless is None else ask(rule.unless, scene, profile),
        gates=tuple(reason for reason in reasons if reason),
        after=_after(rule, scene, profile),
        wait=_wait(rule, scene, profile, zone_of(timezone)),
    )


def _after(rule: Rule, scene: Scene, profile: Profile) -> Step | None:
    if rule.after is None:
        return None
    asked = f"seen {', '.join(rule.after.seen)} within {span_text(rule.after.within)}"
    if rule.after.correlate is not None:
        asked += f" with {rule.after.correlate} {look(rule.after.correlate, scene, profile)!r:.200}"
    newest = marks.newest(rule, scene, profile)
    found = "never" if newest is None else f"{(scene.time - newest) / 1000:.0f} s before"
    return Step(asked, marks.before(rule, scene, profile) is not None, found)


def _wait(rule: Rule, scene: Scene, profile: Profile, zone: ZoneInfo) -> str:
    if rule.wait is None:
        return ""
    due = waiting.ahead(ready(rule, ANY_LANGUAGE), scene, profile, zone)
    return f"until {waiting.shown(due, zone)}" if isinstance(due, int) else due
