"""A backtest of what was live is what was sent; of other rules it tells who would get what, and who no longer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from kafka import TopicPartition

from hub.cli.backtesting import moment, span_of
from hub.errors import Rejected
from hub.replay import Merged, Stored
from hub.settings import Settings
from profile_store.draft import place
from rules.backtest import Backtest, Sent, bars, compare
from rules.history import Change, History
from rules.model import Rule
from streams.backtest import ALWAYS, Period, Run, of_history, of_rules, opened, play
from streams.declared import Declarations
from streams.decode import one
from streams.recorded import line_of, recorded
from streams.rerun import Rerun
from streams.why import Asking, Why, choose
from tests.unit.memory import TOPIC_ID, quiet
from tests.unit.recording import CART, DESCRIBED, MAIL, RULES, SMS, Shop, ms, settings, story
from tests.unit.test_arrange import Town, canonical, live, sure


def run_of(shop: Shop, folder: Path, rules: Mapping[str, Any], *, period: Period = ALWAYS) -> Backtest:
    """What these rules would have done."""
    installation = settings(folder, rules)
    run = Run(opened(installation, folder / "rules"), period)
    run.begin(installation, DESCRIBED, shop.known())
    play([run], shop.incoming(), ms(100_000))
    assert not run.rerun.dead
    return run.told


@pytest.mark.parametrize("block", range(2))
async def test_what_was_live_is_what_was_sent(tmp_path: Path, block: int) -> None:
    rules = set()
    for seed in range(block * 3, block * 3 + 3):
        shop = await story(tmp_path / f"live{seed}", seed)
        found = run_of(shop, tmp_path / f"again{seed}", RULES)
        wanted = [Sent.of(trigger) for trigger in shop.triggers]
        assert found.sent == wanted, f"seed {seed}"
        rules |= {one.rule for one in wanted}
    assert len(rules) >= 6


RULES_OF = {id: Rule.model_validate({"id": id, "name": id, **parts}) for id, parts in RULES.items()}
CHANGED = {
    15: [
        Change("cart", RULES_OF["cart"].model_copy(update={"wait": 600_000, "priority": 4})),
        Change("first", RULES_OF["first"].model_copy(update={"state": "shadow"})),
    ],
    31: [
        Change(
            "cart", Rule.model_validate({"id": "cart", "name": "cart", **CART, "send": {**MAIL, "text": "Still there"}})
        ),
        Change("daily", None),
    ],
    44: [Change("cart", None), Change("daily", RULES_OF["daily"]), Change("first", RULES_OF["first"])],
}
"""What becomes of the rules after so many events."""


def played_back(shop: Shop, folder: Path, *, now: int = ms(100_000)) -> Backtest:
    """What the rules did, by their history and the log."""
    history = History()
    for offset, message in enumerate(shop.published):
        history.apply(offset, message)
    run = of_history(settings(folder, {}), history)
    run.begin(Settings(state=folder), DESCRIBED, shop.known())
    play([run], shop.incoming(), now)
    assert not run.rerun.dead
    return run.told


@pytest.mark.parametrize("block", range(2))
async def test_what_was_live_is_what_was_sent_while_rules_changed(tmp_path: Path, block: int) -> None:
    differ = 0
    for seed in range(block * 3, block * 3 + 3):
        shop = await story(tmp_path / f"live{seed}", seed, changed=CHANGED)
        found = played_back(shop, tmp_path / f"again{seed}")
        wanted = [Sent.of(trigger) for trigger in shop.triggers]
        assert found.sent == wanted, f"seed {seed}"
        newest = {one.id: one for one in shop.declarations.editions.newest.rules}
        today = Run(of_rules(settings(tmp_path / f"again{seed}", {}), list(newest.values())))
        today.begin(Settings(state=tmp_path), DESCRIBED, shop.known())
        play([today], shop.incoming(), ms(100_000))
        differ += today.told.sent != wanted
    assert differ, "today's rules would have said something else"


async def test_what_the_log_does_not_tell_any_more_is_decided_by_the_last_that_began(tmp_path: Path) -> None:
    shop = await left_behind(tmp_path)
    shop.changes(
        Change("cart", Rule.model_validate({"id": "cart", "name": "cart", **CART, "send": {**MAIL, "text": "New"}}))
    )
    assert messages(played_back(shop, tmp_path / "again")) == [("cart", "New", 31)]


async def left_behind(folder: Path) -> Shop:
    """Ada agrees to everything, and leaves a cart a minute later."""
    found = Shop(opened(settings(folder / "live", {"cart": CART}), folder / "live" / "rules"))
    ada = [sure(one) for one in ("user_id:ada", "email:ada@x.org", "phone:+49301")]
    consent = {"channel": "any", "purpose": "marketing", "given": True}
    await found.says(1, 0, *ada, kind="web.identify", consent=consent, traits={"first_name": "Ada"})
    await said(found, 2, 1, "shoe", "Product Added")
    return found


def interleaved(town: Town, random: Random) -> Iterator[Stored]:
    """The log of a town, its partitions in some order, each in its own."""
    at = [0] * len(town.log)
    while waiting := [number for number, start in enumerate(at) if start < len(town.log[number])]:
        number = random.choice(waiting)
        yield Stored(number, at[number], 1, "", town.log[number][at[number]].to_json())
        at[number] += 1


async def test_customers_are_those_there_were_in_whatever_order_partitions_are_read() -> None:
    for seed in range(8):
        town = await live(Random(seed), 40)
        lines = list(interleaved(town, Random(seed)))
        known = recorded(lines, TOPIC_ID, town.policy)
        rerun = Rerun(quiet(), known, town.policy, topic_id=TOPIC_ID, tenant="default", watch=lambda _, found: found)
        for line in lines:
            rerun.take(one(line_of(line), TOPIC_ID, False, town.policy))
        for id, document in town.documents().items():
            again = [rerun.town.find(place(name)) for name in document["nodes"]]
            assert {None if draft is None else draft.id for draft in again} == {id}, f"seed {seed}"
            assert again[0] is not None
            assert canonical(again[0].document) == canonical(document), f"seed {seed}"
        assert not rerun.dead


@pytest.fixture
async def shop(tmp_path: Path) -> Shop:
    """Ada agrees to everything, leaves a cart, buys another one after 40 minutes, and writes."""
    found = await left_behind(tmp_path)
    for number, minute, what, kind in (
        (3, 100, "hat", "Product Added"),
        (4, 140, "hat", "Order Completed"),
    ):
        await said(found, number, minute, what, kind)
    await found.says(5, 150, sure("phone:+49301"), kind="sms.received", text="Hello?")
    await found.until(1000)
    return found


async def said(shop: Shop, number: int, minute: float, what: str, kind: str) -> None:
    data = {"name": kind, "properties": {"name": what}}
    await shop.says(number, minute, sure("user_id:ada"), kind="web.track", **data)


def messages(told: Backtest) -> list[tuple[str, str, int]]:
    """Rule, text and minute of what was sent."""
    return [(one.rule, one.text, (one.when - ms(0)) // 60_000) for one in told.sent]


async def test_a_rule_is_counted(shop: Shop, tmp_path: Path) -> None:
    assert [trigger.text for trigger in shop.triggers] == ["shoe", "hat"]
    told = run_of(shop, tmp_path / "now", {"cart": {**CART, "wait": "45m"}})
    assert messages(told) == [("cart", "shoe", 46)], "the hat was bought meanwhile"
    tally = told.rules["cart"]
    assert (len(tally.customers), tally.waited, tally.sent, dict(tally.cancelled)) == (1, 2, 1, {"unless": 1})
    assert told.to_json(ZoneInfo("UTC"))["rules"]["cart"]["days"] == {"2026-01-01": 1}


async def test_a_shorter_wait_is_not_ended_by_the_longer_one_of_before(shop: Shop, tmp_path: Path) -> None:
    told = run_of(shop, tmp_path / "now", {"cart": {**CART, "wait": "10m"}})
    assert messages(told) == [("cart", "shoe", 11), ("cart", "hat", 110)]


async def test_what_live_messages_led_to_counts_only_where_they_are_sent(shop: Shop, tmp_path: Path) -> None:
    asked = {"on": "sms.received", "if": {"field": "profile.counts.email.sent", "op": "ge", "value": 2}, "send": SMS}
    both = run_of(shop, tmp_path / "both", {"cart": CART, "asked": asked})
    assert [one.rule for one in both.sent] == ["cart", "cart", "asked"]
    assert run_of(shop, tmp_path / "alone", {"asked": asked}).sent == []


async def test_what_came_before_is_folded_and_not_told(shop: Shop, tmp_path: Path) -> None:
    rules = {"cart": {**CART, "cap": {"count": 1, "per": "1d"}}}
    whole = run_of(shop, tmp_path / "whole", rules)
    assert messages(whole) == [("cart", "shoe", 31)]
    since = run_of(shop, tmp_path / "since", rules, period=Period(since=ms(60)))
    assert since.sent == []
    assert dict(since.rules["cart"].held) == {"cap": 1}
    until = run_of(shop, tmp_path / "until", rules, period=Period(until=ms(60)))
    assert messages(until) == [("cart", "shoe", 31)]
    assert not until.rules["cart"].held


async def test_two_sets_of_rules_are_compared(shop: Shop, tmp_path: Path) -> None:
    before = run_of(shop, tmp_path / "before", {"cart": {**CART, "cap": {"count": 1, "per": "1h"}}})
    rules = {
        "cart": {
            **CART,
            "cap": {"count": 1, "per": "1h"},
            "send": {**MAIL, "text": "Your {{ event.properties.name }}"},
        },
        **{f"more{n}": {"on": "web.track/Product Added", "send": {**MAIL, "text": str(n)}} for n in range(3)},
    }
    after = run_of(shop, tmp_path / "after", rules)
    found = compare(before, after)
    assert [(one.rule, one.text) for one in found.gained] == [("more0", "0"), ("more1", "1"), ("more2", "2")]
    assert not found.lost
    assert not found.changed
    assert [(one.lost.text, one.by and one.by.rule) for one in found.displaced] == [("shoe", "more2"), ("hat", "more2")]
    assert all(one.reason.startswith("cap: 3 marketing messages") for one in found.displaced)
    turned = compare(after, before)
    assert [one.rule for one in turned.lost] == ["more0", "more1", "more2"]
    assert [one.text for one in turned.gained] == ["shoe", "hat"]
    other = run_of(shop, tmp_path / "other", {"cart": {**CART, "send": {**MAIL, "channel": "sms", "text": "Hi"}}})
    assert [(one.text, two.text, two.channel) for one, two in compare(before, other).changed] == [
        ("shoe", "Hi", "sms"),
        ("hat", "Hi", "sms"),
    ]


def asked(shop: Shop, folder: Path, rule: str, rules: Mapping[str, Any], *, at: int | None = None, id: str = "") -> Why:
    """Why a rule spoke, or did not."""
    installation = settings(folder, rules)
    found = opened(installation, folder / "rules")
    wanted = next(one for one in found.editions.newest.rules if one.id == rule)
    event_ = choose(wanted, shop.incoming(), at, id)
    return Asking(installation, TOPIC_ID, found, wanted, event_).run(shop.known(), shop.incoming())


async def test_why_and_why_not(shop: Shop, tmp_path: Path) -> None:
    first = asked(shop, tmp_path / "first", "cart", {"cart": CART}, at=ms(0))
    assert first.event.id == "e2"
    assert first.said.wait == "wait: 30m, until 2026-01-01T00:31:00.000Z, unless what `unless` says holds by then"
    assert [(one.outcome, one.when) for one in first.came] == [("waiting", ms(1)), ("fired", ms(31) + 300)]
    assert first.then is not None
    assert (first.blame, first.then.outcome, first.then.text) == ("", "fired", "shoe")
    slow = asked(shop, tmp_path / "slow", "cart", {"cart": {**CART, "wait": "45m"}})
    assert (slow.event.id, [one.outcome for one in slow.came]) == ("e3", ["waiting", "cancelled"])
    assert slow.blame == "unless: no longer needed: web.track/Order Completed"
    rich = {
        "all": [
            {"field": "event.name", "op": "exists", "value": True},
            {"field": "event.properties.price", "op": "ge", "value": 50},
        ]
    }
    poor = asked(shop, tmp_path / "poor", "cart", {"cart": {**CART, "if": rich}})
    assert poor.blame == "if: event.properties.price ge 50: missing"
    assert poor.to_json()["said"]["if"]["parts"][1] == {
        "asked": "event.properties.price ge 50", "answer": "unknown", "found": "missing", "parts": [],
    }  # fmt: skip
    once = {"on": "web.track/Product Added", "send": {**MAIL, "text": "once"}, "cap": {"count": 1, "per": "1d"}}
    full = asked(shop, tmp_path / "full", "cart", {"cart": once})
    assert full.blame == "cap: this rule spoke 1 times within 1d", "what was said was said, by whatever version"
    other = asked(shop, tmp_path / "other", "cart", {"cart": CART}, id="e5")
    assert other.blame == "on: it listens to web.track/Product Added, and this is sms.received"
    with pytest.raises(Rejected, match=r"no event that cart listens to: phone\.missed"):
        asked(shop, tmp_path / "none", "cart", {"cart": {"on": "phone.missed", "send": SMS}})


async def test_why_asks_the_rules_of_today_whatever_was_in_force(shop: Shop, tmp_path: Path) -> None:
    installation = settings(tmp_path / "now", {})
    found = Declarations(installation)
    slow = Rule.model_validate({"id": "cart", "name": "cart", **CART, "wait": "45m"})
    shop.changes(Change("cart", slow))
    found.editions.history = shop.declarations.editions.history
    event_ = choose(slow, shop.incoming(), None, "")
    why = Asking(installation, TOPIC_ID, found, slow, event_).run(shop.known(), shop.incoming())
    assert why.blame == "unless: no longer needed: web.track/Order Completed"
    assert [one.outcome for one in why.came] == ["waiting", "cancelled"], "then it was sent, after half an hour"


def test_moments_are_written_as_people_write_them() -> None:
    zone, now = ZoneInfo("Asia/Tehran"), ms(0)
    assert moment("2d", "since", zone, now) == now - 2 * 86_400_000
    assert moment("2026-01-01T03:30", "at", zone, now) == now
    assert moment("2026-01-01T01:00+01:00", "at", zone, now) == now
    with pytest.raises(Rejected, match="until: yesterday is no time"):
        moment("yesterday", "until", zone, now)


def test_a_picture_shows_every_day() -> None:
    days = span_of({"2026-01-31": 4, "2026-02-02": 1, "2026-02-03": 8})
    assert days == ["2026-01-31", "2026-02-01", "2026-02-02", "2026-02-03"]
    assert bars([4, 0, 1, 8]) == "▄ ▁█"
    assert len(span_of({"2020-01-01": 1, "2026-01-01": 1})) == 60
    assert bars([]) == ""


def test_a_folder_that_is_not_there_or_has_a_mistake_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="there is no folder"):
        opened(Settings(state=tmp_path), tmp_path / "nowhere")
    folder = settings(tmp_path, {"cart": {**CART, "wait": "soon"}}).rules_dir
    with pytest.raises(Rejected, match=r"cart\.yaml:\d+: wait: write a span"):
        opened(Settings(state=tmp_path), folder)


class Broker:
    """A consumer of a topic that answers with a few messages of one partition after the other."""

    def __init__(self, lines: Mapping[int, list[int]]) -> None:
        self.lines = {TopicPartition("log", one): times for one, times in lines.items()}
        self.at = dict.fromkeys(self.lines, 0)
        self.paused: set[TopicPartition] = set()

    def assign(self, places: list[TopicPartition]) -> None:
        assert set(places) == set(self.lines)

    def seek_to_beginning(self) -> None:
        self.at = dict.fromkeys(self.lines, 0)

    def position(self, place: TopicPartition) -> int:
        return self.at[place]

    def pause(self, place: TopicPartition) -> None:
        self.paused.add(place)

    def resume(self, place: TopicPartition) -> None:
        self.paused.discard(place)

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        found = {}
        for part in self.lines.keys() - self.paused:
            start, self.at[part] = self.at[part], min(self.at[part] + 3, len(self.lines[part]))
            times = self.lines[part][start : self.at[part]]
            found[part] = [
                SimpleNamespace(partition=part.partition, offset=start + n, timestamp=at, key=b"k", value=b"v")
                for n, at in enumerate(times)
            ]
        return found


def test_partitions_are_read_as_one_by_time_and_each_in_its_own_order() -> None:
    lines = {0: [1, 5, 4, 9, 9, 12], 1: [2, 3, 6, 20, 21], 2: []}
    until = {TopicPartition("log", one): len(times) for one, times in lines.items()}
    until[TopicPartition("log", 1)] = 4
    read = [(one.timestamp, one.partition, one.offset) for one in Merged(Broker(lines), until)]
    assert [at for at, _, _ in read] == [1, 2, 3, 5, 4, 6, 9, 9, 12, 20], "what a partition says late comes late"
    assert [offset for _, one, offset in read if one == 0] == [0, 1, 2, 3, 4, 5]
    assert [offset for _, one, offset in read if one == 1] == [0, 1, 2, 3], "up to an offset, and no further"
