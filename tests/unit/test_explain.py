"""Explaining: the first thing that stood against a message, which is what the engine itself held it for."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from hub.profile import Profile
from rules.engine import Engine
from rules.explain import Explanation, explain
from tests.unit.test_rules_engine import CART, MAIL, SMS, Story, rule

OLD = {"field": "profile.traits.age", "op": "ge", "value": 18}
VIP = {"field": "profile.traits.tier", "op": "eq", "value": "gold"}


def say(profile: Profile, **traits: Any) -> None:
    for name, value in traits.items():
        profile["traits"][name] = [value, 0, "", "web.identify"]


def asked(story: Story, kind: str = "sms.received", minute: float = 0, **data: Any) -> Explanation:
    """The story's only rule about an event that happens now."""
    event = story.event(kind, minute, **data)
    return explain(story.engine.rules[0], event, event.ms, story.profile, engine=story.engine)


@pytest.mark.parametrize(
    ("parts", "traits", "blame"),
    [
        ({}, {}, ""),
        ({"on": "email.received"}, {}, "on: it listens to email.received, and this is sms.received"),
        ({"state": "paused"}, {}, "state: the rule is paused"),
        ({"when": {"all": [VIP, OLD]}}, {"tier": "gold", "age": 17}, "if: profile.traits.age ge 18: found 17"),
        ({"when": {"not": VIP}}, {"tier": "gold"}, "if: not: profile.traits.tier eq 'gold': found 'gold'"),
        ({"unless": {"any": [OLD, VIP]}}, {"tier": "gold"}, "unless: profile.traits.tier eq 'gold': found 'gold'"),
        ({"send": MAIL}, {"promotions_hold": True}, "hold: promotions are on hold for this customer"),
        ({"state": "shadow"}, {}, "shadow: would have been sent over sms"),
        ({"send": {**SMS, "text": "{{ customer.nobody }}"}}, {}, "template: customer.nobody is missing"),
    ],
)
def test_the_first_thing_that_stood_against_it(parts: dict[str, Any], traits: dict[str, Any], blame: str) -> None:
    story = Story(rule(**parts))
    say(story.profile, **traits)
    found = asked(story)
    assert found.blame == blame
    assert found.to_json()["blame"] == blame


def test_what_was_answered_is_not_answered_again() -> None:
    for once, why in (
        ("per-occurrence", "once: it has answered this event already"),
        ("ever", "once: it has spoken to this customer before, and does so once"),
        ("per-day", "once: it has spoken to this customer on this day already"),
    ):
        story = Story(rule(once=once))
        story.happens("sms.received", id="x")
        assert asked(story, id="x").blame == why


def test_machines_and_the_late_are_told_first() -> None:
    story = Story(rule(send=MAIL, when=OLD))
    assert asked(story, automatic=True).blame == "automatic: a machine wrote this, and gets no answer"
    say(story.profile, age=20)
    late = asked(story, late=60 * 48)
    assert late.blame == late.gates[0] == "late: it reached us 2d after it happened"


def test_a_wait_says_until_when_and_what_came_of_it() -> None:
    story = Story(rule(**CART))
    added: dict[str, Any] = {"kind": "web.track", "name": "Product Added", "properties": {"name": "shoe"}}
    found = asked(story, **added)
    assert (found.outcome, found.blame) == ("waiting", "")
    assert found.wait == "wait: 30m, until 2026-01-01T12:30:00.000Z, unless what `unless` says holds by then"
    (decision,) = story.happens(minute=1, **added)
    older = "wait: a wait for this event or a newer one runs already, until 2026-01-01T12:31:00.000Z"
    assert asked(story, **added).blame == older
    assert decision.timer is not None
    over = asked(story, "timer.due", 31, slot=decision.timer.slot, timer=decision.timer.id)
    assert (over.concerned, over.outcome, over.blame) == (True, "fired", "")
    stranger = asked(story, "timer.due", 31, slot=decision.timer.slot, timer="another")
    assert not stranger.concerned
    story.happens("web.track", 20, name="Order Completed")
    assert asked(story, **added).blame == "wait: what ends the wait was seen since this event"


def test_a_rule_that_was_asked_before_counts() -> None:
    first, second = (rule(id, send=MAIL, cap=None) for id in ("a", "b"))
    story = Story(first, second)
    for number in range(2):
        story.profile["fired"][f"t{number}"] = ["x", "email", story.event("sms.received").ms, "marketing"]
    event = story.event("sms.received")
    found = explain(second, event, event.ms, story.profile, engine=story.engine)
    assert found.blame == "cap: 3 marketing messages within 1d"
    assert explain(second, event, event.ms, story.profile).blame == ""


def test_the_first_gate_is_the_engines() -> None:
    """Whatever stands against a message at once: the engine gives the reason that is blamed."""
    random, held = Random(1), 0
    for _ in range(300):
        story = Story(rule(send=MAIL, cap={"count": 1, "per": "1h"}))
        event = story.event("sms.received")
        if random.random() < 0.3:
            story.profile["consent"] = {}
        if random.random() < 0.3:
            say(story.profile, promotions_hold=True)
        if random.random() < 0.3:
            story.profile["fired"]["t"] = ["r", "email", event.ms - 1000, "marketing"]
        if random.random() < 0.3:
            story.profile["identities"].clear()
        decided = Engine(story.engine.rules).decide(event, event.ms, story.profile)
        found = explain(story.engine.rules[0], event, event.ms, story.profile)
        reasons = [one.reason for one in decided if one.outcome == "held"]
        assert list(found.gates[:1]) == reasons
        assert found.blame == "".join(reasons)
        held += bool(reasons)
    assert held > 100
