"""Why customers are one, and what joining or parting would do: previews are held against what then happens."""

from __future__ import annotations

from random import Random

import pytest

from desk.kinship import standing
from hub.event import Event
from hub.kinds import Policy, described
from hub.profile import Profile
from profile_store import outlook, why
from profile_store.document import view
from profile_store.draft import Draft
from streams.identify import older
from tests.unit.test_arrange import Town, by_hand, event, live, sure, told


def profiles(town: Town) -> dict[str, Profile]:
    """Customers by id, as people see them."""
    return {id: view(document) for id, document in town.documents().items()}


def shape(profile: Profile) -> tuple[str, tuple[str, ...], int]:
    """What a preview must get right."""
    return profile["id"], tuple(sorted(profile["identities"])), profile["events"]


async def test_every_link_names_the_event_that_made_it() -> None:
    cause = event(2, "user_id:u", sure("email:a@x.org"), traits={"name": "Anna"})
    town = await told(event(1, "user_id:u"), cause)
    profile = profiles(town)[town.customer("user_id:u")]
    (tie,) = why.links(profile)
    assert {tie["one"], tie["other"]} == {"user_id:u", "email:a@x.org"}
    assert (tie["state"], tie["rule"], tie["kept"]) == ("joined", "together", town.customer("user_id:u"))
    assert tie["event"] == {"ref": cause.ref, "type": cause.type, "time": cause.ms}
    assert why.of_identity([tie], "user_id:u") == [tie]
    assert why.of_identity([tie], "user_id:v") == []


async def test_every_refusal_names_its_limit() -> None:
    policy = Policy(described({"email": {"limit": 1, "window": 3600}, "phone": {"blocked": ["+49111"]}}))
    town = await told(
        event(1, "user_id:u", sure("email:a@x.org")),
        event(2, "user_id:u", sure("email:b@x.org")),
        event(3, "user_id:u", sure("phone:+49111")),
        event(4, "user_id:u", "email:info@x.org"),
        event(5, "phone:+49222"),
        event(6, "user_id:u", "phone:+49222"),
        policy=policy,
    )
    found = {no["identity"]: no for no in why.refusals(profiles(town)[town.customer("user_id:u")], policy)}
    limit = found["email:b@x.org"]
    assert (limit["code"], limit["type"], limit["limit"], limit["window"]) == ("limit", "email", 1, 3600)
    assert (found["phone:+49111"]["code"], found["phone:+49111"]["limit"]) == ("blocked", None)
    assert found["email:info@x.org"]["code"] == "shared"
    assert found["phone:+49222"]["code"] == "claimed"


async def test_what_was_refused_and_then_joined_is_refused_no_more() -> None:
    town = await told(event(1, "phone:+49222"), event(2, "user_id:u"), event(3, "user_id:u", "phone:+49222"))
    one = profiles(town)[town.customer("user_id:u")]
    assert [no["code"] for no in why.refusals(one, town.policy)] == ["claimed"]
    town.tell(event(4, "user_id:u", sure("phone:+49222")))
    await town.settle(Random(1))
    whole = profiles(town)[town.customer("user_id:u")]
    assert "phone:+49222" in whole["identities"]
    assert why.refusals(whole, town.policy) == []


def claimed(town: Town, name: str) -> list[tuple[str, str, str]]:
    """What the owner of an identity sees of those who named it."""
    found = profiles(town)
    owner = found[town.customer(name)]
    named = [one for one in found.values() if why.standing(one)]
    return [(one["identity"], one["code"], one["customer"]) for one in why.claims(owner, named, town.policy)]


async def test_a_refused_claim_is_known_on_both_sides() -> None:
    policy = Policy(described({"email": {"limit": 1}, "phone": {"blocked": ["+49111"]}}))
    town = await told(
        event(1, "user_id:u", sure("email:a@x.org")),
        *(event(number, name) for number, name in enumerate(("email:b@x.org", "phone:+49111", "phone:+49222"), 2)),
        event(5, "email:info@x.org"),
        event(6, "user_id:u", sure("email:b@x.org")),
        event(7, "user_id:u", "phone:+49111"),
        event(8, "user_id:u", "phone:+49222"),
        event(9, "user_id:u", "email:info@x.org"),
        event(10, "user_id:u", "device:d"),
        event(11, "device:d"),
        policy=policy,
    )
    one = town.customer("user_id:u")
    for name, code in (
        ("email:b@x.org", "limit"),
        ("phone:+49111", "blocked"),
        ("phone:+49222", "claimed"),
        ("email:info@x.org", "shared"),
    ):
        assert claimed(town, name) == [(name, code, one)]
    assert claimed(town, "device:d") == [], "a device is named by whoever holds it, and claimed by nobody"
    assert claimed(town, "user_id:u") == []
    town.tell(event(12, "user_id:u", sure("phone:+49222")))
    await town.settle(Random(1))
    assert claimed(town, "phone:+49222") == [], "what was joined since is refused no more"


def asked(town: Town, request: Event) -> Event:
    town.tell(request)
    return request


async def test_outcomes() -> None:
    town = await told(event(1, "user_id:u1"), event(2, "user_id:u2"))
    one, other = town.customer("user_id:u1"), town.customer("user_id:u2")
    assert why.outcome(profiles(town)[one], "none", town.policy) is None
    for force, wanted in ((False, "refused"), (True, "joined")):
        request = asked(town, by_hand(3 + force, "agent.merge", one, other, merge={"force": force}))
        await town.settle(Random(1))
        found = why.outcome(profiles(town)[one], request.ref, town.policy)
        assert found is not None
        assert found[0] == wanted
        assert (found[1] and found[1]["code"]) == (None if force else "limit")
    request = asked(town, by_hand(9, "agent.unmerge", one, unmerge={"identities": ["user_id:u2"]}))
    await town.settle(Random(1))
    for id in (one, other):
        assert why.outcome(profiles(town)[id], request.ref, town.policy) == ("apart", None)


