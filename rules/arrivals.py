"""Which fields of which events a rule asks about, and which of them do not come (any more).

A rule whose field stopped coming is not wrong, it only never holds again, and nothing else would say so. What counts
are fields of the event that a rule listens to, in its conditions, waits and `correlate`. An author who asks whether a
field is missing has thought of that, so such a field is no reason to complain of the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from hub.arrivals import Arrivals, State, judged
from rules.access import down
from rules.conditions import (
    All,
    Between,
    Compare,
    Condition,
    Exists,
    Listed,
    Matches,
    NoneOf,
    Not,
    OneOf,
    Seen,
    Text,
)
from rules.model import ACTIVE, On, Rule
from rules.paths import parse
from rules.tree import below, fields_of
from rules.waits import After, Until

Kind = Literal["any", "number", "text", "list", "words"]
"""As what a rule can use a field; `words` are a text or a list."""
NAME: Final = "event.name"
MOST_NAMES: Final = 20
"""Names of events that one rule may ask for in its condition, to be looked at one by one."""

_TYPES: Final[Mapping[Kind, frozenset[type]]] = MappingProxyType(
    {
        "number": frozenset({int, float}),
        "text": frozenset({str}),
        "list": frozenset({list}),
        "words": frozenset({str, list}),
    }
)


class Wanted(NamedTuple):
    """A field of an event, and as what it is wanted."""

    field: str
    kind: Kind = "any"

    @property
    def name(self) -> str:
        """What it is called where is kept how it came."""
        return self.field if self.kind == "any" else f"{self.field}:{self.kind}"


Asked: TypeAlias = Mapping[str, tuple[Wanted, ...]]
"""The fields that a rule asks about, by kind of event."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A field that a rule asks about and that does not come."""

    event: str
    """`type` or `type/name`."""
    wanted: Wanted
    state: State
    since: int
    """When it came last (ms); of one that never came, since when it is looked for."""
    looked: int
    """How many events without it were looked at since."""
    otherwise: bool
    """It does come, but as something that the rule cannot use: a text where a number is asked for."""


def reader(wanted: Wanted) -> Callable[[Mapping[str, Any]], bool | None]:
    """Whether an event's data have the field as it is wanted; None when they have it otherwise."""
    keys = parse(wanted.field).keys
    head, rest, types = keys[0], keys[1:], _TYPES.get(wanted.kind)

    def read(data: Mapping[str, Any]) -> bool | None:
        value = down(data.get(head), rest)
        if value is None:
            return False
        return True if types is None or type(value) in types else None

    return read


def asked(rule: Rule) -> Asked:
    """The fields a rule asks about, by kind of event; nothing of a rule that is not in force."""
    if rule.state not in ACTIVE:
        return {}
    found: dict[str, dict[Wanted, None]] = {}
    wanted = dict.fromkeys(_of_cause(rule))
    for kind in _kinds(rule):
        found.setdefault(kind, {}).update(wanted)
    for kind, one in _of_others(rule):
        found.setdefault(kind, {})[one] = None
    spared = _spared(rule)
    kept = {kind: tuple(one for one in some if one.field not in spared) for kind, some in found.items()}
    return {kind: some for kind, some in kept.items() if some}


def troubled(known: Mapping[str, Mapping[str, Arrivals]]) -> dict[str, dict[str, Arrivals]]:
    """Of how fields came, by kind of event and name, those of which there is something to say."""
    found = {kind: {name: one for name, one in some.items() if judged(one)} for kind, some in known.items()}
    return {kind: some for kind, some in found.items() if some}


def missing(wanted: Asked, known: Mapping[str, Mapping[str, Arrivals]]) -> list[Missing]:
    """Which of the fields that a rule asks about do not come."""
    found = []
    for kind in wanted.keys() & known.keys():
        some = wanted[kind]
        for field in some:
            one = known[kind].get(field.name)
            state = None if one is None else judged(one)
            if one is not None and state is not None:
                otherwise = one.odd * 2 > one.dry
                found.append(Missing(kind, field, state, one.last or one.since, one.dry, otherwise))
    return sorted(found, key=lambda one: (one.event, one.wanted))


