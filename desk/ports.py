"""What the desk needs from the rest of the hub, as small as it can be said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from typing_extensions import TypedDict

from hub.arrivals import Arrivals
from hub.event import Event
from hub.profile import Document, Profile
from profile_store.effects import Effects
from rules.history import History as RuleHistory
from rules.model import Rule


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

    async def document(self, customer: str) -> tuple[int, Document] | None:
        """Version and customer as it is stored, in parts."""
        ...

    async def forgotten(self, customer: str) -> int | None:
        """Until when events came in whose rows are only in the log by now, in milliseconds; None: all rows are here."""
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

    async def claimants(self, identities: Iterable[str]) -> list[Profile]:
        """Customers for whom one of these identities was named and refused."""
        ...

    async def declared(self) -> bytes | None:
        """The traits and segments that the customers are built with; None when nobody said yet."""
        ...

    async def segment_size(self, segment: str) -> int:
        """How many customers are in a segment."""
        ...

    async def segment_members(self, segment: str, after: str, limit: int) -> tuple[list[str], str]:
        """A page of the customers in a segment, and the cursor of the next one. Raises Rejected."""
        ...

    async def arrivals(self, kinds: Collection[str]) -> dict[str, dict[str, Arrivals]]:
        """How the fields that rules ask about came, by kind of event and name. Raises Transient."""
        ...

    async def effects(self, rules: Collection[str], today: int) -> dict[str, Effects]:
        """What each of these rules did in the days up to today. Raises Transient."""
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


class Rules(Protocol):
    """Every version of every rule."""

    async def history(self) -> RuleHistory:
        """All that is published now. Raises Transient."""
        ...

    async def close(self) -> None:
        """Let go of whatever reading needs: the desk ends."""
        ...


class Judge(Protocol):
    """What a rule did, or would have done, about what is in the log."""

    async def why(self, rule: str, customer: str, at: int | None) -> dict[str, Any]:
        """What the rule asked about the customer around a moment (ms; None: last), and what was found. Raises Rejected.

        `summary`; `steps`: each `asked`, `answer` (yes, no, unknown), `found` and `parts` of the same kind; `gates`;
        `event`.
        """
        ...

    async def backtest(self, rule: str | Rule, since: int, until: int, *, as_it_was: bool = False) -> dict[str, Any]:
        """What a published rule, or a draft, would have sent between two moments (ms). Raises Rejected.

        `as_it_was`: a published one in each of its editions, at its own time.

        `days`: each `day`, `sent`, `held`; `sent`, `customers`, and `held` by reason.
        """
        ...


class DeadLetters(Protocol):
    """What could not be processed."""

    async def newest(self, limit: int) -> list[dict[str, Any]]:
        """The last ones, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose events are looked for."""

    owners: frozenset[str]
    """Identities whose events are the customer's."""
    keys: frozenset[str]
    """Keys that their records may have."""
    since: int
    """In milliseconds: none of them came in earlier."""


@dataclass(frozen=True, slots=True)
class Page:
    """Events, the newest first as the log has them; where to go on, empty at the end; how far back it was read."""

    events: list[Event]
    position: str
    reached: int


class Log(Protocol):
    """What ever came in, for looking back further than the store does."""

    async def before(
        self, wanted: Whose, until: int | None, position: str, limit: int, *, want: Callable[[Event], bool]
    ) -> Page:
        """What came in before a moment, or from a position on, and is wanted. Raises Rejected or Transient."""
        ...

    async def find(self, keys: Collection[str], refs: Mapping[str, int]) -> dict[str, Event]:
        """Events by short name, looked for where they were received: name → moment. Raises Transient."""
        ...
