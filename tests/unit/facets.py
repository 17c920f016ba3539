"""Helpers for the tests of facets: events as they come out of the log, and what facets make of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import orjson

from hub.event import Event, make
from hub.identity import Identity

ANNA: Identity = {"type": "email", "value": "anna@example.org", "verified": True}
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Facet(Protocol):
    """What the module of a facet has."""

    NAME: str

    def fold(self, profile: dict[str, Any], event: Event, ms: int, ref: str, /) -> None:
        """Change the profile by one event."""

    def merge(self, into: dict[str, Any], other: dict[str, Any], /) -> None:
        """Add what another profile keeps."""


def told(kind: str, number: int = 0, *, minute: int = 0, **data: Any) -> Event:
    """An event of Anna's, with data that a pydantic model never looked at."""
    moment = START + timedelta(minutes=minute)
    event = make(kind, id=f"e{number}", source="/test", identities=[ANNA], received=moment)
    return event.model_copy(update={"data": {**event.data, **data}})


def tracked(name: str, number: int = 0, *, minute: int = 0, **properties: Any) -> Event:
    """A tracked event with these properties."""
    return told("web.track", number, minute=minute, name=name, properties=properties)


def folded(facet: Facet, events: Iterable[Event]) -> dict[str, Any]:
    """What a facet makes of these events."""
    profile: dict[str, Any] = {}
    for event in events:
        facet.fold(profile, event, event.ms, event.ref)
    return profile


def stored(profile: dict[str, Any]) -> dict[str, Any]:
    """The profile after a visit to the store."""
    found: dict[str, Any] = orjson.loads(orjson.dumps(profile))
    return found


def merged(facet: Facet, profiles: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The profiles as one."""
    into: dict[str, Any] = {}
    for profile in profiles:
        facet.merge(into, profile)
    return into
