"""What the desk needs from the rest of the hub, as small as it can be said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from typing_extensions import TypedDict

from hub.profile import Profile


class Row(TypedDict):
    """One line of a customer's timeline."""

    id: str
    time: int
    """When it happened, in milliseconds since 1970 UTC."""
    type: str
    text: str
    data: dict[str, Any]


class Store(Protocol):
    """Where profiles and timelines are read."""

    async def get(self, customer: str) -> tuple[int, Profile] | None:
        """Version and profile; of a merged customer those of the one that stayed."""
        ...

    async def find(self, identity: str) -> tuple[int, Profile] | None:
        """The same, by an identity `type:value` in normal form."""
        ...

    async def timeline(self, customer: str, before: str | None = None, limit: int = 50) -> tuple[list[Row], str | None]:
        """Rows, newest first, and the cursor of the page after them."""
        ...

    async def search(self, prefix: str, limit: int = 20) -> list[Profile]:
        """Customers one of whose names or identifiers begins with the text."""
        ...

    def watch(self, customer: str) -> AsyncIterator[int]:
        """The profile's version, at each change."""
        ...

    def watch_desk(self) -> AsyncIterator[dict[str, Any]]:
        """What everybody on the desk should hear of."""
        ...


class Bus(Protocol):
    """Where the desk's own events go."""

    async def publish(self, topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send (key, value) pairs. Raises Transient or Rejected."""
        ...


class TriggerFeed(Protocol):
    """What the rules decided, as it is decided."""

    def follow(self, since: str | None, position: str | None) -> AsyncIterator[tuple[str, bytes]]:
        """(position, trigger as JSON) from a moment, from a position, or from now on."""
        ...


class DeadLetters(Protocol):
    """What could not be processed."""

    async def newest(self, limit: int) -> list[dict[str, Any]]:
        """The last ones, newest first."""
        ...
