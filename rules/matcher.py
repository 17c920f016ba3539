"""Which of many rules an event fulfils, without asking each of them.

A tree over the clauses of the rules. Each clause hangs under one of its equalities, the one that tells most clauses
apart, and below it under the next, until few are left that lie together; those are asked one by one. Clauses without
an equality, if they are many, are looked at with masks. An event walks from field to value and meets only clauses
whose equalities it fulfils. Everything is exact: on its way a clause leaves behind what the way has verified.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from hub.profile import Profile
from rules.access import Getter, getter
from rules.clauses import Clause, clauses, equals
from rules.compile import compiled, weight
from rules.conditions import MAX_VALUES, Compare, Condition
from rules.masks import Masks
from rules.paths import Path, parse
from rules.predicates import Test
from rules.scene import Scene

FEW: Final = 8
"""Clauses that are asked one by one sooner than told apart."""
WORTH: Final = 0.7
"""The share of events from which on an equality tells too little apart."""
COPIES: Final = 4
"""Places at which a clause may hang below one where it hangs already."""
MANY: Final = 16
"""Clauses without an equality from which masks are worth their while."""

Entry: TypeAlias = tuple[tuple[Test, ...], int]
"""What is still to be asked of a clause, and the number of its rule."""
Leaf: TypeAlias = tuple[Entry, ...]
Table: TypeAlias = dict[Any, "Leaf | Node"]

# Python takes True for 1; the tables of values must not.
_YES: Final = ("yes",)
_NO: Final = ("no",)


class Node:
    """A place in the tree: clauses to ask here, and by which fields the others are told apart."""

    __slots__ = ("fields", "groups", "leaf", "masked", "masks")

    def __init__(self, leaf: Leaf = ()) -> None:
        self.leaf = leaf
        self.groups: list[tuple[Callable[..., Any], bool, dict[str, Table]]] = []
        """A dictionary that holds fields (of registers or plain values), and for each field its values."""
        self.fields: list[tuple[Getter, Table]] = []
        self.masks: Masks | None = None
        self.masked: Leaf = ()


class Matcher:
    """Conditions, each with a number; says the numbers of those that hold."""

    __slots__ = ("_several", "_tree", "size")

    def __init__(self, conditions: Sequence[tuple[Condition | None, int]], tests: Tests | None = None) -> None:
        found = [(clause, number) for condition, number in conditions for clause in clauses(condition)]
        self.size = len(found)
        self._several = len(found) > len(conditions)
        grown = _grow(found, tests or Tests(), frozenset())
        self._tree = grown if isinstance(grown, Node) else Node(grown)

    def find(self, data: Mapping[str, Any], profile: Profile, scene: Scene) -> list[int]:
        """The numbers of the conditions that hold, in their order."""
        asked: list[Entry] = []
        _walk(self._tree, data, profile, scene, asked)
        found: list[int] = []
        for tests, number in asked:
            for test in tests:
                if not test(data, profile, scene):
                    break
            else:
                found.append(number)
        if len(found) > 1:
            return sorted(set(found)) if self._several else sorted(found)
        return found


class Tests:
    """Closures of predicates, made once for all clauses that share them."""

    def __init__(self) -> None:
        self._known: dict[Any, Test] = {}

    def of(self, part: Condition) -> Test:
        """The closure that says whether the part holds."""
        if not isinstance(part, Compare):
            return compiled(part)
        # 1 and True are equal keys; their classes tell them apart.
        key = (part.field, part.op, part.value.__class__, part.value)
        test = self._known.get(key)
        if test is None:
            test = self._known[key] = compiled(part)
        return test


def _walk(node: Any, data: Mapping[str, Any], profile: Profile, scene: Scene, asked: list[Entry]) -> None:
    """Collect the clauses that are still to be asked."""
    asked += node.leaf
    children: list[Any] = []
    for holder, register, tables in node.groups:
        held = holder(data, profile)
        if held.__class__ is dict:
            _among(tables, held, register, children)
    for get, table in node.fields:
        _at(table, get(data, profile, scene), children)
    for child in children:
        if child.__class__ is tuple:
            asked += child
        else:
            _walk(child, data, profile, scene, asked)
    if node.masks is not None:
        left, masked = node.masks.possible(data, profile, scene), node.masked
        while left:
            lowest = left & -left
            left ^= lowest
            asked.append(masked[lowest.bit_length() - 1])


def _among(tables: Mapping[str, Table], held: dict[str, Any], register: bool, children: list[Any]) -> None:
    """What hangs under the values of these fields. Written out, since every event passes here fifty times."""
    # Whichever is shorter: the fields that rules ask about, or those that are there.
    short, other = (tables, held) if len(tables) <= len(held) else (held, tables)
    for name in short:
        if name in other:
            value = held[name][0] if register else held[name]
            if value.__class__ is bool:
                value = _YES if value else _NO
            try:
                child = tables[name].get(value)
            except TypeError:  # a list or a mapping is no value of an equality
                continue
            if child is not None:
                children.append(child)


def _at(table: Table, value: Any, children: list[Any]) -> None:
    try:
        child = table.get(_key(value))
    except TypeError:
        return
    if child is not None:
        children.append(child)


def _grow(found: list[tuple[Clause, int]], tests: Tests, used: frozenset[str]) -> Leaf | Node:
    if len(found) <= FEW:
        return _leaf(found, tests)
    node = Node()
    shares = {name: _shares(values) for name, values in _asked(found, used).items()}
    hung: dict[str, dict[Any, list[tuple[Clause, int]]]] = {}
    rest: list[tuple[Clause, int]] = []
    for clause, number in found:
        part = _best(clause, shares, COPIES if used else MAX_VALUES)
        if part is None:
            rest.append((clause, number))
            continue
        name, values = cast(tuple[str, tuple[Any, ...]], equals(part))
        left = tuple(one for one in clause if one is not part)
        for value in dict.fromkeys(map(_key, values)):
            hung.setdefault(name, {}).setdefault(value, []).append((left, number))
    if len(rest) > MANY:
        node.masks = Masks([clause for clause, _ in rest])
        exact = node.masks.exact
        node.masked = _leaf([(tuple(one for one in c if id(one) not in exact), number) for c, number in rest], tests)
    else:
        node.leaf = _leaf(rest, tests)
    groups: dict[tuple[str, ...], dict[str, Table]] = {}
    for name in sorted(hung):
        table: Table = {value: _grow(those, tests, used | {name}) for value, those in hung[name].items()}
        path = parse(name)
        place = _holder(path)
        if place is None:
            node.fields.append((getter(name), table))
        else:
            groups.setdefault(place, {})[path.keys[-1]] = table
    node.groups = [(*_HOLDERS[place], tables) for place, tables in groups.items()]
    return node


def _key(value: Any) -> Any:
    return value if value.__class__ is not bool else _YES if value else _NO


def _leaf(found: Sequence[tuple[Clause, int]], tests: Tests) -> Leaf:
    return tuple((tuple(map(tests.of, sorted(clause, key=_order))), number) for clause, number in found)


def _order(part: Condition) -> tuple[int, int]:
    # What is cheap to ask comes first, and of that what most events fail.
    return weight(part), equals(part) is None


def _asked(found: Sequence[tuple[Clause, int]], used: frozenset[str]) -> dict[str, Counter[Any]]:
    """How often the clauses ask for each value of each field: as often, it is taken, as events say it."""
    values: dict[str, Counter[Any]] = {}
    for clause, _ in found:
        for part in clause:
            asked = equals(part)
            if asked is not None and asked[0] not in used and parse(asked[0]).place not in _SLOW:
                values.setdefault(asked[0], Counter()).update(map(_key, asked[1]))
    return values


def _best(clause: Clause, shares: Mapping[str, Mapping[Any, float]], copies: int) -> Condition | None:
    """The equality that the fewest events fulfil; None when the clause has none worth its copies."""
    best, least = None, WORTH
    for part in clause:
        asked = equals(part)
        if asked is not None and asked[0] in shares and len(asked[1]) <= copies:
            known = shares[asked[0]]
            share = sum(known[_key(value)] for value in asked[1]) * (1 + len(asked[1]) / 16)
            if share < least:
                best, least = part, share
    return best


def _shares(values: Counter[Any]) -> dict[Any, float]:
    whole = values.total()
    return {value: count / whole for value, count in values.items()}


_SLOW: Final = frozenset({"computed", "identities", "item", "place"})
_HOLDERS: Final[dict[tuple[str, ...], tuple[Callable[..., Any], bool]]] = {
    ("data",): (lambda data, profile: data, False),
    ("data", "properties"): (lambda data, profile: data.get("properties"), False),
    ("traits",): (lambda data, profile: profile["traits"], True),
    ("facts",): (lambda data, profile: profile["facts"], True),
}
"""Where most fields lie: a dictionary, and whether its values are registers."""


def _holder(path: Path) -> tuple[str, ...] | None:
    place = (path.place, *path.keys[:-1])
    return place if place in _HOLDERS else None
