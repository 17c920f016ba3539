"""Many clauses looked at together: a bit for each, and what an event and a profile leave possible of them.

A field that many clauses ask about has columns: whatever it says, it strikes out the clauses that want something
else. A field that few ask about would cost more than it strikes out; instead a clause may hang on one such field,
and is possible only when the event or the profile has that field with the right value. What neither has decided
is asked of those that are left.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from hub.profile import Profile
from rules.access import NOTHING, Getter, getter
from rules.asks import Ask, key
from rules.columns import Decided, Elements, Ranges, Words, bits, elements, ranges, words
from rules.conditions import MAX_ITEMS
from rules.paths import Path, parse
from rules.scene import Scene

SHARE: Final = 40
"""One clause in so many must ask about a field to make its columns worth their while."""
COPIES: Final = 16
"""Values under which one clause may hang."""
_LATE: Final = ("computed", "latest", "identities", "place")
"""Places that take longer to look at: they come last."""

Holder: TypeAlias = Callable[[Mapping[str, Any], Profile], Any]
Hook: TypeAlias = tuple[dict[Any, int], int]
"""The clauses that hang on a field by its value, and those that hang on its being there."""
Weigh: TypeAlias = Callable[[Ask], int]
"""How many clauses of all rules ask for as much as a part does: as often, it is taken, as events say it."""


class Group:
    """The columns of fields that lie in one dictionary."""

    __slots__ = ("holder", "ranges", "register", "words")

    def __init__(self, holder: Holder, register: bool) -> None:
        self.holder, self.register = holder, register
        self.words: list[tuple[str, Callable[[Any, int], int], int]] = []
        self.ranges: list[tuple[str, list[float], list[int], int]] = []


class Masks:
    """Which of some clauses an event leaves possible."""

    __slots__ = ("_elements", "_groups", "_hooks", "_hung", "_open", "_ranges", "_words", "exact")

    def __init__(self, clauses: Sequence[Sequence[Ask]], many: int, weigh: Weigh) -> None:
        """`many`: clauses that ask about a field before it gets columns."""
        self._groups: list[Group] = []
        self._words: list[tuple[Getter, Callable[[Any, int], int], int]] = []
        self._ranges: list[tuple[Getter, list[float], list[int], int]] = []
        self._elements: list[tuple[Getter, Elements]] = []
        self._hung: list[tuple[Holder, bool, dict[str, Hook]]] = []
        self._hooks: list[tuple[Getter, dict[Any, int], int]] = []
        self.exact: set[Decided] = set()
        size, least = len(clauses), max(many, len(clauses) // SHARE)
        asked: dict[str, list[tuple[int, Ask]]] = {}
        for number, clause in enumerate(clauses):
            for one in clause:
                if one.field:
                    asked.setdefault(one.field, []).append((number, one))
        often = [name for name, those in asked.items() if len(those) >= least]
        often.sort(key=lambda name: (parse(name).place in _LATE, -len(asked[name]), name))
        groups: dict[str, Group] = {}
        for name in often:
            self._column(name, asked[name], size, many, groups)
        self._open = self._hang(clauses, asked.keys() - set(often), weigh)

    def possible(self, data: Mapping[str, Any], profile: Profile, scene: Scene) -> int:
        """The clauses that may hold, as bits."""
        left = self._opened(data, profile, scene)
        for group in self._groups:
            if not left:
                return 0
            held = group.holder(data, profile)
            if held.__class__ is not dict:
                held = NOTHING
            elif group.register:
                held = {name: register[0] for name, register in held.items()}
            left = _struck(left, held.get, group)
        if self._words and left:
            left = self._by_word(left, data, profile, scene)
        if self._elements and left:
            for get, column in self._elements:
                left &= _containing(column, get(data, profile, scene))
        for get, thresholds, masks, other in self._ranges:
            if not left:
                return 0
            value = get(data, profile, scene)
            kind = value.__class__
            if kind is int or (kind is float and value == value):  # noqa: PLR0124 - NaN has no place
                left &= masks[bisect_left(thresholds, value) + bisect_right(thresholds, value)]
            else:
                left &= other
        return left

    def _opened(self, data: Mapping[str, Any], profile: Profile, scene: Scene) -> int:
        """The clauses that hang on nothing, and those whose field is there as they want it."""
        left = self._open
        for holder, register, hooks in self._hung:
            held = holder(data, profile)
            if held.__class__ is not dict:
                continue
            # Whichever is shorter: the fields that clauses hang on, or those that are there.
            short, longer = (hooks, held) if len(hooks) <= len(held) else (held, hooks)
            for name in short:
                if name in longer:
                    value = held[name][0] if register else held[name]
                    if value is None:
                        continue
                    table, there = hooks[name]
                    try:
                        left |= table.get(value if value.__class__ is not bool else key(value), there)
                    except TypeError:  # a list or a mapping is no value of an equality
                        left |= there
        for get, table, there in self._hooks:
            left |= _under(table, there, get(data, profile, scene))
        return left

    def _by_word(self, left: int, data: Mapping[str, Any], profile: Profile, scene: Scene) -> int:
        for get, masks, other in self._words:
            value = get(data, profile, scene)
            try:
                left &= masks(key(value), other)
            except TypeError:  # a list or a mapping is no value of an equality
                left &= other
        return left

    def _column(self, name: str, asked: list[tuple[int, Ask]], size: int, many: int, groups: dict[str, Group]) -> None:
        by_order = [one for one in asked if one[1].sort == "range"]
        by_element = [one for one in asked if one[1].sort == "element"]
        if len(by_order) < many:
            by_order = []
        if len(by_element) < many:
            by_element = []
        taken = {id(one) for one in (*by_order, *by_element)}
        rest = [one for one in asked if id(one) not in taken]
        path = parse(name)
        place, last = _place(path), path.keys[-1] if path.keys else ""
        group = groups.get(place)
        if group is None and place:
            group = groups[place] = Group(*_HOLDERS[place])
            self._groups.append(group)
        if rest:
            self._add_words(words(rest, size, self.exact), name, last, group)
        if by_order:
            column: Ranges = ranges(by_order, size, self.exact)
            if group is None:
                self._ranges.append((getter(name), *column))
            else:
                group.ranges.append((last, *column))
        if by_element:
            self._elements.append((getter(name), elements(by_element, size, self.exact)))

    def _add_words(self, column: Words, name: str, last: str, group: Group | None) -> None:
        if group is None or column.careful:
            self._words.append((getter(name), column.masks.get, column.other))
        else:
            group.words.append((last, column.masks.get, column.other))

    def _hang(self, clauses: Sequence[Sequence[Ask]], seldom: set[str], weigh: Weigh) -> int:
        """Hang what can be hung on fields few ask about; the clauses that hang nowhere, as bits."""
        size = len(clauses)
        hung: dict[str, dict[Any, list[int]]] = {}
        open_: list[int] = []
        for number, clause in enumerate(clauses):
            can = [one for one in clause if one.field in seldom and one.sort != "missing"]
            if not can:
                open_.append(number)
                continue
            best = min(can, key=weigh)
            table = hung.setdefault(best.field, {})
            by_value = best.sort == "is" and len(best.what) <= COPIES
            if by_value or best.sort == "there":
                self.exact.add((number, id(best.part)))
            for value in best.what if by_value else (None,):
                table.setdefault(value, []).append(number)
        places: dict[str, dict[str, Hook]] = {}
        for name, table in hung.items():
            there = bits(table.pop(None, ()), size)
            hook = {value: bits(numbers, size) | there for value, numbers in table.items()}, there
            path = parse(name)
            place = _place(path)
            if place:
                places.setdefault(place, {})[path.keys[-1]] = hook
            else:
                self._hooks.append((getter(name), *hook))
        self._hung = [(*_HOLDERS[place], hooks) for place, hooks in places.items()]
        return bits(open_, size)


def _struck(left: int, get: Callable[[str], Any], group: Group) -> int:
    """What the columns of one dictionary leave. Written out, since every event passes here fifty times."""
    for name, masks, other in group.words:
        try:
            left &= masks(get(name), other)
        except TypeError:  # a list or a mapping is no value of an equality
            left &= other
        if not left:
            return 0
    for name, thresholds, by_place, other in group.ranges:
        value = get(name)
        kind = value.__class__
        if kind is int or (kind is float and value == value):  # noqa: PLR0124 - NaN has no place
            left &= by_place[bisect_left(thresholds, value) + bisect_right(thresholds, value)]
        else:
            left &= other
    return left


def _under(table: dict[Any, int], there: int, value: Any) -> int:
    """What hangs under the value of a field."""
    if value is None:
        return 0
    try:
        return table.get(key(value), there)
    except TypeError:
        return there


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


_HOLDERS: Final[dict[str, tuple[Holder, bool]]] = {
    "data": (lambda data, profile: data, False),
    "data.properties": (lambda data, profile: data.get("properties"), False),
    "traits": (lambda data, profile: profile["traits"], True),
    "facts": (lambda data, profile: profile["facts"], True),
}
"""Where most fields lie: a dictionary, and whether its values are registers."""


def _place(path: Path) -> str:
    place = ".".join((path.place, *path.keys[:-1]))
    return place if place in _HOLDERS else ""
