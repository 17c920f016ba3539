"""Where customers are: what counts as a place, from which source, and how old it is."""

from __future__ import annotations

from typing import Any

import pytest

from hub.event import Event
from profile_store.facets import place
from profile_store.insight import mood
from tests.unit.facets import folded, told, tracked

HOUR = 3_600_000
HERE: dict[str, Any] = {"latitude": 35.6892123, "longitude": 51.389, "accuracy": 12.4}


def said(event: Event) -> dict[str, Any]:
    """The places of an event, without time and name of the event."""
    return {source: found[:5] for source, found in folded(place, [event]).get("place", {}).items()}


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (told("web.page", location=HERE), {"gps": [35.68921, 51.389, 12, "", ""]}),
        (
            told("web.page", context={"location": {**HERE, "city": "Tehran"}}),
            {"gps": [35.68921, 51.389, 12, "Tehran", ""]},
        ),
        (
            told("web.page", context={"location": {"city": "Tehran", "country": "IR"}}),
            {"ip": [None, None, None, "Tehran", "IR"]},
        ),
        (
            told("web.page", location={"latitude": 52, "longitude": 13, "source": "GeoIP"}),
            {"ip": [52.0, 13.0, None, "", ""]},
        ),
        (tracked("Location Updated", **HERE), {"gps": [35.68921, 51.389, 12, "", ""]}),
        (tracked("Store Viewed", latitude=52, longitude=13), {}),
        (tracked("Order Completed", location={"city": "Shiraz"}), {"declared": [None, None, None, "Shiraz", ""]}),
        (
            told("web.identify", traits={"city": "Berlin", "country": "DE"}),
            {"declared": [None, None, None, "Berlin", "DE"]},
        ),
        (told("web.identify", traits={"address": {"city": "Bonn"}}), {"declared": [None, None, None, "Bonn", ""]}),
        (told("web.page", location={"lat": "۳۵٫۵", "lng": "51.5"}), {"gps": [35.5, 51.5, None, "", ""]}),
        (told("web.page", location={**HERE, "accuracy": -1}), {"gps": [35.68921, 51.389, None, "", ""]}),
        (told("web.page", location={**HERE, "accuracy": 0}), {"gps": [35.68921, 51.389, 0, "", ""]}),
        (told("web.page", location={"latitude": 91, "longitude": 0, "city": "X"}), {}),
        (told("web.page", location={"latitude": 10, "longitude": -180.01}), {}),
        (told("web.page", location={"latitude": 0, "longitude": 0.000001}), {}),
        (told("web.page", location={"latitude": 10}), {}),
        (told("web.page", location={"latitude": True, "longitude": 10}), {}),
        (told("web.page", location={"latitude": float("nan"), "longitude": 10}), {}),
        (told("web.page", location={"latitude": 90, "longitude": -180}), {"gps": [90.0, -180.0, None, "", ""]}),
    ],
)
def test_what_is_a_place(event: Event, wanted: dict[str, Any]) -> None:
    assert said(event) == wanted


def test_an_older_place_that_comes_late_changes_nothing() -> None:
    new, old = (
        told("web.page", 1, minute=5, location=HERE),
        told("web.page", 2, minute=1, location={**HERE, "longitude": 1}),
    )
    assert folded(place, [new, old]) == folded(place, [new])


def test_of_one_event_the_more_exact_place_is_kept() -> None:
    event = told("web.page", location={**HERE, "accuracy": 900}, context={"location": {**HERE, "accuracy": 0}})
    assert said(event) == {"gps": [35.68921, 51.389, 0, "", ""]}


def test_where_the_customer_is_now() -> None:
    gps = told("web.page", 1, minute=0, location=HERE)
    near = told("web.page", 2, minute=60, context={"location": {"city": "Karaj"}})
    far = told("web.page", 3, minute=61, context={"location": {"city": "Karaj"}})
    now = far.ms + 90_500
    assert mood.location(folded(place, []), now) is None
    found = mood.location(folded(place, [gps, near]), now)
    assert found is not None
    assert (found["source"], found["age_seconds"], found["accuracy"]) == ("gps", 61 * 60 + 90, 12)
    assert mood.location(folded(place, [gps, near, far]), now) == {
        **{"latitude": None, "longitude": None, "accuracy": None, "city": "Karaj", "country": None},
        **{"source": "ip", "time": far.ms, "age_seconds": 90},
    }
    early = mood.location(folded(place, [gps]), gps.ms - 5_000)
    assert early is not None
    assert early["age_seconds"] == 0, "clocks differ"
