"""Many clauses looked at together: a bit for each, and what an event and a profile leave possible of them.

A field that many clauses ask about has columns: whatever it says, it strikes out the clauses that want something
else. The columns that strike out most come first. One that would hardly strike out anything is left out: it would
take longer than to ask the clauses that are left.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from heapq import heapify, heappop, heappush
from itertools import repeat
from operator import and_, itemgetter
from typing import Any, Final, NamedTuple

from hub.profile import Profile
from rules.access import NOTHING, Getter, getter
from rules.asks import Ask, key
from rules.columns import Decided, Elements, elements, ranges, words
from rules.conditions import MAX_ITEMS
from rules.hooks import HOLDERS, Holder, holder_of
from rules.likely import Likely
from rules.paths import parse
from rules.scene import Scene

ASKED: Final = 6.0
"""What it costs to ask one clause by itself, where a look at a column of words costs 1."""
_COSTS: Final = {"words": 1.0, "ranges": 2.0, "elements": 3.0}
_FAR: Final = 1.5
"""More for a field that does not lie in a dictionary at hand."""
_GET: Final = dict.get
_VALUE: Final = itemgetter(0)
_MISSING: Final = repeat((None,))
"""A register that says nothing, as often as is wanted."""
_SORTS: Final = {"range": "ranges", "element": "elements"}


class Group:
    """The columns of fields that lie in one dictionary."""

    __slots__ = ("holder", "masks", "names", "others", "ranges", "register")

    def __init__(self, holder: Holder, register: bool) -> None:
        self.holder, self.register = holder, register
        self.names: list[str] = []
        self.masks: list[dict[Any, int]] = []
        self.others: list[int] = []
        """For what has no mask."""
        self.ranges: list[tuple[str, list[float], list[int], int]] = []

    def value(self, held: Any) -> Any:
        """What a field says, given what the dictionary holds of it."""
        return held[0] if self.register and held is not None else held

    def add_words(self, name: str, masks: dict[Any, int], other: int) -> None:
        """One more column, by equality."""
        self.names.append(name)
        self.masks.append(masks)
        self.others.append(other)

    def add_ranges(self, name: str, cuts: list[float], masks: list[int], other: int) -> None:
        """One more column, by order."""
        self.ranges.append((name, cuts, masks, other))


class Column(NamedTuple):
    """A column there may be: what is asked of its field, by clause."""

    field: str
    kind: str
    asked: list[tuple[int, Ask, float]]
    """The clause, what it asks, and how likely that is to hold."""

    @property
    def cost(self) -> float:
        """What a look at it costs."""
        return _COSTS[self.kind] + (0.0 if holder_of(parse(self.field)) else _FAR)


class Masks:
    """Which of some clauses an event leaves possible."""

    __slots__ = ("_all", "_elements", "_groups", "_ranges", "_words", "exact")

    def __init__(
        self, clauses: Sequence[Sequence[Ask]], likely: Likely, there: frozenset[str] = frozenset(), worth: float = 1.0
    ) -> None:
        """`there`: fields that are there whenever this is asked. `worth`: how much more a column must save than it
        costs."""
        self._groups: list[Group] = []
        self._words: list[tuple[Getter, dict[Any, int], int]] = []
        self._ranges: list[tuple[Getter, list[float], list[int], int]] = []
        self._elements: list[tuple[Getter, Elements]] = []
        self._all = (1 << len(clauses)) - 1
        self.exact: set[Decided] = set()
        groups: dict[str, Group] = {}
        for column in _worthwhile(clauses, partial(likely.where, there=there), worth):
            self._add(column, len(clauses), groups)

    def possible(self, data: Mapping[str, Any], profile: Profile, scene: Scene) -> int:
        """The clauses that may hold, as bits."""
        left = self._all
        for group in self._groups:
            held = group.holder(data, profile)
            if held.__class__ is not dict:
                held = NOTHING
            left = _struck(left, held.get, group)
            if not left:
                return 0
        if self._words:
            left = self._by_word(left, data, profile, scene)
        for get, column in self._elements:
            left &= _containing(column, get(data, profile, scene))
        for get, cuts, masks, other in self._ranges:
            if not left:
                return 0
            value = get(data, profile, scene)
            kind = value.__class__
            if kind is int or (kind is float and value == value):  # noqa: PLR0124 - NaN has no place
                left &= masks[bisect_right(cuts, value)]
            else:
                left &= other
        return left

    def _by_word(self, left: int, data: Mapping[str, Any], profile: Profile, scene: Scene) -> int:
        for get, masks, other in self._words:
            left &= _mask(masks, get(data, profile, scene), other)
        return left

    def _add(self, column: Column, size: int, groups: dict[str, Group]) -> None:
        path = parse(column.field)
        asked = [(number, one) for number, one, _ in column.asked]
        place = holder_of(path)
        if column.kind == "elements":
            self._elements.append((getter(column.field), elements(asked, size, self.exact)))
        elif column.kind == "ranges":
            found = ranges(asked, size, self.exact)
            if place:
                self._group(place, groups).add_ranges(path.keys[-1], *found)
            else:
                self._ranges.append((getter(column.field), *found))
        else:
            some = words(asked, size, self.exact)
            if place and not some.careful:
                self._group(place, groups).add_words(path.keys[-1], some.masks, some.other)
            else:
                self._words.append((getter(column.field), some.masks, some.other))

    def _group(self, place: str, groups: dict[str, Group]) -> Group:
        group = groups.get(place)
        if group is None:
            group = groups[place] = Group(*HOLDERS[place])
            self._groups.append(group)
        return group


def _worthwhile(clauses: Sequence[Sequence[Ask]], chance: Callable[[Ask], float], worth: float) -> list[Column]:
    """The columns that save more than they cost, given those before them."""
    columns: dict[tuple[str, str], Column] = {}
    for number, clause in enumerate(clauses):
        for one in clause:
            if one.field:
                name = one.field, _SORTS.get(one.sort, "words")
                column = columns.get(name) or columns.setdefault(name, Column(*name, []))
                column.asked.append((number, one, chance(one)))
    alive = [1.0] * len(clauses)
    # The use of a column only shrinks as others come before it, so what is best by an old figure is figured again.
    queue = [(-_use(column, alive), at, column) for at, column in enumerate(columns.values())]
    heapify(queue)
    found = []
    while queue:
        _, at, column = heappop(queue)
        use = _use(column, alive)
        if use < worth:
            continue
        if queue and use < -queue[0][0]:
            heappush(queue, (-use, at, column))
            continue
        found.append(column)
        for number, _, likely in column.asked:
            alive[number] *= likely
    return found


def _use(column: Column, alive: Sequence[float]) -> float:
    """How much more a column saves than it costs, given how likely it is that each clause is still possible."""
    return ASKED * sum([alive[number] * (1 - chance) for number, _, chance in column.asked]) / column.cost


def _struck(left: int, get: Callable[..., Any], group: Group) -> int:
    """What the columns of one dictionary leave."""
    try:
        # In one go, since every event passes here.
        said = map(_VALUE, map(get, group.names, _MISSING)) if group.register else map(get, group.names)
        left = reduce(and_, map(_GET, group.masks, said, group.others), left)
    except TypeError:  # a list or a mapping is no value of an equality
        for by_value, name, other in zip(group.masks, group.names, group.others, strict=True):
            left &= _mask(by_value, group.value(get(name)), other)
    for name, cuts, by_place, other in group.ranges:
        if not left:
            return 0
        value = get(name)
        if value is not None and group.register:
            value = value[0]
        kind = value.__class__
        if kind is int or (kind is float and value == value):  # noqa: PLR0124 - NaN has no place
            left &= by_place[bisect_right(cuts, value)]
        else:
            left &= other
    return left


def _mask(masks: Mapping[Any, int], value: Any, other: int) -> int:
    """What the value of a field leaves possible."""
    try:
        return masks.get(key(value), other)
    except TypeError:  # a list or a mapping is no value of an equality
        return other


def _containing(column: Elements, value: Any) -> int:
    """What the elements of a list, or a text, leave possible."""
    found, masks = column.other, column.masks
    if value.__class__ is list:
        for one in value[:MAX_ITEMS]:
            if one.__class__ is str:
                found |= masks.get(one, 0)
    elif value.__class__ is str:
        for text, mask in masks.items():
            if text in value:
                found |= mask
    return found
