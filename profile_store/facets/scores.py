"""Scores: what models outside of the hub think of the customer, told by events.

An event brings `data.scores = {name: {value, model, until, confidence, reasons}}`, of which only the value, from
0 to 1, must be there. Kept is the newest of each name: `{name: [value, time, ref, source, model, until, confidence,
reasons]}`; until is in milliseconds, or null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hub.event import Event
from profile_store.facets.carry import later, moment, part, share, smallest, text

NAME: Final = "scores"

VALUE, TIME, REF, SOURCE, MODEL, UNTIL, CONFIDENCE, REASONS = range(8)

KEPT: Final = 16
REASONS_KEPT: Final = 5
LONGEST: Final = 40


def fold(profile: dict[str, Any], event: Event, ms: int, ref: str) -> None:
    """Keep the scores that the event brings, each under its name, if they are the newest."""
    for name, one in part(event.data, "scores").items():
        said = one if isinstance(one, Mapping) else {"value": one}
        value = share(said.get("value"))
        named = text(name, LONGEST)
        if value is None or not named:
            continue
        reasons = said.get("reasons")
        codes = [text(one, LONGEST) for one in reasons[:REASONS_KEPT]] if isinstance(reasons, list) else []
        model, until = text(said.get("model"), LONGEST), moment(said.get("until"))
        kept = [value, ms, ref, event.type, model, until, share(said.get("confidence")), codes]
        table = profile.setdefault(NAME, {})
        table[named] = later(table.get(named), kept)
        smallest(table, KEPT)


def merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    """Add the scores that the other profile has."""
    for name, theirs in other.get(NAME, {}).items():
        table = into.setdefault(NAME, {})
        table[name] = later(table.get(name), [*theirs[:REASONS], list(theirs[REASONS])])
        smallest(table, KEPT)
