"""What the clock on the customer's wall says."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from hub.profile import Profile

TRAIT: Final = "timezone"


def zone_of(profile: Profile, otherwise: tzinfo) -> tzinfo:
    """The zone that the customer's trait names, or another one when it names none that exists."""
    said = profile["traits"].get(TRAIT)
    return otherwise if said is None else _zone(said[0]) or otherwise


def local(profile: Profile, now: int, otherwise: tzinfo) -> datetime | None:
    """A moment (ms) as the customer's clock shows it; None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(now // 1000, zone_of(profile, otherwise))
    except (OverflowError, ValueError, OSError):
        return None


def _zone(name: Any) -> ZoneInfo | None:
    return _named(name) if name.__class__ is str and name in known() else None


@lru_cache(maxsize=1)
def known() -> frozenset[str]:
    """The zones there are."""
    return frozenset(available_timezones())


@lru_cache(maxsize=1024)
def _named(name: str) -> ZoneInfo:
    return ZoneInfo(name)
