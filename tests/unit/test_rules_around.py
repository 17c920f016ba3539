"""The clock and the place where the customer is, and what an event changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from hub.event import Event, make
from hub.identity import Identity
from hub.profile import Profile, empty
from profile_store.insight import mood
from rules.engine import Engine
from rules.explain import explain
from rules.paths import parse
from rules.reference import look
from rules.scene import Scene
from tests.unit.asked import NOON, answer, rule

TEHRAN, BERLIN = {"lat": 35.6892, "lon": 51.389}, {"latitude": 52.52, "longitude": 13.405}


def at(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


def living(zone: object) -> Profile:
    """A customer of whom a time zone is said."""
    one = empty("c1")
    one["traits"]["timezone"] = [zone, 0, "", ""]
    return one


OFFICE = {"time": {"after": "09:00", "before": "17:30"}}
NIGHT = {"time": {"after": "22:00", "before": "06:00"}}


@pytest.mark.parametrize(
    ("raw", "zone", "moment", "wanted"),
    [
        (OFFICE, "UTC", "2026-01-01T08:59:59Z", False),
        (OFFICE, "UTC", "2026-01-01T09:00:00Z", True),
        (OFFICE, "UTC", "2026-01-01T17:29:59.999Z", True),
        (OFFICE, "UTC", "2026-01-01T17:30:00Z", False),
        (OFFICE, "Asia/Tehran", "2026-01-01T05:29:59Z", False),
        (OFFICE, "Asia/Tehran", "2026-01-01T05:30:00Z", True),
        # Until 2022 the clocks of Iran went forward in summer.
        (OFFICE, "Asia/Tehran", "2021-07-01T04:30:00Z", True),
        (OFFICE, "Asia/Tehran", "2026-07-01T04:30:00Z", False),
        (NIGHT, "UTC", "2026-01-01T21:59:59Z", False),
        (NIGHT, "UTC", "2026-01-01T22:00:00Z", True),
        (NIGHT, "UTC", "2026-01-01T05:59:59Z", True),
        (NIGHT, "UTC", "2026-01-01T06:00:00Z", False),
        ({"time": {"after": "18:00"}}, "UTC", "2026-01-01T23:59:59Z", True),
        ({"time": {"after": "18:00", "before": "00:00"}}, "UTC", "2026-01-01T23:59:59Z", True),
        ({"time": {"before": "06:00"}}, "UTC", "2026-01-01T00:00:00Z", True),
        # Clocks go forward: it is never half past two, and three comes after two.
        ({"time": {"after": "02:00", "before": "03:00"}}, "Europe/Berlin", "2026-03-29T00:59:59Z", False),
        ({"time": {"after": "02:00", "before": "03:00"}}, "Europe/Berlin", "2026-03-29T01:00:00Z", False),
        ({"time": {"after": "03:00"}}, "Europe/Berlin", "2026-03-29T01:00:00Z", True),
        (OFFICE, "Europe/Berlin", "2026-03-28T07:30:00Z", False),
        (OFFICE, "Europe/Berlin", "2026-03-29T07:30:00Z", True),
        # Clocks go back: half past two comes twice.
        ({"time": {"after": "02:00", "before": "03:00"}}, "Europe/Berlin", "2026-10-25T00:30:00Z", True),
        ({"time": {"after": "02:00", "before": "03:00"}}, "Europe/Berlin", "2026-10-25T01:30:00Z", True),
        ({"time": {"after": "02:00", "before": "03:00"}}, "Europe/Berlin", "2026-10-25T02:00:00Z", False),
        ({"weekday": ["sat", "sun"]}, "UTC", "2026-01-03T12:00:00Z", True),
        ({"weekday": "fri"}, "UTC", "2026-01-01T23:00:00Z", False),
        ({"weekday": "fri"}, "Europe/Berlin", "2026-01-01T23:00:00Z", True),
        ({"date": {"month": 3, "day": 21}}, "Asia/Tehran", "2026-03-20T20:30:00Z", True),
        ({"date": {"month": 3, "day": 21}}, "UTC", "2026-03-20T20:30:00Z", False),
        ({"date": {"month": 3}}, "UTC", "2026-03-31T23:59:59Z", True),
        ({"date": {"day": 1}}, "UTC", "2026-05-01T00:00:00Z", True),
        ({"date": {"month": 2, "day": 29}}, "UTC", "2028-02-29T12:00:00Z", True),
    ],
)
def test_the_clock_where_the_customer_is(raw: Any, zone: str, moment: str, wanted: bool) -> None:
    assert answer(raw, {}, living(zone), now=at(moment)) is wanted
    # Of whom nothing is known, the zone of the hub counts.
    assert answer(raw, {}, now=at(moment), zone=ZoneInfo(zone)) is wanted


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "", "../../etc/passwd", "/etc/passwd", "Europe", "\x00", 3, None, [1]]
)
def test_a_zone_that_does_not_exist_is_none(zone: object) -> None:
    assert answer(OFFICE, {}, living(zone), now=at("2026-01-01T05:30:00Z"), zone=ZoneInfo("Asia/Tehran")) is True


@pytest.mark.parametrize("now", [10**17, -(10**17), 10**30])
@pytest.mark.parametrize("raw", [OFFICE, {"weekday": ["mon"]}, {"date": {"day": 1}}])
def test_a_moment_beyond_all_calendars_is_unknown(raw: Any, now: int) -> None:
    assert answer(raw, {}, now=now) is None


def near(within: str, field: str = "event.location", **point: float) -> dict[str, Any]:
    return {"near": point or TEHRAN, "within": within, "field": field}


@pytest.mark.parametrize(
    ("raw", "place", "wanted"),
    [
        # Tehran to Berlin is 3,512 km.
        (near("3500km"), BERLIN, False),
        (near("3520km"), BERLIN, True),
        # A hundredth of a degree to the north is 1,112 m.
        (near("1.1km"), {"lat": 35.6992, "lng": 51.389}, False),
        (near("1113m"), {"lat": 35.6992, "long": 51.389}, True),
        # Across the line where the day begins, and over a pole.
        (near("23km", lat=0.1, lon=179.9), {"lat": 0.1, "lon": -179.9}, True),
        (near("223km", lat=89, lon=0), {"lat": 89, "lon": 180}, True),
        (near("20000km", lat=0, lon=90), {"lat": 0, "lon": -90}, False),
        (near("1m"), dict(TEHRAN), True),
        (near("2km"), {"lat": "35.6892", "lon": 51.389}, None),
        (near("2km"), {"lat": 95, "lon": 51.389}, None),
        (near("2km"), {"lat": float("nan"), "lon": 51.389}, None),
        (near("2km"), {"lat": 35.6892}, None),
        (near("20000km"), {"lat": 0, "lon": 0}, None),
        (near("2km"), {"lat": True, "lon": 51.389}, None),
        (near("2km"), [35.6892, 51.389], None),
        (near("2km"), None, None),
    ],
)
def test_how_far_a_place_is(raw: Any, place: Any, wanted: bool | None) -> None:
    assert answer(raw, {"location": place}) is wanted


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"gps": [35.69, 51.39, 12, "", "", NOON - 9_000_000, "r"]},
        {"gps": [35.69, 51.39, 12, "Tehran", "IR", 5, "r"], "ip": [52.5, 13.4, None, "Berlin", "", 3_600_005, "r"]},
        {"gps": [35.69, 51.39, 12, "", "", 5, "r"], "ip": [None, None, None, "Berlin", "", 3_600_006, "r"]},
        {"declared": [None, None, None, "Shiraz", "IR", 9, "r"], "ip": [52.5, 13.4, None, "", "DE", 8, "r"]},
    ],
)
def test_where_a_customer_was_last_is_what_the_desk_shows(kept: dict[str, Any]) -> None:
    one = empty("c1")
    one["place"] = kept
    shown = mood.location(one, NOON)
    parts = ("latitude", "longitude", "accuracy", "city", "country", "source", "time")
    seen = Scene("e", "x.y", "", "", "", {}, NOON, NOON)
    assert {part: look(f"profile.place.{part}", seen, one) for part in parts} == (
        dict.fromkeys(parts) if shown is None else {part: shown[part] for part in parts}
    )
    there = None if shown is None or shown["latitude"] is None else shown["latitude"] == 35.69
    assert answer(near("1km", "profile.place", lat=35.69, lon=51.39), {}, one) is there
    assert answer({"field": "profile.place", "op": "exists"}, {}, one) is (shown is not None)
    recent = answer({"field": "profile.place.time", "op": "within", "value": "2h"}, {}, one)
    assert recent is (None if shown is None else NOON - shown["time"] <= 7_200_000)


@pytest.mark.parametrize(
    ("more", "old", "new", "wanted"),
    [
        ({}, "free", "gold", True),
        ({}, "gold", "gold", False),
        ({}, None, "gold", True),
        ({}, "gold", None, True),
        ({}, None, None, False),
        ({}, 1, 1.0, False),
        ({}, 1, True, True),
        ({}, ["a"], ["a"], False),
        ({}, ["a"], ["a", "b"], True),
        ({"to": "gold"}, "free", "gold", True),
        ({"to": "gold"}, "free", "silver", False),
        ({"to": "gold"}, "gold", "gold", False),
        ({"from": "free", "to": ["silver", "gold"]}, "free", "gold", True),
        ({"from": "free"}, None, "gold", False),
        ({"to": 1}, "x", True, False),
    ],
)
def test_what_an_event_changed(more: dict[str, Any], old: Any, new: Any, wanted: bool) -> None:
    raw, one = {"changed": "profile.traits.plan", **more}, empty("c1")
    if new is not None:
        one["traits"]["plan"] = [new, 0, "", ""]
    assert answer(raw, {}, one, before={"profile.traits.plan": old}) is wanted
    assert answer(raw, {}, one, before={}) is None
    assert answer(raw, {}, one) is None


def event(kind: str = "web.identify") -> Event:
    who: list[Identity] = [{"type": "phone", "value": "+491700000000", "verified": True}]
    return make(kind, id="e", source="/t", identities=who, received=datetime(2026, 1, 1, 12, tzinfo=UTC))


def test_the_engine_notes_what_its_rules_watch_and_no_more() -> None:
    watching = [{"changed": "profile.stage"}, {"changed": "profile.traits.plan", "to": "gold"}]
    one, (moved, said) = empty("c1"), watching
    engine = Engine([rule({"all": [said, {"not": moved}]}), rule(said, id="p", on="sms.received", state="paused")])
    one["identities"]["phone:+491700000000"] = {"verified": True, "first": 0, "last": 0}
    assert engine.watched == {"profile.stage", "profile.traits.plan"}
    assert engine.before(event("sms.received"), NOON, one) is None
    # Of somebody who is new there was no stage.
    assert engine.before(event(), NOON, one) == {"profile.stage": None, "profile.traits.plan": None}
    one["events"] = 1
    before = engine.before(event(), NOON, one)
    assert before == {"profile.stage": "need", "profile.traits.plan": None}
    one["traits"]["plan"] = ["gold", NOON, "r", "web.identify"]
    assert [two.outcome for two in engine.decide(event(), NOON, one, before)] == ["fired"]
    assert list(engine.decide(event(), NOON, one, engine.before(event(), NOON, one))) == []
    assert list(engine.decide(event(), NOON, one)) == []
    assert Engine([]).watched == frozenset()


def test_the_engine_asks_the_clock_of_its_own_zone() -> None:
    one, evening = empty("c1"), rule({"time": {"after": "15:30", "before": "15:31"}})
    one["identities"]["phone:+491700000000"] = {"verified": True, "first": 0, "last": 0}
    assert list(Engine([evening]).decide(event(), NOON, one)) == []
    assert len(Engine([evening], timezone="Asia/Tehran").decide(event(), NOON, one)) == 1
    told = explain(evening, event(), NOON, one, timezone="Asia/Tehran")
    assert "  yes: it is from 15:30 to 15:31  (Thu 2026-01-01 15:30 in Asia/Tehran)" in told.lines()


def test_what_an_event_changed_cannot_be_asked_after_a_wait() -> None:
    changed = {"changed": "profile.stage"}
    with pytest.raises(ValidationError, match="is not remembered over a wait"):
        rule({"weekday": "mon"}, wait="1h", unless=changed)
    assert rule({"weekday": "mon"}, unless=changed).watched == rule(changed, wait="1h").watched == {"profile.stage"}


def test_a_place_is_a_moment_only_by_its_time() -> None:
    assert parse("profile.place.time").moment
    assert not parse("profile.place.city").moment
