"""Events of one customer for tests of facets, and the laws that every facet keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, Protocol

import orjson
from hypothesis import strategies as st

from hub.event import Event, make
from hub.identity import Identity

ANNA: Identity = {"type": "email", "value": "anna@example.org", "verified": True}
PHONE: Identity = {"type": "phone", "value": "+4915112345678", "verified": False}

Json = dict[str, Any]


class Facet(Protocol):
    """A module that keeps one side of a customer."""

    NAME: str

    def fold(self, profile: Json, event: Event, ms: int, ref: str) -> None:
        """Change the profile by an event."""

    def merge(self, into: Json, other: Json) -> None:
        """Add another profile."""


def told(
    kind: str,
    number: int = 0,
    *,
    at: float = 1_000,
    who: Sequence[Identity] = (ANNA,),
    source: str = "/test",
    **data: Any,
) -> Event:
    """An event, `at` in seconds; the number makes it another one."""
    moment = datetime.fromtimestamp(at, UTC)
    return make(kind, id=f"e{number}", source=source, identities=list(who), received=moment, **data)


def stored(profile: Json) -> Json:
    """The profile after a visit to the store."""
    found: Json = orjson.loads(orjson.dumps(profile))
    return found


def folded(facet: Facet, events: Sequence[Event], *, store: bool = False) -> Json:
    """What the facet keeps of these events."""
    profile: Json = {}
    for event in events:
        facet.fold(profile, event, event.ms, event.ref)
        profile = stored(profile) if store else profile
    return profile


def plain(profile: Mapping[str, Any]) -> bytes:
    """The profile in one form, so that two of them can be compared."""
    return orjson.dumps(profile, option=orjson.OPT_SORT_KEYS)


def keeps_the_laws(facet: Facet, events: Sequence[Event], random: Random, largest: int) -> Json:
    """Check that neither order nor grouping nor the store make a difference, and that it is bounded; the profile."""
    whole = folded(facet, events)
    assert set(whole) <= {facet.NAME}
    assert whole.get(facet.NAME) != {}
    assert plain(folded(facet, random.sample(events, len(events)), store=True)) == plain(whole)
    groups: list[list[Event]] = [[], [], []]
    for event in random.sample(events, len(events)):
        random.choice(groups).append(event)
    parts = [folded(facet, group) for group in groups]
    left, right = stored(parts[0]), stored(parts[2])
    facet.merge(left, parts[1])
    before = plain(parts[1])
    facet.merge(left, parts[2])
    _scribble(left)
    assert plain(parts[1]) == before, "something is shared"
    facet.merge(parts[1], parts[2])
    facet.merge(right, stored(parts[0]))
    facet.merge(parts[1], stored(parts[0]))
    assert plain(parts[1]) == plain(whole)
    facet.merge(right, folded(facet, groups[1], store=True))
    assert plain(right) == plain(whole)
    assert len(plain(whole)) <= largest
    return whole


def _scribble(value: Any) -> None:
    """Change everything in it that can be changed."""
    if isinstance(value, dict):
        for part in value.values():
            _scribble(part)
        value["scribbled"] = 1
    elif isinstance(value, list):
        for part in value:
            _scribble(part)
        value.append("scribbled")


hostile_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["9" * 5_000, "س" * 900, "1e999", "9999-12-31", "0001-01-01T00:00+14:00", "", " ", "1,234"]),
    st.sampled_from([10**400, -(10**4_000), 2**64, -0.0, 5e-324, 1e308]),
)


def hostile(names: Sequence[str]) -> st.SearchStrategy[Any]:
    """JSON of any shape, that often uses these names."""
    return st.recursive(
        hostile_scalars,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(list(names)) | st.text(max_size=3), inner, max_size=4)
        ),
        max_leaves=10,
    )


@st.composite
def histories(
    draw: st.DrawFn,
    kinds: Sequence[str],
    telling: st.SearchStrategy[Json],
    names: Sequence[str],
    most: int = 14,
) -> list[Event]:
    """A few events with ties in time, four of five of them sensible."""
    junk = st.dictionaries(st.sampled_from(list(names)), hostile(names), max_size=4)
    found = []
    for number in range(draw(st.sampled_from([1, most // 2, most]))):
        data = draw(telling if draw(st.integers(0, 4)) else junk)
        who = draw(st.sampled_from([(ANNA,), (PHONE,), (ANNA, PHONE)]))
        source = draw(st.sampled_from(["/channels/sms/twilio", "/test"]))
        kind = draw(st.sampled_from(list(kinds)))
        event = told(kind, number, at=draw(st.integers(0, 5)) * 3_000, who=who, source=source)
        found.append(event.model_copy(update={"data": {**event.data, **data}}))
    return found
