"""The engine: what fires, what waits, what is held, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub import ids
from hub.errors import Misconfigured
from hub.event import Event, make
from hub.profile import Profile, empty
from rules.decision import Decision, Timer
from rules.engine import Engine
from rules.explain import explain
from rules.model import GlobalCap, Rule

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = 60_000
SMS: dict[str, Any] = {"channel": "sms", "purpose": "service", "text": "Hello"}
MAIL: dict[str, Any] = {"channel": ["email", "sms"], "purpose": "marketing", "subject": "Hi", "text": "Hello"}
CART: dict[str, Any] = {
    "on": "web.track/Product Added",
    "wait": "30m",
    "unless": {"seen": "web.track/Order Completed"},
    "send": {**MAIL, "text": "{{ event.properties.name }}"},
}


def rule(id: str = "r", **parts: Any) -> Rule:
    return Rule.model_validate({"id": id, "name": id, "on": "sms.received", "send": SMS, **parts})


class Story:
    """One customer, told minute by minute, as the pipeline would."""

    def __init__(self, *rules: Rule, **options: Any) -> None:
        self.engine = Engine(rules, **options)
        self.profile: Profile = empty("c1")
        self.profile["identities"]["phone:+491700000000"] = {"verified": True, "first": 0, "last": 0}
        self.profile["identities"]["email:a@example.org"] = {"verified": False, "first": 0, "last": 0}
        self.profile["consent"]["any/marketing"] = [True, 0, "", "consent.given"]

    def happens(self, kind: str, minute: float = 0, **data: Any) -> list[Decision]:
        """Fold the little that rules look at, ask them, and do what they say."""
        event = self.event(kind, minute, **data)
        keys = [kind, f"{kind}/{data['name']}"] if "name" in data else [kind]
        for key in keys if kind != "timer.due" else []:
            self.profile["counts"][key] = self.profile["counts"].get(key, 0) + 1
            known = self.profile["latest"].get(key)
            if known is None or known[1] < event.ms:
                self.profile["latest"][key] = ["", event.ms, event.ref, kind]
        decided = list(self.engine.decide(event, event.ms, self.profile))
        for one in decided:
            self._done(one, event.ms)
        return decided

    def _done(self, one: Decision, ms: int) -> None:
        if one.timer is not None:
            self.profile["timers"][one.timer.slot] = [one.timer.id, one.timer.due, one.timer.rule, one.timer.body]
        if one.over is not None:
            self.profile["timers"].pop(one.over.slot)
        if one.trigger is not None:
            self.profile["fired"][one.trigger.id] = [one.rule, one.trigger.channel, ms, one.trigger.purpose]

    def event(self, kind: str, minute: float = 0, *, late: float = 0, id: str = "", **data: Any) -> Event:
        when = START + timedelta(minutes=minute)
        return make(
            kind,
            id=id or f"{kind}@{minute}",
            source="/test",
            identities=[{"type": "phone", "value": "+491700000000", "verified": True}],
            received=when + timedelta(minutes=late),
            time=when,
            **data,
        )

    def due(self, timer: Timer | None, minute: float, **data: Any) -> list[Decision]:
        assert timer is not None
        return self.happens("timer.due", minute, id=timer.id, slot=timer.slot, timer=timer.id, **data)


def outcomes(decided: Sequence[Decision]) -> list[str]:
    return [f"{one.rule} {one.outcome} {one.code}" for one in decided]


def test_a_rule_fires_with_a_trigger_that_names_the_occasion() -> None:
    (one,) = Story(rule()).happens("sms.received")
    assert (one.outcome, one.text, one.timer, one.over) == ("fired", "Hello", None, None)
    assert one.trigger is not None
    assert one.trigger.id == ids.trigger_id("r", "", "sms.received@0")
    assert one.trigger.to == "phone:+491700000000"
    assert one.trigger.cause == "sms.received@0"
    assert one.trigger.time == START


def test_nothing_is_decided_where_no_rule_listens() -> None:
    story = Story(rule(on=["sms.received", "web.track/Order Completed"]))
    assert story.happens("email.received") == []
    assert story.happens("web.track", name="Product Added") == []
    assert outcomes(story.happens("web.track", 1, name="Order Completed")) == ["r fired sent"]


def test_a_name_that_is_no_text_is_no_name() -> None:
    story = Story(rule(on=["web.track", "web.track/x"], once="ever"))
    event = story.event("web.track", name=["x"])
    assert outcomes(story.engine.decide(event, event.ms, story.profile)) == ["r fired sent"]


def test_one_event_never_fires_twice_and_a_new_version_changes_nothing() -> None:
    story = Story(rule())
    story.happens("sms.received")
    assert story.happens("sms.received") == []
    story.engine = Engine([rule(send={**SMS, "text": "Changed"})])
    assert story.happens("sms.received") == []


@pytest.mark.parametrize(("once", "fired"), [("per-occurrence", [0, 10, 1500]), ("per-day", [0, 1500]), ("ever", [0])])
def test_once_says_what_an_occurrence_is(once: str, fired: list[int]) -> None:
    story = Story(rule(once=once))
    assert [minute for minute in (0, 10, 1500) if story.happens("sms.received", minute)] == fired


def test_a_day_is_a_day_where_the_shop_is() -> None:
    story = Story(rule(once="per-day"), timezone="Asia/Tehran")  # 12:00 UTC is 15:30 there
    fired = [minute for minute in (0, 8 * 60, 9 * 60) if story.happens("sms.received", minute)]
    assert fired == [0, 9 * 60]


def test_a_time_zone_that_is_none_is_misconfigured() -> None:
    with pytest.raises(Misconfigured, match="Mars"):
        Engine([], timezone="Mars/Olympus")


@pytest.mark.parametrize("state", ["draft", "paused"])
def test_only_live_rules_speak(state: str) -> None:
    assert Story(rule(state=state)).happens("sms.received") == []


def test_a_shadow_rule_notes_what_it_would_have_said() -> None:
    (one,) = Story(rule(state="shadow")).happens("sms.received")
    assert (one.outcome, one.reason, one.text) == ("held", "shadow: would have been sent over sms", "Hello")
    assert one.trigger is None


def test_machines_get_no_answer() -> None:
    assert Story(rule()).happens("sms.received", automatic=True) == []


def test_what_happened_long_ago_is_not_answered() -> None:
    story = Story(rule(max_age="1h"))
    assert story.happens("sms.received", late=61) == []
    assert outcomes(story.happens("sms.received", 1, late=59)) == ["r fired sent"]


def test_a_wait_restarts_with_every_newer_cause_and_fires_once() -> None:
    story = Story(rule("cart", **CART))
    (first,) = story.happens("web.track", 0, name="Product Added", properties={"name": "Kettle"})
    (second,) = story.happens("web.track", 5, name="Product Added", properties={"name": "Cup"})
    assert (first.outcome, first.code, second.outcome) == ("waiting", "wait", "waiting")
    assert story.happens("web.track", 2, name="Product Added", properties={"name": "Late"}) == []
    assert story.due(first.timer, 30) == []
    (fired,) = story.due(second.timer, 35)
    assert (fired.outcome, fired.text) == ("fired", "Cup")
    assert fired.over is not None
    assert story.profile["timers"] == {}
    assert story.due(second.timer, 35) == []
    # An older cause that only now arrives was answered by the newer one.
    assert story.happens("web.track", 3, name="Product Added", properties={"name": "Later"}) == []


def test_the_cause_may_come_back_with_the_timer() -> None:
    story = Story(rule("cart", **CART))
    (one,) = story.happens("web.track", 0, name="Product Added", properties={"name": "Kettle", "size": 3})
    assert one.timer is not None
    assert one.timer.body["data"]["properties"] == {"name": "Kettle"}
    del story.profile["timers"][one.timer.slot][3]
    (fired,) = story.due(one.timer, 30, cause=one.timer.body)
    assert fired.text == "Kettle"
    story.profile["timers"][one.timer.slot] = [one.timer.id, one.timer.due, "cart"]
    assert outcomes(story.due(one.timer, 30)) == ["cart cancelled rule"]


@pytest.mark.parametrize("order", [["add", "buy"], ["buy", "add"]])
def test_a_purchase_after_the_cause_silences_whatever_arrives_first(order: list[str]) -> None:
    story = Story(rule("cart", **CART))
    for what in order:
        if what == "add":
            story.happens("web.track", 0, name="Product Added")
        else:
            story.happens("web.track", 10, name="Order Completed")
    assert story.profile["timers"] == {}


def test_a_purchase_before_the_cause_silences_nothing() -> None:
    story = Story(rule("cart", **CART))
    (one,) = story.happens("web.track", 10, name="Product Added", properties={"name": "Cup"})
    assert story.happens("web.track", 5, name="Order Completed") == []
    assert outcomes(story.due(one.timer, 40)) == ["cart fired sent"]


def test_what_forbids_is_asked_when_the_wait_is_over() -> None:
    unless = {
        "any": [{"seen": "web.track/Order Completed"}, {"field": "profile.traits.tier", "op": "eq", "value": "x"}]
    }
    story = Story(rule("cart", **{**CART, "unless": unless}))
    (one,) = story.happens("web.track", 0, name="Product Added", properties={"name": "Cup"})
    story.profile["traits"]["tier"] = ["x", 0, "", ""]
    assert outcomes(story.due(one.timer, 30)) == ["cart cancelled unless"]


def test_a_rule_that_went_away_while_waiting_says_nothing() -> None:
    story = Story(rule("cart", **CART))
    (one,) = story.happens("web.track", 0, name="Product Added")
    story.engine = Engine([])
    assert outcomes(story.due(one.timer, 30)) == ["cart cancelled rule"]
    assert story.profile["timers"] == {}


def test_waits_of_different_carts_are_kept_apart() -> None:
    story = Story(rule("cart", **{**CART, "correlate": "event.properties.cart"}))
    (a,) = story.happens("web.track", 0, name="Product Added", properties={"cart": 1, "name": "A"})
    (b,) = story.happens("web.track", 1, name="Product Added", properties={"cart": 2, "name": "B"})
    assert len(story.profile["timers"]) == 2
    assert [story.due(a.timer, 30)[0].text, story.due(b.timer, 31)[0].text] == ["A", "B"]


def test_absence_of_the_same_event_is_a_wait_that_restarts() -> None:
    story = Story(rule("quiet", on="sms.received", wait="1h", unless={"seen": "sms.received"}))
    story.happens("sms.received", 0)
    decided = story.happens("sms.received", 10)
    assert outcomes(decided) == ["quiet cancelled unless", "quiet waiting wait"]


def test_what_is_owed_comes_before_what_is_offered() -> None:
    marketing = {**SMS, "purpose": "marketing"}
    caps = [GlobalCap.model_validate({"count": 2, "per": "1h"})]
    story = Story(
        rule("a", send=marketing),
        rule("b"),
        rule("c", priority=5),
        rule("d", send={**SMS, "purpose": "transactional"}),
        caps=caps,
    )
    assert outcomes(story.happens("sms.received")) == ["d fired sent", "c fired sent", "b held cap", "a held cap"]


def test_caps_roll() -> None:
    story = Story(rule(cap={"count": 2, "per": "1h"}))
    told = [story.happens("sms.received", minute)[0].code for minute in (0, 10, 59, 61, 62, 71)]
    assert told == ["sent", "sent", "cap", "sent", "cap", "sent"]


def test_at_most_three_promotions_a_day_over_all_rules() -> None:
    story = Story(*(rule(f"r{n}", send={**SMS, "purpose": "marketing"}) for n in range(4)), rule("service"))
    assert [one.code for one in story.happens("sms.received")] == ["sent", "sent", "sent", "sent", "cap"]


@pytest.mark.parametrize(
    ("consent", "purpose", "told"),
    [
        ({}, "marketing", "held consent"),
        ({"sms/marketing": True}, "marketing", "fired sent"),
        ({"any/marketing": True}, "marketing", "fired sent"),
        ({"email/marketing": True}, "marketing", "held consent"),
        ({"any/marketing": True, "sms/marketing": False}, "marketing", "held consent"),
        ({"sms/marketing": True, "any/marketing": False}, "marketing", "held consent"),
        ({"sms/marketing": True, "sms/all": False}, "marketing", "held consent"),
        ({}, "service", "fired sent"),
        ({"any/marketing": False}, "service", "fired sent"),
        ({"sms/service": False}, "service", "held consent"),
        ({"sms/all": False}, "service", "held consent"),
        ({"any/all": False}, "transactional", "held consent"),
        ({"sms/service": False}, "transactional", "fired sent"),
    ],
)
def test_consent(consent: dict[str, bool], purpose: str, told: str) -> None:
    story = Story(rule(send={**SMS, "purpose": purpose}))
    story.profile["consent"] = {name: [given, 0, "", ""] for name, given in consent.items()}
    assert outcomes(story.happens("sms.received")) == [f"r {told}"]


def test_the_first_channel_that_is_reachable_and_allowed() -> None:
    story = Story(rule(send=MAIL))
    (one,) = story.happens("sms.received", 0)
    assert one.trigger is not None
    assert (one.trigger.channel, one.trigger.to, one.trigger.subject) == ("email", "email:a@example.org", "Hi")
    story.profile["consent"]["email/marketing"] = [False, 0, "", ""]
    (one,) = story.happens("sms.received", 1)
    assert one.trigger is not None
    assert (one.trigger.channel, one.trigger.subject) == ("sms", "")
    story.profile["identities"] = {}
    (one,) = story.happens("sms.received", 2)
    assert one.reason == "unreachable: no e-mail address is known"


def leave_until(minute: float) -> dict[str, Any]:
    """What the profile keeps of a leave for mail that ends so many minutes after the start."""
    ends = int((START + timedelta(minutes=minute)).timestamp() * 1000)
    return {"consent": {"email/marketing": [[0, "", "consent.given", {"expires": ends}], None]}}


def test_a_leave_that_has_expired_is_none() -> None:
    story = Story(rule(send={**MAIL, "channel": "email"}))
    story.profile["consent"] = {"email/marketing": [True, 0, "", "consent.given"]}
    story.profile["permission"] = leave_until(10)
    assert outcomes(story.happens("sms.received", 9)) == ["r fired sent"]
    (one,) = story.happens("sms.received", 10)
    assert one.reason == "consent: the leave for marketing over email has expired"


def test_a_leave_that_ended_while_we_waited_or_before_we_heard_of_it_is_none() -> None:
    story = Story(rule(send={**MAIL, "channel": "email"}), rule("w", wait="30m", send={**MAIL, "channel": "email"}))
    story.profile["consent"] = {"email/marketing": [True, 0, "", "consent.given"]}
    story.profile["permission"] = leave_until(10)
    late = story.event("sms.received", 9, late=2)
    assert outcomes(list(story.engine.decide(late, late.ms, story.profile))) == ["r held consent", "w waiting wait"]
    (_, waiting) = story.happens("sms.received", 1)
    assert outcomes(story.due(waiting.timer, 31)) == ["w held consent"]


def test_nothing_goes_to_an_address_that_bounced_hard() -> None:
    story = Story(rule(send={**MAIL, "channel": "email"}))
    mail = "email:a@example.org"
    story.profile["permission"] = {"reach": {f"email/{mail}": {"hard": [1, START.timestamp() * 1000, "r", "5.1.1"]}}}
    (one,) = story.happens("sms.received", 1)
    assert one.reason == "address: the e-mail address does not exist (hard bounce)"
    other = "email:b@example.org"
    story.profile["identities"][other] = {"verified": False, "first": 0, "last": 0}
    (one,) = story.happens("sms.received", 2)
    assert one.trigger is not None
    assert one.trigger.to == other


def test_promotions_can_be_put_on_hold() -> None:
    story = Story(rule("p", send=MAIL), rule("s"))
    story.profile["traits"]["promotions_hold"] = [True, 0, "", ""]
    assert outcomes(story.happens("sms.received")) == ["s fired sent", "p held hold"]


def test_what_is_missing_holds_a_message_back() -> None:
    story = Story(rule(send={**SMS, "text": "Hello {{ customer.first_name }}"}))
    (one,) = story.happens("sms.received")
    assert (one.outcome, one.reason) == ("held", "template: customer.first_name is missing")


def test_the_customers_language_decides() -> None:
    story = Story(rule(send={**SMS, "text": {"en": "Hello", "fa": "سلام"}}), language="en")
    for language, text, told in (("fa-IR", "سلام", "fa"), ("de", "Hello", "en"), ("en", "Hello", "en")):
        story.profile["traits"]["language"] = [language, 0, "", ""]
        (one,) = story.happens("sms.received", hash(language) % 1000 / 10)
        story.profile["fired"] = {}
        assert one.trigger is not None
        assert (one.text, one.trigger.language) == (text, told)


def test_an_answer_stands_in_the_thread_of_the_question() -> None:
    story = Story(rule(on="email.received", send={**MAIL, "purpose": "service"}))
    (one,) = story.happens("email.received", message="<1@example.org>")
    assert one.trigger is not None
    assert one.trigger.data == {"reply_to": "<1@example.org>"}


def test_a_short_text_for_short_messages() -> None:
    story = Story(rule(send={**MAIL, "short": "Hi!"}))
    assert story.happens("sms.received", 0)[0].text == "Hello"
    del story.profile["identities"]["email:a@example.org"]
    assert story.happens("sms.received", 1)[0].text == "Hi!"


def test_why_not() -> None:
    one = rule(when={"field": "profile.traits.age", "op": "ge", "value": 18}, send=MAIL)
    story = Story(one)
    story.profile["consent"] = {}
    event = story.event("sms.received", late=60 * 48)
    told = explain(one, event, event.ms, story.profile)
    assert told.concerned
    assert not told.matched
    assert list(told.lines()) == [
        f"rule r ({one.version})",
        "yes: listens to this kind of event",
        "if:",
        "  unknown: profile.traits.age ge 18  (missing)",
        "held by late: it reached us 2d after it happened",
        "held by consent: marketing over email was not agreed to",
    ]
