"""Computed traits: what a profile keeps for each way of computing, and how long. The words that declaring, folding
and reading them share.

A *feature* is what is kept: events of some kinds that pass a filter, one field of them, put together in one way, in
tiles of a length. Its name says the way and the number of tiles, so that two profiles can be merged by it alone:
`s31.9f3a2c04` keeps sums in 31 tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias

from hub.event import Event
from hub.profile import Profile

Compute = Literal[
    "count", "sum", "average", "min", "max", "first", "last", "most-frequent", "unique-list", "unique-count"
]

KEEPS: Final[dict[str, str]] = {
    "count": "c",
    "sum": "s",
    "average": "s",
    "min": "n",
    "max": "x",
    "first": "f",
    "last": "l",
    "most-frequent": "v",
    "unique-list": "v",
    "unique-count": "u",
}
"""The way of keeping that each way of computing reads; some share one."""

Lookup: TypeAlias = Callable[[Profile, str, int], Any]
"""The value of a computed trait (profile, trait, moment); None when it is missing or unknown."""
Until: TypeAlias = Callable[[Profile, str, int], int | None]
"""The next moment at which a computed trait may change by ageing alone; None: never."""


class Feature(Protocol):
    """Something a profile keeps of its events."""

    @property
    def id(self) -> str: ...
    @property
    def on(self) -> Sequence[str]:
        """Kinds of events, `type` or `web.track/Name`."""
        ...

    @property
    def tile(self) -> int:
        """Milliseconds of a tile; 0: one tile for all time."""
        ...

    @property
    def read(self) -> Callable[[Event, int], Any]:
        """What an event that happened at that time says; None when it says nothing."""
        ...


class Reading(Protocol):
    """How a computed trait is read from a feature."""

    @property
    def feature(self) -> str: ...
    @property
    def compute(self) -> str: ...
    @property
    def span(self) -> int:
        """Milliseconds of the window; 0: all time."""
        ...

    @property
    def tile(self) -> int: ...


def tiles(keeps: str, span: int, tile: int) -> int:
    """How many tiles a window needs; 0 when nothing is ever dropped.

    Those the window covers, and the one it has half left. What happened last is in the newest tile.
    """
    if not span:
        return 0
    return 1 if keeps == "l" else -(-span // tile) + 1


def nothing(profile: Profile, trait: str, now: int) -> Any:
    """The lookup of a hub without computed traits."""
    return None
