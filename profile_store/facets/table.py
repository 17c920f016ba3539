"""Which facets a profile has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from hub.event import Event
from profile_store.facets import (
    answers,
    devices,
    matters,
    permission,
    place,
    satisfaction,
    scores,
    sentiment,
    told,
    worth,
)


class Facet(Protocol):
    """A module with these."""

    NAME: str

    def fold(self, profile: dict[str, Any], event: Event, ms: int, ref: str) -> None: ...

    def merge(self, into: dict[str, Any], other: dict[str, Any]) -> None: ...


FACETS: Final[Sequence[Facet]] = (
    answers,
    devices,
    matters,
    permission,
    place,
    satisfaction,
    scores,
    sentiment,
    told,
    worth,
)
