"""What rules did is counted with the customers it is about: once, through losses, kills and repeats."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.event import Event, make
from hub.topics import INTERACTIONS, TRIGGERS
from hub.trigger import Trigger
from profile_store.effects import DAYS, Effects, day, summed
from rules.engine import Engine
from rules.model import Rule
from streams.relay import firing
from tests.unit.memory import Memory
from tests.unit.test_processor import NOW, Bench, Chatty, book, impatient, pages

TODAY = day(int(NOW.timestamp() * 1000))
WHO: list[Any] = [{"type": "email", "value": "a@example.org", "verified": True}]
MAIL = {"channel": "email", "purpose": "service", "subject": "x", "text": "x"}

__all__ = ["impatient"]


def counted(store: Memory, rule: str, today: int = TODAY) -> Effects:
    """What a store has counted of a rule."""
    return summed({(at, what): count for (one, at, what), count in store.effects.items() if one == rule}, today)


def told(n: int, kind: str, source: str = "/t", **data: Any) -> Event:
    return make(kind, id=f"told{n}", source=source, identities=WHO, received=NOW + timedelta(minutes=n), **data)


def here(events: list[bytes]) -> list[Event]:
    """Events as if they had come in on the day of the others."""
    found = map(Event.from_json, events)
    return [one.model_copy(update={"receivedat": NOW}) for one in found]


async def spoken(store: Memory, count: int = 12) -> tuple[Bench, Any]:
    """A worker whose rule answered so many pages, and whose firings came back through the log."""
    log, bench = book(pages(count)), Bench(store, Chatty())
    await bench.read(log, 3)
    log.lines[0] += [one.to_json() for one in here(bench.sent(INTERACTIONS))]
    await bench.read(log, 3)
    return bench, log


async def test_a_rule_that_spoke_is_counted_when_its_message_is_in_the_log() -> None:
    store = Memory()
    await spoken(store)
    found = counted(store, "thanks")
    assert (found.said[-1], sum(found.said), sum(found.held)) == (12, 12, 0)


async def test_what_comes_twice_counts_once() -> None:
    store = Memory()
    bench, log = await spoken(store, 3)
    log.lines[0] += log.lines[0][3:]  # a relay that died before it heard that the broker has them
    await bench.read(log, 3)
    assert sum(counted(store, "thanks").said) == 3


async def test_a_store_that_lost_everything_counts_the_same_again() -> None:
    store = Memory()
    bench, log = await spoken(store)
    store.restore(Memory())
    await bench.read(log, 5)
    assert sum(counted(store, "thanks").said) == 12
    assert len(bench.sent(TRIGGERS)) == 12


async def test_a_commit_whose_answer_is_lost_counts_once() -> None:
    store, log = Memory(), book([Event.from_json(firing(_trigger(n), "default").to_json()) for n in range(6)])
    bench = Bench(store)
    await bench.begin(log)
    store.lost_answers = 1
    await bench.read(log, 4, count=3)
    assert sum(count for (rule, _, _), count in store.effects.items() if rule == "r") == 6


def _trigger(n: int) -> Trigger:
    more: dict[str, Any] = {"rule": "r", "version": "1", "customer": "c", "channel": "email", "text": "x"}
    return Trigger(id=f"t{n}", time=NOW, to="email:a@example.org", **more)


async def test_what_was_kept_back_says_why() -> None:
    rules = [
        Rule.model_validate({"id": "sms", "name": "s", "on": "web.page", "send": {**MAIL, "channel": "sms"}}),
        Rule.model_validate({"id": "shade", "name": "s", "state": "shadow", "on": "web.page", "send": MAIL}),
        Rule.model_validate(
            {"id": "offer", "name": "o", "on": "web.page", "send": {**MAIL, "purpose": "marketing"}},
        ),
    ]
    store = Memory()
    await Bench(store, Engine(rules)).read(book(pages(4)), 3)
    assert counted(store, "sms").reasons == {"unreachable": 4}
    assert counted(store, "shade").reasons == {"shadow": 4}
    assert counted(store, "offer").reasons == {"consent": 4}
    assert counted(store, "offer").held[-1] == 4


async def test_a_wait_that_ended_without_a_word_is_told_apart() -> None:
    wait = {"wait": "30m", "unless": {"seen": "web.track/Order Completed"}}
    rule = Rule.model_validate({"id": "cart", "name": "c", "on": "web.track/Product Added", **wait, "send": MAIL})
    store = Memory()
    events = [told(1, "web.track", name="Product Added"), told(2, "web.track", name="Order Completed")]
    await Bench(store, Engine([rule])).read(book(events), 3)
    found = counted(store, "cart")
    assert (found.ended, found.reasons, sum(found.said)) == ({"unless": 1}, {}, 0)


Told = list[tuple[str, str, dict[str, Any]]]
BECAME: list[tuple[Told, dict[str, int]]] = [
    ([("email.sent", "/dispatcher", {"rule": "thanks"})], {"sent": 1}),
    ([("email.failed", "/dispatcher", {"rule": "thanks"})], {"failed": 1}),
    ([("email.in-doubt", "/dispatcher", {"rule": "thanks"})], {"doubtful": 1}),
    ([("sms.delivered", "/sms/twilio", {}), ("sms.failed", "/sms/twilio", {})], {"delivered": 1, "failed": 1}),
    ([*[("email.opened", "/t", {})] * 3, ("email.clicked", "/t", {})], {"opened": 1, "clicked": 1}),
    ([("email.received", "/t", {"text": "Yes"})] * 2, {"answered": 1}),
    ([("email.received", "/t", {"text": "I am away", "automatic": True})], {}),
    ([("email.bounced", "/t", {}), ("email.complained", "/t", {})], {"failed": 1, "complained": 1}),
    ([("web.track", "/t", {"name": "opened"})], {}),
    ([("email.opened", "/t", {"trigger": "somebody else's"})], {}),
    ([("email.sent", "/dispatcher", {"rule": "", "agent": "Mina"})], {}),
]


@pytest.mark.parametrize(("events", "expected"), BECAME)
async def test_what_became_of_it(events: Told, expected: dict[str, int]) -> None:
    store = Memory()
    bench, log = await spoken(store, 1)
    trigger = Trigger.from_json(bench.sent(TRIGGERS)[0]).id
    said = [told(n, kind, source, **{"trigger": trigger, **data}) for n, (kind, source, data) in enumerate(events)]
    log.lines[0] += [one.to_json() for one in said]
    await bench.read(log, 3)
    assert counted(store, "thanks").became == expected
    assert sum(counted(store, "thanks").said) == 1


def test_days_that_are_past_leave_the_sums() -> None:
    counts = {(TODAY - at, "said"): at + 1 for at in range(40)} | {(TODAY, "held:cap"): 2, (TODAY - 1, "held:cap"): 1}
    found = summed(counts, TODAY)
    assert found.said == list(range(DAYS, 0, -1))
    assert (found.held[-2:], found.reasons) == ([1, 2], {"cap": 3})
    assert not summed(counts, TODAY + 40).any
