"""Rules compared with each other: those that never get to speak, and those that say two things at one moment.

A rule is *shadowed* when, whenever it would speak, so many others have spoken before it that a cap over all rules is
full. That is certain only of others that listen to the same events, over the same channels, for the same purpose,
are asked first, and whose condition holds whenever its own does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from rules.catalogue import Catalogue
from rules.clauses import clauses, equals
from rules.conditions import All, AnyOf, Compare, Condition, Not, OneOf
from rules.finding import Finding
from rules.model import ACTIVE, GlobalCap, Rule
from rules.room import Reader
from rules.sight import Sight
from rules.spans import UNITS
from rules.spans import text as span_text
from rules.speech import order
from rules.tree import field_of

MOST_LOOKS: Final = 300_000
"""Pairs of rules that are looked at."""
MOST_PAIRS: Final = 10_000
"""Pairs whose conditions are compared."""
_NONE: Final = ("", None)
"""Where a rule stands that shares no equality with others."""

Held = tuple[str, Any]
Kind = tuple[str, str | None]
"""Type and name of an event."""


class _Work:
    """How much may still be compared, and which rules it was not enough for."""

    def __init__(self) -> None:
        self.looks, self.pairs = MOST_LOOKS, MOST_PAIRS
        self.short: set[str] = set()


def compared(rules: Sequence[Rule], catalogue: Catalogue, caps: Sequence[GlobalCap]) -> Iterator[Finding]:
    """What is found when the rules in force are compared."""
    active = sorted((rule for rule in rules if rule.state in ACTIVE), key=order)
    yield from _same(active)
    work = _Work()
    yield from _shadowed(active, catalogue, caps, work)
    if work.short:
        reason = f"too many rules are alike: {len(work.short)} of them were not compared with all others"
        yield Finding("", "", "warning", "uncompared", reason, "let them ask for one value of a field with eq or in")


def _same(rules: Iterable[Rule]) -> Iterator[Finding]:
    """Rules that speak at the same moment of the same customers."""
    first: dict[tuple[Any, ...], list[Rule]] = defaultdict(list)
    for rule in rules:
        alike = (rule.send.purpose, rule.wait, rule.correlate, said(rule.when), said(rule.unless))
        others: dict[str, Rule] = {}
        for on in dict.fromkeys(rule.on):
            known = first[(str(on), *alike)]
            other = next((one for one in known if set(one.send.channel) & set(rule.send.channel)), None)
            if other is not None:
                others.setdefault(other.id, other)
            known.append(rule)
        for other in others.values():
            what = "says the same" if other.send == rule.send else "has another message"
            reason = f"{other.id} speaks under the same condition on the same event, and {what}"
            yield Finding(rule.id, "if" if rule.when else "on", "warning", "overlap", reason, "keep one of them")


def said(node: Condition | None) -> str:
    """A condition as text, the same for those that say the same in another order."""
    if node is None:
        return ""
    if isinstance(node, Not):
        return f"not({said(node.part)})"
    one = clauses(node)[0][0] if isinstance(node, AnyOf) else node
    if isinstance(one, OneOf):  # alternatives of one field, put together
        node = one
    if isinstance(node, All | AnyOf):
        parts = sorted({said(part) for part in node.parts})
        return f"{type(node).__name__}({', '.join(parts)})" if len(parts) > 1 else parts[0]
    asked = equals(node)
    if asked is not None:
        return f"{asked[0]} in {', '.join(sorted({repr(one) for one in asked[1]}))}"
    return repr(node)


class _Shadows:
    """The rules that can stand before others, by event and by an equality each of them asks for."""

    def __init__(self, rules: Sequence[Rule], asked: Counter[tuple[Kind, Held]]) -> None:
        self._under: dict[tuple[Kind, Held], list[int]] = defaultdict(list)
        for number, rule in enumerate(rules):
            if rule.state != "live" or rule.wait is not None or rule.unless is not None or rule.once == "ever":
                continue
            for kind in _kinds(rule):
                for held in _rarest(rule, kind, asked):
                    self._under[kind, held].append(number)

    def of(self, rule: Rule, number: int) -> Iterator[int]:
        """Those asked before this one that may hold whenever it does, by number."""
        (kind, name) = _kinds(rule)[0]
        places = [_NONE, *dict.fromkeys(values[0] for values in holds(rule.when))]
        for event in dict.fromkeys(((kind, name), (kind, None))):
            for held in places:
                for other in self._under.get((event, held), ()):
                    if other >= number:
                        break
                    yield other


def _kinds(rule: Rule) -> list[Kind]:
    return list(dict.fromkeys((on.type, on.name) for on in rule.on))


def _rarest(rule: Rule, kind: Kind, asked: Counter[tuple[Kind, Held]]) -> list[Held]:
    """Of the equalities that a rule needs, the one the fewest others ask for."""
    return min(holds(rule.when), key=lambda values: sum(asked[kind, one] for one in values), default=[_NONE])


def holds(node: Condition | None) -> list[list[Held]]:
    """The equalities without which a condition cannot hold: for each, its values with their field."""
    asked = [equals(part) for part in flat(node)]
    return [[(one[0], (type(value).__name__, value)) for value in dict.fromkeys(one[1])] for one in asked if one]


def flat(node: Condition | None) -> list[Condition]:
    """The parts of a condition that all must hold."""
    if isinstance(node, All):
        return [one for part in node.parts for one in flat(part)]
    return [] if node is None else [node]


def _shadowed(rules: Sequence[Rule], catalogue: Catalogue, caps: Sequence[GlobalCap], work: _Work) -> Iterator[Finding]:
    asked: Counter[tuple[Kind, Held]] = Counter()
    for rule in rules:
        asked.update((kind, one) for kind in _kinds(rule) for values in holds(rule.when) for one in values)
    shadows = _Shadows(rules, asked)
    needed = [_fields(rule.when) for rule in rules]
    for number, rule in enumerate(rules):
        known = [cap for cap in caps if cap.purpose in {None, rule.send.purpose}]
        mine = {field_of(part) for part in _every(rule.when)}
        before: dict[int, Rule] = {}
        for other in shadows.of(rule, number) if known else ():
            work.looks -= 1
            if work.looks < 0:
                work.short.add(rule.id)
                break
            if needed[other] <= mine and _covers(rules[other], rule):
                before[other] = rules[other]
        if before and len(before) >= min(cap.count for cap in known):
            yield from _full(rule, list(before.values()), known, catalogue, work)


def _full(
    rule: Rule, before: list[Rule], caps: Iterable[GlobalCap], catalogue: Catalogue, work: _Work
) -> Iterator[Finding]:
    """The finding that a cap is full whenever the rule would speak, if one is."""
    reader = Sight(rule, catalogue).reader
    if len(before) > work.pairs:
        work.short.add(rule.id)
    before = before[: work.pairs]
    work.pairs -= len(before)
    spoke = [one for one in before if _follows(reader, rule.when, one.when)]
    wait = rule.wait or 0
    if not isinstance(wait, int):
        return  # until a moment that may be years ahead
    for cap in caps:
        inside = [one for one in spoke if _span(one) + wait < cap.per][: cap.count]
        if len(inside) == cap.count:
            names = ", ".join(one.id for one in inside)
            what = f"{cap.count} {cap.purpose or ''} messages".replace("  ", " ")
            reason = f"never speaks: whenever it would, {names} did, and no more than {what} are sent within "
            hint = "give it a higher priority, or make them one rule"
            field = "if" if rule.when is not None else "on"
            yield Finding(rule.id, field, "warning", "shadowed", reason + span_text(cap.per), hint)
            return


def _follows(reader: Reader, one: Condition | None, other: Condition | None) -> bool:
    if other is None:
        return True
    return not reader.possible((other, "does not hold")) if one is None else reader.implies(one, other)


def _span(rule: Rule) -> int:
    """Less than how long ago it has certainly spoken, once its condition holds: 0 when it speaks each time."""
    own = 0 if rule.cap is None else rule.cap.per - 1
    return max(own, UNITS["d"] - 1 if rule.once == "per-day" else 0)


def _covers(other: Rule, rule: Rule) -> bool:
    """Whether the other speaks to whom the rule would, on all its events."""
    if other.send.purpose != rule.send.purpose or not set(rule.send.channel) <= set(other.send.channel):
        return False
    heard = {(on.type, on.name) for on in other.on}
    every = all((on.type, on.name) in heard or (on.type, None) in heard for on in rule.on)
    return every and other.max_age >= rule.max_age


def _fields(node: Condition | None) -> frozenset[str]:
    """The fields that a condition cannot hold without."""
    return frozenset(field_of(part) for part in flat(node) if isinstance(part, Compare | OneOf))


def _every(node: Condition | None) -> Iterator[Condition]:
    todo = [] if node is None else [node]
    while todo:
        one = todo.pop()
        if isinstance(one, All | AnyOf):
            todo += one.parts
        elif isinstance(one, Not):
            todo.append(one.part)
        else:
            yield one
