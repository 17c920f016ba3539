"""What belongs together changes: by an event's identities, by hand, or by a decision read from the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hub.event import Event, make
from hub.identity import Identity
from hub.ids import digest, event_id
from hub.profile import APART, JOINED, KEEP, LOSE, PSEUDO, SINCE, STATE, Link
from profile_store.draft import Draft, place
from profile_store.structure import candidates, newer, pair
from streams import connect
from streams.decode import Incoming
from streams.divide import divide
from streams.identify import Customers, older

SOURCE: Final = "/identity"
MERGED: Final = "identity.merged"
UNMERGED: Final = "identity.unmerged"
DECISIONS: Final = frozenset({MERGED, UNMERGED})

Entries = list[list[object]]


def arrange(customers: Customers, draft: Draft, incoming: Incoming) -> Draft:
    """Let an event change what belongs together; the customer it belongs to afterwards."""
    kind = incoming.event.type
    if kind in DECISIONS:
        return _follow(customers, draft, incoming)
    if incoming.replayed or incoming.rehearsed:
        return draft
    by_hand = BY_HAND.get(kind)
    if by_hand is not None:
        return by_hand(customers, draft, incoming)
    if len(incoming.keys) > 1:
        draft, decided = customers.connect(draft, incoming)
        _tell(draft, incoming, MERGED, decided)
    return draft


def _tell(draft: Draft, incoming: Incoming, kind: str, decided: Entries) -> None:
    """Leave a decision for the log; what reads the log again repeats it."""
    if decided:
        event = decision(incoming.event, kind, decided)
        draft.outbox[f"event:{event.id}"] = event.to_json()


def decision(cause: Event, kind: str, decided: Entries) -> Event:
    """The event of a decision. Decided again in the same way, it is the same event."""
    names = connect.named(decided)
    return make(
        kind,
        id=event_id(SOURCE, f"{cause.source}\n{cause.id}\n{kind}\n{digest(str(decided))}"),
        source=SOURCE,
        identities=[_identity(name) for name in names],
        received=cause.receivedat,
        tenant=cause.tenant,
        links=decided,
        cause=cause.id,
        agent=cause.data.get("agent"),
    )


def _identity(name: str) -> Identity:
    kind, _, value = name.partition(":")
    return {"type": kind, "value": value, "verified": False}


def _follow(customers: Customers, draft: Draft, incoming: Incoming) -> Draft:
    """Repeat what was decided."""
    ends: dict[str, None] = {}
    for entry in incoming.event.data.get("links", ()):
        one, other, *said = entry
        found = customers.owner(one, place(one))
        ends[place(one)] = None
        if said[0] == JOINED:
            _join(customers, found, one, other, said)
        elif said[0] == APART:
            _part(customers, found, one, other, said)
            ends[place(other)] = None
        else:
            customers.refuse(found, one, other, said, again=True)
    for where in ends:
        touched = customers.find(where)
        if touched is not None:
            divided = divide(customers, touched)
            customers.bond(customers.of(incoming), divided)
    return customers.of(incoming)


def _join(customers: Customers, found: Draft, one: str, other: str, link: list[Any]) -> None:
    between = pair(one, other)
    second = customers.having(other, place(other))
    if second is not None:
        customers.name(second, other)
    known = found.document["links"].get(between) or (second and second.document["links"].get(between))
    if not newer(known or None, link):
        return
    if second is found:
        found.document["links"][between] = link
    elif second is None:
        customers.join(found, None, other, link, between)
    else:
        keep, lose = (found, second) if _keeps(found, second, link) else (second, found)
        customers.join(keep, lose, other, link, between)


def _keeps(one: Draft, other: Draft, link: list[Any]) -> bool:
    """Whether the first of two customers keeps its id: as was decided, where that can be seen already."""
    keep, lose = link[KEEP], link[LOSE]
    for draft, answer in ((one, True), (other, False)):
        if keep in draft.document["nodes"]:
            return answer
        if lose in draft.document["nodes"]:
            return not answer
    return older(one, other)


def _part(customers: Customers, found: Draft, one: str, other: str, link: list[Any]) -> None:
    between = pair(one, other)
    second = customers.owner(other, place(other))
    for draft in (found, second):
        if newer(draft.document["links"].get(between), link):
            draft.document["links"][between] = link
    customers.bond(found, second)


def _merge(customers: Customers, draft: Draft, incoming: Incoming) -> Draft:
    """Somebody says that two customers are one."""
    asked = incoming.event.data.get("merge") or {}
    named = (customers.having(*one) for one in zip(incoming.keys[1:], incoming.places[1:], strict=True))
    second = next((one for one in named if one is not None and one is not draft), None)
    if second is None or PSEUDO in (draft.root[: len(PSEUDO)], second.root[: len(PSEUDO)]):
        return draft  # of somebody of whom only the id is known, a decision would name nobody
    now, one, other = incoming.received, draft.root, second.root
    reason = connect.crowded(customers.policy, draft.profile["identities"], second.profile["identities"], now)
    if reason and not (asked.get("force") and reason != connect.FULL):
        refusal: list[object] = [reason, now, incoming.ref]
        customers.refuse(draft, one, other, refusal)
        _tell(draft, incoming, MERGED, [[one, other, *refusal]])
        return draft
    keep, lose = (draft, second) if older(draft, second) else (second, draft)
    before = draft.document["links"].get(pair(one, other))
    link: list[object] = [JOINED, _after(before, now), incoming.ref, "by hand", keep.root, lose.root]
    kept = customers.join(keep, lose, other, link, pair(one, other))
    _tell(kept, incoming, MERGED, [connect.entry(one, other, link)])
    return kept


def _unmerge(customers: Customers, draft: Draft, incoming: Incoming) -> Draft:
    """Somebody says that identities are not this customer's."""
    asked = (incoming.event.data.get("unmerge") or {}).get("identities") or ()
    nodes, links = draft.document["nodes"], draft.document["links"]
    out = {str(name) for name in asked} & set(nodes)
    cut: Entries = []
    for name, link in sorted(links.items()):  # in whatever order they came, the decision is the same
        one, _, other = name.partition("\n")
        if link[STATE] == JOINED and one in nodes and other in nodes and (one in out) != (other in out):
            links[name] = [APART, _after(link, incoming.received), incoming.ref, "by hand", link[KEEP], link[LOSE]]
            cut.append(connect.entry(one, other, links[name]))
    _tell(draft, incoming, UNMERGED, cut)
    kept = divide(customers, draft, by_hand=True)
    _tell(kept, incoming, MERGED, [entry for one in (kept, *kept.parted) for entry in _rooted(one, incoming)])
    return customers.of(incoming)


def _after(known: Link | None, now: int) -> int:
    """When a decision holds from: later than what it overrules, whatever the clocks say."""
    return now if known is None else max(now, known[SINCE] + 1)


def _rooted(draft: Draft, incoming: Incoming) -> Entries:
    """Say of all identities that could give a divided customer its id which one does, for whoever reads the log."""
    links = draft.document["links"]
    first, *rest = sorted(candidates(draft.document["nodes"], links), key=lambda name: name != draft.root)
    entries: Entries = []
    for name in rest:
        since = _after(links.get(pair(first, name)), incoming.received)
        link: list[object] = [JOINED, since, incoming.ref, "taken apart", first, name]
        links[pair(first, name)] = link
        entries.append(connect.entry(first, name, link))
    return entries


BY_HAND: Final[dict[str, Callable[[Customers, Draft, Incoming], Draft]]] = {
    "agent.merge": _merge,
    "agent.unmerge": _unmerge,
}