async def test_a_merge_refused_again_for_the_same_reason_is_answered_too() -> None:
    town = await told(event(1, "user_id:u1"), event(2, "user_id:u2"))
    one, other = town.customer("user_id:u1"), town.customer("user_id:u2")
    for number in (3, 4):
        request = asked(town, by_hand(number, "agent.merge", one, other, merge={}))
        await town.settle(Random(1))
        found = why.outcome(profiles(town)[one], request.ref, town.policy)
        assert found is not None
        assert found[0] == "refused"


async def test_a_preview_of_parting_is_what_happens() -> None:
    parted = [count for seed in range(12) for count in await _part_everybody(seed)]
    assert max(parted) > 2, "an identity in the middle leaves more than two"
    assert len(parted) > 12


async def _part_everybody(seed: int) -> list[int]:
    """Take some identities out of every customer of a town; into how many customers each one fell."""
    random = Random(seed)
    town = await live(random, 40)
    counts: list[int] = []
    for id in sorted(town.documents()):
        document = town.documents().get(id)
        if document is None or len(document["nodes"]) < 2:
            continue
        out = random.sample(document["nodes"], random.randint(1, len(document["nodes"]) - 1))
        preview = outlook.taken_apart(document, out)
        town.tell(by_hand(100 + len(counts), "agent.unmerge", id, unmerge={"identities": out}))
        await town.settle(random)
        after = profiles(town)
        request = 1  # what was asked is an event of the customer that keeps the id
        wanted = sorted((one, nodes, events + request * (one == id)) for one, nodes, events in map(shape, preview))
        assert sorted(shape(after[one["id"]]) for one in preview) == wanted, (seed, out)
        assert preview[0]["id"] == id
        counts.append(len(preview))
    return counts


@pytest.mark.parametrize("seed", range(12))
async def test_a_preview_of_joining_is_what_happens(seed: int) -> None:
    random = Random(seed)
    town = await live(random, 30)
    customers = sorted(id for id, one in profiles(town).items() if one["events"])
    if len(customers) < 2:
        pytest.fail(f"seed {seed} makes only {len(customers)} customers")
    one, other = random.sample(customers, 2)
    ours, theirs = profiles(town)[one], profiles(town)[other]
    union = outlook.together(ours, theirs)
    request = by_hand(500, "agent.merge", one, other, merge={})
    against = standing(town.policy, ours, theirs, request.ms)
    town.tell(request)
    await town.settle(random)
    after = profiles(town)
    said = why.outcome(after[town.customer(next(iter(ours["identities"])))], request.ref, town.policy)
    assert said is not None
    assert (said[0] == "refused") == bool(against), (seed, against)
    if not against:
        id, nodes, events = shape(union["profile"])
        assert shape(after[union["keeps"]]) == (id, nodes, events + 1)
        assert id == union["keeps"]
        assert after[id]["traits"] == union["profile"]["traits"]


async def test_who_keeps_the_id_is_decided_as_the_workers_do() -> None:
    town = await live(Random(3), 40)
    documents = list(town.documents().values())
    for one in documents:
        for other in documents:
            ages = [outlook.age(view(side)) for side in (one, other)]
            assert (ages[0] <= ages[1]) == older(Draft(one), Draft(other))


async def test_contradictions_are_named_with_the_one_that_is_shown() -> None:
    town = await told(
        event(1, "user_id:u", traits={"name": "Anna", "tier": "gold"}),
        event(2, "email:a@x.org", traits={"name": "Anna Berg", "tier": "gold"}),
    )
    ours = profiles(town)[town.customer("user_id:u")]
    theirs = profiles(town)[town.customer("email:a@x.org")]
    (conflict,) = outlook.together(ours, theirs)["conflicts"]
    assert (conflict["name"], conflict["wins"]) == ("name", "theirs")
    assert outlook.together(ours, theirs)["profile"]["traits"]["name"][0] == "Anna Berg"
    assert ours["traits"]["name"][0] == "Anna", "a preview changes nothing"


async def test_what_came_with_an_identity_goes_with_it() -> None:
    """A family's account: the child's telephone is only here because the child's account is."""
    town = await told(
        event(1, "user_id:mother", "email:m@x.org"), event(2, "user_id:child", sure("phone:+4930111"), sure("device:d"))
    )
    one, other = town.customer("user_id:mother"), town.customer("user_id:child")
    town.tell(by_hand(3, "agent.merge", one, other, merge={"force": True}))
    await town.settle(Random(1))
    document = town.documents()[one]
    assert outlook.along(document, "user_id:child") == ["phone:+4930111", "user_id:child"]
    assert outlook.along(document, "phone:+4930111") == ["phone:+4930111"]
    assert outlook.along(document, "user_id:mother") == ["user_id:mother"], "the one that it all hangs on goes alone"
    sides = outlook.taken_apart(document, outlook.along(document, "user_id:child"))
    assert [sorted(side["identities"]) for side in sides] == [
        ["email:m@x.org", "user_id:mother"],
        ["phone:+4930111", "user_id:child"],
    ]
