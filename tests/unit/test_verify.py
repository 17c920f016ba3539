"""Verifying: the log alone makes the same customer, from the partitions that matter, and says which event does not."""

from __future__ import annotations

from random import Random

import pytest

from hub.profile import Document
from profile_store.document import canonical
from streams.decode import Incoming
from streams.verify import concerns, culprit, differences, homes, refold, wanted
from tests.unit.test_arrange import Town, event, live, told
from tests.unit.test_generations import logged


def again(town: Town, document: Document, events: list[Incoming]) -> Document | None:
    """A customer folded again from what concerns it."""
    names = wanted(document)
    mine = [one for one in events if concerns(one, names)]
    return refold(mine).document(document["nodes"][0])


@pytest.mark.parametrize("block", range(4))
async def test_each_customer_is_what_its_own_events_make(block: int) -> None:
    for seed in range(block * 15, block * 15 + 15):
        town = await live(Random(seed), 40)
        events = logged(town)
        Random(seed).shuffle(events)
        events.sort(key=lambda one: one.record.offset)  # partitions in any order, each by itself in its own
        for document in town.documents().values():
            if document["parts"]:
                made = again(town, document, events)
                assert made is not None, f"seed {seed}"
                assert canonical(made) == canonical(document), f"seed {seed}"


async def test_a_document_that_was_tampered_with_differs_in_one_place() -> None:
    town = await told(event(1, "user_id:u1", traits={"name": "Anna"}))
    document = next(iter(town.documents().values()))
    document["parts"]["user_id:u1"]["traits"]["name"][0] = "Eve"
    made = again(town, document, logged(town))
    assert differences(document["parts"], made and made["parts"]) == [
        "user_id:u1.traits.name: stored ['Eve', 1767225601000, '"
        + logged(town)[0].ref
        + "', 'web.page'], folded ['Anna', 1767225601000, '"
        + logged(town)[0].ref
        + "', 'web.page']"
    ]
    found = culprit(document, logged(town))
    assert found is not None
    assert (found.incoming.event.id, found.what) == ("e1", "the last one that touched this place")


@pytest.mark.parametrize(
    ("kept", "guilty", "what"),
    [
        ((1, 2, 4), "e3", "it is not in the store"),
        ((1, 2), "e3", "the store ends before it"),
        ((1, 2, 2, 3, 4), "e2", "it is in the store twice"),
    ],
)
async def test_the_first_differing_event_is_named(kept: tuple[int, ...], guilty: str, what: str) -> None:
    kinds = ("web.page", "email.received", "sms.received", "web.screen")
    whole = await told(*(event(number, "user_id:u1", kind=kind) for number, kind in enumerate(kinds, 1)))
    events = {one.event.id: one for one in logged(whole)}
    made = refold([])
    for number in kept:
        made.seen.clear()
        made.apply(events[f"e{number}"])
    stored = made.document("user_id:u1")
    assert stored is not None
    found = culprit(stored, logged(whole))
    assert found is not None
    assert (found.incoming.event.id, found.what) == (guilty, what)


async def test_only_partitions_that_can_hold_its_events_are_read() -> None:
    town = await told(event(1, "user_id:u1", "email:a@x.org"), event(2, "user_id:u2"))
    document = town.documents()[town.customer("user_id:u1")]
    found = homes(document, 1000)
    assert found is not None
    assert len(found) == len({"user_id:u1", "email:a@x.org"}) * 2  # each under its name, and as a customer's place
    mentions = document["parts"]["user_id:u1"]["mentions"]
    mentions |= {f"email:{number}@x.org": mentions["user_id:u1"] for number in range(200)}
    assert homes(document, 1000) is None
