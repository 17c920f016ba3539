"""Second step: whose event is it? Identities lead to customers; an event with two customers' identities joins them.

Every identity has a place in the store, named after it. The place holds a customer, or points to the one
it was joined to. So a new identity needs no look-up table, and two workers that meet it at the same time
agree on its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hub.metrics import MERGED
from hub.profile import empty
from profile_store import keys
from profile_store.draft import Draft, alias, unpacked
from profile_store.ledger import Held, Ledger, version
from profile_store.search import terms
from streams.decode import Incoming
from streams.merge import merge, older

HINTS = 200_000


class Loaded:
    """What the store holds of a batch's customers, unchanged, to start from as often as needed."""

    def __init__(self, held: dict[str, Held], targets: dict[str, str]) -> None:
        self.held = held
        self.targets = targets


class Directory:
    """Finds customers in the store, and remembers which identity led to which customer."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._hints: dict[str, str] = {}

    def forget(self, batch: Iterable[Incoming] | None = None) -> None:
        """The store is not what it was; as far as these events go, or altogether."""
        if batch is None:
            self._hints.clear()
            return
        for incoming in batch:
            for place in incoming.places:
                self._hints.pop(place, None)

    async def load(self, batch: Iterable[Incoming]) -> Loaded:
        """Read the customers of a batch: one round trip, and one more for places that point elsewhere."""
        wanted: dict[str, dict[str, None]] = {}
        targets: dict[str, str] = {}
        for incoming in batch:
            for number, place in enumerate(incoming.places):
                root = self._hints.get(place, place)
                if root != place:
                    targets[place] = root
                refs = wanted.setdefault(root, {})
                if number == 0:
                    refs[incoming.ref] = None
        held: dict[str, Held] = {}
        asked: dict[str, dict[str, None]] = {}
        while wanted:
            for customer, refs in wanted.items():
                asked.setdefault(customer, {}).update(refs)
            found = await self._ledger.read({customer: list(refs) for customer, refs in wanted.items()})
            following: dict[str, dict[str, None]] = {}
            for customer, one in found.items():
                target = alias(one.value) if one.value is not None else None
                if target is None:
                    held[customer] = one
                else:
                    targets[customer] = target
                    following.setdefault(target, {}).update(wanted[customer])
            # A customer met twice is read again, now with the names of all its events.
            wanted = {target: {**asked.get(target, {}), **refs} for target, refs in following.items()}
        self._remember(targets)
        return Loaded(held, targets)

    def _remember(self, targets: dict[str, str]) -> None:
        if len(self._hints) + len(targets) > HINTS:
            self._hints.clear()
        for place in targets:
            root = place
            while root in targets:
                root = targets[root]
            self._hints[place] = root


class Customers:
    """The customers of one batch while it is being worked on. Touches nothing outside."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._forward = dict(loaded.targets)
        self._drafts: dict[str, Draft] = {}
        self._touched: dict[int, tuple[Draft, list[Incoming]]] = {}

    def of(self, incoming: Incoming) -> Draft:
        """The customer an event belongs to; identities that are new to it are joined to it."""
        found = self._find(incoming.places[0])
        for place in incoming.places[1:]:
            root = self._root(place)
            if found is not None and root == found.profile["id"]:
                continue
            other = self._find(place)
            if other is None:
                if found is None:
                    found = self._create(incoming.places[0])
                self._link(found, place)
            elif found is None:
                found = other
                self._link(found, incoming.places[0])
            elif other is not found:
                found = self._join(found, other)
        return found if found is not None else self._create(incoming.places[0])

    def applied(self, incoming: Incoming, draft: Draft) -> str:
        """Why an event must not be applied again, or an empty string."""
        mark = draft.profile["fences"].get(incoming.keys[0], {}).get(incoming.fence, -1)
        if incoming.record.offset <= mark:
            return "redelivered"
        if incoming.ref in draft.seen:
            return "resent"
        held = self._loaded.held
        places = (draft.profile["id"], *(one.profile["id"] for one in draft.absorbed))
        return "resent" if any(place in held and incoming.ref in held[place].applied for place in places) else ""

    def touch(self, draft: Draft, incoming: Incoming) -> None:
        """The event became part of this change."""
        self._touched.setdefault(id(draft), (draft, []))[1].append(incoming)

    def changes(self) -> Sequence[tuple[Draft, list[Incoming]]]:
        """The customers to write, each with the events that changed it."""
        return list(self._touched.values())

    def _root(self, place: str) -> str:
        while place in self._forward:
            place = self._forward[place]
        return place

    def _find(self, place: str) -> Draft | None:
        root = self._root(place)
        draft = self._drafts.get(root)
        if draft is not None:
            return draft
        one = self._loaded.held.get(root)
        if one is None or one.value is None:
            return None
        profile = unpacked(one.value)
        draft = self._drafts[root] = Draft(profile, version(one.value), events=profile["events"])
        return draft

    def _create(self, place: str) -> Draft:
        root = self._root(place)
        draft = self._drafts[root] = Draft(empty(root), changed=True)
        return draft

    def _link(self, draft: Draft, place: str) -> None:
        root = self._root(place)
        if root != draft.profile["id"]:
            draft.aliases.append(root)
            self._forward[root] = draft.profile["id"]

    def _join(self, one: Draft, other: Draft) -> Draft:
        keep, lose = (one, other) if older(one.profile, other.profile) else (other, one)
        for draft in (keep, lose):
            know_terms(draft)
        winner, loser = keep.profile["id"], lose.profile["id"]
        merge(keep.profile, lose.profile)
        keep.timers.update(
            {keys.timer(winner, slot, timer[0]): timer[1] for slot, timer in keep.profile["timers"].items()}
        )
        keep.rows += lose.rows
        keep.seen |= lose.seen
        keep.outbox |= lose.outbox
        keep.aliases += lose.aliases
        keep.absorbed += lose.absorbed
        if lose.version:
            keep.absorbed.append(lose)
        else:
            keep.aliases.append(loser)
        self._forward[loser] = winner
        del self._drafts[loser]
        events = self._touched.pop(id(lose), (lose, []))[1]
        self._touched.setdefault(id(keep), (keep, []))[1].extend(events)
        MERGED.inc()
        return keep


def know_terms(draft: Draft) -> None:
    """Note what the customer can be found by in the store, before that changes."""
    if not draft.changed:
        draft.changed = True
        draft.terms = terms(draft.profile)
