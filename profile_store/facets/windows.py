"""What computed traits are read from: features, each a ring of tiles, or one tile for all time.

A window is a row of tiles. An event stays in it until the whole of its tile has left: never shorter than the window,
and at most one tile longer. Tiles go by when the event happened, though never later than the hub received it, so
that a clock that is fast empties no ring. What has left the ring is gone: a moment before the newest event may be
asked about, and sees what the newest event left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from hub.computed import Feature, Lookup, Reading, Until
from hub.event import Event
from hub.profile import Profile, Told
from profile_store.tiles import HASHES, Ring, Row, copied, handling, least, meant, number_of, plain, put, shape, sign

NAME: Final = "windows"
NAMED: Final = "web.track"
"""The type of event that has kinds by name."""
LONGEST: Final = 100
"""Characters of a kind, as a profile counts it."""

LISTED: Final = 64
"""Values of a list."""

Index: TypeAlias = Mapping[str, Sequence[Feature]]
Rings: TypeAlias = dict[str, Ring]


def index(features: Iterable[Feature]) -> Index:
    """The features by the kind of event that they look at."""
    every = {one.id: one for one in features}
    kinds = {kind for one in every.values() for kind in one.on}
    return {
        kind: tuple(one for one in every.values() if kind in one.on or kind.partition("/")[0] in one.on)
        for kind in sorted(kinds)
    }


def fold(profile: Told, event: Event, ms: int, ref: str, features: Index) -> None:
    """Change what the features keep by one event."""
    wanted = wanting(features, event)
    if wanted:
        rings = profile.get("windows")
        if rings is None:
            rings = {}
        note(rings, wanted, event, ms, ref)
        if rings:
            profile["windows"] = rings


def wanting(features: Index, event: Event) -> Sequence[Feature]:
    """The features that look at events of this kind."""
    kind = event.type
    if kind == NAMED and (name := event.data.get("name")):
        named = features.get(f"{kind}/{name}"[:LONGEST])
        if named is not None:
            return named
    return features.get(kind, ())


def note(rings: Rings, features: Iterable[Feature], event: Event, ms: int, ref: str) -> None:
    """Put what an event says into the rings of these features."""
    moment = min(ms, int(event.receivedat.timestamp() * 1000))
    for feature in features:
        value = feature.read(event, ms)
        if value is None:
            continue
        single, add, length = handling(feature.id)
        row = single(value, moment, ref)
        if row is not None:
            tile = moment // feature.tile if feature.tile else 0
            put(rings.setdefault(feature.id, []), [tile, *row], length, add)


def merge(into: Told, other: Told) -> None:
    """Put what another profile's features keep into this one."""
    theirs = other.get("windows")
    if theirs:
        merge_rings(into.setdefault("windows", {}), theirs)


def merge_rings(into: Rings, other: Mapping[str, Ring]) -> None:
    """Put rings into others of the same features."""
    for name, ring in other.items():
        ours = into.setdefault(name, [])
        _, add, length = handling(name)
        for row in ring:
            put(ours, copied(row), length, add)


def forget(profile: Told, features: Iterable[str]) -> None:
    """Drop what no computed trait asks for any more: all but these features."""
    rings, kept = profile.get("windows", {}), frozenset(features)
    for name in rings.keys() - kept:
        del rings[name]
    if not rings:
        profile.pop("windows", None)


def value(profile: Profile, trait: Reading, now: int) -> Any:
    """The trait's value at a moment; None when nothing is known. Counts and sums are 0 then."""
    rows = _live(profile, trait, now)
    return _READ[trait.compute](rows)


def until(profile: Profile, trait: Reading, now: int) -> int | None:
    """The next moment at which the value can change though nothing happens; None when it cannot."""
    if not trait.span:
        return None
    rows = _live(profile, trait, now)
    return (rows[0][0] + 1) * trait.tile + trait.span if rows else None


def bounded(profile: Profile, trait: Reading, now: int) -> bool:
    """Whether there were more different values than are kept, so that what is said of them goes by a sample."""
    if shape(trait.feature)[0] not in {"u", "v"}:
        return False
    rows = _live(profile, trait, now)
    return any(row[1] for row in rows) or (
        trait.compute == "unique-list" and len({key for row in rows for key in row[2]}) > LISTED
    )


def readers(traits: Mapping[str, Reading]) -> tuple[Lookup, Until]:
    """How the rules read these traits, by name: their value, and until when it holds at least."""

    def look(profile: Profile, trait: str, now: int) -> Any:
        found = traits.get(trait)
        return None if found is None else value(profile, found, now)

    def last(profile: Profile, trait: str, now: int) -> int | None:
        found = traits.get(trait)
        return None if found is None else until(profile, found, now)

    return look, last


def _live(profile: Profile, trait: Reading, now: int) -> Sequence[Row]:
    """The tiles that are in the window, oldest first."""
    rings = profile.get("windows")
    ring = None if rings is None else rings.get(trait.feature)
    if ring is None:
        return ()
    if not trait.span:
        return ring
    start = (now - trait.span) // trait.tile
    return ring if ring[0][0] >= start else ring[bisect_left(ring, start, key=number_of) :]


def _count(rows: Sequence[Row]) -> int:
    return sum([row[1] for row in rows])


def _total(rows: Sequence[Row]) -> int:
    if len(rows) == 1:
        return int(rows[0][2])
    sums = [row[2] for row in rows]
    try:
        return sum(sums)
    except TypeError:  # one is too large for a number of JSON
        return sum(map(int, sums))


def _counts(rows: Sequence[Row]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        for key, count in row[2].items():
            counts[key] = counts.get(key, 0) + count
    # Up to the greatest hash that a tile has kept it has dropped none: up to the least of these all counts are whole.
    full = [max(map(sign, row[2])) for row in rows if row[1]]
    return {key: count for key, count in counts.items() if sign(key) <= min(full)} if full else counts


def _most_frequent(rows: Sequence[Row]) -> Any:
    counts = _counts(rows)
    return meant(min(counts, key=lambda key: (-counts[key], key))) if counts else None


def _unique_list(rows: Sequence[Row]) -> Any:
    counts = _counts(rows)
    return [meant(key) for key in sorted(least(counts, LISTED))] or None


def _unique_count(rows: Sequence[Row]) -> int:
    found: set[int] = {one for row in rows for one in row[2]}
    full = [row[2][-1] for row in rows if row[1]]
    if not full:
        return len(found)
    # Below the least end of a tile that dropped some all are known: they are that part of the whole.
    end: int = min(full)
    below = sum(one < end for one in found)
    return max(len(found), round(below * HASHES / end))


_READ: Final[dict[str, Callable[[Sequence[Row]], Any]]] = {
    "count": _count,
    "sum": lambda rows: plain(_total(rows)),
    "average": lambda rows: plain(_total(rows), _count(rows)) if rows else None,
    "min": lambda rows: plain(min([row[1] for row in rows])) if rows else None,
    "max": lambda rows: plain(max([row[1] for row in rows])) if rows else None,
    # What was said first is in the oldest tile.
    "first": lambda rows: meant(rows[0][3]) if rows else None,
    "last": lambda rows: meant(rows[-1][3]) if rows else None,
    "most-frequent": _most_frequent,
    "unique-list": _unique_list,
    "unique-count": _unique_count,
}
"""By way of computing: the value of the tiles in the window."""
