"""Place: where the customer was last, as each kind of source says it.

`{"gps": [latitude, longitude, accuracy, city, country, time, ref]}`, and the same for `ip` and `declared` (what
the customer gave as their own). Degrees to five decimals, which is a metre; accuracy in whole metres. Unknown
numbers are null, unknown names are empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hub.event import Event
from profile_store.facets.shapes import first, number, obj, part, text

NAME: Final = "place"

LATITUDE, LONGITUDE, ACCURACY, CITY, COUNTRY, TIME, REF = range(7)

SOURCES: Final = {
    **dict.fromkeys(("gps", "device", "network", "wifi", "cell"), "gps"),
    **dict.fromkeys(("ip", "geoip"), "ip"),
    **dict.fromkeys(("declared", "user", "customer", "address"), "declared"),
}
"""How senders call where a position is from. A device knows it by satellites or by what it hears around it."""

LONGEST: Final = 60
WIDEST: Final = 20_037_508
"""Metres: half around the earth. A position that may be anywhere is none."""
_LATITUDE: Final = ("latitude", "lat")
_LONGITUDE: Final = ("longitude", "lng", "lon", "long")


def position(said: Mapping[str, Any]) -> tuple[float, float] | None:
    """Latitude and longitude, or None when there are none or impossible ones.

    Zero and zero, in the middle of the sea, is what devices without a position send.
    """
    latitude, longitude = number(first(said, _LATITUDE)), number(first(said, _LONGITUDE))
    if latitude is None or longitude is None or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    found = round(latitude, 5), round(longitude, 5)
    return None if found == (0, 0) else found


def _places(event: Event) -> Iterator[tuple[Mapping[str, Any], str]]:
    """What the event says of places, each with the source to assume for names without a position."""
    data, properties, traits = event.data, part(event, "properties"), part(event, "traits")
    if "location" in data:
        yield obj(data["location"]), "declared"
    if "context" in data:
        yield obj(obj(data["context"]).get("location")), "ip"
    if properties:
        yield obj(properties.get("location")), "declared"
        # A shop that was looked at has coordinates too; only a customer's own position comes with how exact it is.
        if "accuracy" in properties:
            yield properties, "gps"
    if traits:
        yield obj(traits.get("address")), "declared"
        yield {"city": traits.get("city"), "country": traits.get("country")}, "declared"


def _statement(said: Mapping[str, Any], ms: int, ref: str) -> list[Any] | None:
    """A place as it is kept, or None when nothing or something impossible is said."""
    found = position(said)
    if found is None and (first(said, _LATITUDE) is not None or first(said, _LONGITUDE) is not None):
        return None
    city, country = text(said.get("city"), LONGEST), text(said.get("country"), LONGEST)
    if found is None:
        return [None, None, None, city, country, ms, ref] if city or country else None
    within = number(said.get("accuracy"))
    accuracy = round(within) if within is not None and 0 <= within <= WIDEST else None
    return [*found, accuracy, city, country, ms, ref]


def _rank(place: list[Any]) -> tuple[Any, ...]:
    """Newer places are greater; of one event the one with a position, then the more exact one."""
    within = WIDEST if place[ACCURACY] is None else place[ACCURACY]
    return (place[TIME], place[REF], place[LATITUDE] is not None, -within, str(place))


def _keep(kept: dict[str, list[Any]], source: str, place: list[Any]) -> None:
    if source not in kept or _rank(place) > _rank(kept[source]):
        kept[source] = place


def fold(profile: dict[str, Any], event: Event, ms: int, ref: str) -> None:
    """Note where the event says the customer is, unless something newer is known from the same kind of source."""
    for said, assumed in _places(event):
        if not said:
            continue
        place = _statement(said, ms, ref)
        if place is not None:
            given = SOURCES.get(text(said.get("source"), 20).lower())
            source = given or ("gps" if place[LATITUDE] is not None else assumed)
            _keep(profile.setdefault(NAME, {}), source, place)


def merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    """Of each kind of source, the newer place of the two profiles."""
    for source, place in other.get(NAME, {}).items():
        _keep(into.setdefault(NAME, {}), source, list(place))
