"""Places: coordinates as events say them, where the customer was last, and how far two points are apart."""

from __future__ import annotations

from collections.abc import Mapping
from math import asin, cos, radians, sin, sqrt
from typing import Any, Final

RADIUS: Final = 6_371_008.8
"""Mean radius of the earth, in metres."""
TIME: Final = 5
"""Where in what a profile keeps of a place its time stands."""
EXACT: Final = ("gps", "ip", "declared")
"""Kinds of sources, the most exact first."""
FRESHER: Final = 3_600_000
"""Milliseconds by which a coarser place must be newer to count."""
NOWHERE: Final = 0.000005
"""Degrees from zero."""
_LATITUDE: Final = ("latitude", "lat")
_LONGITUDE: Final = ("longitude", "lng", "lon", "long")


def of(profile: Mapping[str, Any]) -> dict[str, Any] | None:
    """Where the customer was last, as the desk shows it; None when nothing is known."""
    kept: Mapping[str, list[Any]] | None = profile.get("place")
    if not kept:
        return None
    oldest = max([place[TIME] for place in kept.values()]) - FRESHER
    for source in EXACT:
        place = kept.get(source)
        if place is not None and place[TIME] >= oldest:
            latitude, longitude, accuracy, city, country, time = place[: TIME + 1]
            return {
                **{"latitude": latitude, "longitude": longitude, "accuracy": accuracy},
                **{"city": city or None, "country": country or None, "source": source, "time": time},
            }
    return None


def position(said: Any) -> tuple[float, float] | None:
    """Latitude and longitude of a place; None where there are none, or none there can be.

    Zero and zero, in the middle of the sea, is what devices without a position send.
    """
    if said.__class__ is not dict:
        return None
    lat, lon = _degrees(said, _LATITUDE, 90), _degrees(said, _LONGITUDE, 180)
    if lat is None or lon is None or (abs(lat) < NOWHERE and abs(lon) < NOWHERE):
        return None
    return lat, lon


def _degrees(said: Mapping[str, Any], names: tuple[str, ...], most: int) -> float | None:
    """The number under the first of the names that says something, if it is one of degrees."""
    for name in names:
        value = said.get(name)
        if value is not None:
            usable = isinstance(value, int | float) and not isinstance(value, bool) and -most <= value <= most
            return value if usable else None
    return None


def apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres between two points, along the surface of a round earth."""
    here, there = radians(one[0]), radians(other[0])
    high, wide = sin((there - here) / 2), sin(radians(other[1] - one[1]) / 2)
    return 2 * RADIUS * asin(min(1.0, sqrt(high * high + cos(here) * cos(there) * wide * wide)))
