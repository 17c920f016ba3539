"""How statements are kept: the newest of each name, and of too many names the lexically smallest."""

from __future__ import annotations

from typing import Any, Final

import orjson

from hub.jsonbytes import dumps
from hub.profile import REF, TIME, Register
from hub.traits import LONGEST

NAMES: Final = 128
"""Kinds of events, traits, facts and mentions kept of one customer, each."""
FIRED: Final = 50
"""Triggers remembered, for caps."""


def later(one: Register | None, other: Register) -> Register:
    """The newer of two statements; of the same moment, the one of the greater event name."""
    if one is None or (other[TIME], other[REF], str(other[0])) > (one[TIME], one[REF], str(one[0])):
        return other
    return one


def bound(table: dict[str, Any], most: int | None = None) -> dict[str, Any]:
    """Keep the smallest names: a rule that no order of arrival can change. What is taken out is given back."""
    most = NAMES if most is None else most
    return {name: table.pop(name) for name in sorted(table)[most:]} if len(table) > most else {}


def say(table: dict[str, Register], name: str, register: Register) -> None:
    """Note a statement under a name, unless a newer one is known."""
    table[name[:100]] = later(table.get(name[:100]), register)
    if len(table) > NAMES:
        bound(table)


def kept(value: Any) -> Any:
    """A value small enough to keep, as the store gives it back, or None."""
    if isinstance(value, str):
        return value[:LONGEST]
    if value is None or isinstance(value, bool):
        return value
    raw = dumps(value)
    return orjson.loads(raw) if len(raw) <= LONGEST else None


def keep_newest(fired: dict[str, list[Any]]) -> None:
    """Of too many triggers the newest stay."""
    while len(fired) > FIRED:
        del fired[min(fired, key=lambda id: (fired[id][2], id))]
