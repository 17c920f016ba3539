"""A rule whose field stopped coming is told of, and no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

import pytest
from prometheus_client import REGISTRY

from hub.errors import Transient
from hub.event import make
from hub.kinds import OPEN
from rules.arrivals import Missing, Wanted, asked, missing
from rules.model import Rule
from streams.decode import Dead, Incoming
from streams.lookout import EVERY, Lookout
from streams.pipeline import Pipeline
from tests.unit.arrived import MemoryArrivals
from tests.unit.memory import Memory, incoming, quiet

SEND = {"channel": "sms", "purpose": "service", "text": "x"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHO: list[Any] = [{"type": "email", "value": "a@example.org", "verified": True}]
CART = "web.track/Product Added"
DEAR = {"field": "event.properties.price", "op": "ge", "value": 50}


def rule(when: Any = None, on: Any = CART, **more: Any) -> Rule:
    conditions = {} if when is None else {"if": when}
    return Rule.model_validate({"id": "cart", "name": "c", "on": on, "send": SEND, **conditions, **more})


def names(one: Rule) -> dict[str, set[str]]:
    return {kind: {wanted.name for wanted in some} for kind, some in asked(one).items()}


PRICE = "event.properties.price"
ASKED: list[tuple[Rule, dict[str, set[str]]]] = [
    (rule(DEAR), {CART: {f"{PRICE}:number"}}),
    (rule({"not": {"field": PRICE, "op": "in", "value": ["a", "b"]}}), {CART: {f"{PRICE}:text"}}),
    (rule({"field": PRICE, "op": "ne", "value": 5}), {CART: {PRICE}}),
    (rule({"list": "event.properties.products", "has": {"field": "item.price", "op": "gt", "value": 5}}),
     {CART: {"event.properties.products:list"}}),
    (rule({"field": "event.text", "op": "contains", "value": "x"}, "sms.received"),
     {"sms.received": {"event.text:words"}}),
    (rule({"field": PRICE, "op": "gt", "than": "event.properties.limit"}), {CART: {PRICE, "event.properties.limit"}}),
    (rule({"field": PRICE, "op": "exists", "value": True}), {CART: {PRICE}}),
    (rule(wait="30m", correlate="event.properties.cart_id",
          unless={"seen": "web.track/Order Completed", "correlate": "event.properties.cart_id"}),
     {CART: {"event.properties.cart_id"}, "web.track/Order Completed": {"event.properties.cart_id"}}),
    (rule(wait={"until": "event.properties.ends"}), {CART: {"event.properties.ends"}}),
    # Nobody need send these.
    (rule(), {}),
    (rule({"field": "profile.traits.tier", "op": "eq", "value": "gold"}), {}),
    (rule({"field": "event.channel", "op": "eq", "value": "web"}), {}),
    (rule({"field": PRICE, "op": "exists", "value": False}), {}),
    (rule({"not": {"field": PRICE, "op": "exists", "value": True}}), {}),
    (rule({"any": [{"field": PRICE, "op": "exists", "value": False}, DEAR]}), {}),
    (rule(DEAR, state="paused"), {}),
    # One that asks for a name is judged by the events of that name.
    (rule({"all": [{"field": "event.name", "op": "in", "value": ["A", "B"]}, DEAR]}, "web.track"),
     {one: {f"{PRICE}:number", "event.name:text"} for one in ("web.track/A", "web.track/B")}),
]  # fmt: skip


@pytest.mark.parametrize(("one", "expected"), ASKED)
def test_which_fields_a_rule_asks_about(one: Rule, expected: dict[str, set[str]]) -> None:
    assert names(one) == expected


@cache
def _event(name: str, properties: tuple[tuple[str, Any], ...], automatic: bool | None = None) -> Incoming:
    more: dict[str, Any] = {"name": name, "properties": dict(properties), "automatic": automatic}
    return incoming(make("web.track", id="e", source="/t", identities=WHO, received=NOW, **more), 0)


class Site:
    """A site whose events come in one by one, workers that look at them, and a clock."""

    def __init__(self, *rules: Rule, workers: int = 1) -> None:
        self.rules: Sequence[Rule] = rules
        self.store = MemoryArrivals()
        self.seconds = 0.0
        self.workers = [
            Lookout(self.store, lambda: self.rules, lambda: frozenset({0}), lambda: self.seconds)
            for _ in range(workers)
        ]

    async def begin(self) -> Site:
        await self.tell()
        return self

    async def tell(self) -> None:
        for one in self.workers:
            await one.step()

    def event(self, name: str = "Product Added", *, replayed: bool = False, **properties: Any) -> Incoming:
        at = NOW + timedelta(seconds=self.seconds)
        ms = int(at.timestamp() * 1000)
        return replace(_event(name, tuple(properties.items())), ms=ms, received=ms, replayed=replayed)

    async def sends(self, count: int, every: float, properties: Callable[[int], dict[str, Any]]) -> None:
        """So many events, so many seconds apart."""
        for n in range(count):
            self.seconds += every
            self.workers[n % len(self.workers)].look([self.event(**properties(n))])
            if n % 3 == 0:
                await self.tell()
        await self.tell()

    async def missing(self, number: int = 0) -> list[Missing]:
        wanted = asked(self.rules[number])
        return missing(wanted, await self.store.read(list(wanted)))


def priced(_: int) -> dict[str, Any]:
    return {"price": 60}


def renamed(_: int) -> dict[str, Any]:
    return {"price_eur": 60}


@pytest.mark.parametrize("workers", [1, 3])
async def test_a_field_that_a_release_renamed_is_told_of_and_comes_back(workers: int) -> None:
    site = await Site(rule(DEAR), workers=workers).begin()
    await site.sends(200, 10, priced)
    last = int((NOW + timedelta(seconds=site.seconds)).timestamp() * 1000)
    assert await site.missing() == []
    await site.sends(100, 10, renamed)
    assert await site.missing() == [], "not before half an hour"
    await site.sends(100, 10, renamed)
    (found,) = await site.missing()
    assert (found.event, found.wanted, found.state) == (CART, Wanted(PRICE, "number"), "stopped")
    assert (found.since, found.otherwise) == (last, False)
    await site.sends(3, 10, priced)
    assert await site.missing() == []


async def test_a_number_that_comes_as_a_text_is_missed_as_a_number() -> None:
    site = await Site(rule(DEAR)).begin()
    await site.sends(200, 10, priced)
    await site.sends(200, 10, lambda n: {"price": "60 €"})
    (found,) = await site.missing()
    assert (found.state, found.otherwise) == ("stopped", True)


@pytest.mark.parametrize("seed", range(3))
async def test_a_field_that_is_rare_by_nature_is_not_missed(seed: int) -> None:
    draw = Random(seed)
    site = await Site(rule(DEAR)).begin()
    for _ in range(30):
        await site.sends(100, 20, lambda n: {"price": 60} if draw.random() < 0.02 else {})
        assert [one for one in await site.missing() if one.state == "stopped"] == []
    await site.sends(2_500, 20, renamed)
    (found,) = await site.missing()
    assert found.state == "stopped", "but it is when chance cannot be the cause"


@pytest.mark.parametrize("before", [0, 600])
async def test_one_sighting_makes_no_habit(before: int) -> None:
    site = await Site(rule(DEAR)).begin()
    await site.sends(before, 10, renamed)
    await site.sends(1, 10, priced)
    await site.sends(300 + before, 10, renamed)
    assert await site.missing() == []


async def test_senders_that_take_turns_are_known() -> None:
    site = await Site(rule(DEAR)).begin()
    for _ in range(4):
        await site.sends(150, 30, priced)
        await site.sends(300, 30, renamed)  # an import that lasts two and a half hours
    await site.sends(10, 30, priced)
    await site.sends(500, 30, renamed)
    assert await site.missing() == []
    await site.sends(200, 30, renamed)
    assert [one.state for one in await site.missing()] == ["stopped"]


async def test_a_field_that_nobody_ever_sent() -> None:
    site = await Site(rule(DEAR)).begin()
    await site.sends(90, 60, renamed)
    assert await site.missing() == []
    await site.sends(20, 60, renamed)
    (found,) = await site.missing()
    assert (found.state, found.looked) == ("never", 110)
    await site.sends(1, 60, priced)
    assert await site.missing() == []
    # It took long to come; when it comes with each event from now on, it is soon missed.
    await site.sends(60, 60, priced)
    await site.sends(90, 60, renamed)
    assert [one.state for one in await site.missing()] == ["stopped"]


async def test_events_are_looked_at_now_and_then() -> None:
    site = await Site(rule(DEAR)).begin()
    for _ in range(50):
        site.seconds += EVERY / 10
        site.workers[0].look([site.event(price=1) for _ in range(20)])
    await site.tell()
    assert site.store.known[CART][f"{PRICE}:number"].looked <= 6


async def test_nothing_is_kept_of_what_says_nothing_of_what_is_sent_now() -> None:
    site = await Site(rule(DEAR)).begin()
    last_year = replace(site.event(price=1), ms=int((NOW - timedelta(days=365)).timestamp() * 1000))
    away = _event("Product Added", (("price", 1),), automatic=True)
    for one in (site.event("Order Completed", price=1), site.event(price=1, replayed=True), last_year, away):
        site.seconds += EVERY
        site.workers[0].look([one])
    await site.tell()
    assert site.store.known == {}


async def test_names_and_types_are_looked_at_each_for_itself() -> None:
    by_type = rule({"field": "event.properties.shop", "op": "eq", "value": "x"}, "web.track", id="all")
    site = await Site(rule(DEAR), by_type).begin()
    for name in ("Product Added", "Order Completed", "Product Added"):
        site.seconds += EVERY
        site.workers[0].look([site.event(name, price=1, shop="x")])
    await site.tell()
    assert site.store.known["web.track"]["event.properties.shop:text"].seen == 3
    assert site.store.known[CART][f"{PRICE}:number"].seen == 2


async def test_a_rule_that_changes_is_looked_after_as_it_is_now() -> None:
    site = await Site(rule(DEAR)).begin()
    await site.sends(200, 10, priced)
    await site.sends(200, 10, renamed)
    assert await site.missing()
    site.rules = (rule({**DEAR, "field": "event.properties.price_eur"}),)
    await site.tell()
    await site.sends(100, 10, renamed)
    assert await site.missing() == []


async def test_a_store_that_is_away_hinders_nobody() -> None:
    site = await Site(rule(DEAR)).begin()
    site.workers[0].look([site.event(price=1)])
    site.store.away = True
    with pytest.raises(Transient):
        await site.tell()
    site.store.away = False
    await site.sends(5, 10, priced)
    assert site.store.known[CART][f"{PRICE}:number"].seen == 5


async def test_operators_are_told_which_rule() -> None:
    def gauge() -> float | None:
        return REGISTRY.get_sample_value("hub_rule_fields_stopped", {"rule": "cart"})

    site = await Site(rule(DEAR), rule(id="other")).begin()
    await site.sends(200, 10, priced)
    assert gauge() is None
    await site.sends(210, 10, renamed)
    assert gauge() == 1
    await site.sends(20, 10, priced)
    assert gauge() is None


async def test_a_batch_is_looked_at_when_it_is_applied_and_not_before() -> None:
    store, seen, batch = Memory(), list[Sequence[Incoming]](), [_event("Product Added", (("price", 1),))]
    pipeline = Pipeline(store, quiet, _never, OPEN, look=seen.append)  # type: ignore[arg-type]
    store.away = 1
    with pytest.raises(Transient):
        await pipeline.run(batch, [])
    assert seen == []
    await pipeline.run(batch, [])
    assert seen == [batch]
    assert store.commits == 1


async def _never(dead: Dead) -> None:
    raise AssertionError(dead)
