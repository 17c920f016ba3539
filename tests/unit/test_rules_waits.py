"""What must have come before, what ends a wait, and what a wait may not be."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from hub.event import make
from rules.explain import explain
from rules.load import check_text
from rules.marks import IN_ALL, MARK, MOST
from rules.model import Rule
from tests.unit.packs import SARA, START, Life, made

PAID = {"seen": "web.track/Checkout Started", "within": "1h", "correlate": "event.properties.cart"}


def paid(**parts: Any) -> Rule:
    return made(on="web.track/Order Completed", after=PAID, **parts)


def test_an_event_counts_only_after_another_about_the_same_thing() -> None:
    life = Life(paid()).knows()
    life.tracked("Order Completed", cart="a")
    life.tracked("Checkout Started", cart="a")
    life.passes("30m")
    life.tracked("Order Completed", cart="b")
    life.tracked("Order Completed")
    assert life.said == []
    life.passes("30m")
    life.tracked("Order Completed", cart="a")
    assert life.said == ["r"]
    # It is used up.
    life.tracked("Order Completed", cart="a")
    assert (life.said, life.waits) == (["r"], {})


def test_too_late_is_too_late_and_nothing_is_kept() -> None:
    life = Life(paid()).knows()
    life.tracked("Checkout Started", cart="a")
    life.passes("61m")
    life.tracked("Order Completed", cart="a")
    assert life.said == []
    life.passes("2d")
    assert life.waits == {}


def test_what_happened_in_time_and_arrives_late_counts() -> None:
    life = Life(paid()).knows()
    life.tracked("Checkout Started", cart="a")
    happened = life.now + timedelta(minutes=59)
    life.passes("5h")
    life.happens("web.track", "Order Completed", at=happened, properties={"cart": "a"})
    assert life.said == ["r"]


def test_without_correlate_any_such_event_is_enough() -> None:
    rule = made(on="phone.ringing", after={"seen": ["sms.received", "email.received"], "within": "1h"})
    life = Life(rule).knows()
    life.happens("phone.ringing")
    life.happens("sms.received", text="hello")
    life.happens("phone.ringing")
    assert life.said == ["r"]


def test_the_same_event_twice() -> None:
    again = {"seen": "web.track/Payment Failed", "within": "1h", "correlate": "event.properties.order"}
    life = Life(made(on="web.track/Payment Failed", after=again)).knows()
    spoke = []
    for order in (1, 2, 2, 1, 1):
        life.tracked("Payment Failed", order=order)
        spoke.append(len(life.said))
    assert spoke == [0, 0, 1, 2, 3]


def test_a_sequence_may_wait() -> None:
    life = Life(paid(wait="1d", correlate="event.properties.cart")).knows()
    life.tracked("Checkout Started", cart="a")
    life.tracked("Order Completed", cart="a")
    assert life.waits == {"r": START + timedelta(days=1)}
    life.passes("1d")
    assert life.said == ["r"]


def test_things_that_are_remembered_are_bounded_and_the_oldest_go() -> None:
    life = Life(paid()).knows()
    for cart in range(MOST + 10):
        life.passes("1s")
        life.tracked("Checkout Started", cart=cart)
    assert len(life.profile["timers"]) == MOST
    life.tracked("Order Completed", cart=9)
    assert life.said == []
    life.tracked("Order Completed", cart=10)
    assert life.said == ["r"]
    # Of the pipeline's own table no more is left than of the profile's.
    assert len(life.draft.timers) == MOST - 1


def test_events_of_all_sorts_are_bounded_together() -> None:
    starts = [f"web.track/Start {number}" for number in range(10)]
    rules = [made(f"r{number}", on="sms.received", after={**PAID, "seen": kind}) for number, kind in enumerate(starts)]
    life = Life(*rules).knows()
    for cart in range(30):
        for kind in starts:
            life.passes("1s")
            life.tracked(kind.partition("/")[2], cart=cart)
    oldest = min(one[1] for one in life.profile["timers"].values()) / 1000 - timedelta(days=1, hours=1).total_seconds()
    assert len(life.profile["timers"]) == IN_ALL
    assert life.now.timestamp() - oldest < IN_ALL


@pytest.mark.parametrize("seed", range(20))
def test_a_sequence_is_what_a_slow_look_at_all_events_says(seed: int) -> None:
    random = Random(seed)
    life = Life(paid()).knows()
    started: dict[int, datetime] = {}
    for _ in range(60):
        life.passes(random.choice(("1m", "10m", "31m", "1h")))
        cart = random.randrange(3)
        before = len(life.said)
        if random.random() < 0.5:
            life.tracked("Checkout Started", cart=cart)
            started[cart] = life.now
        else:
            life.tracked("Order Completed", cart=cart)
            first = started.get(cart)
            expected = first is not None and life.now - first <= timedelta(hours=1)
            assert (len(life.said) > before) is expected
            if expected:
                del started[cart]
            life.profile["fired"].clear()


# What ends a wait.

CART: dict[str, Any] = {
    "on": "web.track/Product Added",
    "wait": "30m",
    "correlate": "event.properties.cart",
    "unless": {"seen": "web.track/Order Completed", "correlate": "event.properties.cart"},
}


def test_only_an_order_of_the_same_cart_ends_the_wait() -> None:
    life = Life(made(**CART)).knows()
    life.tracked("Product Added", cart="a")
    life.tracked("Product Added", cart="b")
    life.passes("10m")
    (over, _) = life.tracked("Order Completed", cart="b")
    assert (over.outcome, over.code) == ("cancelled", "unless")
    life.tracked("Order Completed")
    spoke = life.passes("30m")
    assert [one.outcome for one in spoke] == ["fired"]
    assert spoke[0].trigger is not None
    assert spoke[0].trigger.cause == "e2"


def test_an_order_that_arrives_before_what_it_ends_silences_it_too() -> None:
    life = Life(made(**CART)).knows()
    added = life.now
    life.passes("10m")
    life.tracked("Order Completed", cart="a")
    assert life.happens("web.track", "Product Added", at=added, properties={"cart": "a"}) == []
    (waits,) = life.happens("web.track", "Product Added", at=added, properties={"cart": "b"})
    assert waits.outcome == "waiting"
    # What came after the order is another cart of that name.
    life.passes("1s")
    (waits,) = life.tracked("Product Added", cart="a")
    assert waits.outcome == "waiting"
    life.passes("3d")
    assert (len(life.said), life.waits) == (2, {})


def test_a_wait_ends_with_either_of_two_events() -> None:
    unless = {"any": [CART["unless"], {"seen": "web.track/Cart Cleared"}]}
    life = Life(made(**{**CART, "unless": unless})).knows()
    for ending in ("Order Completed", "Cart Cleared"):
        life.tracked("Product Added", cart=1)
        assert "r" in life.waits
        life.passes("1m")
        life.tracked(ending, cart=1)
        assert "r" not in life.waits
        life.passes("1m")


def test_silence_after_an_event_is_a_wait_that_the_next_one_of_its_kind_starts_anew() -> None:
    life = Life(made(on="sms.received", wait="1h", unless={"seen": "sms.received"})).knows()
    life.happens("sms.received", text="one")
    life.passes("50m")
    life.happens("sms.received", text="two")
    life.passes("59m")
    assert life.said == []
    life.passes("1m")
    assert life.said == ["r"]


def test_marks_say_nothing_of_rules_that_are_gone() -> None:
    life = Life(paid()).knows()
    (noted,) = life.tracked("Checkout Started", cart="a")
    assert (noted.outcome, noted.rule) == ("noted", MARK)
    life.engine = type(life.engine)([])
    assert life.passes("2d") == []
    assert life.profile["timers"] == {}


def test_a_machines_event_counts_as_seen_but_gets_no_answer() -> None:
    life = Life(paid()).knows()
    life.happens("web.track", "Checkout Started", properties={"cart": 1}, automatic=True)
    life.happens("web.track", "Order Completed", properties={"cart": 1}, automatic=True)
    assert life.said == []
    life.tracked("Order Completed", cart=1)
    assert life.said == ["r"]


# What is refused.

RULE = """
id: r
name: A rule
on: web.track/Order Completed
{}
send: {{channel: sms, purpose: service, text: Hello}}
"""


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("wait: {until: profile.traits.x}", ""),
        ("wait: {until: {birthday: profile.traits.b, calendar: persian}, at: '07:30', before: 1d}", ""),
        ("wait: 30", "x.yaml:5: wait: write a span of time with its unit"),
        ("wait: {}", "x.yaml:5: wait.until: is missing"),
        ("wait: {until: trait.x}", "x.yaml:5: wait.until: trait.x is no field"),
        ("wait: {untill: profile.traits.x}", "x.yaml:5: wait.untill: is unknown here; did you mean until?"),
        ("wait: {until: item.x}", "x.yaml:5: wait: `until` names a field of the event or of the profile"),
        ("wait: {until: event.time, at: 9}", "x.yaml:5: wait.at: must be text"),
        ("wait: {until: event.time, at: '24:00'}", "x.yaml:5: wait.at: write a time of the day, such as 09:00"),
        (
            "wait: {until: event.time, before: 500d}",
            "x.yaml:5: wait.before: must be more than nothing and at most 400d",
        ),
        ("wait: {until: event.time, before: 1d, after: 1d}", "x.yaml:5: wait: has `before` and `after`: keep one"),
        ("wait: {until: {birthday: profile.traits.b, calendar: mayan}}", "x.yaml:5: wait.until.calendar: mayan is not"),
        ("after: {seen: sms.received}", "x.yaml:5: after.within: is missing"),
        ("after: {seen: sms, within: 1h}", "x.yaml:5: after.seen.0: is not written as it must be"),
        ("after: {seen: sms.received, within: 1h, correlate: profile.stage}", "x.yaml:5: after: `correlate` names"),
        ("unless: {seen: sms.received, correlate: event.a}", "x.yaml:2: `seen` needs `within`"),
        ("if: {seen: sms.received, within: 1h, correlate: event.a}", "x.yaml:5: if: `correlate` of `seen` names"),
        (
            "wait: 1h\nunless: {not: {seen: sms.received, correlate: event.a}}",
            "x.yaml:2: `correlate` of `seen` stands in `unless` alone or in its `any`",
        ),
        ("wait: 1h\nunless: {any: [{seen: sms.received, correlate: event.a}]}", ""),
    ],
)
def test_a_fault_is_told_with_its_line_and_what_to_write(line: str, problem: str) -> None:
    found = [str(one) for one in check_text(RULE.format(line), "x.yaml")]
    assert found == [] if not problem else any(one.startswith(problem) for one in found), found


def test_a_rule_is_the_same_after_a_visit_to_json() -> None:
    rule = paid(wait={"until": {"birthday": "profile.traits.b"}, "before": "1d", "at": "10:00"})
    again = Rule.model_validate_json(rule.model_dump_json(by_alias=True, exclude_defaults=True))
    assert (again, again.version) == (rule, rule.version)


def test_why_a_sequence_did_not_match() -> None:
    rule = paid()
    life = Life(rule).knows()
    life.tracked("Checkout Started", cart="a")
    life.passes("2h")

    def told(cart: str) -> list[str]:
        parts: dict[str, Any] = {"name": "Order Completed", "properties": {"cart": cart}}
        event = make("web.track", id="x", source="/test", identities=[SARA], received=life.now, **parts)
        explained = explain(rule, event, event.ms, life.profile)
        assert not explained.matched
        return list(explained.lines())

    asked = "seen web.track/Checkout Started within 1h with event.properties.cart"
    assert f"  no: {asked} 'a'  (7200 s before)" in told("a")
    assert f"  no: {asked} 'b'  (never)" in told("b")
