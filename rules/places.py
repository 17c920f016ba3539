"""Places: coordinates as events say them, where the customer was last, and how far two points are apart."""

from __future__ import annotations

from collections.abc import Mapping
from math import asin, cos, radians, sin, sqrt
from typing import Any, Final

RADIUS: Final = 6_371_008.8
"""Mean radius of the earth, in metres."""
PARTS: Final = ("latitude", "longitude", "accuracy", "city", "country", "time")
"""What a profile keeps of a place, in its order there."""
TIME: Final = 5
EXACT: Final = ("gps", "ip", "declared")
FRESHER: Final = 3_600_000
"""Milliseconds by which a coarser place must be newer to count."""
_LATITUDE: Final = ("latitude", "lat")
_LONGITUDE: Final = ("longitude", "lng", "lon", "long")
_NUMBERS: Final = frozenset({int, float})


def of(profile: Mapping[str, Any]) -> dict[str, Any] | None:
    """Where the customer was last, as the desk shows it; None when nothing is known."""
    kept: Mapping[str, Any] = profile.get("place") or {}
    fresh = max((place[TIME] for place in kept.values()), default=0) - FRESHER
    for source in EXACT:
        if source in kept and kept[source][TIME] >= fresh:
            said = (None if value == "" else value for value in kept[source])
            return {**dict(zip(PARTS, said, strict=False)), "source": source}
    return None


def position(said: Any) -> tuple[float, float] | None:
    """Latitude and longitude of a place; None where there are none, or none there can be.

    Zero and zero, in the middle of the sea, is what devices without a position send.
    """
    if said.__class__ is not dict:
        return None
    lat: Any = next((said[name] for name in _LATITUDE if said.get(name) is not None), None)
    lon: Any = next((said[name] for name in _LONGITUDE if said.get(name) is not None), None)
    if lat.__class__ not in _NUMBERS or lon.__class__ not in _NUMBERS:
        return None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180) or (abs(lat) < 0.000005 and abs(lon) < 0.000005):
        return None
    return lat, lon


def apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres between two points, along the surface of a round earth."""
    here, there = radians(one[0]), radians(other[0])
    high, wide = sin((there - here) / 2), sin(radians(other[1] - one[1]) / 2)
    return 2 * RADIUS * asin(min(1.0, sqrt(high * high + cos(here) * cos(there) * wide * wide)))
