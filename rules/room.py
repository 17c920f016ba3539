"""What room conditions leave when they are taken to hold together: the values each field may still have.

Whatever is found impossible is impossible. What is left may still be impossible for reasons nobody sees here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rules import values
from rules.catalogue import ANYTHING, Domain
from rules.conditions import All, AnyOf, Condition, Has, Not, Seen, Text
from rules.demands import OPPOSITE, PLACES, Demands, Key, Mode, demands, test
from rules.finding import Place
from rules.values import Values

_TOGETHER: Final[dict[type, frozenset[Mode]]] = {
    All: frozenset({"holds", "does not fail"}),
    AnyOf: frozenset({"fails", "does not hold"}),
    Seen: frozenset({"fails", "does not hold"}),
}
"""When all parts of a node are so, not just one of them."""
_PLACES: Final = {name: Domain(some, "", sure=True) for name, some in PLACES.items()}

Asked = tuple[Place, Condition, Mode]


class Room:
    """The values that are left, and who asked for them."""

    __slots__ = ("asked", "left", "tests")

    def __init__(self) -> None:
        self.left: dict[Key, Values] = {}
        self.asked: list[Asked] = []
        self.tests: list[tuple[str, Callable[[str], bool]]] = []

    def copy(self) -> Room:
        """One that can be narrowed on its own."""
        new = Room()
        new.left, new.asked, new.tests = self.left.copy(), self.asked.copy(), self.tests.copy()
        return new


class Clash:
    """A predicate that cannot be so: because of its field (`others` is empty), or because of those before it."""

    __slots__ = ("asked", "others")

    def __init__(self, asked: Asked, others: Sequence[Asked]) -> None:
        self.asked, self.others = asked, tuple(others)


class Reader:
    """Narrows rooms by conditions. `clashes` are the predicates that were found impossible on the way."""

    def __init__(self, domain: Callable[[str], Domain] = lambda field: ANYTHING) -> None:
        self._domain = domain
        self._domains: dict[Key, Domain] = {}
        self._demands: dict[tuple[int, Mode], Demands] = {}
        self._kinds: dict[int, tuple[Condition, ...]] = {}
        self._kept: list[Condition] = []
        self.clashes: list[Clash] = []

    def possible(self, *taken: tuple[Condition, Mode]) -> bool:
        """Whether conditions can be so at the same time, as far as can be seen."""
        room: Room | None = Room()
        self.clashes = []
        *others, (last, how) = sorted(taken, key=lambda one: _alternatives(*one))
        for node, mode in others:
            room = self.narrow(node, mode, room, ()) if room is not None else None
        return room is not None and self._can(last, how, room)

    def implies(self, one: Condition, other: Condition) -> bool:
        """Whether the other holds whenever the one does; where it says no, nobody knows."""
        return not self.possible((one, "holds"), (other, "does not hold"))

    def _can(self, node: Condition, mode: Mode, room: Room) -> bool:
        """Whether there is any room when a condition is taken so as well: of alternatives one is enough."""
        if isinstance(node, Not):
            return self._can(node.part, OPPOSITE[mode], room)
        if _alternatives(node, mode):
            return any(self._can(part, mode, room.copy()) for part, _ in self._below(node, ()))
        return self.narrow(node, mode, room, ()) is not None

    def narrow(self, node: Condition, mode: Mode, room: Room, place: Place) -> Room | None:
        """The room when a condition is taken so as well; None when it cannot be. The room given is used up."""
        if isinstance(node, Not):
            return self.narrow(node.part, OPPOSITE[mode], room, (*place, "not"))
        parts = self._below(node, place)
        if not parts:
            return self._predicate(node, mode, room, place)
        if mode in _TOGETHER[type(node)]:
            left: Room | None = room
            # What a list of alternatives leaves is seen best when all else is known.
            for part, where in sorted(parts, key=lambda one: _alternatives(one[0], mode)):
                left = self.narrow(part, mode, left, where) if left is not None else None
            return left
        found = [self.narrow(part, mode, room.copy(), where) for part, where in parts]
        ways = [way for way in found if way is not None]
        return _joined(room, ways) if ways else None

    def _below(self, node: Condition, place: Place) -> list[tuple[Condition, Place]]:
        if not isinstance(node, Seen):
            return below(node, place)
        if len(node.seen) == 1:
            return []
        kinds = self._kinds.get(id(node))
        if kinds is None:
            kinds = tuple(
                Seen.model_construct(seen=(kind,), within=node.within, correlate=node.correlate) for kind in node.seen
            )
            self._kinds[id(node)] = kinds
            self._kept.append(node)
        return [(part, (*place, "seen", number)) for number, part in enumerate(kinds)]

    def _predicate(self, node: Condition, mode: Mode, room: Room, place: Place) -> Room | None:
        if isinstance(node, Text):
            # Of a text the answer is always known.
            holds, wanted = test(node), mode in {"holds", "does not fail"}
            room.tests.append((node.field, lambda word: holds(word) is wanted))
        for key, allowed in self.demanded(node, mode):
            left = self._with_tests(room, key, self._cut(key, room.left.get(key), allowed))
            if left.empty:
                self.clashes.append(Clash((place, node, mode), self._against(key, allowed, room)))
                return None
            room.left[key] = left
        room.asked.append((place, node, mode))
        if isinstance(node, Has) and mode == "holds":
            element = self.narrow(node.has, mode, room.copy(), (*place, "has"))
            return None if element is None else room
        return room

    def demanded(self, node: Condition, mode: Mode) -> Demands:
        """What a predicate demands, remembered."""
        found = self._demands.get((id(node), mode))
        if found is None:
            found = self._demands[id(node), mode] = demands(node, mode)
            self._kept.append(node)
        return found

    def _cut(self, key: Key, before: Values | None, allowed: Values) -> Values:
        domain = self.domain(key)
        left = (domain.values if before is None else before) & allowed
        return values.whole(left) if domain.whole else left

    def domain(self, key: Key) -> Domain:
        """What is known of a key's values for sure."""
        found = self._domains.get(key)
        if found is None:
            found = self._domain(key) if isinstance(key, str) else _PLACES[key[0]]
            found = self._domains[key] = found if found.sure else ANYTHING
        return found

    def _with_tests(self, room: Room, key: Key, left: Values) -> Values:
        """Without the texts that a predicate over texts rules out, where they can be counted."""
        tests = [holds for field, holds in room.tests if field == key]
        words = left.words() if tests and left.texts else None
        if words is None:
            return left
        kept = [word for word in words if all(holds(word) for holds in tests)]
        return left._replace(texts=values.among(kept).texts)

    def _against(self, key: Key, allowed: Values, room: Room) -> list[Asked]:
        """Which of those before a demand clashes with: none, one, or all that look at the same."""
        if self._cut(key, None, allowed).empty:
            return []
        same = [(asked, some) for asked in room.asked for name, some in self.demanded(*asked[1:]) if name == key]
        for asked, some in same:
            if self._cut(key, some, allowed).empty:
                return [asked]
        return [asked for asked, _ in same]


def below(node: Condition, place: Place) -> list[tuple[Condition, Place]]:
    """The parts of a node of several, each with its place."""
    if not isinstance(node, All | AnyOf):
        return []
    name = "all" if isinstance(node, All) else "any"
    return [(part, (*place, name, number)) for number, part in enumerate(node.parts)]


def _alternatives(node: Condition, mode: Mode) -> bool:
    """Whether a condition can be so in several ways."""
    while isinstance(node, Not):
        node, mode = node.part, OPPOSITE[mode]
    several = not isinstance(node, Seen) or len(node.seen) > 1
    return several and mode not in _TOGETHER.get(type(node), frozenset({mode}))


def _joined(room: Room, ways: Sequence[Room]) -> Room:
    first, *others = ways
    if others:
        for key, some in first.left.items():
            both = some
            for way in others:
                if key not in way.left:
                    break
                both |= way.left[key]
            else:
                room.left[key] = both
        return room
    return first
