"""Computed traits for tests: some of every kind, events that feed them, and their values found the slow way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from hub.event import Event, make
from hub.profile import Profile, empty
from profile_store.facets import windows
from rules.traits import Catalogue, Reading, Trait

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 20_000 * DAY
COMPUTES = (
    *("count", "sum", "average", "min", "max", "first", "last", "most-frequent", "unique-list", "unique-count"),
)
SPANS: tuple[dict[str, Any], ...] = ({}, {"over": "3h", "tile": "1h"}, {"over": "90m", "tile": "1h"}, {"over": "7d"})
BIG: dict[str, Any] = {"field": "event.properties.big", "op": "eq", "value": True}
ORDER, VIEW = "web.track/Order Completed", "web.track/Product Viewed"


def trait(id: str, compute: str, **parts: Any) -> Trait:
    """A trait of orders."""
    field = {} if compute == "count" else {"value": "event.properties.total"}
    return Trait.model_validate({"id": id, "name": id, "on": ORDER, "compute": compute, **field, **parts})


def all_kinds() -> list[Trait]:
    """Every way of computing, over every kind of window, with and without a filter."""
    return [
        trait(f"{compute}-{number}{'-big' if condition else ''}", compute, **span, **condition)
        for compute in COMPUTES
        for number, span in enumerate(SPANS)
        for condition in ({}, {"if": BIG, "on": [ORDER, "web.track"]})
    ]


def order(number: int, ms: int, total: Any = 1, *, name: str = "Order Completed", **data: Any) -> Event:
    """An order of Anna's at a moment."""
    who = data.pop("who", "anna@example.org")
    received = data.pop("received", ms)
    return make(
        "web.track",
        id=f"e{number}",
        source="/test",
        identities=[{"type": "email", "value": who, "verified": True}],
        received=datetime.fromtimestamp(received / 1000, UTC),
        time=datetime.fromtimestamp(ms / 1000, UTC),
        name=name,
        properties={"total": total, "big": data.pop("big", False)},
        **data,
    )


def folded(made: Catalogue, told: Sequence[Event], profile: Profile | None = None) -> Profile:
    """A profile with what the features keep of these events."""
    profile = empty("c1") if profile is None else profile
    index = windows.index(made.features)
    for event in told:
        windows.fold(profile, event, event.ms, event.ref, index)
    return profile


totals = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([0.1, 0.2, 0.3, 12.99, 1e-7, 9e12, -(10**13), 10**30, float("nan"), float("inf"), 1.0, 2.5]),
    st.sampled_from(["a", "b", "1", "", True, False, None, ["a", "b", "a", 3], [], {"a": 1}]),
)


@st.composite
def orders(draw: st.DrawFn, most: int = 15, span: int = 10 * DAY) -> list[Event]:
    """Orders, close together and far apart, with ties."""
    moments = st.one_of(st.integers(0, span // HOUR).map(lambda hours: hours * HOUR), st.integers(0, 5 * HOUR))
    return [
        order(
            number,
            START + draw(moments),
            draw(totals),
            name=draw(st.sampled_from(["Order Completed", "Product Viewed"])),
            big=draw(st.booleans()),
            who=draw(st.sampled_from(["anna@example.org", "ben@example.org"])),
        )
        for number in range(draw(st.integers(1, most)))
    ]


def naive(one: Trait, told: Sequence[Event], now: int) -> Any:
    """The value of a trait from all events, one after the other."""
    start = (now - one.over) // one.grain * one.grain if one.over else float("-inf")
    counted = [
        event
        for event in told
        if event.ms >= start
        and {event.type, f"{event.type}/{event.data['name']}"} & set(one.on)
        and (one.when is None or event.data["properties"]["big"] is True)
    ]
    if one.compute == "count":
        return len(counted)
    said = [(event.ms, event.ref, event.data["properties"]["total"]) for event in counted]
    return (_number if one.compute in {"sum", "average", "min", "max"} else _value)(one.compute, said)


def _number(compute: str, said: list[tuple[int, str, Any]]) -> Any:
    numbers = [
        round(value * 10**6) if type(value) is int else round(float(f"{value:.6f}") * 10**6)
        for _, _, value in said
        if type(value) in {int, float} and -9 * 10**12 <= value <= 9 * 10**12
    ]
    if not numbers:
        return 0 if compute == "sum" else None
    total = {"sum": sum(numbers), "average": sum(numbers), "min": min(numbers), "max": max(numbers)}[compute]
    count = len(numbers) if compute == "average" else 1
    return total / (count * 10**6)


def _value(compute: str, said: list[tuple[int, str, Any]]) -> Any:
    def small(value: Any) -> bool:
        if type(value) is float:
            return abs(value) < 1e300  # neither endless nor no number
        return type(value) in {str, bool, int}

    if compute in {"first", "last"}:
        known = sorted((ms, ref, str(value), value) for ms, ref, value in said if small(value))
        return known[0 if compute == "first" else -1][3] if known else None
    counts: dict[tuple[bool, Any], int] = {}
    shown: dict[tuple[bool, Any], Any] = {}
    for _, _, value in said:
        many = value if isinstance(value, list) else [value]
        for one in {(type(part) is bool, part) for part in many if small(part)}:
            counts[one] = counts.get(one, 0) + 1
            shown.setdefault(one, one[1])
    if compute == "unique-count":
        return len(counts)
    if compute == "unique-list":
        return list(shown.values()) or None
    return [one[1] for one, count in counts.items() if count == max(counts.values())] or None


def same(compute: str, got: Any, wanted: Any) -> bool:
    """Whether a value is what was wanted: lists in any order, of several most frequent one."""
    if compute == "unique-list" and wanted is not None:
        return bool(got is not None and sorted(map(repr_of, got)) == sorted(map(repr_of, wanted)))
    if compute == "most-frequent" and wanted is not None:
        return repr_of(got) in set(map(repr_of, wanted))
    return repr_of(got) == repr_of(wanted)


def repr_of(value: Any) -> str:
    """A value, so that 1 and 1.0 look alike, and 1 and true do not."""
    return repr(float(value)) if type(value) in {int, float} else repr(value)


def read(made: Catalogue, profile: Profile, name: str, now: int) -> Any:
    """The value of a trait in a profile."""
    return windows.value(profile, reading(made, name), now)


def reading(made: Catalogue, name: str) -> Reading:
    return made.readings[name]
