"""Which rules an event concerns: by its type and name, in one look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from rules.speech import Ready


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one kind of event concerns."""

    rules: tuple[Ready, ...] = ()
    """Rules it may match, in the order they are asked."""
    ends: frozenset[str] = frozenset()
    """Rules whose wait it ends."""


@dataclass(slots=True)
class Kinds:
    """The buckets of one event type: by name, and for every other name."""

    named: dict[str, Bucket] = field(default_factory=dict)
    rest: Bucket = field(default_factory=Bucket)


Index = dict[str, Kinds]
NOBODY: Final = Bucket()


def build(rules: Iterable[Ready]) -> Index:
    """The index over these rules."""
    ordered = sorted(rules, key=lambda one: one.order)
    wanted: dict[str, set[str | None]] = {}
    matches: dict[tuple[str, str | None], list[Ready]] = {}
    ends: dict[tuple[str, str | None], set[str]] = {}
    for one in ordered:
        for kind, name in dict.fromkeys((on.type, on.name) for on in one.rule.on):
            wanted.setdefault(kind, set()).add(name)
            matches.setdefault((kind, name), []).append(one)
        for key in one.ends:
            kind, _, named = key.partition("/")
            wanted.setdefault(kind, set()).add(named or None)
            ends.setdefault((kind, named or None), set()).add(one.rule.id)
    index: Index = {}
    for kind, names in wanted.items():
        kinds = index[kind] = Kinds()
        for name in names | {None}:
            places = {(kind, name), (kind, None)}
            found = {one.rule.id: one for place in places for one in matches.get(place, ())}
            ended = {rule for place in places for rule in ends.get(place, ())}
            bucket = Bucket(tuple(sorted(found.values(), key=lambda one: one.order)), frozenset(ended))
            if name is None:
                kinds.rest = bucket
            else:
                kinds.named[name] = bucket
    return index


def find(index: Index, kind: str, name: object) -> Bucket:
    """What an event of this type and name concerns."""
    kinds = index.get(kind)
    if kinds is None:
        return NOBODY
    return kinds.named.get(name, kinds.rest) if type(name) is str else kinds.rest