def _kinds(rule: Rule) -> list[str]:
    """The kinds of events a rule listens to; by the names that it asks for, where it listens to a type only."""
    names = _names(rule.when)
    found = []
    for on in rule.on:
        if on.name is not None or not names:
            found.append(str(on))
        else:
            found += [str(On(type=on.type, name=name)) for name in names]
    return found


def _names(root: Condition | None) -> list[str]:
    parts = root.parts if isinstance(root, All) else () if root is None else (root,)
    for node in parts:
        if isinstance(node, Compare) and node.field == NAME and node.op == "eq":
            return _called((node.value,))
        if isinstance(node, OneOf) and node.field == NAME:
            return _called(node.value)
    return []


def _called(values: tuple[object, ...]) -> list[str]:
    found = [one for one in values if isinstance(one, str) and 0 < len(one) <= 200]
    return found if len(found) == len(values) <= MOST_NAMES else []


def _of_cause(rule: Rule) -> Iterator[Wanted]:
    """Fields of the event that a rule listens to."""
    for node, _ in _nodes(rule):
        yield from _of_node(node)
    said = [rule.correlate, rule.after.correlate if rule.after is not None else None]
    said.append(rule.wait.field if isinstance(rule.wait, Until) else None)
    yield from (Wanted(field) for field in said if field is not None and _is_said(field))


def _of_others(rule: Rule) -> Iterator[tuple[str, Wanted]]:
    """Fields of other events, which must say the same as the one that a rule listens to."""
    some: list[Seen | After] = [node for node, _ in _nodes(rule) if isinstance(node, Seen)]
    for one in (*some, *([rule.after] if rule.after is not None else [])):
        if one.correlate is not None and _is_said(one.correlate):
            for kind in one.seen:
                yield kind, Wanted(one.correlate)


def _spared(rule: Rule) -> frozenset[str]:
    """Fields of which the rule asks whether they are missing."""
    return frozenset(node.field for node, even in _nodes(rule) if isinstance(node, Exists) and node.value is not even)


def _nodes(rule: Rule) -> Iterator[tuple[Condition, bool]]:
    for root in (rule.when, rule.unless):
        yield from _walk(root)


def _walk(root: Condition | None) -> Iterator[tuple[Condition, bool]]:
    """Every node, and whether it stands under an even number of negations."""
    todo: list[tuple[Condition, bool]] = [] if root is None else [(root, True)]
    while todo:
        node, even = todo.pop()
        yield node, even
        turned = not even if isinstance(node, Not | NoneOf) else even
        todo.extend((part, turned) for part in below(node))


def _of_node(node: Condition) -> Iterator[Wanted]:
    if isinstance(node, Seen):
        if node.correlate is not None and _is_said(node.correlate):
            yield Wanted(node.correlate)
        return
    kind = _kind(node)
    yield from (Wanted(field, kind) for field in fields_of(node) if _is_said(field))


def _is_said(field: str) -> bool:
    """Whether a field is what a sender says: the envelope of an event is always there."""
    return parse(field).place == "data"


def _kind(node: Condition) -> Kind:
    if isinstance(node, Listed):
        return "list"
    if isinstance(node, Matches):
        return "text"
    if isinstance(node, Text):
        return "words" if node.op == "contains" else "text"
    if isinstance(node, Compare):
        return "any" if node.op == "ne" else _of_values((node.operand,))
    return _of_values(node.value) if isinstance(node, OneOf | Between) else "any"


def _of_values(values: tuple[object, ...]) -> Kind:
    if all(type(one) is str for one in values):
        return "text"
    return "number" if all(type(one) in {int, float} for one in values) else "any"
