"""Who every customer must be, worked out a second time and naively: from the decisions that are in the log.

Nothing of streams/decode.py, streams/arrange.py or profile_store/structure.py is used here. Each event belongs to
one identity; of all statements about two identities the newest stands; customers are what joined ones connect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.event import Event
from hub.ids import customer_id
from hub.kinds import Policy
from tests.faults import oracle

OURS: Final = ("/timers", "/rules", "/segments", "/dispatcher", "/desk/", "/identity", "/hub/")
DECISIONS: Final = ("identity.merged", "identity.unmerged")
PSEUDO: Final = "customer:"
PROVEN: Final = ("provider", "sign-in")
REFUSALS: Final = 32

Ends = frozenset[str]


@dataclass
class Customer:
    """What must be stored of one customer."""

    nodes: set[str]
    ids: set[str]
    """What its id may be: the places of the identities that gave their id up to none of the others."""
    told: dict[str, list[Event]]
    """Identity → its events."""
    refused: dict[str, dict[str, list[Any]]]
    """Identity → other identity → `[time, ref]` of the newest refusal, and what may be its reason."""
    apart: list[Ends]
    """Pairs of its identities that should not be with each other, and are by way of others."""


def owner(event: Event, policy: Policy) -> str:
    """The identity an event belongs to."""
    names = list(dict.fromkeys([event.subject, *(f"{one['type']}:{one['value']}" for one in event.identities)]))
    if event.source.startswith(OURS):
        return names[0]

    def proven(name: str) -> bool:
        said = [one for one in event.identities if f"{one['type']}:{one['value']}" == name]
        told = any(one.get("verified") or dict(one).get("level") in PROVEN for one in said)
        return told or policy.of(name).given in PROVEN

    def personal(name: str) -> bool:
        kind, value = policy.of(name), name.partition(":")[2]
        common = {value, f"{value.partition('@')[0]}@"} & {*kind.shared} or value in kind.blocked
        return kind.links and not common

    best = [name for name in names if personal(name)] or names
    best = [name for name in best if proven(name)] or best
    highest = max(policy.of(name).priority for name in best)
    return min(name for name in best if policy.of(name).priority == highest)


def place(name: str) -> str:
    """Where the customer of an identity lies, unless it is joined to another."""
    return name.removeprefix(PSEUDO) if name.startswith(PSEUDO) else customer_id(name)


def stands(statements: Iterable[list[Any]]) -> list[Any]:
    """Which of several statements about a pair stands: the newest; at the same moment, that they are apart."""
    return max(statements, key=lambda one: (one[1], one[0] == "apart", one[2], str(one[3:])))


def customers(events: Sequence[Event], policy: Policy) -> list[Customer]:
    """All customers of a log."""
    distinct = oracle.once(events)
    said: dict[Ends, list[list[Any]]] = defaultdict(list)
    refusals: dict[str, list[list[Any]]] = defaultdict(list)
    names: dict[str, None] = {}
    for event in distinct:
        names[owner(event, policy)] = None
        for one, other, *rest in event.data.get("links", ()) if event.type in DECISIONS else ():
            names[one] = None
            if rest[0] in ("joined", "apart"):
                names[other] = None
                said[frozenset((one, other))].append(rest)
            else:
                refusals[one].append([other, *rest])
    links = {ends: stands(statements) for ends, statements in said.items()}
    known = {customer_id(name): name for name in names if not name.startswith(PSEUDO)}

    def meant(name: str) -> str:
        return known.get(name.removeprefix(PSEUDO), name) if name.startswith(PSEUDO) else name

    told: dict[str, list[Event]] = defaultdict(list)
    for event in distinct:
        if event.type not in DECISIONS:
            told[meant(owner(event, policy))].append(event)
    groups = _groups({meant(name) for name in names}, links)
    return [_customer(group, links, told, refusals) for group in groups]


def _groups(names: set[str], links: Mapping[Ends, list[Any]]) -> list[set[str]]:
    """What joined pairs connect."""
    near: dict[str, set[str]] = {name: set() for name in names}
    for ends, link in links.items():
        if link[0] == "joined":
            for name in ends:
                near.setdefault(name, set()).update(ends)
    found: list[set[str]] = []
    while near:
        name, neighbours = near.popitem()
        group, waiting = {name}, list(neighbours)
        while waiting:
            one = waiting.pop()
            if one in near:
                group.add(one)
                waiting += near.pop(one)
        found.append(group)
    return found


def _customer(
    group: set[str],
    links: Mapping[Ends, list[Any]],
    told: Mapping[str, list[Event]],
    refusals: Mapping[str, list[list[Any]]],
) -> Customer:
    inside = {ends: link for ends, link in links.items() if ends <= group}
    gave_up = {link[5] for link in inside.values() if link[0] == "joined"}
    return Customer(
        nodes=group,
        ids={place(name) for name in group - gave_up or group},
        told={name: told[name] for name in group if name in told},
        refused={name: _refused(refusals[name]) for name in group if name in refusals},
        apart=[ends for ends, link in inside.items() if link[0] == "apart"],
    )


def _refused(said: Iterable[list[Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, reason, time, ref in said:
        best = found.get(name)
        if best is None or best[:2] < [time, ref]:
            found[name] = [time, ref, {reason}]
        elif best[:2] == [time, ref]:
            best[2].add(reason)
    return found


def differences(document: Mapping[str, Any], wanted: Customer) -> list[str]:
    """What a stored customer holds otherwise than it must, in words."""
    faults = []
    if set(document["nodes"]) != wanted.nodes:
        faults.append(f"nodes: {document['nodes']} instead of {sorted(wanted.nodes)}")
    if document["id"] not in wanted.ids:
        faults.append(f"id: {document['id']} instead of {sorted(wanted.ids)} of {sorted(wanted.nodes)}")
    parts = document["parts"]
    for name in sorted(parts.keys() | wanted.told.keys()):
        faults += [f"{fault} of {name}" for fault in _part(parts.get(name, {}), wanted.told.get(name, ()))]
    for name in sorted(parts.keys() | wanted.refused.keys()):
        faults += _refusals(name, parts.get(name, {}).get("refused", {}), wanted.refused.get(name, {}))
    return faults


def _part(part: Mapping[str, Any], events: Sequence[Event]) -> list[str]:
    wanted = oracle.expected(events)
    wanted["mentions"] = wanted.pop("identities")
    del wanted["stage"]
    return [
        f"{name}: {part.get(name)} instead of {value}"
        for name, value in wanted.items()
        if (part.get(name) or 0) != (value or 0)
    ]


def _refusals(name: str, table: Mapping[str, list[Any]], wanted: Mapping[str, list[Any]]) -> list[str]:
    kept = {other: wanted[other] for other in sorted(wanted)[:REFUSALS]}
    right = table.keys() == kept.keys() and all(
        list(table[other][1:]) == kept[other][:2] and table[other][0] in kept[other][2] for other in kept
    )
    return [] if right else [f"refused: {dict(table)} instead of {kept} of {name}"]
