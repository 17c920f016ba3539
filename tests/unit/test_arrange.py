"""Who belongs together: limits, proof, merging and taking apart by hand, and the same again from the log alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import orjson
import pytest

from hub.event import Event, make
from hub.identity import Identity
from hub.ids import customer_id
from hub.kinds import Policy, described
from hub.profile import Document
from profile_store.document import alias, unpacked, view
from profile_store.structure import components
from streams.decode import Dead
from streams.pipeline import Pipeline
from tests.unit.memory import Memory, Silent, incoming

START = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = Policy()
PARTITIONS = 3


async def never(dead: Dead) -> None:
    raise AssertionError(dead)


def canonical(document: Document) -> bytes:
    """A document as it is compared: what it holds, whatever order it was written in."""
    return orjson.dumps({**document, "timers": {}}, option=orjson.OPT_SORT_KEYS)


@dataclass
class Town:
    """A log in partitions, a store, and one worker; what it decides goes back into the log."""

    policy: Policy = POLICY
    log: list[list[Event]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    at: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    store: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.worker = Pipeline(self.store, Silent, never, self.policy)  # type: ignore[arg-type]

    def tell(self, event: Event) -> None:
        """Put an event into the log."""
        self.log[int(customer_id(event.subject)[1:5], 16) % PARTITIONS].append(event)

    async def read(self, partition: int, count: int, *, replayed: bool = False) -> bool:
        """Apply what comes next in a partition; False when nothing does."""
        start = self.at[partition]
        some = self.log[partition][start : start + count]
        batch = [
            incoming(one, start + number, partition, replayed=replayed, policy=self.policy)
            for number, one in enumerate(some)
        ]
        if batch:
            await self.worker.run(batch, [])
        self.at[partition] += len(batch)
        return bool(batch)

    def relay(self) -> None:
        """Take decisions out of the outbox, into the log."""
        for outbox in self.store.outbox.values():
            for id in sorted(outbox):
                self.tell(Event.from_json(outbox.pop(id)))

    async def settle(self, random: Random, *, replayed: bool = False) -> None:
        """Apply all there is, in some order of partitions and in batches of any size."""
        while True:
            waiting = [one for one in range(PARTITIONS) if self.at[one] < len(self.log[one])]
            if not waiting:
                if not replayed and any(self.store.outbox.values()):
                    self.relay()
                    continue
                return
            await self.read(random.choice(waiting), random.choice((1, 2, 5, 50)), replayed=replayed)
            if not replayed and random.random() < 0.5:
                self.relay()

    def documents(self) -> dict[str, Document]:
        """All customers, by id; whatever an identity leads to must hold it."""
        found = {one: unpacked(raw) for one, raw in self.store.held().items() if alias(raw) is None}
        for id, document in found.items():
            assert document["id"] == id
            for node in document["nodes"]:
                assert self.customer(node) == id, (node, id)
        return found

    def customer(self, name: str) -> str:
        """Whose an identity is."""
        place = customer_id(name) if not name.startswith("customer:") else name.partition(":")[2]
        held = self.store.held()
        for _ in range(100):
            target = alias(held[place])
            if target is None:
                return place
            place = target
        raise AssertionError(f"{name} leads nowhere")


def who(name: str, **said: Any) -> Identity:
    kind, _, value = name.partition(":")
    return {"type": kind, "value": value, "verified": False, **said}  # type: ignore[typeddict-item]


def event(number: int, *names: str | Identity, kind: str = "web.page", source: str = "/test", **data: Any) -> Event:
    """An event at the `number`-th second."""
    people = [who(one) if isinstance(one, str) else one for one in names]
    return make(
        kind, id=f"e{number}", source=source, identities=people, received=START + timedelta(seconds=number), **data
    )


async def told(*events: Event, policy: Policy = POLICY) -> Town:
    """A town where these events were applied one after the other."""
    town = Town(policy)
    for one in events:
        town.tell(one)
        await town.settle(Random(1))
    return town


def sure(name: str) -> Identity:
    return who(name, verified=True)


async def test_a_free_identity_is_taken_on_a_claim() -> None:
    town = await told(event(1, "user_id:u1", "email:a@x.org"), event(2, "email:a@x.org", kind="email.received"))
    assert town.customer("email:a@x.org") == town.customer("user_id:u1")
    assert len(town.documents()) == 1


async def test_a_claim_suggests_and_does_not_merge() -> None:
    town = await told(event(1, "email:a@x.org"), event(2, "user_id:u1", "email:a@x.org"))
    assert town.customer("email:a@x.org") != town.customer("user_id:u1")
    refused = view(town.documents()[town.customer("user_id:u1")])["refused"]
    assert refused["email:a@x.org"][0] == "claimed"
    mine = view(town.documents()[town.customer("email:a@x.org")])
    assert (mine["events"], mine["traits"]) == (1, {})


async def test_what_is_proven_merges() -> None:
    town = await told(event(1, "email:a@x.org"), event(2, "user_id:u1"), event(3, "user_id:u1", sure("email:a@x.org")))
    assert town.customer("email:a@x.org") == town.customer("user_id:u1") == customer_id("email:a@x.org")
    assert view(next(iter(town.documents().values())))["events"] == 3


async def test_a_shared_device_does_not_weld_two_people() -> None:
    town = await told(
        event(1, "anonymous_id:tablet"),
        event(2, "user_id:anna", "anonymous_id:tablet", kind="web.identify"),
        event(3, "anonymous_id:tablet"),
        event(4, "user_id:ben", "anonymous_id:tablet", kind="web.identify"),
        event(5, "user_id:ben", "anonymous_id:tablet"),
        event(6, "user_id:anna", "anonymous_id:tablet"),
    )
    anna, ben = town.customer("user_id:anna"), town.customer("user_id:ben")
    assert anna != ben
    assert town.customer("anonymous_id:tablet") == anna
    documents = town.documents()
    assert view(documents[anna])["events"] == 4
    assert view(documents[ben])["events"] == 2
    assert view(documents[ben])["refused"]["anonymous_id:tablet"][0] == "limit:user_id"


async def test_the_weakest_is_left_out_and_the_rest_still_fits() -> None:
    town = await told(
        event(1, "user_id:anna", sure("phone:+4930111")),
        event(2, "user_id:ben"),
        event(3, "user_id:ben", sure("phone:+4930111"), "anonymous_id:new"),
    )
    assert town.customer("phone:+4930111") == town.customer("user_id:anna")
    assert town.customer("anonymous_id:new") == town.customer("user_id:ben")


async def test_a_limit_in_a_window_forgets() -> None:
    policy = Policy(described({"phone": {"limit": 1, "window": 60}}))
    town = await told(
        event(1, "user_id:u", sure("phone:+4930111")),
        event(2, "user_id:u", sure("phone:+4930222")),
        event(100, "user_id:u", sure("phone:+4930333")),
        policy=policy,
    )
    document = town.documents()[town.customer("user_id:u")]
    assert document["nodes"] == ["phone:+4930111", "phone:+4930333", "user_id:u"]
    assert view(document)["refused"]["phone:+4930222"][0] == "limit:phone"


@pytest.mark.parametrize("name", ["device:d1", "email:info@x.org", "mailer:robot@x.org"])
async def test_what_is_shared_connects_nobody(name: str) -> None:
    town = await told(event(1, "user_id:anna", sure(name)), event(2, "user_id:ben", sure(name)))
    assert town.customer("user_id:anna") != town.customer("user_id:ben")
    assert {tuple(one["nodes"]) for one in town.documents().values()} == {("user_id:anna",), ("user_id:ben",)}


async def test_an_owner_s_own_limit_is_not_the_sender_s_choice() -> None:
    """Ten thousand accounts that name one address: it stays with the first."""
    town = Town()
    for number in range(300):
        town.tell(event(number, f"user_id:u{number}", sure("email:a@x.org")))
    await town.settle(Random(2))
    assert len(town.documents()) == 300
    assert sum("email:a@x.org" in one["nodes"] for one in town.documents().values()) == 1


def by_hand(number: int, kind: str, customer: str, other: str = "", **data: Any) -> Event:
    people = [who(f"customer:{one}") for one in (customer, other) if one]
    return event(number, *people, kind=kind, source="/desk/agents/mina", agent="mina", **data)


async def test_merged_by_hand_and_taken_apart_again() -> None:
    first = [event(1, "email:a@x.org", text="first"), event(2, "user_id:u1", "anonymous_id:z"), event(3, "user_id:u1")]
    town = await told(*first)
    before = {id: view(one) for id, one in town.documents().items()}
    one, other = town.customer("email:a@x.org"), town.customer("user_id:u1")
    town.tell(by_hand(10, "agent.merge", one, other, merge={}))
    await town.settle(Random(1))
    assert town.customer("user_id:u1") == one
    town.tell(event(11, "anonymous_id:z"))
    town.tell(by_hand(12, "agent.unmerge", one, unmerge={"identities": ["user_id:u1", "anonymous_id:z"]}))
    await town.settle(Random(1))
    after = {id: view(document) for id, document in town.documents().items()}
    assert after.keys() == before.keys()
    assert after[one]["events"] == before[one]["events"] + 2  # the two orders of an agent
    assert after[other]["events"] == before[other]["events"] + 1
    assert after[other]["latest"].keys() == before[other]["latest"].keys()
    rows = {id: len(town.store.rows[id]) for id in after}
    assert rows == {id: one["events"] for id, one in after.items()}
    # And nobody joins them again but by hand.
    town.tell(event(20, "user_id:u1", sure("email:a@x.org")))
    await town.settle(Random(1))
    assert len(town.documents()) == 2
    assert view(town.documents()[other])["refused"]["email:a@x.org"][0] == "divided"
    town.tell(by_hand(21, "agent.merge", other, one, merge={}))
    await town.settle(Random(1))
    assert len(town.documents()) == 1


async def test_a_merge_by_hand_that_breaks_a_limit_says_why() -> None:
    town = await told(event(1, "user_id:u1"), event(2, "user_id:u2"))
    one, other = town.customer("user_id:u1"), town.customer("user_id:u2")
    town.tell(by_hand(3, "agent.merge", one, other, merge={}))
    await town.settle(Random(1))
    assert view(town.documents()[one])["refused"]["user_id:u2"][0] == "limit:user_id"
    town.tell(by_hand(4, "agent.merge", one, other, merge={"force": True}))
    await town.settle(Random(1))
    assert len(town.documents()) == 1


def people(random: Random) -> list[str | Identity]:
    """Whom an event is about: few values of each type, so that much collides."""
    names = [f"user_id:u{random.randrange(4)}", f"email:e{random.randrange(4)}@x.org"]
    names += [f"phone:+49301{random.randrange(4)}", f"anonymous_id:a{random.randrange(6)}"]
    chosen = random.sample(names, random.choice((1, 1, 2, 2, 3)))
    return [who(one, verified=random.random() < 0.6) for one in chosen]


async def live(random: Random, length: int) -> Town:
    """A town with a history of events, merges and unmerges."""
    town = Town(Policy(described({"email": {"limit": 2}, "anonymous_id": {"limit": 3}})))
    for number in range(length):
        documents = town.documents()
        draw = random.random()
        if documents and draw < 0.08:
            one, other = random.choice(sorted(documents)), random.choice(sorted(documents))
            town.tell(by_hand(number, "agent.merge", one, other, merge={"force": random.random() < 0.5}))
        elif documents and draw < 0.2:
            one = max(sorted(documents), key=lambda id: (len(documents[id]["nodes"]), random.random()))
            nodes = documents[one]["nodes"]
            out = random.sample(nodes, random.randint(1, len(nodes)))
            town.tell(by_hand(number, "agent.unmerge", one, unmerge={"identities": out}))
        else:
            town.tell(event(number, *people(random), traits={"name": f"n{number}"}))
        if random.random() < 0.6:
            await town.read(random.randrange(PARTITIONS), random.choice((1, 3, 20)))
        if random.random() < 0.4:
            town.relay()
    await town.settle(random)
    return town


@pytest.mark.parametrize("block", range(4))
async def test_the_log_alone_makes_the_same_customers(block: int) -> None:
    """Merges, unmerges, limits, crossings: read again in any order of partitions, the log gives the same bytes."""
    divided = 0
    for seed in range(block * 25, block * 25 + 25):
        random = Random(seed)
        town = await live(random, 40)
        documents = town.documents()
        wanted = {id: canonical(one) for id, one in documents.items() if one["parts"]}
        divided += any(one.type == "identity.unmerged" for part in town.log for one in part)
        for _ in range(2):
            again = Town(town.policy, town.log)
            await again.settle(random, replayed=True)
            found = {id: canonical(one) for id, one in again.documents().items() if one["parts"]}
            assert found == wanted, f"seed {seed}"
            faults = _broken(again.documents().values(), town.policy)
            assert not faults, f"seed {seed}: {faults}"
    assert divided


@pytest.mark.parametrize("seed", range(20))
async def test_merged_and_taken_apart_is_as_never_merged(seed: int) -> None:
    random = Random(seed)
    mine, theirs = ("user_id:anna", "email:a@x.org", "anonymous_id:a"), ("phone:+493012", "anonymous_id:b")
    told = []
    for number in range(24):
        side = random.choice((mine, theirs))
        names = [sure(one) for one in random.sample(side, random.randint(1, len(side)))]
        told.append(event(number, *names, traits={random.choice("abc"): number}))
    told = [event(100, *map(sure, mine)), event(101, *map(sure, theirs)), *told]
    never_merged, town = await told_to(told), Town()
    when = sorted(random.sample(range(2, len(told)), 2))
    for number, one in enumerate(told):
        if number in when:
            a, b = town.customer(mine[0]), town.customer(theirs[0])
            data = {"unmerge": {"identities": list(theirs)}} if number == when[1] else {"merge": {}}
            town.tell(by_hand(200 + number, "agent.unmerge" if number == when[1] else "agent.merge", a, b, **data))
            await town.settle(random)
            assert (town.customer(mine[0]) == town.customer(theirs[0])) == (number == when[0])
        town.tell(one)
        await town.settle(random)
    assert without_agents(town) == without_agents(never_merged)


async def told_to(events: Sequence[Event]) -> Town:
    """A town where these events were applied one after the other."""
    return await told(*events)


def without_agents(town: Town) -> dict[str, Any]:
    """What is told of all identities, but by agents' own events, and of whom each is."""
    found: dict[str, Any] = {}
    for id, document in town.documents().items():
        parts = {}
        for name, part in document["parts"].items():
            counts = {kind: count for kind, count in part["counts"].items() if not kind.startswith("agent.")}
            names = ("traits", "facts", "consent", "refused", "mentions")
            parts[name] = {**{one: part[one] for one in names}, "counts": counts, "web": part["channels"].get("web")}  # type: ignore[literal-required]
        found[id] = [document["nodes"], parts]
    return found


def _broken(documents: Sequence[Document] | Any, policy: Policy) -> list[str]:
    """Customers that are not connected."""
    return [one["id"] for one in documents if len(components(one["nodes"], one["links"])) > 1]
