"""Why a rule spoke, or did not: every predicate with what it expected and what it found, and the gates behind them.

The answers are those of the slow reading (reference.py); what came of them is what the engine itself says, so that
an explanation cannot tell another story than the one that happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from hub.computed import Lookup, nothing
from hub.event import Event, rfc3339
from hub.profile import Profile
from rules import gate, marks, timers, waiting
from rules.before import Before
from rules.decision import Decision
from rules.engine import TIMER_DUE, Engine, delay, zone_of
from rules.model import ACTIVE, ANY_LANGUAGE, CAPS, GlobalCap, Rule
from rules.reference import MARKS, Step, ask, look
from rules.scene import Scene, of_cause, of_event
from rules.spans import text as span_text
from rules.speech import ready as made_ready

ONCE: Final = {
    "per-occurrence": "it has answered this event already",
    "per-day": "it has spoken to this customer on this day already",
    "ever": "it has spoken to this customer before, and does so once",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """How one rule looked at one event of one customer."""

    rule: str
    version: str
    concerned: bool
    """The rule listens to this kind of event, or this is the end of a wait of its own."""
    when: Step | None
    unless: Step | None
    gates: tuple[str, ...]
    """What would have forbidden the message, in the order it is asked; empty when nothing would."""
    after: Step | None = None
    """Whether what must come before came before."""
    listens: str = ""
    """To which kinds of events, where this is none of them."""
    wait: str = ""
    """What is being waited for, or why nothing is."""
    outcome: str = ""
    """What the engine made of it: fired, held, waiting or cancelled; empty when it passed without a word."""
    reason: str = ""
    text: str = ""
    """What was said, or would have been."""

    @property
    def matched(self) -> bool:
        """The rule's condition held, and what must come before came before."""
        return self.concerned and all(step is None or step.answer is True for step in (self.when, self.after))

    @property
    def blame(self) -> str:
        """The first thing that stood against it, in one sentence; empty when it spoke, or began to wait."""
        if self.outcome in {"fired", "waiting"}:
            return ""
        if not self.concerned:
            return self.listens
        early = next((one for one in self.gates if one.partition(":")[0] in {"state", "automatic"}), "")
        if early:
            return early
        if self.when is not None and self.when.answer is not True and self.concerned:
            return f"if: {_sentence(self.when.blame())}"
        if self.after is not None and self.after.answer is not True:
            return f"after: {_sentence(self.after)}"
        if self.gates and self.gates[0].startswith("late:"):
            return self.gates[0]
        if self.unless is not None and self.unless.answer is True and not self.wait:
            return f"unless: {_sentence(_credit(self.unless))}"
        return self.reason or self.wait or next(iter(self.gates), "")

    def lines(self) -> Iterator[str]:
        """The whole of it as text."""
        yield f"rule {self.rule} ({self.version})"
        yield f"{MARKS[self.concerned]}: listens to this kind of event"
        for title, step in (("if", self.when), ("after", self.after), ("unless", self.unless)):
            if step is not None:
                yield f"{title}:"
                yield from step.lines(1)
        if self.wait:
            yield self.wait
        yield from (f"held by {reason}" for reason in self.gates)

    def to_json(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "rule": self.rule,
            "version": self.version,
            "concerned": self.concerned,
            "matched": self.matched,
            "if": _step(self.when),
            "after": _step(self.after),
            "unless": _step(self.unless),
            "wait": self.wait,
            "gates": list(self.gates),
            "outcome": self.outcome,
            "reason": self.reason,
            "text": self.text,
            "blame": self.blame,
        }


def explain(
    rule: Rule,
    event: Event,
    ms: int,
    profile: Profile,
    *,
    caps: Sequence[GlobalCap] = CAPS,
    computed: Lookup = nothing,
    timezone: str = "UTC",
    engine: Engine | None = None,
    before: Before | None = None,
) -> Explanation:
    """Ask one rule about one event, and keep every answer.

    `engine` is the one in force, for which the rules that are asked before this one count too.
    """
    if engine is None:
        engine = Engine((rule,), caps=caps, computed=computed, timezone=timezone)
    decision = next((one for one in engine.decide(event, ms, profile, before) if one.rule == rule.id), None)
    over = _over(rule, event, profile)
    zone = zone_of(timezone)
    told = of_event(event, ms, computed, zone, before)
    scene = told if over is None else of_cause(over, max(ms, _due(event, profile)), computed, zone)
    scene = scene or told  # the cause of a wait is lost: then the engine says so
    after = _after(rule, scene, profile) if over is None else None
    when, unless = (None if root is None else ask(root, scene, profile) for root in (rule.when, rule.unless))
    gates = _gates(rule, event, scene, profile, caps=caps, over=over)
    concerned = over is not None or listens(rule, event)
    ready = (
        concerned
        and not _early(gates)
        and (over is not None or all(step is None or step.answer is True for step in (when, after)))
    )
    wait = ""
    if rule.wait is not None and over is None and ready:
        wait = _waits(rule, scene, profile, decision, zone)
    elif ready and decision is None and not (unless is not None and unless.answer is True):
        gates = (f"once: {ONCE[rule.once]}", *gates)
    if decision is not None and decision.outcome == "held" and decision.reason not in gates:
        gates = (decision.reason, *gates)
    return Explanation(
        rule=rule.id,
        version=rule.version,
        concerned=concerned,
        when=when if over is None else None,  # it held before the wait, and is not asked again
        unless=unless,
        gates=gates,
        after=after,
        listens="" if concerned else f"on: it listens to {', '.join(map(str, rule.on))}, and this is {kind_of(event)}",
        wait=wait,
        outcome=decision.outcome if decision is not None else "",
        reason=decision.reason if decision is not None else "",
        text=decision.text if decision is not None else "",
    )


