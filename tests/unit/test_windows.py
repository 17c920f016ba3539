"""Windows: a function of the set of events, and what a slow recount finds."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.computed import KEEPS
from hub.event import Event
from hub.profile import Profile, empty
from profile_store import tiles
from profile_store.backfill import adopt, backfill
from profile_store.facets import windows
from rules.traits import catalogue
from tests.unit.computing import (
    DAY,
    HOUR,
    MINUTE,
    ORDER,
    START,
    all_kinds,
    folded,
    naive,
    order,
    orders,
    read,
    reading,
    same,
    trait,
)

SOME = settings(deadline=None, max_examples=50, print_blob=True)
TRAITS = all_kinds()
MADE = catalogue(TRAITS)


def kept(profile: Profile) -> Any:
    """What is kept, as the store gives it back."""
    return json.loads(json.dumps(profile.get("windows"), sort_keys=True))


def merged(*profiles: Profile) -> Profile:
    into = empty("c1")
    for one in profiles:
        windows.merge(into, one)
    return into


def test_every_way_of_computing_has_a_way_of_keeping_and_of_reading() -> None:
    assert set(KEEPS.values()) == set(tiles.WAYS)
    assert set(KEEPS) == set(windows._READ)


@SOME
@given(orders(), st.randoms(use_true_random=False))
def test_order_makes_no_difference(some: list[Event], random: Random) -> None:
    assert kept(folded(MADE, some)) == kept(folded(MADE, random.sample(some, len(some))))


@SOME
@given(orders(), st.lists(st.integers(0, 2), min_size=15, max_size=15), st.permutations(range(3)))
def test_merging_is_the_fold_of_all_events(some: list[Event], groups: list[int], turn: list[int]) -> None:
    profiles = [folded(MADE, [one for one, group in zip(some, groups, strict=False) if group == at]) for at in turn]
    before = json.dumps(profiles)
    left = merged(merged(profiles[0], profiles[1]), profiles[2])
    right = merged(profiles[0], merged(profiles[1], profiles[2]))
    assert kept(left) == kept(right) == kept(folded(MADE, some))
    # What was merged is not shared: going on with it changes nothing of where it came from.
    folded(MADE, [order(99, START + 20 * DAY, "new", big=True), order(98, START, "old", big=True)], left)
    assert json.dumps(profiles) == before


@SOME
@given(orders(), st.integers(0, 9 * DAY // MINUTE))
def test_agrees_with_a_recount_at_any_moment(some: list[Event], minutes: int) -> None:
    profile = folded(MADE, some)
    now = max(one.ms for one in some) + minutes * MINUTE
    for one in TRAITS:
        got, wanted = read(MADE, profile, one.id, now), naive(one, some, now)
        assert same(one.compute, got, wanted), (one.id, got, wanted)


@SOME
@given(orders())
def test_between_two_moments_that_it_names_a_value_stays(some: list[Event]) -> None:
    profile, newest = folded(MADE, some), max(one.ms for one in some)
    for one in (one for one in TRAITS if one.over):
        now, changes = newest, 0
        while (after := windows.until(profile, reading(MADE, one.id), now)) is not None:
            assert after > now
            here = naive(one, some, now)
            assert same(one.compute, read(MADE, profile, one.id, after - 1), here)
            now, changes = after, changes + 1
            assert changes < 50
        assert now <= newest + one.over + one.grain
        nothing = 0 if one.compute in {"count", "sum", "unique-count"} else None
        assert read(MADE, profile, one.id, now) == read(MADE, profile, one.id, now + 400 * DAY) == nothing


@SOME
@given(orders(), st.sets(st.sampled_from([one.id for one in TRAITS])), st.sets(st.integers(0, 14)))
def test_backfilling_is_having_folded_from_the_start(some: list[Event], late: set[str], before: set[int]) -> None:
    old = catalogue(one for one in TRAITS if one.id not in late)
    new = [one for one in MADE.features if one.id not in {each.id for each in old.features}]
    early = [event for number, event in enumerate(some) if number in before]
    rest = [event for number, event in enumerate(some) if number not in before]
    found = backfill(new, [*early, *early])
    for subject in {event.subject for event in some}:
        part = folded(old, [event for event in early if event.subject == subject])
        folded(MADE, [event for event in rest if event.subject == subject], part)
        adopt(part, found.get(subject, {}))
        windows.forget(part, [one.id for one in MADE.features])
        assert kept(part) == kept(folded(MADE, [event for event in some if event.subject == subject]))


def test_an_event_stays_until_its_whole_tile_has_left() -> None:
    made = catalogue([trait("n", "count", over="3h", tile="1h")])
    profile = folded(made, [order(1, START + 10 * MINUTE)])
    assert windows.until(profile, reading(made, "n"), START + HOUR) == START + 4 * HOUR
    assert [read(made, profile, "n", START + 4 * HOUR - 1), read(made, profile, "n", START + 4 * HOUR)] == [1, 0]


def test_a_fast_clock_empties_no_ring() -> None:
    made = catalogue([trait("n", "count", over="30d")])
    fast = order(2, START + 900 * DAY, received=START + HOUR)
    assert read(made, folded(made, [order(1, START), fast]), "n", START + HOUR) == 2


def test_sums_are_exact_and_may_be_large() -> None:
    made = catalogue([trait("sum", "sum"), trait("mean", "average")])
    tenths = folded(made, [order(number, START, 0.1) for number in range(3)])
    assert (read(made, tenths, "sum", START), read(made, tenths, "mean", START)) == (0.3, 0.1)
    large = folded(made, [order(number, START, 9 * 10**12) for number in range(4)])
    large = json.loads(json.dumps(large))
    folded(made, [order(9, START, -1)], large)
    assert read(made, large, "sum", START) == 36 * 10**12 - 1
    assert json.loads(json.dumps(kept(large)))[reading(made, "sum").feature][0][2] == str((36 * 10**12 - 1) * 10**6)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_bounded_stays_independent_of_order(seed: int) -> None:
    made = catalogue([trait(compute, compute, over="7d") for compute in ("most-frequent", "unique-list")])
    counted = catalogue([trait("unique-count", "unique-count")])
    random = Random(seed)
    many = [
        order(number, START + random.randrange(2) * DAY, f"v{random.randrange(400)}") for number in range(1_500)
    ] + [order(5_000 + number, START + (number % 2) * DAY, "often") for number in range(30)]
    shuffled = random.sample(many, len(many))
    one, other = folded(made, shuffled[:700]), folded(made, shuffled[700:])
    whole = folded(made, many)
    assert kept(merged(one, other)) == kept(whole) == kept(merged(other, one))
    listed = read(made, whole, "unique-list", START + DAY)
    values = [event.data["properties"]["total"] for event in many]
    assert 8 <= len(listed) <= windows.LISTED
    assert set(listed) <= set(values)
    assert windows.bounded(whole, reading(made, "unique-list"), START + DAY)
    often = read(made, whole, "most-frequent", START + DAY)
    assert values.count(often) == max(values.count(one) for one in listed)
    kept_counts = windows._counts(whole["windows"][reading(made, "unique-list").feature])
    assert all(values.count(tiles.meant(key)) == count for key, count in kept_counts.items())
    sketch = folded(counted, shuffled)
    assert kept(sketch) == kept(merged(folded(counted, many[:800]), folded(counted, many[800:])))
    exact = len(set(values))
    assert abs(read(counted, sketch, "unique-count", START) - exact) < exact * 0.3
    assert windows.bounded(sketch, reading(counted, "unique-count"), START)


def test_few_values_are_counted_exactly_and_say_so() -> None:
    made = catalogue([trait("u", "unique-count"), trait("l", "unique-list")])
    some = folded(made, [order(number, START, f"v{number % 50}") for number in range(200)])
    assert read(made, some, "u", START) == len(read(made, some, "l", START)) == 50
    assert not windows.bounded(some, reading(made, "u"), START)
    assert not windows.bounded(some, reading(made, "l"), START)
    assert not windows.bounded(some, reading(catalogue([trait("n", "count")]), "n"), START)


def test_a_list_stands_for_its_elements() -> None:
    made = catalogue([trait("l", "unique-list")])
    profile = folded(made, [order(1, START, ["b", "a", "b", 3, None, {"x": 1}]), order(2, START, [])])
    assert read(made, profile, "l", START) == ["a", "b", 3]


def test_nothing_is_kept_of_what_concerns_nobody() -> None:
    profile = folded(MADE, [])
    windows.fold(profile, order(1, START, name="Other", big=False), START, "r", windows.index(MADE.features))
    windows.merge(profile, empty("c2"))
    assert "windows" not in profile
    counted = folded(catalogue([trait("n", "count"), trait("s", "sum")]), [order(1, START)])
    windows.forget(counted, [reading(catalogue([trait("n", "count")]), "n").feature])
    assert list(counted["windows"].values()) == [[[0, 1]]]
    windows.forget(counted, [])
    assert "windows" not in counted


def test_an_event_that_several_kinds_fit_counts_once() -> None:
    made = catalogue([trait("n", "count", on=["web.track", ORDER])])
    assert read(made, folded(made, [order(1, START), order(2, START, name="Other")]), "n", START) == 2
