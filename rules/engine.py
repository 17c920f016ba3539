"""The engine: asked once per event, with a profile that already contains it. No I/O, and no time but the event's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hub import ids
from hub.beside import let_go
from hub.computed import Lookup, nothing
from hub.errors import Misconfigured
from hub.event import Event
from hub.profile import Profile
from hub.trigger import Trigger
from rules import gate, marks, waiting
from rules.before import Before, Watch
from rules.decision import Decision, Timer, Verdict
from rules.index import Index
from rules.model import ACTIVE, CAPS, GlobalCap, Rule, pick
from rules.quarantine import Quarantine
from rules.scene import Scene, of_cause, of_event
from rules.speech import Ready, Speech, order, ready
from rules.waits import Until

TIMER_DUE: Final = "timer.due"
DAY: Final = 86_400_000
MOST_READY: Final = 5_000
"""Rules that are kept ready to speak."""
NOTHING: Final[tuple[Decision, ...]] = ()


class Engine:
    """Rules in force. Make a new one to change them; this one never changes."""

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        timezone: str = "UTC",
        language: str = "en",
        caps: Sequence[GlobalCap] = CAPS,
        hub: Mapping[str, Any] | None = None,
        computed: Lookup = nothing,
        before: Engine | None = None,
        quarantine: Quarantine | None = None,
    ) -> None:
        """`before` is an engine with some of the same rules and the same language: they are not made ready again."""
        self.rules = tuple(rules)
        self._zone = zone_of(timezone)
        self._language = language
        self._caps = tuple(caps)
        self._hub = dict(hub or {})
        self._computed = computed
        self._quarantine = quarantine or Quarantine()
        known: Mapping[str, Ready] = before._ready if before is not None and before._language == language else {}
        self._active = sorted((rule for rule in self.rules if rule.state in ACTIVE), key=order)
        self._by_id = {rule.id: rule for rule in self._active}
        self._ready: dict[str, Ready] = {
            # A list of them: that engine may be asked meanwhile, and make more rules ready.
            id: one
            for id, one in list(known.items())
            if self._by_id.get(id) is one.rule
        }
        self._index = Index(self._active)
        self._watch = Watch(self._active)

    def close(self) -> None:
        """Let go of what was made ready, bit by bit. Nobody may ask this engine any more."""
        self._index.close()
        let_go(self._by_id)
        let_go(self._ready)

    @property
    def watched(self) -> frozenset[str]:
        """The fields of the profile whose change rules ask about."""
        return self._watch.fields

    def before(self, event: Event, ms: int, profile: Profile) -> Before | None:
        """What `decide` wants to know of the profile as it is before it contains the event; None for most events."""
        return self._watch.note(event.type, ms, profile, self._computed)

    def decide(self, event: Event, ms: int, profile: Profile, before: Before | None = None) -> Sequence[Decision]:
        """What the rules make of an event at its time `ms`; empty for most. `before` is what `before` said of it."""
        data = event.data
        concern = self._index.find(event.type, data.get("name"))
        if concern is None:
            # Most events end here.
            return self._due(data, ms, profile) if event.type == TIMER_DUE else NOTHING
        found: list[Decision] = []
        ends, listens = concern.ends and profile["timers"], concern.matchers and not data.get("automatic")
        if not (ends or listens or concern.marks):
            return found
        scene = of_event(event, ms, self._computed, self._zone, before)
        if ends:
            found += self._ended(concern.ends, scene, profile)
        if listens:
            for number in concern.matches(profile, scene):
                decision = self._asked(self._active[number], event, scene, profile, found)
                if decision is not None:
                    found.append(decision)
        for mark in concern.marks:
            noted = marks.note(mark, scene, profile, int(event.receivedat.timestamp() * 1000))
            if noted is not None:
                found.append(noted)
        return found

    def _asked(
        self, rule: Rule, event: Event, scene: Scene, profile: Profile, before: list[Decision]
    ) -> Decision | None:
        if self._quarantine.why(rule):
            return None
        answer = self._quarantine.ask(rule, lambda: self._matched(self._made(rule), event, scene, profile, before))
        return _decided(rule, "held", answer) if isinstance(answer, str) else answer

    def again(self, event: Event, ms: int, profile: Profile) -> Sequence[Decision]:
        """What a wait that comes due once more leaves: what comes back every year goes on, and nothing is said."""
        timer = _timer(event.data, profile)
        rule = None if timer is None else self._by_id.get(timer.rule)
        if timer is None or rule is None or not isinstance(rule.wait, Until) or not rule.wait.yearly:
            return NOTHING
        scene = self._cause(timer, ms)
        return NOTHING if scene is None else self._goes_on(rule, scene, profile, timer)

    def _cause(self, timer: Timer, ms: int) -> Scene | None:
        """The scene of what began a wait, at the moment it is over; None when that is lost."""
        return of_cause(timer.body, max(ms, timer.due), self._computed, self._zone)

    def _made(self, rule: Rule) -> Ready:
        """The rule ready to speak. Most rules never do, so it is made when it is needed first."""
        one = self._ready.get(rule.id)
        if one is None:
            if len(self._ready) >= MOST_READY:
                del self._ready[next(iter(self._ready))]
            one = self._ready[rule.id] = ready(rule, self._language)
        return one

    def _matched(
        self, one: Ready, event: Event, scene: Scene, profile: Profile, before: list[Decision]
    ) -> Decision | None:
        rule = one.rule
        if delay(event) > rule.max_age:
            # Without a word: whoever imports last year's orders wants no note on each.
            return None
        first = marks.before(rule, scene, profile) if rule.after is not None else None
        if rule.after is not None and first is None:
            return None
        if rule.wait is not None:
            decision = self._wait(one, scene, profile)
        elif one.unless is not None and one.unless(scene.data, profile, scene):
            decision = None
        else:
            # A leave may have ended between what happened and its receipt, which is as near to now as the log knows.
            at = max(scene.now, int(event.receivedat.timestamp() * 1000))
            occurrence = self._occurrence(rule, scene.id, scene.now)
            decision = self._speak(one, occurrence, scene, profile, before, at=at)
        return decision if decision is None or first is None else replace(decision, over=first)

    def _wait(self, one: Ready, scene: Scene, profile: Profile) -> Decision | None:
        timer = waiting.begun(one, scene, profile, self._zone)
        if timer is None or (one.ended is not None and one.ended(scene.data, profile, scene)):
            return None
        return None if _spoke(one.rule, profile["fired"].values(), timer.due) else self._waits(one.rule, timer)

    def _waits(self, rule: Rule, timer: Timer, over: Timer | None = None) -> Decision:
        return _decided(rule, "waiting", f"wait: until {waiting.shown(timer.due, self._zone)}", timer=timer, over=over)

    def _due(self, data: Mapping[str, Any], ms: int, profile: Profile) -> Sequence[Decision]:
        timer = _timer(data, profile)
        if timer is None or timer.rule == marks.MARK:
            return NOTHING
        rule = self._by_id.get(timer.rule)
        scene = self._cause(timer, ms)
        if rule is None or scene is None:
            reason = "rule: no longer in force" if rule is None else "rule: the cause is lost"
            return (Decision(timer.rule, rule.version if rule else "", "cancelled", reason, over=timer),)
        aside = self._quarantine.why(rule)
        if aside:
            decision = _decided(rule, "held", f"quarantine: the rule is set aside: {aside}", over=timer)
            return (decision, *self._goes_on(rule, scene, profile, timer))
        answer = self._quarantine.ask(rule, lambda: self._ends(self._made(rule), scene, profile, timer))
        if isinstance(answer, str):
            return (_decided(rule, "cancelled", answer, over=timer), *self._goes_on(rule, scene, profile, timer))
        return answer

    def _goes_on(self, rule: Rule, scene: Scene, profile: Profile, timer: Timer) -> Sequence[Decision]:
        """The next wait where the rule itself cannot set it: what it says may be mended before that one is over."""
        if not isinstance(rule.wait, Until):
            return NOTHING
        found = self._quarantine.ask(rule, lambda: self._following(self._made(rule), scene, profile, timer))
        return (found,) if isinstance(found, Decision) else NOTHING

    def _ends(self, one: Ready, scene: Scene, profile: Profile, timer: Timer) -> Sequence[Decision]:
        if isinstance(one.rule.wait, Until):
            return self._come(one, one.rule.wait, scene, profile, timer)
        return (self._over(one, scene, profile, timer),)

    def _come(self, one: Ready, wait: Until, scene: Scene, profile: Profile, timer: Timer) -> Sequence[Decision]:
        """A moment has come, unless its field names another one by now."""
        rule = one.rule
        due = waiting.named(one, scene, profile, self._zone, since=timer.due - DAY)
        if due is None:
            return (_decided(rule, "cancelled", f"until: {wait.field} names no moment any more", over=timer),)
        if due > scene.now:
            return (self._waits(rule, waiting.onward(rule, timer, scene, due), timer),)
        if scene.now - due > rule.max_age:
            decision = _decided(rule, "cancelled", "late: the moment is past", over=timer)
        elif wait.yearly and _spoke(rule, profile["fired"].values(), scene.now - waiting.YEARLY):
            decision = _decided(rule, "cancelled", "once: already said this year", over=timer)
        else:
            decision = self._over(one, scene, profile, timer)
        following = self._following(one, scene, profile, timer) if wait.yearly else None
        return (decision,) if following is None else (decision, following)

    def _following(self, one: Ready, scene: Scene, profile: Profile, timer: Timer) -> Decision | None:
        due = waiting.named(one, scene, profile, self._zone, since=scene.now)
        if due is None or due <= scene.now:
            return None
        return self._waits(one.rule, waiting.onward(one.rule, timer, scene, due))

    def _over(self, one: Ready, scene: Scene, profile: Profile, timer: Timer) -> Decision:
        """The wait is over: the rule speaks, unless something stands against it."""
        if one.unless is not None and one.unless(scene.data, profile, scene):
            return _decided(one.rule, "cancelled", "unless: no longer needed", over=timer)
        decision = self._speak(one, self._occurrence(one.rule, timer.id, timer.due), scene, profile, [], at=scene.now)
        if decision is None:
            decision = _decided(one.rule, "cancelled", f"once: already said, {one.rule.once}")
        return replace(decision, over=timer)

    def _ended(self, rules: frozenset[str], scene: Scene, profile: Profile) -> list[Decision]:
        """Waits that this event makes pointless: they end now and not when they are due."""
        found: list[Decision] = []
        for rule in dict.fromkeys(one[2] for one in profile["timers"].values()):
            if rule in rules:
                found += self._pointless(self._by_id[rule], scene, profile)
        return found

    def _pointless(self, rule: Rule, scene: Scene, profile: Profile) -> list[Decision]:
        ended = self._quarantine.ask(
            rule, lambda: [timer for _, timer in waiting.ended({rule.id: self._made(rule)}, scene, profile)]
        )
        if isinstance(ended, str):
            return []  # the wait stays, and the rule is asked once more at its end
        return [_decided(rule, "cancelled", "unless: no longer needed", over=timer) for timer in ended]

    def _occurrence(self, rule: Rule, each: str, ms: int) -> str:
        """What counts as one occurrence of the rule for one customer."""
        if rule.once == "per-day":
            return datetime.fromtimestamp(ms / 1000, self._zone).date().isoformat()
        return "ever" if rule.once == "ever" else each

    def _speak(
        self, one: Ready, occurrence: str, scene: Scene, profile: Profile, before: list[Decision], *, at: int
    ) -> Decision | None:
        rule = one.rule
        # An event or a wait has a name of its own: there the customer stays out of the id, since a replay may find
        # two customers joined in another order, under another id.
        who = "" if rule.once == "per-occurrence" else profile["id"]
        name = ids.trigger_id(rule.id, who, occurrence)
        if name in profile["fired"] or (rule.once == "ever" and _spoke(rule, profile["fired"].values(), 0)):
            return None
        way = self._way(rule, profile, scene, before, at)
        channel = rule.send.channel[0] if isinstance(way, gate.Held) else way.channel
        speech = one.speak(profile, scene, self._hub, channel, self._language)
        if isinstance(way, gate.Held):
            return _decided(rule, "held", way.reason, speech.text)
        if speech.fault:
            return _decided(rule, "held", speech.fault)
        if rule.state == "shadow":
            return _decided(rule, "held", f"shadow: would have been sent over {way.channel}", speech.text)
        trigger = self._trigger(rule, name, way, speech, scene=scene, customer=profile["id"])
        return _decided(rule, "fired", f"sent: over {way.channel}", speech.text, trigger=trigger)

    def _way(self, rule: Rule, profile: Profile, scene: Scene, before: list[Decision], at: int) -> gate.Way | gate.Held:
        reason = gate.on_hold(rule, profile)
        if reason:
            return gate.Held(reason)
        way = gate.way(rule, profile, scene.data, at)
        if isinstance(way, gate.Held):
            return way
        # What this same event made other rules say is not in the profile yet.
        now = [[t.rule, t.channel, scene.now, t.purpose] for one in before if (t := one.trigger) is not None]
        reason = gate.capped(rule, [*profile["fired"].values(), *now], scene.now, self._caps)
        return gate.Held(reason) if reason else way

    def _trigger(self, rule: Rule, name: str, way: gate.Way, speech: Speech, *, scene: Scene, customer: str) -> Trigger:
        return Trigger(
            id=name,
            rule=rule.id,
            version=rule.version,
            customer=customer,
            time=datetime.fromtimestamp(scene.now / 1000, UTC),
            channel=way.channel,
            to=way.to,
            subject=speech.subject,
            text=speech.text,
            language=speech.language,
            purpose=rule.send.purpose,
            reason=pick(rule.name, self._language)[1],
            cause=scene.id,
            data=_answered(scene, way.channel),
        )


def _timer(data: Mapping[str, Any], profile: Profile) -> Timer | None:
    """The wait that came due, if it is still waited for. Its cause comes with the event, or was kept beside it."""
    slot, name = str(data.get("slot")), data.get("timer")
    known = profile["timers"].get(slot)
    if known is None or known[0] != name:
        return None
    cause = next((one for one in (data.get("cause"), *known[3:4]) if isinstance(one, dict)), {})
    return Timer(slot, str(name), known[1], str(known[2]), cause)


def _answered(scene: Scene, channel: str) -> dict[str, Any]:
    """What an answer on the same channel belongs to, in the channel's own id: it stands in the same thread."""
    message = scene.data.get("message")
    return {"reply_to": message} if isinstance(message, str) and scene.channel == channel else {}


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name. Raises Misconfigured."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Misconfigured(f"{name} is no time zone", "Use a name such as Europe/Berlin or Asia/Tehran.") from None


def delay(event: Event) -> int:
    """How long after it happened the event reached us, in milliseconds."""
    return int((event.receivedat - event.time).total_seconds() * 1000)


def _spoke(rule: Rule, firings: Any, since: int) -> bool:
    """Whether the rule spoke at this moment or later; a wait of its own kind only, since waits can be kept apart."""
    return rule.correlate is None and any(one[0] == rule.id and one[2] >= since for one in firings)


def _decided(
    rule: Rule,
    outcome: Verdict,
    reason: str,
    text: str = "",
    *,
    trigger: Trigger | None = None,
    timer: Timer | None = None,
    over: Timer | None = None,
) -> Decision:
    return Decision(rule.id, rule.version, outcome, reason, text, trigger, timer, over)
