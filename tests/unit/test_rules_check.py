"""What is found about rules before they are published."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.event import Event, make
from hub.profile import empty
from rules import overlap, vocabulary
from rules.catalogue import Catalogue
from rules.check import check, check_one
from rules.cost import Cost, cost
from rules.engine import Engine
from rules.finding import Finding
from rules.lifecycle import Lifecycle
from rules.load import load_folder
from rules.model import GlobalCap, Rule
from rules.scene import of_event
from rules.segments import Segment
from rules.shop import FOLDER
from rules.speech import ready
from rules.timers import body
from rules.traits import Trait
from rules.typed import Typed

PAYLOADS = Path(__file__).parents[1] / "contract" / "payloads"
DECLARED = Catalogue.of(
    [
        Trait.model_validate({"id": "orders", "name": "x", "on": "web.track/Order Completed", "compute": "count"}),
        Trait.model_validate(
            {"id": "brands", "name": "x", "on": "web.page", "compute": "unique-list", "value": "event.properties.a"}
        ),
    ],
    [
        Segment.model_validate({"id": "vip", "name": "x", "if": {"field": "profile.events", "op": "gt", "value": 9}}),
        Lifecycle.model_validate(
            {
                "lifecycle": [
                    {
                        "name": "new",
                        "title": "New",
                        "if": {"field": "profile.events", "op": "lt", "value": 3},
                    },
                    {"name": "regular", "title": "Regular", "otherwise": True},
                ]
            }
        ),
    ],
    [
        Typed.model_validate({"id": "tier", "name": "x", "type": "choice", "words": ["gold", "silver"]}),
        Typed.model_validate({"id": "age", "name": "x", "type": "integer", "min": 0, "max": 150}),
        Typed.model_validate({"id": "hobbies", "name": "x", "type": "list"}),
        Typed.model_validate({"id": "member", "name": "x", "type": "boolean"}),
    ],
)


def rule(when: Any = None, **more: Any) -> Rule:
    said = {"id": "r", "name": "x", "on": "sms.received", "if": when}
    send = {"channel": "sms", "purpose": "marketing", "text": "hi"} | more.pop("send", {})
    return Rule.model_validate({**said, "send": send, **more})


def leaf(field: str, op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, **more}


def told(when: Any = None, **more: Any) -> list[Finding]:
    return check_one(rule(when, **more), DECLARED)


def test_the_rules_we_ship_have_nothing_against_them() -> None:
    assert check(load_folder(FOLDER).rules, Catalogue()) == []


@pytest.mark.parametrize(
    ("when", "severity", "field", "reason"),
    [
        (leaf("profile.computed.oders", "gt", 3), "error", "if.field", "no computed trait oders; did you mean orders?"),
        (leaf("profile.segments.vips", "eq", True), "error", "if.field", "no segment vips; did you mean vip?"),
        ({"field": "profile.events", "op": "gt", "than": "profile.computed.oders"}, "error", "if.than", "mean orders?"),
        (leaf("event.txt", "eq", "x"), "warning", "if.field", "no sms.received event has txt; did you mean text?"),
        (leaf("profile.traits.Tier", "eq", "x"), "warning", "if.field", "Tier is almost tier"),
        (leaf("profile.traits.lanugage", "eq", "x"), "warning", "if.field", "almost language"),
        (leaf("profile.counts.email.recieved", "gt", 1), "warning", "if.field", "did you mean email.received?"),
        (leaf("profile.counts.web.track/Order Complete", "gt", 1), "warning", "if.field", "Order Completed"),
        (leaf("profile.channels.emial.sent", "gt", 1), "warning", "if.field", "did you mean email?"),
        (leaf("profile.consent.email/marketting", "eq", True), "warning", "if.field", "email/marketing"),
        ({"list": "profile.identities.e_mail", "has": leaf("item", "eq", "x")}, "warning", "if.list", "email"),
        ({"seen": ["sms.received", "sms.recieved"], "within": "1h"}, "warning", "if.seen.1", "sms.received?"),
        ({"not": {"all": [leaf("event.txt", "eq", "x")]}}, "warning", "if.not.all.0.field", "text"),
    ],
)
def test_an_unknown_name_is_told_with_the_one_that_was_meant(when: Any, severity: str, field: str, reason: str) -> None:
    (found,) = told(when)
    assert (found.severity, found.field, found.rule) == (severity, field, "r")
    assert reason in str(found)


@pytest.mark.parametrize(
    "when",
    [
        leaf("profile.traits.favourite_colour", "eq", "red"),
        leaf("profile.facts.shoe_size", "gt", 40),
        leaf("profile.counts.web.track/Quiz Taken", "gt", 1),
        leaf("profile.segments.stage:new", "eq", True),
        leaf("profile.consent.sms/surveys", "eq", True),
        leaf("event.text", "contains", "hello", ignore_case=True),
    ],
)
def test_what_senders_call_by_names_of_their_own_is_nobodys_fault(when: Any) -> None:
    assert told(when) == []


@pytest.mark.parametrize(
    ("when", "field", "reason"),
    [
        (leaf("profile.counts.sms.received", "gt", "few"), "if.value", "is a whole number from 0"),
        (leaf("profile.counts.sms.received", "lt", 0), "if.value", "never"),
        (leaf("profile.counts.sms.received", "eq", 1.5), "if.value", "whole number"),
        (leaf("profile.counts.sms.received", "contains", "1"), "if.value", "whole number"),
        (leaf("profile.counts.sms.received", "exists", False), "if", "never missing"),
        (leaf("profile.segments.vip", "eq", "yes"), "if.value", "yes or no"),
        (leaf("profile.computed.orders", "eq", True), "if.value", "whole number"),
        (leaf("profile.computed.brands", "eq", "Acme"), "if.value", "a list"),
        (leaf("profile.stage", "eq", "regulr"), "if.value", "did you mean regular?"),
        (leaf("profile.traits.tier", "eq", "godl"), "if.value", "did you mean gold?"),
        (leaf("profile.traits.tier", "suffix", "um"), "if.value", "one of gold, silver"),
        (leaf("profile.traits.age", "gt", 150), "if.value", "up to 150"),
        (leaf("profile.traits.member", "ne", "x") | {"op": "gt"}, "if.value", "yes or no"),
        (leaf("profile.latest.sms.received.text", "lt", 3), "if.value", "text"),
        ({"not": leaf("profile.language", "gt", 3)}, "if.not.value", "text"),
        ({"list": "profile.events", "has": leaf("item", "eq", 1)}, "if.list", "whole number"),
        (leaf("event.type", "eq", "sms.recieved"), "if.value", "did you mean sms.received?"),
        (leaf("event.channel", "in", ["email", "phone"]), "if.value", "event.channel is sms"),
    ],
)
def test_what_a_field_can_never_be_is_an_error(when: Any, field: str, reason: str) -> None:
    found = [one for one in told(when) if one.severity == "error"]
    assert [(one.code, one.field) for one in found] == [("type", field)]
    assert reason in str(found[0])


def test_what_senders_usually_say_is_a_warning() -> None:
    (found,) = told(leaf("event.properties.total", "gt", "100"), on="web.track/Order Completed")
    assert (found.severity, found.code) == ("warning", "type")
    assert "usually a number" in found.reason
    (found,) = told(leaf("profile.traits.tier", "in", ["gold", "bronce"]))
    assert (found.severity, found.field) == ("warning", "if.value.1")


@pytest.mark.parametrize(
    ("when", "field"),
    [
        ({"all": [leaf("event.text", "eq", "a"), leaf("event.text", "eq", "b")]}, "if.all.1"),
        ({"all": [leaf("event.n", "gt", 5), {"not": leaf("event.n", "ge", 3)}]}, "if.all.1.not"),
        ({"all": [leaf("profile.facts.x", "exists", False), leaf("profile.facts.x", "ne", 3)]}, "if.all.1"),
        ({"all": [leaf("event.text", "in", ["a", "b"]), leaf("event.text", "in", ["c"])]}, "if.all.1"),
        ({"all": [leaf("profile.events", "gt", 3), leaf("profile.events", "lt", 4)]}, "if.all.1"),
        ({"all": [leaf("event.text", "in", ["ab", "cd"]), leaf("event.text", "contains", "x")]}, "if.all.1"),
        ({"any": [{"all": [leaf("event.text", "eq", "a"), leaf("event.text", "prefix", "b")]}]}, "if.any.0.all.1"),
        ({"list": "event.media", "has": {"all": [leaf("item", "gt", 3), leaf("item", "lt", 2)]}}, "if.has.all.1"),
    ],
)
def test_conditions_that_cannot_hold_together_are_an_error(when: Any, field: str) -> None:
    found = [one for one in told(when) if one.code == "contradiction"]
    assert [(one.severity, one.field) for one in found] == [("error", field)]
    assert "cannot be" in found[0].reason


def test_something_beside_its_opposite_is_an_error() -> None:
    media = {"list": "event.media", "has": leaf("item", "eq", "image")}
    recent = {"seen": "email.received", "within": "1h"}
    for one in (media, recent, leaf("event.text", "contains", "a")):
        (found,) = told({"all": [one, {"not": one}]})
        assert (found.severity, found.code) == ("error", "contradiction")
    lately = {"all": [recent, {"not": {**recent, "within": "1d"}}]}
    assert [one.code for one in told(lately)] == ["contradiction"]


def test_of_several_ways_a_dead_one_is_a_warning_and_all_of_them_an_error() -> None:
    dead = {"all": [leaf("event.text", "eq", "a"), leaf("event.text", "eq", "b")]}
    (found,) = told({"any": [dead, leaf("event.text", "eq", "c")]})
    assert (found.severity, found.field) == ("warning", "if.any.0.all.1")
    one, two = leaf("event.text", "eq", "a"), leaf("event.to", "eq", "a")
    crossed = {"all": [{"any": [one, two]}, leaf("event.text", "eq", "b"), {"not": two}]}
    assert {found.severity for found in told(crossed)} == {"error"}


def test_what_always_holds_is_a_warning_and_silences_in_unless() -> None:
    many, few = leaf("profile.events", "ge", 5), leaf("profile.events", "lt", 5)
    (found,) = told({"any": [many, few]})
    assert (found.code, found.severity, found.field) == ("always", "warning", "if")
    (found,) = told(leaf("profile.counts.sms.received", "ge", 0))
    assert (found.code, found.severity) == ("always", "warning")
    # Of a field that may be missing neither need hold.
    assert told({"any": [leaf("profile.traits.n", "ge", 5), leaf("profile.traits.n", "lt", 5)]}) == []
    (found,) = told(None, unless={"any": [many, few]})
    assert (found.code, found.severity, found.field) == ("always", "error", "unless")
    (found,) = told(leaf("profile.events", "gt", 7), unless=many)
    assert (found.severity, found.field) == ("error", "unless")
    # What is asked half an hour later may have changed.
    assert told(leaf("profile.events", "gt", 7), unless=many, wait="30m") == []


def test_a_rule_that_never_gets_to_speak_is_named_with_those_that_do() -> None:
    text = leaf("event.text", "in", ["yes", "no"])
    first = rule(text, id="first", priority=5, once="per-day")
    second = rule({"all": [leaf("event.text", "eq", "yes"), leaf("profile.events", "gt", 2)]}, id="second")
    caps = (GlobalCap.model_validate({"count": 1, "per": "1d"}),)
    (found,) = check([second, first], DECLARED, caps)
    assert (found.code, found.rule, found.severity) == ("shadowed", "second", "warning")
    assert "first" in found.reason
    profile = empty("c1")
    profile["events"] = 3
    profile["identities"]["phone:+491701234567"] = {"verified": True, "first": 0, "last": 0}
    profile["consent"]["any/marketing"] = [True, 0, "", ""]
    said = make(
        "sms.received",
        id="e",
        source="/t",
        identities=[{"type": "phone", "value": "+491701234567", "verified": True}],
        received=datetime(2026, 1, 1, tzinfo=UTC),
        text="yes",
    )
    decided = Engine([second, first], caps=caps).decide(said, said.ms, profile)
    assert [(one.rule, one.outcome) for one in decided] == [("first", "fired"), ("second", "held")]
    assert decided[1].reason.startswith("cap:")


@pytest.mark.parametrize(
    "changed",
    [
        {"once": "ever"},
        {"wait": "1h"},
        {"state": "shadow"},
        {"priority": -5},
        {"on": "sms.sent_by_us"},
        {"unless": leaf("profile.events", "gt", 100)},
        {"cap": {"count": 1, "per": "2d"}},
        {"send": {"channel": "social"}},
        {"send": {"purpose": "service"}, "priority": -5},
        {"if": leaf("event.text", "eq", "no")},
        {"max_age": "1h"},
    ],
    ids=str,
)
def test_a_rule_that_may_leave_room_shadows_nobody(changed: dict[str, Any]) -> None:
    given: dict[str, Any] = {"id": "a", "priority": 5, "if": leaf("event.text", "in", ["yes", "no"])} | changed
    first = rule(given.pop("if"), **given)
    second = rule(leaf("event.text", "eq", "yes"), id="second")
    caps = (GlobalCap.model_validate({"count": 1, "per": "1d"}),)
    assert [one for one in check([first, second], DECLARED, caps) if one.code == "shadowed"] == []


def test_rules_that_say_two_things_at_one_moment() -> None:
    one = rule({"all": [leaf("event.text", "in", ["a", "b"]), leaf("event.to", "eq", "x")]}, id="one")
    either = {"any": [leaf("event.text", "eq", "b"), leaf("event.text", "eq", "a")]}
    turned = {"all": [leaf("event.to", "in", ["x"]), either]}
    two = rule(turned, id="two", send={"text": "something else"})
    other = rule(turned, id="other", send={"purpose": "service"})
    found = [found for found in check([one, two, other], DECLARED) if found.code == "overlap"]
    assert [(one.rule, one.severity) for one in found] in ([("two", "warning")], [("one", "warning")])


def test_what_was_not_compared_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [rule(leaf("profile.events", "gt", number), id=f"r{number}") for number in range(40)]
    assert [one.code for one in check(rules, DECLARED) if one.code == "uncompared"] == []
    monkeypatch.setattr(overlap, "MOST_LOOKS", 100)
    (found,) = (one for one in check(rules, DECLARED) if one.code == "uncompared")
    assert found.rule == ""
    assert "not compared" in found.reason


@pytest.mark.parametrize(
    ("on", "purpose", "odd"),
    [
        ("web.page", "service", True),
        (["web.page", "web.track/Product Added"], "transactional", True),
        (["web.page", "sms.received"], "service", False),
        ("web.page/Checkout", "service", False),
        ("web.track/Order Completed", "transactional", False),
        ("phone.missed", "service", False),
    ],
)
def test_a_purpose_that_needs_no_consent_is_asked_about(on: Any, purpose: str, odd: bool) -> None:
    found = [one for one in told(on=on, send={"purpose": purpose}) if one.code == "purpose"]
    assert [one.field for one in found] == ["send.purpose"] * odd


def test_a_rule_without_an_equality_is_asked_on_every_page() -> None:
    ranged = leaf("profile.events", "gt", 3)
    assert [one.code for one in told(ranged, on="web.page")] == ["selectivity"]
    assert told({"all": [ranged, leaf("event.name", "eq", "Home")]}, on="web.page") == []
    either = {"any": [leaf("event.name", "eq", "Home"), ranged]}
    assert [one.code for one in told(either, on="web.page")] == ["selectivity"]
    assert told(ranged, on="sms.received") == []


def test_what_a_rule_costs() -> None:
    both = {"all": [leaf("event.text", "in", ["a", "b"]), {"seen": ["email.received"], "within": "1d"}]}
    text = "{{ event.text }} {{ event.to }}"
    found = cost(rule(both, wait="1h", unless={"seen": "sms.received"}, send={"text": text}), DECLARED)
    assert (found.predicates, found.values, found.held) == (3, 2, ("event.text",))
    assert found.events == 2
    assert 0.5 < found.micros < 5
    assert found.wait_bytes > cost(rule(both, wait="1h"), DECLARED).wait_bytes > 0
    assert cost(rule(both), DECLARED).wait_bytes == 0
    dear = {"all": [{"list": "event.media", "has": leaf("item", "contains", "a")}]}
    assert cost(rule(dear), DECLARED).micros > 5 * cost(rule(leaf("event.text", "eq", "a")), DECLARED).micros
    assert isinstance(found, Cost)


def test_what_is_beyond_the_budget_is_an_error() -> None:
    element = {"list": "event.media", "has": {"any": [leaf("item", "contains", f"a{n}") for n in range(15)]}}
    (found,) = told(element)
    assert (found.code, found.severity, found.field) == ("budget", "error", "if")
    assert "100 is the limit" in found.reason
    lists = {"any": [leaf(f"event.properties.p{n}", "in", list(range(1000))) for n in range(6)]}
    assert [one.code for one in told(lists, on="web.track/Quiz")] == ["budget"]
    many = " ".join(f"{{{{ event.properties.p{n} }}}}" for n in range(150))
    assert [one.field for one in told(wait="1h", on="web.track/Quiz", send={"text": many})] == ["wait"]


def recorded() -> list[dict[str, Any]]:
    """The events that our channels made of what their peers really send."""
    read = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(PAYLOADS.rglob("*.out"))]
    return [event for found in read if isinstance(found, list) for event in found]


def test_what_recorded_events_say_is_known() -> None:
    events = recorded()
    assert len(events) > 50
    said = {(one["type"], name) for one in events for name in one["data"]}
    assert {(kind, name) for kind, name in said if name not in vocabulary.EVENTS[kind]} == set()


def test_a_wait_keeps_no_more_of_a_recorded_event_than_was_said() -> None:
    text = "{{ event.text }} {{ event.message }} {{ event.to }} {{ event.duration }} {{ event.properties.name }}"
    for one in recorded():
        if one["type"].startswith("agent.") or one["type"].endswith((".sent", ".unknown")):
            continue
        waits = rule(on=one["type"], wait="1h", send={"text": text})
        event = Event.model_validate({"id": "e", "source": "/t", "receivedat": "2026-01-01T00:00:00Z", **one})
        kept = json.dumps(body(of_event(event, event.ms), ready(waits, "en").needs), ensure_ascii=False)
        assert len(kept.encode()) <= cost(waits, Catalogue()).wait_bytes, one


@pytest.mark.parametrize(
    ("text", "on", "reason"),
    [
        ("{{ event.subject }}", "sms.received", "no sms.received event has subject"),
        ("{{ event.txt | default('x') }}", "sms.received", "did you mean text?"),
        ("{% if event['txt'] %}x{% endif %}", "sms.received", "did you mean text?"),
        ("{{ event.time }}", "sms.received", "nothing else of its envelope"),
        ("{{ event.price }}", "web.track/Product Added", "did you mean event.properties.price?"),
        ("{{ event.properties.pirce }}", "web.track/Product Added", "did you mean event.properties.price?"),
    ],
)
def test_a_message_that_reads_what_its_event_never_has(text: str, on: str, reason: str) -> None:
    (found,) = told(on=on, send={"text": {"en": text}})
    assert (found.code, found.field, found.severity) == ("template", "send.text.en", "warning")
    assert reason in str(found)


def test_a_message_that_reads_what_one_of_its_events_has_is_fine() -> None:
    text = {"text": "{{ event.type }} {{ event.subject | default('') }} {{ event.properties.anything }}"}
    assert told(on=["sms.received", "email.received", "web.track/Quiz"], send=text) == []
    assert [one.code for one in told(on="crm.updated", send=text)] == ["event"], "of an unknown event nothing is known"
