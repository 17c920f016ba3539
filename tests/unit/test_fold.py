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
from hub.profile import PROFILE, Document, Part, Profile, blank, part, value
from profile_store import keys, registers
from profile_store.document import packed, unpacked, view
from profile_store.draft import FORGET_EVERY, Draft
from profile_store.merge import merge
from streams.fold import fold, note_firing
from tests.faults import oracle
from tests.unit.strategies import events

SOME = settings(deadline=None, max_examples=60, print_blob=True)

ANNA: Identity = {"type": "email", "value": "anna@example.org", "verified": True}


def document(*parts: Part) -> Document:
    """A customer with these parts, whose identities are all that they name."""
    found = blank("c1", *{name for one in parts for name in one["mentions"]})
    found["parts"] = {f"part:{number}": one for number, one in enumerate(parts)}
    return found


def stored(one: Part) -> Part:
    """The part after a visit to the store."""
    return unpacked(packed("", document(one)))["parts"]["part:0"]


def part_of(told: Sequence[Event], stops: Sequence[int] = ()) -> Part:
    """What these events tell; put into the store and taken out again at the stops."""
    found = part()
    for number, event in enumerate(told):
        keys = tuple(dict.fromkeys([event.subject, *(f"{one['type']}:{one['value']}" for one in event.identities)]))
        fold(found, event, keys, event.ms, event.ref)
        if number in stops:
            found = stored(found)
    return stored(found)


def profile(*parts: Part) -> Profile:
    """The profile of a customer with these parts."""
    return view(document(*parts))


def folded(told: Sequence[Event], stops: Sequence[int] = ()) -> Profile:
    """The profile of these events."""
    return profile(part_of(told, stops))


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
    found, wanted = folded(some), json.loads(json.dumps(oracle.expected(some)))
    assert {name: found[name] for name in oracle.PARTS if name in found} == wanted
    assert oracle.digest(found) == oracle.digest(wanted)
    PROFILE.validate_python(found)


@SOME
@given(events(), st.lists(st.integers(0, 2), min_size=12, max_size=12), st.permutations(range(3)))
def test_merging_is_the_fold_of_all_events(some: list[Event], shares: list[int], order: list[int]) -> None:
    parts = [part_of([event for event, share in zip(some, shares, strict=False) if share == one]) for one in order]
    before = [stored(one) for one in parts]
    left, right = profile(*parts), part()
    merge(parts[1], parts[2])
    merge(right, parts[0])
    merge(right, stored(parts[1]))
    assert oracle.digest(left) == oracle.digest(profile(stored(right))) == oracle.digest(folded(some))
    assert left["fired"] == right["fired"] == folded(some)["fired"]
    assert (parts[0], parts[2]) == (before[0], before[2])


@SOME
@given(events(), st.lists(st.integers(0, 1), min_size=12, max_size=12))
def test_a_profile_that_is_carried_along_is_the_parts_put_together(some: list[Event], shares: list[int]) -> None:
    draft = Draft(blank("c1", "part:0", "part:1"))
    for event, share in zip(some, shares, strict=False):
        keys = (f"part:{share}", event.subject)
        draft.fold(keys[0], lambda told, one=event, names=keys: fold(told, one, names, one.ms, one.ref))  # type: ignore[misc]
    assert draft.profile == view(unpacked(packed("", draft.document)))


@pytest.mark.parametrize("seed", range(3))
def test_what_is_bounded_stays_independent_of_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registers, "NAMES", 5)
    monkeypatch.setattr("streams.fold.NAMES", 5)
    monkeypatch.setattr(oracle, "KEPT", 5)
    random = Random(seed)
    many = [
        told("web.track", number, name=f"N{number % 12}", traits={f"t{number % 11}": number}, at=number % 7)
        for number in range(60)
    ]
    shuffled = random.sample(many, len(many))
    one = profile(part_of(shuffled[:23]), part_of(shuffled[23:]))
    wanted = oracle.digest(oracle.expected(many))
    assert len(one["traits"]) == len(one["counts"]) == 5
    assert (oracle.digest(one), oracle.digest(folded(shuffled))) == (wanted, wanted)


@pytest.mark.parametrize("seed", range(3))
def test_the_newest_firings_are_kept(seed: int) -> None:
    firings = [(f"t{number:03d}", ["rule", "email", number // 2, "service"]) for number in range(90)]
    Random(seed).shuffle(firings)
    found = part()
    assert all(note_firing(found, name, list(firing)) for name, firing in firings)
    assert sorted(found["fired"]) == [f"t{number:03d}" for number in range(40, 90)]
    assert not note_firing(found, "t089", ["rule", "email", 44, "service"])


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
    assert value(folded([told("web.identify", traits={"account": given})])["traits"], "account") == kept


def test_the_moment_zero_is_a_moment() -> None:
    first, second = told("web.page", 0, at=0), told("web.page", 1, at=5)
    assert folded([first, second])["first"] == folded([second, first])["first"] == 0
    assert profile(part_of([first]), part_of([second]))["first"] == 0


def test_events_of_our_own_do_not_count() -> None:
    quiet = part_of([told("rule.fired", at=9, rule="thanks", channel="email", purpose="service")])
    found = profile(quiet)
    assert (found["events"], found["first"], found["counts"]) == (0, 0, {})
    assert found["fired"] == {"e0": ["thanks", "email", 9_000, "service"]}
    both = profile(quiet, part_of([told("web.page", 1, at=5)]))
    assert (both["events"], both["first"], both["last"]) == (1, 5_000, 5_000)


@pytest.mark.parametrize(("read_up_to", "forgets"), [(0, False), (10 * keys.SEEN_MS, True)])
def test_names_are_forgotten_only_when_every_partition_is_further(read_up_to: int, forgets: bool) -> None:
    draft = Draft(blank("c1", "part:0"))
    for number in range(2 * FORGET_EVERY):
        event = told("web.page", number, at=number + 10 * keys.SEEN_MS // 1000)
        draft.fold("part:0", lambda told, one=event: fold(told, one, ("part:0",), one.ms, one.ref))  # type: ignore[misc]
        draft.seen[event.ref] = event.ms
    draft.read_up_to = read_up_to
    written = draft.members()[0][2]
    assert (written["forget"] > 0) is forgets
    assert written["forget"] * keys.SEEN_UNIT <= max(0, read_up_to - keys.SEEN_MS)
