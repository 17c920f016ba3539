"""The fold is a function of the set of events: order, batches and merges make no difference."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.event import Event, make
from hub.identity import Identity
from hub.profile import PROFILE, Profile, empty, value
from profile_store.draft import packed, unpacked
from streams import fold as step
from streams.fold import fold, note_firing
from streams.merge import merge
from tests.faults import oracle
from tests.unit.strategies import events

SOME = settings(deadline=None, max_examples=60, print_blob=True)

ANNA: Identity = {"type": "email", "value": "anna@example.org", "verified": True}


def stored(profile: Profile) -> Profile:
    """The profile after a visit to the store."""
    return unpacked(packed("", profile))


def folded(told: Sequence[Event], stops: Sequence[int] = ()) -> Profile:
    """The profile of these events; put into the store and taken out again at the stops."""
    profile = empty("c1")
    for number, event in enumerate(told):
        keys = tuple(dict.fromkeys([event.subject, *(f"{one['type']}:{one['value']}" for one in event.identities)]))
        fold(profile, event, keys, event.ms, event.ref)
        if number in stops:
            profile = stored(profile)
    return stored(profile)


def told(kind: str, number: int = 0, *, at: int = 1_000, **data: Any) -> Event:
    """An event of Anna's."""
    moment = datetime.fromtimestamp(at, UTC)
    return make(kind, id=f"e{number}", source="/test", identities=[ANNA], received=moment, **data)


@SOME
@given(events(), st.randoms(use_true_random=False))
def test_order_makes_no_difference(some: list[Event], random: Random) -> None:
    shuffled = random.sample(some, len(some))
    first, second = folded(some), folded(shuffled)
    assert oracle.digest(first) == oracle.digest(second)
    assert first["fired"] == second["fired"]


@SOME
@given(events(), st.sets(st.integers(0, 12)))
def test_batches_make_no_difference(some: list[Event], stops: set[int]) -> None:
    assert folded(some) == folded(some, sorted(stops))


@SOME
@given(events())
def test_agrees_with_the_oracle(some: list[Event]) -> None:
    profile, wanted = folded(some), json.loads(json.dumps(oracle.expected(some)))
    assert {part: profile[part] for part in oracle.PARTS if part in profile} == wanted
    assert oracle.digest(profile) == oracle.digest(wanted)
    PROFILE.validate_python(profile)


@SOME
@given(events(), st.lists(st.integers(0, 2), min_size=12, max_size=12), st.permutations(range(3)))
def test_merging_is_the_fold_of_all_events(some: list[Event], parts: list[int], order: list[int]) -> None:
    profiles = [folded([event for event, part in zip(some, parts, strict=False) if part == one]) for one in order]
    left, right = empty("c1"), empty("c1")
    for profile in profiles:
        merge(left, stored(profile))
    merge(profiles[1], profiles[2])
    merge(right, profiles[0])
    merge(right, stored(profiles[1]))
    assert oracle.digest(stored(left)) == oracle.digest(stored(right)) == oracle.digest(folded(some))
    assert left["fired"] == right["fired"] == folded(some)["fired"]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_bounded_stays_independent_of_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "NAMES", 5)
    monkeypatch.setattr("streams.merge.NAMES", 5)
    monkeypatch.setattr(oracle, "KEPT", 5)
    random = Random(seed)
    many = [
        told("web.track", number, name=f"N{number % 12}", traits={f"t{number % 11}": number}, at=number % 7)
        for number in range(60)
    ]
    shuffled = random.sample(many, len(many))
    one, other = folded(shuffled[:23]), folded(shuffled[23:])
    merge(one, other)
    wanted = oracle.digest(oracle.expected(many))
    assert len(one["traits"]) == len(one["counts"]) == 5
    assert (oracle.digest(one), oracle.digest(folded(shuffled))) == (wanted, wanted)


@pytest.mark.parametrize("seed", range(3))
def test_the_newest_firings_are_kept(seed: int) -> None:
    firings = [(f"t{number:03d}", ["rule", "email", number // 2, "service"]) for number in range(90)]
    Random(seed).shuffle(firings)
    profile = empty("c1")
    assert all(note_firing(profile, name, list(firing)) for name, firing in firings)
    assert sorted(profile["fired"]) == [f"t{number:03d}" for number in range(40, 90)]
    assert not note_firing(profile, "t089", ["rule", "email", 44, "service"])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (2**63 - 1, 2**63 - 1),
        (2**64 - 1, 2**64 - 1),
        (2**64, "18446744073709551616"),
        (-(10**30), "-1000000000000000000000000000000"),
        (10**400, None),
        (float("nan"), None),
        ([10**19, {"a": 10**30}], [10**19, {"a": "1000000000000000000000000000000"}]),
        ("x" * 2_000, "x" * 1_000),
        (["x" * 2_000], None),
        ({"a": [1, None]}, {"a": [1, None]}),
    ],
)
def test_values_that_the_store_cannot_hold(given: Any, kept: Any) -> None:
    profile = folded([told("web.identify", traits={"account": given})])
    assert value(profile["traits"], "account") == kept


def test_the_moment_zero_is_a_moment() -> None:
    first, second = told("web.page", 0, at=0), told("web.page", 1, at=5)
    assert folded([first, second])["first"] == folded([second, first])["first"] == 0
    one, other = folded([first]), folded([second])
    merge(one, other)
    assert one["first"] == 0


def test_events_of_our_own_do_not_count() -> None:
    profile = folded([told("rule.fired", at=9, rule="thanks", channel="email", purpose="service")])
    assert (profile["events"], profile["first"], profile["counts"]) == (0, 0, {})
    assert profile["fired"] == {"e0": ["thanks", "email", 9_000, "service"]}
    merge(profile, folded([told("web.page", 1, at=5)]))
    assert (profile["events"], profile["first"], profile["last"]) == (1, 5_000, 5_000)
