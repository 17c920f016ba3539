"""How a field came with the events of one kind, in a few numbers, and what they say: it stopped, or it never came.

An event that is looked at is a *look*. A field is judged by its own past: one that came with every event is missed
after a few dozen looks, one that came with one in fifty after a thousand.
"""

from __future__ import annotations

from math import log1p
from typing import Final, Literal, NamedTuple

LEAST: Final = 30
"""Looks without a field below which nothing is said: fewer are chance, or one sender's."""
SURE: Final = 20.0
"""By chance a field may be missed so long once in e^20 times, given how often it came."""
SPAN: Final = 30 * 60_000
"""Milliseconds that it must be missed at least: a release that is taken back at once, or a batch of another sender,
wakes nobody."""
TIMES: Final = 2
"""So many times the longest stretch without it that ended by itself: senders take turns, and imports come at night."""
NEVER: Final = 100
"""Looks after which a field that nobody ever sent is told of."""

State = Literal["stopped", "never"]


class Arrivals(NamedTuple):
    """What is known of one field of one kind of event; moments in milliseconds, 0 where there was none."""

    looked: int = 0
    """Looks up to the last that had the field; the oldest fade."""
    seen: int = 0
    """How many of them had it."""
    longest: int = 0
    """The longest stretch of them without it."""
    dry: int = 0
    """Looks since then, all without it."""
    last: int = 0
    """When it came last."""
    since: int = 0
    """When it was looked for and missing first, of those looks."""
    latest: int = 0
    """When an event of this kind was looked at last."""
    odd: int = 0
    """Of the looks without it: those that had something there which rules cannot use as what they ask for."""


def judged(one: Arrivals) -> State | None:
    """What is to be said of a field; None while all is well or nothing is certain."""
    if not one.last:
        return "never" if one.dry >= NEVER and one.latest - one.since >= SPAN else None
    if one.dry < LEAST or one.latest - one.last < SPAN or one.dry < TIMES * one.longest:
        return None
    # How likely it is that one which came `seen` times in `looked` looks does not come in `dry` more is
    # (looked / (looked + dry)) ** seen: of what came once or twice, hardly anything can be said.
    return "stopped" if one.seen * log1p(one.dry / one.looked) >= SURE else None
