"""What cannot become an event, on its way to the dead letters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One message at fault; its neighbours in the same request are not."""

    reason: str
    error: str
    key: str
    body: bytes
    """As it was in the request, or empty when only the request itself can show it."""
