"""Features: what a profile keeps so that computed traits can be read from it. Named by what they are, so that
whoever needs the same shares it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub import ids
from hub.computed import tiles
from hub.event import Event
from hub.profile import empty
from rules.access import getter
from rules.compile import compiled
from rules.conditions import Condition
from rules.paths import parse
from rules.scene import of_event, of_moment
from rules.spans import UNITS
from rules.tree import fields_of, walk

MOST_TILES: Final = 31
"""Of a window for which nobody chose a tile."""
RING: Final = 400
"""Of any window."""
_LENGTHS: Final = (
    *((UNITS["s"], (1, 2, 5, 10, 30)), (UNITS["m"], (1, 2, 5, 10, 15, 30))),
    *((UNITS["h"], (1, 2, 3, 6, 12)), (UNITS["d"], (1, 2, 3, 7, 14))),
)
TILES: Final = tuple(unit * number for unit, numbers in _LENGTHS for number in numbers)
NOBODY: Final = empty("")
NOWHEN: Final = of_moment(0)


@dataclass(frozen=True, slots=True)
class Feature:
    """Something a profile keeps of its events."""

    id: str
    says: str
    """What its name is made of."""
    on: tuple[str, ...]
    tile: int
    read: Callable[[Event, int], Any]
    """What an event says (event, its time); None when the filter leaves it out or the field is missing."""


def tile_of(span: int) -> int:
    """The tile of a window for which nobody chose one: the smallest of which 31 are enough; 0 for all time."""
    if not span:
        return 0
    return next((tile for tile in TILES if tile * (MOST_TILES - 1) >= span), TILES[-1])


def feature(keeps: str, on: Sequence[str], when: Condition | None, field: str, window: tuple[int, int]) -> Feature:
    """The feature for a way of keeping, kinds of events, a filter, a field (or none), and (span, tile)."""
    span, tile = window
    kinds = tuple(sorted(set(on)))
    length = tiles(keeps, span, tile)
    says = orjson.dumps([kinds, _canonical(when), field, tile]).decode()
    return Feature(f"{keeps}{length}.{ids.digest(says, 4)}", says, kinds, tile, _reader(when, field))


def _canonical(node: Condition | None) -> Any:
    """The filter as data, whatever the order of its parts."""
    return None if node is None else _sorted(orjson.loads(node.model_dump_json(by_alias=True)))


def _sorted(raw: Any) -> Any:
    if not isinstance(raw, dict):
        return raw
    return {
        key: sorted(map(_sorted, value), key=orjson.dumps) if key in {"all", "any"} else _sorted(value)
        for key, value in sorted(raw.items())
    }


def _reader(when: Condition | None, field: str) -> Callable[[Event, int], Any]:
    get = getter(field) if field else None
    test = None if when is None else compiled(when)
    asked = [name for node, _, _ in walk(when) for name in fields_of(node)] if when is not None else []
    # Most look at what the event says, and at nothing of its envelope.
    inside = all(parse(name).place in {"data", "item"} for name in (*asked, *([field] if field else [])))

    def read(event: Event, ms: int) -> Any:
        scene = NOWHEN if inside else of_event(event, ms)
        if test is not None and not test(event.data, NOBODY, scene):
            return None
        return True if get is None else get(event.data, NOBODY, scene)

    return read
