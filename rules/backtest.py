"""What rules make of a recorded log: their decisions, gathered, counted, and compared with those of others. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from hub.trigger import Trigger
from rules.decision import Decision

CAP: Final = "cap"
MET: Final = frozenset({"fired", "held", "waiting"})
"""What a rule decides about a customer who fulfils its condition."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that would have been sent; `when` is in milliseconds."""

    rule: str
    customer: str
    when: int
    channel: str
    text: str
    id: str
    """The trigger's: rule, customer and occasion, so it is the same in every version of the rule."""
    cause: str = ""
    """The id of the event that led to it."""

    @classmethod
    def of(cls, trigger: Trigger) -> Sent:
        """A trigger as it is told of."""
        when = int(trigger.time.timestamp() * 1000)
        return cls(
            trigger.rule, trigger.customer, when, trigger.channel, trigger.text, id=trigger.id, cause=trigger.cause
        )


@dataclass(frozen=True, slots=True)
class Held:
    """One message that something forbade."""

    rule: str
    customer: str
    when: int
    reason: str
    cause: str


@dataclass(slots=True)
class Tally:
    """One rule in numbers."""

    customers: set[str] = field(default_factory=set)
    """Those who fulfilled its condition at least once."""
    waited: int = 0
    sent: int = 0
    held: Counter[str] = field(default_factory=Counter)
    """By the reason in one word."""
    cancelled: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "customers": len(self.customers),
            "waited": self.waited,
            "sent": self.sent,
            "held": dict(self.held),
            "cancelled": dict(self.cancelled),
        }


@dataclass(slots=True)
class Backtest:
    """What one set of rules would have done."""

    rules: dict[str, Tally] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    """In the order in which they would have been said."""
    held: list[Held] = field(default_factory=list)

    def note(self, decision: Decision, cause: str, ms: int, customer: str) -> None:
        """Take one decision, made at a moment (ms) because of an event of a customer."""
        tally = self.rules.setdefault(decision.rule, Tally())
        if decision.outcome in MET:
            tally.customers.add(customer)
        if decision.outcome == "waiting":
            tally.waited += 1
        elif decision.outcome == "cancelled":
            tally.cancelled[decision.code] += 1
        elif decision.outcome == "held":
            tally.held[decision.code] += 1
            self.held.append(Held(decision.rule, customer, ms, decision.reason, cause))
        elif decision.trigger is not None:
            tally.sent += 1
            self.sent.append(Sent.of(decision.trigger))

    def settle(self, now: Callable[[str], str]) -> None:
        """Count a customer once who was known by several ids; `now` says under which one today."""
        for tally in self.rules.values():
            tally.customers = {now(one) for one in tally.customers}

    def days(self, zone: ZoneInfo, rule: str = "") -> dict[str, int]:
        """Messages by day, of one rule or of all; days without one are left out."""
        some = (one for one in self.sent if rule in ("", one.rule))
        found = Counter(datetime.fromtimestamp(one.when / 1000, zone).date().isoformat() for one in some)
        return dict(sorted(found.items()))

    def to_json(self, zone: ZoneInfo) -> dict[str, Any]:
        """For machines."""
        return {
            "rules": {
                name: {**tally.to_json(), "days": self.days(zone, name)} for name, tally in sorted(self.rules.items())
            },
            "days": self.days(zone),
            "sent": [asdict(one) for one in self.sent],
        }


def cause_of(decision: Decision, event: str) -> str:
    """The id of the event that a decision goes back to: the one that began the wait, where there was a wait."""
    said = None if decision.over is None else decision.over.body.get("id")
    return said if isinstance(said, str) else event


@dataclass(frozen=True, slots=True)
class Displaced:
    """A message that would not have been sent any more since others had used up a cap."""

    lost: Sent
    reason: str
    by: Sent | None
    """The last one before it that the customer would have got in its place."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What would be different with other rules. No message is in two of the lists."""

    gained: tuple[Sent, ...]
    """What somebody would additionally get."""
    lost: tuple[Sent, ...]
    """What somebody would no longer get, because its rule has no occasion any more or is forbidden to speak."""
    displaced: tuple[Displaced, ...]
    changed: tuple[tuple[Sent, Sent], ...]
    """The same message on the same occasion, with another text or over another channel: before, and then."""

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "gained": [asdict(one) for one in self.gained],
            "lost": [asdict(one) for one in self.lost],
            "displaced": [asdict(one) for one in self.displaced],
            "changed": [{"before": asdict(one), "after": asdict(other)} for one, other in self.changed],
        }


def compare(before: Backtest, after: Backtest) -> Comparison:
    """What becomes different when the rules of one backtest take the place of those of another."""
    had, has = ({one.id: one for one in some.sent} for some in (before, after))
    gained = [one for one in after.sent if one.id not in had]
    capped = {(one.rule, one.cause): one for one in after.held if one.reason.startswith(CAP + ":")}
    mine: dict[str, list[Sent]] = {}
    for one in gained:
        mine.setdefault(one.customer, []).append(one)
    lost: list[Sent] = []
    displaced: list[Displaced] = []
    for one in before.sent:
        if one.id in has:
            continue
        full = capped.get((one.rule, one.cause))
        if full is None:
            lost.append(one)
        else:
            displaced.append(Displaced(one, full.reason, _before(mine.get(full.customer, ()), full.when)))
    changed = [(one, other) for one in before.sent if (other := has.get(one.id)) is not None and _differ(one, other)]
    return Comparison(tuple(gained), tuple(lost), tuple(displaced), tuple(changed))


def _before(some: Sequence[Sent], when: int) -> Sent | None:
    return next((one for one in reversed(some) if one.when <= when), None)


def _differ(one: Sent, other: Sent) -> bool:
    return (one.channel, one.text) != (other.channel, other.text)


BARS: Final = "▁▂▃▄▅▆▇█"


def bars(counts: Iterable[int]) -> str:
    """Numbers as a row of bars; nothing at all is a blank."""
    known = list(counts)
    most = max(known, default=0)
    return "".join(" " if not one else BARS[-(-one * len(BARS) // most) - 1] for one in known)
