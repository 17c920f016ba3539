"""Second step: whose event is it, and who turns out to be one by it?

An event belongs to its strongest identity, and to the customer who has that. The other identities it names are
joined to that customer, or refused, when the event is new; what was decided is an event of its own in the log.
Read again after a loss, or for a rebuild, an event decides nothing: then only those decisions count. So a store
that is built again holds the same customers, whatever order partitions are read in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.kinds import Policy
from hub.metrics import MERGED, SHED
from hub.profile import JOINED, PSEUDO, blank
from profile_store import keys
from profile_store.document import alias, unpacked, version
from profile_store.draft import Draft, place
from profile_store.registers import bound
from profile_store.segments import joined
from profile_store.structure import newer, pair, stands
from profile_store.why import KIND
from streams import connect
from streams.decode import Incoming
from streams.directory import Loaded, Stale

REFUSALS = 32
"""Refusals noted of one customer; more are counted."""


class Customers:
    """The customers of one batch while it is being worked on. Touches nothing outside."""

    def __init__(self, loaded: Loaded, policy: Policy) -> None:
        self.loaded = loaded
        self.policy = policy
        self._forward = dict(loaded.targets)
        self._drafts: dict[str, Draft] = {}
        self._touched: dict[int, tuple[Draft, list[Incoming]]] = {}
        self._bonds: list[tuple[Draft, Draft]] = []
        self._regrouped: dict[str, None] = {}
        self.met_again = False
        """Whether an event of the batch was applied already, by whoever read the partition before."""

    def of(self, incoming: Incoming) -> Draft:
        """The customer an event belongs to. Raises Stale."""
        return self.owner(incoming.keys[0], incoming.places[0])

    def owner(self, key: str, where: str) -> Draft:
        """The customer of an identity; made, if there is none yet. Raises Stale."""
        draft = self.having(key, where)
        if draft is None:
            draft = Draft(blank(where, key), version(self.loaded.values.get(where)), changed=True)
            self.add(draft)
        self.name(draft, key)
        return draft

    def having(self, key: str, where: str) -> Draft | None:
        """The customer of an identity, or None; perhaps one that is only known by its id. Raises Stale."""
        draft = self.find(where)
        if draft is None and where in self._forward and where not in self.loaded.values:
            raise Stale(key)  # remembered to lead to what is there no more, and itself not read
        nameless = draft is not None and f"{PSEUDO}{draft.id}" in draft.document["nodes"] and where == draft.id
        if draft is not None and draft.node(key) is None and not nameless:
            raise Stale(key)
        return draft

    def name(self, draft: Draft, key: str) -> None:
        """A customer that was only known by its id gets its name: from an event of its own, or from a decision.

        Being mentioned is not enough: a mention that was refused leaves nothing in the log that repeats it.
        """
        if draft.node(key) is not None:
            return
        pseudo = f"{PSEUDO}{draft.id}"
        draft.document["nodes"] = sorted({*draft.document["nodes"], key} - {pseudo})
        if pseudo in draft.document["parts"]:
            draft.document["parts"][key] = draft.document["parts"].pop(pseudo)
        draft.regroup()

    def applied(self, incoming: Incoming, draft: Draft) -> str:
        """Why an event must not be applied again, or an empty string."""
        node = draft.node(incoming.keys[0]) or incoming.keys[0]
        part = draft.document["parts"].get(node)
        if part is not None and incoming.record.offset <= part["fences"].get(incoming.fence, -1):
            self.met_again = True
            return "redelivered"
        if incoming.ref in draft.seen:
            return "resent"
        for one in (draft, *draft.absorbed):
            held = self.loaded.held.get(one.id)
            if held is not None and incoming.ref in held.applied:
                return "resent"
        return ""

    def connect(self, draft: Draft, incoming: Incoming) -> tuple[Draft, list[list[object]]]:
        """Join the other identities of a new event to its owner's customer; the customer, and what was decided."""
        owner, decided = draft.node(incoming.keys[0]), []
        if owner is None or owner.startswith(PSEUDO):  # named by its id, and nothing else is known of it yet
            return draft, []
        levels: dict[str, int] = {}
        for number, name in enumerate(incoming.keys[1:], 1):
            if name in draft.document["nodes"] or name.startswith(PSEUDO):
                continue
            levels = levels or proven(incoming, self.policy)
            other = self.having(name, incoming.places[number])
            now = incoming.received
            reason = connect.against(self.policy, (draft, other), (owner, name), levels, now)
            if reason:
                SHED.labels(reason).inc()
                refusal = [reason, now, incoming.ref]
                if self.refuse(draft, owner, name, refusal):
                    decided.append([owner, name, *refusal])
                continue
            if other is not None:
                self.name(other, name)
            keep, lose = (draft, other) if other is None or older(draft, other) else (other, draft)
            link = [JOINED, now, incoming.ref, "together", keep.root, name if lose is None else lose.root]
            draft = self.join(keep, lose, name, link, pair(owner, name))
            decided.append(connect.entry(owner, name, link))
        return draft, decided

    def refuse(self, draft: Draft, owner: str, name: str, refusal: list[object], *, again: bool = False) -> bool:
        """Note why an identity is not the customer's; False when that was known, or there are too many.

        `again`: it was decided before, and is read from the log.
        """
        table = draft.part(owner)["refused"]
        known = table.get(name)
        if not stands(known, refusal) or (known is not None and known[0] == refusal[0] and not again):
            return False
        if known is not None or refusal[0] != KIND:
            draft.know_terms()  # whose identity it is finds it by them
        table[name] = refusal
        bound(table, REFUSALS)
        draft.regroup()
        return table.get(name) is refusal

    def join(self, keep: Draft, lose: Draft | None, name: str, link: list[object], between: str) -> Draft:
        """Make a free identity (`name`) or another customer part of this one."""
        keep.know_terms()
        if lose is None:
            where = place(name)
            keep.document["nodes"] = sorted([*keep.document["nodes"], name])
            keep.places[where] = version(self.loaded.values.get(where))
            self._forward[where] = keep.id
        else:
            self._absorb(keep, lose)
        keep.document["links"][between] = link
        keep.regroup()
        self._regrouped[keep.id] = None
        return keep

    def _absorb(self, keep: Draft, lose: Draft) -> None:
        lose.know_terms()
        into, other = keep.document, lose.document
        into["nodes"] = sorted({*into["nodes"], *other["nodes"]})
        into["parts"].update(other["parts"])
        for name, link in other["links"].items():
            if newer(into["links"].get(name), link):
                into["links"][name] = link
        into["segments"] = joined(into["segments"], other["segments"])
        for slot, timer in other["timers"].items():
            mine = into["timers"].get(slot)
            into["timers"][slot] = timer if mine is None or timer[1:2] + timer[:1] > mine[1:2] + mine[:1] else mine
        keep.timers.update({keys.timer(keep.id, slot, timer[0]): timer[1] for slot, timer in into["timers"].items()})
        keep.rows += lose.rows
        keep.seen |= lose.seen
        keep.outbox |= lose.outbox
        keep.effects += lose.effects
        keep.places |= lose.places
        keep.absorbed += lose.absorbed
        keep.left += lose.left
        if lose.version and lose.id not in self.loaded.values:
            keep.absorbed.append(lose)
        else:
            keep.places[lose.id] = lose.version
        self._forward[lose.id] = keep.id
        self._drafts.pop(lose.id, None)
        events = self._touched.pop(id(lose), (lose, []))[1]
        self._touched.setdefault(id(keep), (keep, []))[1].extend(events)
        MERGED.inc()

    def move(self, draft: Draft, root: str) -> Draft:
        """Let a customer continue under the id of another of its identities."""
        where = place(root)
        before = next((one for one in draft.absorbed if one.id == where), None)
        if before is not None:  # what was given up in this batch is taken back
            draft.absorbed.remove(before)
            moved = Draft(blank(where), before.version, terms=before.terms, changed=True)
            moved.memberships = before.memberships  # the store still has them
        else:
            was = draft.places.pop(where, version(self.loaded.values.get(where)))
            moved = Draft(blank(where), was, changed=True)
        self._absorb(moved, draft)
        moved.places.pop(where, None)
        moved.regroup()
        self.add(moved)
        return moved

    def add(self, draft: Draft) -> None:
        """A customer that is new at its place, or was made anew there."""
        self._regrouped[draft.id] = None
        self._forward.pop(draft.id, None)
        self._drafts[draft.id] = draft

    def point(self, where: str, customer: str) -> None:
        """A place leads to this customer now."""
        self._forward[where] = customer

    def hand_on(self, draft: Draft, heir: Draft) -> None:
        """A customer leaves its place; its events of this batch are the other's now."""
        events = self._touched.pop(id(draft), (draft, []))[1]
        self._touched.setdefault(id(heir), (heir, []))[1].extend(events)

    def bond(self, one: Draft, other: Draft) -> None:
        """Two customers are written together or not at all."""
        if one is not other:
            self._bonds.append((one, other))
            for draft in (one, other):
                self._touched.setdefault(id(draft), (draft, []))

    def regrouped(self) -> list[Draft]:
        """The customers whose identities changed since this was asked last."""
        found = [draft for id in self._regrouped if (draft := self._drafts.get(id)) is not None]
        self._regrouped = {}
        return found

    def touch(self, draft: Draft, incoming: Incoming) -> None:
        """The event became part of this change."""
        self._touched.setdefault(id(draft), (draft, []))[1].append(incoming)

    def changes(self) -> Sequence[tuple[Draft, list[Incoming]]]:
        """The customers to write, each with the events that changed it, and with those it is bound to."""
        for one, other in self._bonds:
            first, second = self._leader(one), self._leader(other)
            if first is not second:
                events = self._touched.pop(id(second))[1]
                self._touched[id(first)][1].extend(events)
                first.siblings += [second, *second.siblings]
                second.siblings = []
        found = list(self._touched.values())
        if self.loaded.values:
            self._shorten({draft.id: draft for draft, _ in found})
        return found

    def _shorten(self, written: Mapping[str, Draft]) -> None:
        """Places that lead to a customer by way of other places, and were read, lead straight there from now on.

        A pointer says nothing of when it was written, so those on the way are written with it, as they were read: where
        one of them has become a customer meanwhile, who was taken apart, all of it is refused.
        """
        taken = {key for draft in written.values() for key in draft.touches()}
        for where, raw in self.loaded.values.items():
            draft = written.get(self._root(where))
            if draft is not None and alias(raw) != draft.id and where not in taken:
                way = self._way(where, draft.id)
                if taken.isdisjoint(way):
                    draft.places |= {step: version(self.loaded.values[step]) for step in way}

    def _way(self, where: str, root: str) -> list[str]:
        """The places from one to its customer, as they were read; none when one of them was not."""
        found: list[str] = []
        while where != root:
            raw = self.loaded.values.get(where)
            if raw is None or where in found:
                return []
            found.append(where)
            where = alias(raw) or root
        return found

    def _leader(self, draft: Draft) -> Draft:
        draft = self._drafts[self._root(draft.id)]
        return next((one for one, _ in self._touched.values() if one is draft or draft in one.siblings), draft)

    def find(self, where: str) -> Draft | None:
        """The customer that a place leads to, or None."""
        where = self._root(where)
        draft = self._drafts.get(where)
        if draft is not None:
            return draft
        one = self.loaded.held.get(where)
        if one is None or one.value is None or alias(one.value) is not None:
            return None
        draft = self._drafts[where] = Draft(unpacked(one.value), version(one.value))
        return draft

    def _root(self, where: str) -> str:
        while where in self._forward:
            where = self._forward[where]
        return where


def older(one: Draft, other: Draft) -> bool:
    """Whether the first of two customers keeps its id: the older one does."""
    return _age(one) <= _age(other)


def _age(draft: Draft) -> tuple[bool, int, str]:
    return draft.profile["events"] == 0, draft.profile["first"], draft.id


def proven(incoming: Incoming, policy: Policy) -> dict[str, int]:
    """How sure an event is of each identity."""
    levels = {name: policy.level(name, {}) for name in incoming.keys}
    for one in incoming.event.identities:
        name = f"{one['type']}:{one['value']}"
        levels[name] = max(levels.get(name, 0), policy.level(name, one))
    return levels
