"""What a rule costs: time when it is asked, room while it waits, and how well it can be told apart from others.

Times are estimates for one core of a small server, measured per kind of node and rounded up; they say which of two
rules is dearer, and whether one is out of all proportion. `bench` measures the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rules.catalogue import Catalogue
from rules.clauses import Clause, clauses, equals
from rules.conditions import (
    Between,
    Changed,
    Compare,
    Condition,
    Every,
    Exists,
    Has,
    Matches,
    Near,
    NoneOf,
    OnDate,
    OneOf,
    Seen,
    Text,
    TimeOfDay,
    Versus,
    Weekday,
    Within,
)
from rules.finding import Finding
from rules.messages import needs
from rules.model import Rule
from rules.paths import parse
from rules.sight import Sight, leaves
from rules.timers import ALWAYS
from rules.tree import field_of, walk
from rules.vocabulary import FREQUENT, Kind

MICROS: Final[Mapping[type, float]] = {
    **{Compare: 0.2, OneOf: 0.2, Between: 0.25, Exists: 0.15, Within: 0.25, Seen: 0.3, Text: 0.5, Has: 0.5},
    **{Matches: 2.4, Versus: 1.0, Near: 2.5, Changed: 0.5, Every: 0.5, NoneOf: 0.5},
    **{TimeOfDay: 1.2, Weekday: 1.2, OnDate: 1.2},
}
"""Microseconds for a predicate over a field of the event."""
FARTHER: Final[Mapping[str, float]] = {"computed": 1.0, "identities": 1.0, "plain": 0.2, "consent": 0.1, "latest": 0.1}
"""Microseconds more, by where the field lies."""
ELEMENTS: Final = 20
"""Elements of a usual list, each of which is asked."""
BYTES: Final[Mapping[Kind | None, int]] = {
    **{"text": 120, "number": 16, "whole": 12, "count": 12, "moment": 16, "yes-no": 8, "scalar": 40},
    **{"list": 4000, "mapping": 2000, "any": 120, None: 120},
}
"""Bytes of a usual value, by its kind; None: of a kind that nobody knows."""
AROUND: Final = 420
"""Bytes of a wait that keeps nothing of the event but who it was about."""

MOST_MICROS: Final = 100.0
MOST_VALUES: Final = 5000
MOST_BYTES: Final = 16_384
MOST_SEARCHES: Final = 25
"""Searches in texts: so many take ten milliseconds at worst, on a text of 100,000 characters made for it."""
SLOW: Final = frozenset({"computed", "identities", "item"})
"""Places whose values rules are not told apart by."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one rule costs."""

    rule: str
    predicates: int
    micros: float
    """Microseconds to ask all of it, estimated."""
    events: int
    """Kinds of events it listens to, and those that end its wait."""
    values: int
    """Values in its lists."""
    searches: int
    """Predicates that look through a whole text."""
    wait_bytes: int
    """What a wait keeps for each customer, estimated; 0 without one."""
    held: tuple[str, ...]
    """Fields whose equality tells it apart from others; empty: it is asked on every event of its kinds."""


def cost(rule: Rule, catalogue: Catalogue) -> Cost:
    """What a rule costs."""
    roots = [root for root in (rule.when, rule.unless) if root is not None]
    every = [leaf.node for root in roots for leaf in leaves(root, ())]
    heard = {str(on) for on in rule.on} | {kind for node in every if isinstance(node, Seen) for kind in node.seen}
    ways = clauses(rule.when)
    held = [_held(way) for way in ways]
    return Cost(
        rule=rule.id,
        predicates=len(every),
        micros=round(sum(_micros(root) for root in roots), 2),
        events=len(heard if rule.wait is not None else {str(on) for on in rule.on}),
        values=sum(len(node.value) for node in every if isinstance(node, OneOf)),
        searches=sum(isinstance(node, Text) and (node.op == "contains" or node.ignore_case) for node in every),
        wait_bytes=0 if rule.wait is None else _bytes(rule, catalogue),
        held=tuple(dict.fromkeys(name for names in held for name in names[:1])) if all(held) else (),
    )


def over(sight: Sight) -> Iterator[Finding]:
    """What of a rule is beyond the budget, and whether it is asked more often than need be."""
    rule, found = sight.rule, cost(sight.rule, sight.catalogue)
    asked = "if" if rule.when is not None else "unless"
    budgets = (
        (asked, found.micros, MOST_MICROS, "microseconds to ask it"),
        (asked, found.values, MOST_VALUES, "values in its lists"),
        (asked, found.searches, MOST_SEARCHES, "searches in texts"),
        ("wait", found.wait_bytes, MOST_BYTES, "bytes for each customer who waits"),
    )
    for field, number, most, what in budgets:
        if number > most:
            hint = "make it a segment, or several rules" if field != "wait" else "let the message read fewer fields"
            yield sight.told((field,), "error", "budget", f"{number:g} {what}, and {most:g} is the limit", hint)
    frequent = [str(on) for on in rule.on if on.type in FREQUENT and on.name is None]
    if frequent and not found.held:
        reason = f"asked on every {' and '.join(frequent)} event: no equality tells it apart from other rules"
        hint = "name the event, or ask for one value of a field with eq or in"
        yield sight.told(("if",) if rule.when is not None else ("on",), "warning", "selectivity", reason, hint)


def _micros(node: Condition) -> float:
    total = 0.0
    for one, _, inside in walk(node):
        own = MICROS.get(type(one), 0.0)
        if isinstance(one, Seen):
            own += 0.1 * len(one.seen)
        name = field_of(one)
        own += FARTHER.get(parse(name).place, 0.0) if name else 0.0
        total += own * ELEMENTS if inside else own
    return total


def _held(way: Clause) -> list[str]:
    """The fields by whose equality one way of holding can be told apart."""
    asked = [found for part in way if (found := equals(part)) is not None]
    return [name for name, _ in asked if parse(name).place not in SLOW]


def _bytes(rule: Rule, catalogue: Catalogue) -> int:
    send = rule.send
    messages = [one for words in (send.subject, send.text, send.short) for one in (words or {}).values()]
    read = {keys for one in messages for keys in needs(one)}
    if rule.unless is not None:
        names = [field_of(node) for node, _, _ in walk(rule.unless)]
        read |= {parse(name).keys for name in names if name and parse(name).place == "data"}
    known = catalogue.named(rule.on)
    total = AROUND + len(rule.id)
    for keys in read - set(ALWAYS) - {()}:
        kinds = {catalogue.events.get(on.type, {}).get(".".join(keys)) for on in rule.on}
        if keys[0] == "properties" and len(keys) == 2:
            kinds = {known.get(keys[1])}
        total += max(BYTES[kind] for kind in kinds) + sum(len(key.encode()) + 4 for key in keys)
    return total
