"""Fourth step: the rules look at the event and the profile it led to, and speak or stay silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from hub.metrics import FIRED, HELD
from hub.profile import Profile
from hub.trigger import Trigger
from profile_store import keys
from profile_store.draft import Draft
from profile_store.timeline import encode
from streams.decode import Incoming
from streams.effects import ended, held
from streams.fold import note_firing


class Timer(Protocol):
    """Something a rule waits for."""

    @property
    def slot(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def due(self) -> int: ...
    @property
    def rule(self) -> str: ...
    @property
    def body(self) -> dict[str, Any]: ...


class Decision(Protocol):
    """What one rule made of one event."""

    @property
    def rule(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def trigger(self) -> Trigger | None: ...
    @property
    def timer(self) -> Timer | None: ...
    @property
    def over(self) -> Timer | None: ...


class Engine(Protocol):
    """The rules in force."""

    def before(self, event: Any, ms: int, profile: Profile) -> Mapping[str, Any] | None:
        """What they want to know of a profile as it is before it contains an event; None: nothing. Pure."""
        ...

    def decide(
        self, event: Any, ms: int, profile: Profile, before: Mapping[str, Any] | None = None
    ) -> Sequence[Decision]:
        """What the rules make of an event, given the profile that already contains it. Pure."""
        ...

    def again(self, event: Any, ms: int, profile: Profile) -> Sequence[Decision]:
        """What a timer that comes due once more leaves to wait for. Pure."""
        ...


def decide(engine: Engine, draft: Draft, incoming: Incoming, before: Mapping[str, Any] | None = None) -> None:
    """Ask the rules, and note in the draft what they want. `before` is what they asked for before the fold."""
    profile = draft.profile
    for decision in engine.decide(incoming.event, incoming.ms, profile, before):
        if decision.over is not None:
            _end(draft, decision.over.slot, decision.over.id)
        if decision.timer is not None:
            wait(draft, decision.timer)
        elif decision.trigger is not None and decision.outcome == "fired":
            _fire(draft, decision, decision.trigger, incoming)
        elif decision.outcome == "held":
            _hold(draft, decision, incoming)
        elif decision.outcome == "cancelled":
            ended(draft, incoming, decision.rule, decision.reason)
    if incoming.event.type == "timer.due":
        settle(draft, incoming)


def again(engine: Engine, draft: Draft, incoming: Incoming) -> None:
    """A timer that comes due once more has done its work already: what repeats goes on, and nothing is said.

    A rebuild reads the partitions in another order than they were written: then a timer's event may come before the
    event that sets the timer, and it comes due once more.
    """
    for decision in engine.again(incoming.event, incoming.ms, draft.profile):
        if decision.timer is not None:
            wait(draft, decision.timer)
    settle(draft, incoming)


def wait(draft: Draft, timer: Timer) -> None:
    """Set a timer in its slot, in the place of the one that was there."""
    customer = draft.profile["id"]
    before = draft.profile["timers"].get(timer.slot)
    if before is not None:
        _forget(draft, keys.timer(customer, timer.slot, before[0]))
    draft.profile["timers"][timer.slot] = [timer.id, timer.due, timer.rule, timer.body]
    member = keys.timer(customer, timer.slot, timer.id)
    draft.timers[member] = timer.due
    draft.cancelled.discard(member)


def _forget(draft: Draft, member: str) -> None:
    if draft.timers.pop(member, None) is None:
        draft.cancelled.add(member)


def settle(draft: Draft, incoming: Incoming) -> None:
    """A timer that came due has done its work, whatever came of it: it must not come due again."""
    slot, id = str(incoming.event.data.get("slot")), str(incoming.event.data.get("timer"))
    _end(draft, slot, id)
    if incoming.places[0] == draft.profile["id"]:
        _forget(draft, keys.timer(incoming.places[0], slot, id))


def _end(draft: Draft, slot: str, id: str) -> None:
    """Stop waiting, if this is still what we wait for."""
    waiting = draft.profile["timers"].get(slot)
    if waiting is not None and waiting[0] == id:
        del draft.profile["timers"][slot]
        _forget(draft, keys.timer(draft.profile["id"], slot, id))


def _fire(draft: Draft, decision: Decision, trigger: Trigger, incoming: Incoming) -> None:
    """Put the message into the outbox. What was decided in a replay was sent long ago and is not said again."""
    ms = incoming.ms
    firing = [decision.rule, trigger.channel, ms, trigger.purpose]
    if incoming.replayed or trigger.id in draft.profile["fired"]:
        return
    note_firing(draft.part(_teller(draft, trigger, incoming)), trigger.id, firing)
    note_firing(draft.profile, trigger.id, firing)
    draft.outbox[trigger.id] = trigger.to_json()
    FIRED.labels(decision.rule).inc()


def _teller(draft: Draft, trigger: Trigger, incoming: Incoming) -> str:
    """Whose part remembers a message: that of its address, as when the firing is read from the log."""
    return trigger.to if trigger.to in draft.document["nodes"] else draft.node(incoming.keys[0]) or draft.root


def _hold(draft: Draft, decision: Decision, incoming: Incoming) -> None:
    id = f"{decision.rule}@{incoming.event.id}"
    data = {"rule": decision.rule, "reason": decision.reason}
    draft.rows.append(encode(id, incoming.ms, "rule.held", decision.text, data, owner=draft.root))
    held(draft, incoming, decision.rule, decision.reason)
    HELD.labels(decision.reason.partition(":")[0]).inc()
