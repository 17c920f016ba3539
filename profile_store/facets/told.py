"""Told: what the customer told us once, by whom we know it and how surely, and who says otherwise.

An event brings `data.facts = {name: value}` or, with more to say of it, `{name: {value, confidence, sensitivity}}`.
Kept is `{name: {source: [value, time, ref, confidence, sensitivity]}}`: of every source its newest statement, and
of the sources those heard last; what nobody said is left off at the end. A source is the type of the events that
say it. Statements that agree are kept too: the next one may contradict them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hub.event import Event
from profile_store.facets.carry import copied, kept, later, newest, part, share, smallest

NAME: Final = "told"

VALUE, TIME, REF, CONFIDENCE, SENSITIVITY = range(5)

FACTS: Final = 64
SOURCES: Final = 3
LONGEST: Final = 300
"""Bytes of a value."""
SENSITIVITIES: Final = ("normal", "personal", "sensitive")

_WRAPPED: Final = frozenset({"value", "confidence", "sensitivity"})


def unwrapped(said: Any) -> tuple[Any, float | None, str | None]:
    """The value of a fact, its confidence from 0 to 1 and its sensitivity, where these were said."""
    if not (isinstance(said, Mapping) and "value" in said and _WRAPPED.issuperset(said)):
        return said, None, None
    sensitivity = said.get("sensitivity")
    return said["value"], share(said.get("confidence")), sensitivity if sensitivity in SENSITIVITIES else None


def fold(profile: dict[str, Any], event: Event, ms: int, ref: str) -> None:
    """Keep the facts in the event, each as this source says it."""
    for name, said in part(event.data, "facts").items():
        value, confidence, sensitivity = unwrapped(said)
        value = kept(value, LONGEST)
        if value is None:
            continue
        statement = [value, ms, ref, confidence, sensitivity]
        while statement[-1] is None:
            statement.pop()
        table = profile.setdefault(NAME, {})
        _say(table, str(name)[:100], event.type, statement)
        smallest(table, FACTS)


def _say(table: dict[str, Any], name: str, source: str, statement: list[Any]) -> None:
    sources = table.setdefault(name, {})
    sources[source] = later(sources.get(source), statement)
    newest(sources, SOURCES)


def merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    """Add what the other profile was told."""
    for name, sources in other.get(NAME, {}).items():
        table = into.setdefault(NAME, {})
        for source, statement in sources.items():
            _say(table, name, source, [copied(statement[VALUE]), *statement[TIME:]])
        smallest(table, FACTS)
