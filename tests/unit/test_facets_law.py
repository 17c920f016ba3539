"""What every facet keeps to: a function of the set of events, plain JSON, bounded, and nothing makes it raise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.event import Event
from profile_store.facets import devices, matters, place, satisfaction, sentiment
from tests.unit.facets import Facet, folded, merged, stored, told

SOME = settings(deadline=None, max_examples=30, print_blob=True)

FACETS: dict[str, Facet] = {one.NAME: one for one in (devices, matters, place, satisfaction, sentiment)}

SMALL: dict[str, dict[str, int]] = {
    "devices": {"SEEN_KEPT": 2, "FIRST_KEPT": 2},
    "matters": {"KEPT": 4},
    "satisfaction": {"NEWEST_KEPT": 2},
    "sentiment": {"KEPT": 2},
}
"""Bounds at which a few events already push others out."""

LARGEST = {"devices": 4_500, "matters": 26_000, "place": 1_300, "satisfaction": 1_900, "sentiment": 1_100}
"""Bytes a facet may take of a profile, whatever is sent."""

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.integers(-2, 11),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["4", "۴٫۵", "9" * 50, "x" * 3_000, "س" * 900, "2026-02-03", "9999-12-31", "0001-01-01T00:00+14:00"]
    ),
    st.sampled_from([10**400, -(10**4_000), 2**64, -0.0, 5e-324]),
)
FIELDS = (
    *("kind", "score", "scale", "topic", "nps", "csat", "ces", "rating", "confidence", "model", "metric"),
    *(
        "id",
        "case_id",
        "state",
        "subject",
        "promise",
        "text",
        "until",
        "kept",
        "owner",
        "priority",
        "opened",
        "channel",
    ),
    *("latitude", "longitude", "accuracy", "city", "country", "source", "location", "address"),
    *("device", "os", "app", "userAgent", "type", "name", "version", "token", "push"),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=3), inner),
    max_leaves=12,
)
DATA = (
    "survey",
    "properties",
    "facts",
    "sentiment",
    "text",
    "case",
    "location",
    "context",
    "traits",
    "name",
    "automatic",
)
KINDS = ("web.track", "survey.answered", "email.received", "social.message", "agent.wrap-up", "web.page", "phone.ended")

Data = dict[str, Any]


def _devices(random: Random) -> Data:
    system = {"name": random.choice(["iOS", "Android"]), "version": random.randint(1, 2)}
    device = {"id": random.choice("abcd"), "token": random.choice(["", "secret"])}
    return {"context": random.choice([{"device": device, "os": system}, {"device": device}, {"os": system}])}


def _matters(random: Random) -> Data:
    said = {
        "state": random.choice(["open", "pending", "closed", "?"]),
        "subject": random.choice(["Lamp", "Chair", ""]),
        "owner": random.choice(["Mina", "Omid"]),
        "promise": random.choice([None, {"text": "call", "until": random.randint(0, 2)}]),
    }
    return {"case": {"id": random.choice("abcd"), **dict(random.sample(sorted(said.items()), random.randint(1, 4)))}}


def _place(random: Random) -> Data:
    where = {"latitude": random.randint(0, 2), "longitude": random.randint(0, 2), "accuracy": random.randint(0, 2)}
    named = {"city": random.choice("ab"), "source": random.choice(["gps", "ip", "user"])}
    return {random.choice(["location", "context"]): random.choice([{**where, **named}, {"location": where}, named])}


def _satisfaction(random: Random) -> Data:
    return {
        "survey": {"kind": random.choice(["csat", "nps", "ces"]), "score": random.choice([-1, 1, 3.3, 5, 9, "4,7"])}
    }


def _sentiment(random: Random) -> Data:
    said = {"text": random.choice(["great", "not good", "bad!", "سلام", ""])}
    return random.choice([said, {**said, "sentiment": {"score": random.randint(-1, 2), "confidence": 0.3}}])


TELLING: dict[str, Callable[[Random], Data]] = {
    "devices": _devices,
    "matters": _matters,
    "place": _place,
    "satisfaction": _satisfaction,
    "sentiment": _sentiment,
}
"""What makes a facet do something, with few names and moments so that it meets them again."""


def event_of(name: str, random: Random, number: int, data: Data | None = None) -> Event:
    """An event that tells the facet something, or with the given data."""
    kind = random.choice(["email.received", *KINDS])
    return told(kind, number, minute=random.randint(0, 4), **(TELLING[name](random) if data is None else data))


@st.composite
def histories(draw: st.DrawFn, name: str) -> list[Event]:
    """A few events, each with its own id, many at the same moment; some that make sense and some that make none."""
    random = Random(draw(st.integers(0, 2**32)))
    hostile = st.none() | st.none() | st.dictionaries(st.sampled_from(DATA), VALUES, max_size=4)
    return [event_of(name, random, number, draw(hostile)) for number in range(draw(st.integers(1, 10)))]


@contextmanager
def bounds(name: str, small: bool) -> Iterator[None]:
    """The facet with small bounds, or as it is."""
    with ExitStack() as stack:
        for constant, value in SMALL.get(name, {}).items() if small else ():
            stack.enter_context(patch.object(FACETS[name], constant, value))
        yield


@pytest.mark.parametrize("name", FACETS)
@settings(SOME)
@given(data=st.data(), random=st.randoms(use_true_random=False), small=st.booleans())
def test_order_makes_no_difference(name: str, data: st.DataObject, random: Random, small: bool) -> None:
    events = data.draw(histories(name))
    with bounds(name, small):
        assert folded(FACETS[name], events) == folded(FACETS[name], random.sample(events, len(events)))


@pytest.mark.parametrize("name", FACETS)
@settings(SOME)
@given(
    data=st.data(),
    parts=st.lists(st.integers(0, 2), min_size=10, max_size=10),
    order=st.permutations(range(3)),
    small=st.booleans(),
)
def test_merging_is_the_fold_of_all_events(
    name: str, data: st.DataObject, parts: list[int], order: list[int], small: bool
) -> None:
    facet, events = FACETS[name], data.draw(histories(name))
    with bounds(name, small):
        some = [
            folded(facet, [event for event, part in zip(events, parts, strict=False) if part == one]) for one in order
        ]
        left = merged(facet, map(stored, some))
        right = merged(facet, [stored(some[0]), merged(facet, map(stored, some[1:]))])
        assert left == right == folded(facet, events)


@pytest.mark.parametrize("name", FACETS)
@pytest.mark.parametrize("small", [False, True])
def test_nor_to_many_events_that_push_each_other_out(name: str, small: bool) -> None:
    facet, random = FACETS[name], Random(20260131)
    for _ in range(150):
        events = [event_of(name, random, number) for number in range(12)]
        shuffled = random.sample(events, len(events))
        cut = random.randint(0, len(events))
        with bounds(name, small):
            wanted = folded(facet, events)
            assert folded(facet, shuffled) == wanted
            assert merged(facet, [folded(facet, shuffled[:cut]), folded(facet, shuffled[cut:])]) == wanted


@pytest.mark.parametrize("name", FACETS)
@settings(SOME)
@given(data=st.data(), stop=st.integers(0, 9))
def test_it_is_json_and_nothing_but_its_own_key(name: str, data: st.DataObject, stop: int) -> None:
    facet, events = FACETS[name], data.draw(histories(name))
    profile = folded(facet, events)
    assert set(profile) <= {name}
    assert profile.get(name, "something") not in ({}, [])
    assert repr(stored(profile)) == repr(profile)
    halfway = stored(folded(facet, events[:stop]))
    for event in events[stop:]:
        facet.fold(halfway, event, event.ms, event.ref)
    assert halfway == profile


def wreck(value: Any) -> None:
    """Spoil everything in there that can be changed."""
    for part in list(value.values() if isinstance(value, dict) else value):
        if isinstance(part, dict | list):
            wreck(part)
    value.clear()


@pytest.mark.parametrize("name", FACETS)
@settings(SOME)
@given(data=st.data())
def test_merging_shares_nothing(name: str, data: st.DataObject) -> None:
    facet, other = FACETS[name], data.draw(histories(name))
    profile, theirs = folded(facet, data.draw(histories(name))[:2]), folded(facet, other)
    before = stored(theirs)
    facet.merge(profile, theirs)
    assert theirs == before, "what is merged in stays as it is"
    after = stored(profile)
    wreck(theirs)
    assert profile == after
    wreck(profile)
    facet.merge(profile, before)
    assert profile == before, "merged into nothing it is the same"
    facet.merge(profile, {})
    assert profile == before


@pytest.mark.parametrize("name", FACETS)
@settings(SOME)
@given(kind=st.sampled_from(KINDS), data=st.dictionaries(st.sampled_from(DATA), VALUES, max_size=5))
def test_whatever_is_sent_it_never_raises(name: str, kind: str, data: dict[str, Any]) -> None:
    profile = folded(FACETS[name], [told(kind, **data)])
    assert len(orjson.dumps(profile)) <= LARGEST[name]


def flood(random: Random, number: int) -> Event:
    """An event that says as much as it can, under a name of its own."""
    long = "س" * 400
    said = {
        "survey": {"kind": random.choice(["csat", "nps", "ces"]), "score": random.randint(1, 5), "topic": long},
        "text": long,
        "sentiment": {"score": 0.123456, "confidence": 0.98765, "model": long},
        "case": {
            **{"id": f"{number}{long}", "state": "open", "promise": {"text": long, "until": "2026-02-03"}},
            **dict.fromkeys(("subject", "owner", "priority", "channel"), long),
        },
        "location": {"latitude": -12.3456789, "longitude": -123.456789, "accuracy": 9_999_999, "city": long,
                     "country": long, "source": random.choice(["gps", "ip", "declared"])},
        "context": {
            "device": {"id": f"{number}{long}", "model": long, "type": long, "token": long},
            "os": {"name": long, "version": long},
            "app": {"name": long, "version": long},
        },
    }  # fmt: skip
    return told(random.choice(["email.received", "survey.answered"]), number, minute=number, **said)


@pytest.mark.parametrize("name", FACETS)
def test_a_flood_takes_little_room(name: str) -> None:
    random = Random(7)
    events = [flood(random, number) for number in range(300)]
    room = len(orjson.dumps(folded(FACETS[name], events)))
    assert LARGEST[name] / 4 < room <= LARGEST[name]
    assert room == len(orjson.dumps(folded(FACETS[name], random.sample(events, 300))))


@pytest.mark.parametrize("name", FACETS)
def test_events_that_tell_nothing_leave_nothing(name: str) -> None:
    quiet = [
        told("web.page", 1, name="Start", properties={"path": "/"}, context={"locale": "fa", "page": {"path": "/"}}),
        told("rule.fired", 2, rule="thanks", channel="email"),
        told("email.sent", 3, text="We are terribly sorry.", agent="Mina"),
        told("agent.note", 4, text="Was angry on the phone."),
        told("email.received", 5, text="  "),
    ]
    assert folded(FACETS[name], quiet) == {}


def ordinary(number: int) -> Event:
    """One of fifty events of a customer who looks around, writes, has a complaint, and is asked how it went."""
    browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36"
    app = {
        "device": {"id": "b9f3c1de-77aa-4a6b-9d3b-0f3a0f4c1a22", "model": "SM-G991B", "type": "android", "push": True},
        "os": {"name": "Android", "version": "14"},
        "app": {"name": "Shop", "version": "4.2.1"},
        "location": {"latitude": 35.6892, "longitude": 51.389, "accuracy": 12.5},
    }
    said: dict[int, tuple[str, Data]] = {
        3: ("web.identify", {"traits": {"city": "Tehran", "country": "IR"}}),
        4: ("email.received", {"text": "سلام، بسته‌ام هنوز نرسیده. چرا جواب نمی‌دید؟"}),
        5: ("agent.note", {"case": {"id": "C-20260131-17", "state": "open", "subject": "Parcel 5512 has not arrived"}}),
        6: ("agent.wrap-up", {"case": {"id": "C-20260131-17", "state": "waiting", "owner": "Mina", "promise": {
            "text": "Call when the carrier has answered", "until": "2026-02-03"}}}),
        7: ("sms.received", {"text": "Thank you!"}),
        8: ("survey.answered", {"survey": {"kind": "csat", "score": 5, "topic": "delivery"}}),
        9: ("web.track", {"name": "Application Opened", "properties": {}, "context": app}),
    }  # fmt: skip
    kind, data = said.get(number % 10 + number // 30, ("web.page", {"context": {"userAgent": browser}}))
    return told(kind, number, minute=number, **data)


def test_fifty_ordinary_events_take_little_room() -> None:
    events = [ordinary(number) for number in range(50)]
    room = {name: len(orjson.dumps(folded(facet, events))) for name, facet in FACETS.items()}
    assert all(30 < size <= 600 for size in room.values()), room
    assert sum(room.values()) < 2_000, room