def _early(gates: Sequence[str]) -> bool:
    """Whether a rule is not even asked to speak, for one of these reasons."""
    return any(one.partition(":")[0] in {"state", "automatic", "late"} for one in gates)


def _gates(
    rule: Rule, event: Event, scene: Scene, profile: Profile, *, caps: Sequence[GlobalCap], over: object
) -> tuple[str, ...]:
    """All that stands against speaking, in the engine's order."""
    late = delay(event) if over is None else 0
    at = max(scene.now, int(event.receivedat.timestamp() * 1000)) if over is None else scene.now
    way = gate.way(rule, profile, scene.data, at)
    asked = (
        f"state: the rule is {rule.state}" if rule.state not in ACTIVE else "",
        "automatic: a machine wrote this, and gets no answer" if over is None and event.data.get("automatic") else "",
        f"late: it reached us {span_text(late // 1000 * 1000)} after it happened" if late > rule.max_age else "",
        gate.on_hold(rule, profile),
        way.reason if isinstance(way, gate.Held) else "",
        gate.capped(rule, profile["fired"].values(), scene.now, caps),
    )
    return tuple(reason for reason in asked if reason)


def listens(rule: Rule, event: Event) -> bool:
    """Whether a rule looks at events of this kind."""
    named = event.data.get("name")
    return any(on.type == event.type and (on.name is None or on.name == named) for on in rule.on)


def kind_of(event: Event) -> str:
    """The kind of an event, as rules write it."""
    named = event.data.get("name")
    return f"{event.type}/{named}" if isinstance(named, str) and named else event.type


def _over(rule: Rule, event: Event, profile: Profile) -> Mapping[str, Any] | None:
    """The cause of the rule's wait that this event ends; None when it ends none."""
    if event.type != TIMER_DUE:
        return None
    waiting = profile["timers"].get(str(event.data.get("slot")))
    if waiting is None or waiting[0] != event.data.get("timer") or waiting[2] != rule.id:
        return None
    cause = event.data.get("cause")
    return cause if isinstance(cause, dict) else next((one for one in waiting[3:4] if isinstance(one, dict)), {})


def _due(event: Event, profile: Profile) -> int:
    return int(profile["timers"][str(event.data.get("slot"))][1])


def _after(rule: Rule, scene: Scene, profile: Profile) -> Step | None:
    if rule.after is None:
        return None
    asked = f"seen {', '.join(rule.after.seen)} within {span_text(rule.after.within)}"
    if rule.after.correlate is not None:
        asked += f" with {rule.after.correlate} {look(rule.after.correlate, scene, profile)!r:.200}"
    newest = marks.newest(rule, scene, profile)
    found = "never" if newest is None else f"{(scene.time - newest) / 1000:.0f} s before"
    return Step(asked, marks.before(rule, scene, profile) is not None, found)


def _waits(rule: Rule, scene: Scene, profile: Profile, decision: Decision | None, zone: ZoneInfo) -> str:
    """What the rule waits for after its cause, or why it does not."""
    due = waiting.ahead(made_ready(rule, ANY_LANGUAGE), scene, profile, zone)
    if not isinstance(due, int):
        return f"wait: {due}"
    if decision is not None and decision.timer is not None:
        span = f"{span_text(rule.wait)}, " if isinstance(rule.wait, int) else ""
        unless = "" if rule.unless is None else ", unless what `unless` says holds by then"
        return f"wait: {span}until {_moment(decision.timer.due)}{unless}"
    value = None if rule.correlate is None else look(rule.correlate, scene, profile)
    there = profile["timers"].get(timers.slot(rule.id, timers.correlation(value) or ""))
    if there is not None and there[1] >= due:
        return f"wait: a wait for this event or a newer one runs already, until {_moment(there[1])}"
    if rule.correlate is None and any(one[0] == rule.id and one[2] >= due for one in profile["fired"].values()):
        return "wait: it has spoken since the wait for this event would have been over"
    return "wait: what ends the wait was seen since this event"


def _moment(ms: int) -> str:
    return rfc3339(datetime.fromtimestamp(ms / 1000, UTC))


def _sentence(step: Step) -> str:
    """One predicate, and what it found."""
    asked = step.asked
    if asked == "not" and step.parts:
        return f"not: {_sentence(_credit(step.parts[0]))}"
    return f"{asked}: {step.found}" if step.found else asked


def _credit(step: Step) -> Step:
    """The first predicate that made a condition hold which is one of several; else the condition itself."""
    found = next((part for part in step.parts if part.answer is True), None) if step.asked != "not" else None
    return step if found is None else _credit(found)


def _step(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    return {
        "asked": step.asked,
        "answer": MARKS[step.answer],
        "found": step.found,
        "parts": [_step(part) for part in step.parts],
    }
