"""What the conditions look at beside the event's data and the profile: its envelope and the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from hub import ids
from hub.computed import Lookup, nothing
from hub.event import Event


@dataclass(slots=True)
class Scene:
    """The event that is asked about, and the moment at which it is asked; milliseconds."""

    id: str
    type: str
    source: str
    subject: str
    tenant: str
    data: Mapping[str, Any]
    time: int
    """When the event happened."""
    now: int
    """When the question is asked: the same, or when the wait was over."""
    item: Any = None
    """The element of a list, inside a condition over its elements."""
    computed: Lookup = nothing
    """How computed traits are read."""
    zone: tzinfo = UTC
    """Where customers are of whom it is not known."""
    before: Mapping[str, Any] | None = None
    """What fields of the profile were before the event, as far as rules ask; None when nobody knows."""

    @property
    def channel(self) -> str:
        """What stands before the dot of the type."""
        return self.type.partition(".")[0]

    @property
    def ref(self) -> str:
        """The short name under which the profile keeps the event."""
        return ids.ref(f"{self.source}\n{self.id}")


def of_event(
    event: Event,
    ms: int,
    computed: Lookup = nothing,
    zone: tzinfo = UTC,
    before: Mapping[str, Any] | None = None,
) -> Scene:
    """The scene of an event as it happens."""
    return Scene(
        *(event.id, event.type, event.source, event.subject, event.tenant, event.data, ms, ms),
        *(None, computed, zone, before),
    )


def of_moment(now: int, computed: Lookup = nothing) -> Scene:
    """The scene of a moment at which nothing happens."""
    return Scene("", "", "", "", "", {}, now, now, None, computed)


def of_cause(cause: Mapping[str, Any], now: int, computed: Lookup = nothing, zone: tzinfo = UTC) -> Scene | None:
    """The scene of an event remembered by a timer; None when it cannot be read."""
    data, time = cause.get("data"), cause.get("time")
    if not isinstance(data, dict) or not isinstance(time, int):
        return None
    name, kind, source, subject, tenant = (
        str(cause.get(part, "")) for part in ("id", "type", "source", "subject", "tenant")
    )
    return Scene(name, kind, source, subject, tenant, data, time, now, None, computed, zone)
