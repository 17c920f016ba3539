"""Is a profile what its events make of it? One customer, folded again from the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from hub.event import Event
from hub.identity import key
from hub.profile import Profile, empty
from streams.fold import fold

COMPARED: Final = (
    *("first", "last", "events", "identities", "traits", "facts", "channels"),
    *("counts", "latest", "consent", "stage"),
)
"""What is a function of the set of events; the rest is bookkeeping of the pipeline and of the rules."""


def concerns(event: Event, identities: frozenset[str]) -> bool:
    """Whether an event is about one of these identities."""
    return event.subject in identities or any(key(one) in identities for one in event.identities)


def refold(customer: str, events: Iterable[Event]) -> Profile:
    """The profile that these events make; of one that was sent twice the first counts."""
    profile, seen = empty(customer), set()
    for event in events:
        name = event.ref
        if name not in seen:
            seen.add(name)
            keys = tuple(dict.fromkeys([event.subject, *map(key, event.identities)]))
            fold(profile, event, keys, event.ms, name)
    return profile


def differences(stored: Profile, folded: Profile) -> list[str]:
    """Where two profiles differ, one line a place: what is stored, and what the events say."""
    left: dict[str, Any] = dict(stored)
    right: dict[str, Any] = dict(folded)
    return [line for name in COMPARED for line in _differences(name, left[name], right[name])]


def _differences(place: str, stored: Any, folded: Any) -> list[str]:
    if isinstance(stored, dict) and isinstance(folded, dict):
        names = sorted({*stored, *folded})
        return [line for one in names for line in _differences(f"{place}.{one}", stored.get(one), folded.get(one))]
    return [] if stored == folded else [f"{place}: stored {stored!r}, folded {folded!r}"]
