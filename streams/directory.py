"""Where customers are found in the store.

Every identity has a place, named after it. The place holds a customer, or points to the one it belongs to. So a
new identity needs no look-up table, and two workers that meet it at the same time agree on its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from profile_store.document import alias, unpacked
from profile_store.draft import History
from profile_store.draft import place as place_of
from profile_store.ledger import Held, Ledger
from streams.decode import Incoming

HINTS = 200_000
STRUCTURAL = frozenset({"identity.merged", "identity.unmerged", "agent.merge", "agent.unmerge"})
"""Events about what belongs together: all places of the customers they touch are read."""
DIVIDING = frozenset({"identity.unmerged", "agent.unmerge"})
"""Events that may take customers apart: each is applied by itself, with the customers' history at hand."""


class Stale(Exception):
    """A place was remembered as a customer's that it no longer belongs to."""


@dataclass(slots=True)
class Loaded:
    """What the store holds of a batch's customers, unchanged, to start from as often as needed."""

    held: dict[str, Held] = field(default_factory=dict)
    """By customer."""
    targets: dict[str, str] = field(default_factory=dict)
    """Place → customer, or the next place on the way to it."""
    values: dict[str, bytes] = field(default_factory=dict)
    """Pointers as they were read: place → value."""
    histories: dict[str, History] = field(default_factory=dict)
    asked: dict[str, dict[str, None]] = field(default_factory=dict)
    """Customer → names of events that were looked for there: whoever is read again is asked for them again."""
    owned: dict[str, dict[str, None]] = field(default_factory=dict)
    """Place → names of the batch's events that belong to its identity."""

    def root(self, place: str) -> str:
        """Where a place leads to."""
        while place in self.targets:
            place = self.targets[place]
        return place


class Directory:
    """Finds customers in the store, and remembers which place led to which customer."""

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
        loaded = Loaded()
        structural: list[Incoming] = []
        for incoming in batch:
            if incoming.event.type in STRUCTURAL:
                structural.append(incoming)
            for number, place in enumerate(incoming.places):
                root = self._hints.get(place, place)
                if root != place:
                    loaded.targets[place] = root
                refs = wanted.setdefault(root, {})
                if number == 0:
                    refs[incoming.ref] = None
                    loaded.owned.setdefault(place, {})[incoming.ref] = None
        await self._read(loaded, wanted)
        if structural:
            await self._whole(loaded, structural)
        self._remember(loaded.targets)
        return loaded

    async def _read(self, loaded: Loaded, wanted: Mapping[str, dict[str, None]]) -> None:
        asked = loaded.asked
        while wanted:
            for customer, refs in wanted.items():
                asked.setdefault(customer, {}).update(refs)
            wanted = {customer: asked[customer].copy() for customer in wanted}
            found = await self._ledger.read({customer: list(refs) for customer, refs in wanted.items()})
            following: dict[str, dict[str, None]] = {}
            for customer, one in found.items():
                target = alias(one.value) if one.value is not None else None
                if target is None:
                    loaded.held[customer] = one
                    # Read at different moments, two places may point to each other: what was read last holds.
                    loaded.values.pop(customer, None)
                    if (
                        loaded.targets.pop(customer, "")
                        and not loaded.owned.get(customer, {}).keys() <= asked[customer].keys()
                    ):
                        following.setdefault(customer, {}).update(loaded.owned[customer])
                elif one.value is not None:
                    loaded.held.pop(customer, None)
                    loaded.targets[customer] = target
                    loaded.values[customer] = one.value
                    refs = following.setdefault(target, {})
                    # A hint may have sent the place's own events elsewhere.
                    refs.update(wanted[customer] | loaded.owned.get(customer, {}))
                    if target not in loaded.values and loaded.targets.pop(target, ""):
                        # A hint that is not so: the place's own events were looked for elsewhere.
                        refs.update(loaded.owned.get(target, {}))
            # A customer met twice is read again, now with the names of all its events.
            following = {target: refs for target, refs in following.items() if refs or target not in loaded.held}
            wanted = following

    async def _whole(self, loaded: Loaded, structural: Iterable[Incoming]) -> None:
        """Read the places of all identities of these events' customers, and what may have to be divided."""
        places: dict[str, dict[str, None]] = {}
        for incoming in structural:
            for place in incoming.places:
                root = loaded.root(place)
                one = loaded.held.get(root)
                if one is None or one.value is None:
                    continue
                for node in unpacked(one.value)["nodes"]:
                    where = place_of(node)
                    if where not in loaded.held and where not in loaded.values:
                        loaded.targets.pop(where, None)
                        places[where] = loaded.owned.get(where, {})
        await self._read(loaded, places)
        # Only now: a history that is older than its document would be written back without what came between.
        for incoming in structural:
            if incoming.event.type in DIVIDING:
                for root in {loaded.root(place) for place in incoming.places}:
                    loaded.histories[root] = await self._ledger.history(root)

    def _remember(self, targets: Mapping[str, str]) -> None:
        if len(self._hints) + len(targets) > HINTS:
            self._hints.clear()
        for place in targets:
            root = place
            while root in targets:
                root = targets[root]
            self._hints[place] = root
