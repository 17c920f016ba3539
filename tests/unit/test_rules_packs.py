"""The packs of rules we ship: each tells its story when it should, keeps silent when it should, in both languages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.profile import empty
from profile_store.facets import windows
from rules.model import Rule
from rules.packs import find, packs
from rules.scene import Scene
from rules.speech import ready
from rules.traits import Trait, catalogue
from streams.fold import Folding
from tests.unit.packs import Life, made

ALL = packs()
PERSIAN = re.compile(r"[\u0600-\u06ff]")
OFFER = made("offer", on="web.page", send={"channel": "sms", "purpose": "marketing", "text": "Cheap!"})


def life(pack: str, *others: Rule, **options: Any) -> Life:
    """A customer of a hub with this pack in force."""
    return Life(*find(pack).rules, *others, **options)


def test_every_pack_is_sound_and_every_rule_has_a_name_of_its_own() -> None:
    assert {pack.name: pack.problems for pack in ALL if pack.problems} == {}
    ids = [rule.id for pack in ALL for rule in pack.rules]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("rule", [rule for pack in ALL for rule in pack.rules], ids=lambda rule: rule.id)
def test_every_message_is_short_and_there_in_english_and_persian(rule: Rule) -> None:
    assert rule.note
    one = ready(rule, "en")
    full = {"name": "Cup", "order_id": "A-17", "quantity": 7, "price": 12, "currency": "EUR"}
    for language in ("en", "fa"):
        for properties in ({}, full):
            if not properties and rule.id == "more-than-usual":
                continue  # a quantity is what it is about
            profile = empty("c1")
            profile["traits"]["language"] = [language, 0, "", ""]
            if properties:
                profile["traits"]["first_name"] = ["سارا" if language == "fa" else "Sara", 0, "", ""]
                profile["traits"]["promotions_hold"] = [True, 0, "", ""]
            data = {"properties": properties, "subject": "Where is it?"}
            scene = Scene("e", "web.track", "/s", "user_id:u", "default", data, 0, 0)
            for channel in rule.send.channel:
                speech = one.speak(profile, scene, {}, channel, "en")
                assert speech.fault == ""
                for text in (speech.text, speech.subject, rule.name[language]):
                    assert "  " not in text
                    assert text == "" or bool(PERSIAN.search(text)) is (language == "fa")
                assert 20 < len(speech.text) < (700 if channel == "email" else 420)
                if channel == "email":
                    assert ("Sara" in speech.text or "سارا" in speech.text) is bool(properties)


# One story a pack, and one in which it keeps silent.


def test_warranty() -> None:
    story = life("warranty").knows()
    story.tracked("Product Registered", serial="s1", name="Kettle", warranty_ends="2027-03-21")
    story.tracked("Product Registered", serial="s2", name="Lamp", warranty_ends="2027-03-21")
    story.passes("1d")
    story.tracked("Warranty Extended", serial="s2")
    story.until(datetime(2027, 2, 19, 9, 59, tzinfo=UTC))
    assert story.texts == []
    story.until(datetime(2027, 2, 19, 10, tzinfo=UTC))
    (text,) = story.texts
    assert "Kettle" in text


def test_warranty_keeps_silent_where_the_month_has_begun_or_nothing_is_known() -> None:
    story = life("warranty").knows()
    story.tracked("Product Registered", serial="s1", warranty_ends="2026-03-12")
    story.tracked("Product Purchased", serial="s2", name="Bread")
    story.passes("300d")
    assert story.said == []


def test_already_owned() -> None:
    story = life("overbuying").knows()
    story.tracked("Product Purchased", product_id="p1", name="Kettle")
    story.passes("200d")
    story.tracked("Product Added", product_id="p1", name="Kettle", quantity=1)
    assert story.said == ["already-owned"]
    story.passes("2d")
    story.tracked("Product Added", product_id="p1", name="Kettle", quantity=1)
    assert story.said == ["already-owned"], "once for each purchase"


def test_already_owned_keeps_silent_of_other_things_and_of_what_is_used_up() -> None:
    story = life("overbuying").knows()
    story.tracked("Product Purchased", product_id="p1", name="Coffee")
    story.tracked("Product Added", product_id="p2", name="Lamp")
    story.tracked("Product Added", product_id="p1", name="Coffee", consumable=True)
    story.passes("399d")
    story.tracked("Product Added", product_id="p1", name="Coffee")
    assert story.said == []


def buying(language: str) -> Life:
    """A customer of a hub with the trait that the pack asks for, as its note says to write it."""
    said = re.search(r"\{(id: largest-quantity.*?)\}", find("overbuying").rules[1].note)
    assert said is not None
    trait = Trait.model_validate(dict(part.split(": ", 1) for part in said[1].split(", ")))
    book = catalogue([trait])
    look, _ = windows.readers(book.readings)
    folding = Folding(windows.index(book.features))
    return life("overbuying", folding=folding, computed=look).knows(language=language)


@pytest.mark.parametrize(("language", "words"), [("en", "20 of Cup"), ("fa", "20 عدد Cup")])
def test_more_than_usual(language: str, words: str) -> None:
    story = buying(language)
    story.tracked("Product Added", product_id="p9", quantity=50)
    assert story.said == [], "of somebody new nothing is usual"
    story.tracked("Product Purchased", product_id="p1", quantity=2)
    story.tracked("Product Added", product_id="p2", name="Cup", quantity=4)
    assert story.said == []
    story.tracked("Product Added", product_id="p2", name="Cup", quantity=20)
    assert story.said == ["more-than-usual"]
    assert words in story.texts[0]
    story.passes("2d")
    story.tracked("Product Purchased", product_id="p2", quantity=20)
    story.tracked("Product Added", product_id="p3", quantity=12)
    assert story.said == ["more-than-usual"], "now it is usual"


@pytest.mark.parametrize(("language", "words"), [("en", "66 of Egg"), ("fa", "66 عدد Egg")])
def test_more_than_usual_leaves_in_peace_whoever_always_buys_many(language: str, words: str) -> None:
    story = buying(language)
    for week in range(4):
        story.tracked("Product Added", product_id=f"eggs{week}", name="Egg", quantity=6)
        story.tracked("Product Purchased", product_id=f"eggs{week}", quantity=6)
        story.passes("7d")
    story.tracked("Product Added", product_id="eggs", name="Egg", quantity=12)
    assert story.said == [], "twice as many for the feast"
    story.tracked("Product Added", product_id="eggs", name="Egg", quantity=66)
    assert story.said == ["more-than-usual"]
    assert words in story.texts[0]


@pytest.mark.parametrize("language", ["en", "fa"])
def test_more_than_usual_is_what_is_much_for_this_customer(language: str) -> None:
    story = buying(language)
    story.tracked("Product Purchased", product_id="p1", quantity=1)
    story.tracked("Product Added", product_id="p2", name="Cup", quantity=4)
    assert story.said == ["more-than-usual"]


def test_renewal() -> None:
    story = life("renewal").knows(contract_ends="2027-01-31")
    story.until(datetime(2027, 1, 1, 10, tzinfo=UTC))
    assert story.said == ["renewal-ahead"]
    story.happens("web.identify", traits={"contract_ends": "2028-01-31"})
    story.until(datetime(2028, 1, 1, 10, tzinfo=UTC))
    assert story.said == ["renewal-ahead"] * 2


def test_renewal_keeps_silent_where_it_was_renewed_or_cancelled() -> None:
    renewed, cancelled = (life("renewal").knows(contract_ends="2027-01-31") for _ in range(2))
    renewed.passes("30d")
    renewed.happens("web.identify", traits={"contract_ends": "2028-01-31"})
    cancelled.happens("web.identify", traits={"contract_cancelled": True})
    for story in (renewed, cancelled):
        story.until(datetime(2027, 6, 1, tzinfo=UTC))
        assert story.said == []


def test_dormant() -> None:
    story = life("dormant").knows()
    story.tracked("Order Completed")
    story.passes("89d")
    assert story.said == []
    story.passes("1d")
    assert story.said == ["dormant-customer"]


def test_dormant_keeps_silent_of_whoever_comes_back() -> None:
    story = life("dormant").knows()
    for _ in range(6):
        story.tracked("Order Completed")
        story.passes("60d")
    assert story.said == []


def test_failed_payment() -> None:
    story = life("failed-payment").knows()
    story.tracked("Payment Failed", order_id="A-17")
    story.tracked("Payment Succeeded", order_id="A-16")
    story.passes("15m")
    assert story.said == ["failed-payment"]
    assert "A-17" in story.texts[0]


@pytest.mark.parametrize("paid", ["Payment Succeeded", "Order Completed"])
def test_failed_payment_keeps_silent_where_it_was_paid_after_all(paid: str) -> None:
    story = life("failed-payment").knows()
    story.tracked("Payment Failed", order_id="A-17")
    story.passes("5m")
    story.tracked(paid, order_id="A-17")
    story.passes("1h")
    assert story.said == []


def test_complaint() -> None:
    story = life("complaint", OFFER).knows()
    about = {"complaint_id": "c1"}
    story.happens("web.page")
    story.happens("web.track", "Complaint Opened", properties=about, traits={"promotions_hold": True})
    assert "no offers" in story.texts[-1]
    story.passes("1d")
    (held,) = story.happens("web.page")
    assert (held.outcome, held.code) == ("held", "hold")
    story.happens("web.track", "Complaint Solved", properties=about, traits={"promotions_hold": False})
    story.passes("1d")
    story.happens("web.page")
    assert story.said == ["offer", "complaint-received", "complaint-settled", "offer"]


def test_complaint_promises_nothing_that_is_not_so_and_waits_for_the_end() -> None:
    story = life("complaint").knows()
    story.tracked("Complaint Opened", complaint_id="c1")
    assert "offers" not in story.texts[-1]
    story.passes("1d")
    story.tracked("Complaint Solved", complaint_id="c1")
    story.passes("2h")
    story.tracked("Complaint Reopened", complaint_id="c1")
    story.passes("3d")
    assert story.said == ["complaint-received"]


def promised(story: Life, hours: int, case: str = "m1") -> None:
    until = (story.now + timedelta(hours=hours)).isoformat()
    story.happens(
        "agent.wrap-up", text="Will call", case={"id": case, "promise": {"text": "an answer", "until": until}}
    )


def test_promise() -> None:
    story = life("promise").knows()
    promised(story, 4)
    story.happens("email.received", text="Any news?")
    story.passes("4h")
    assert story.said == ["promise-overdue"]


def test_promise_keeps_silent_where_somebody_answered() -> None:
    for answer in ("agent.reply", "phone.answered"):
        story = life("promise").knows()
        promised(story, 4)
        story.passes("2h")
        story.happens(answer, text="Here it is")
        story.passes("4h")
        assert story.said == []


def test_promise_waits_for_the_new_one_of_the_same_matter() -> None:
    story = life("promise").knows()
    promised(story, 4)
    promised(story, 5, "m2")
    story.passes("2h")
    promised(story, 24)
    story.passes("4h")
    assert story.said == ["promise-overdue"], "that of the other matter"
    story.passes("20h")
    assert story.said == ["promise-overdue"]
    assert story.engine.decided[-1].code == "cap"


def test_nps() -> None:
    for closing in (
        {"kind": "agent.wrap-up", "case": {"id": "m1", "state": "closed"}},
        {"kind": "web.track", "name": "Case Solved"},
    ):
        story = life("nps").knows()
        story.happens(**closing)
        story.passes("23h")
        assert story.said == []
        story.passes("1h")
        assert story.said == ["nps-after-case"]
        story.happens(**closing)
        story.passes("2d")
        assert story.said == ["nps-after-case"], "nobody is asked twice in three months"


def test_nps_keeps_silent_where_the_matter_is_not_over_or_the_customer_did_not_agree() -> None:
    waiting, reopened, unasked = life("nps").knows(), life("nps").knows(), life("nps").knows()
    waiting.happens("agent.note", text="Looks into it", case={"id": "m1", "state": "waiting"})
    reopened.tracked("Case Closed")
    reopened.passes("2h")
    reopened.tracked("Case Reopened")
    unasked.passes("1m")
    unasked.happens("consent.withdrawn", consent={"channel": "any", "purpose": "marketing", "given": False})
    unasked.passes("1m")
    unasked.tracked("Case Closed")
    for story in (waiting, reopened, unasked):
        story.passes("3d")
        assert story.said == []


def test_welcome() -> None:
    story = life("welcome").knows()
    story.tracked("Signed Up")
    story.passes("30d")
    story.tracked("Signed Up")
    story.passes("30d")
    assert story.said == ["welcome-1-hello", "welcome-2-help", "welcome-3-last"]


def test_welcome_ends_with_the_first_order() -> None:
    story = life("welcome").knows()
    story.tracked("Signed Up")
    story.passes("3d")
    story.tracked("Order Completed")
    story.passes("30d")
    assert story.said == ["welcome-1-hello", "welcome-2-help"]


@pytest.mark.parametrize(
    ("traits", "rule", "days"),
    [
        ({"birthday": "1990-03-20"}, "birthday", ["2026-03-20", "2027-03-20", "2028-03-20"]),
        ({"birthday": "1990-03-20", "language": "de"}, "birthday", ["2026-03-20", "2027-03-20", "2028-03-20"]),
        # 30 Esfand 1408 is the first leap day; 1404 to 1407 end with the 29th.
        ({"birthday": "1370-12-30", "language": "fa"}, "birthday-persian", ["2026-03-20", "2027-03-20", "2028-03-19"]),
        ({"birthday": "۱۳۷۱/۱/۱", "language": "fa"}, "birthday-persian", ["2026-03-21", "2027-03-21", "2028-03-20"]),
    ],
)
def test_birthday(traits: dict[str, Any], rule: str, days: list[str]) -> None:
    story = life("birthday").knows(**traits)
    story.until(datetime(2028, 12, 31, tzinfo=UTC))
    triggers = [one.trigger for one in story.engine.decided if one.trigger]
    assert [(one.rule, one.time.date().isoformat()) for one in triggers] == [(rule, day) for day in days]
    assert {one.time.hour for one in triggers} == {9}


def test_birthday_keeps_silent_of_days_it_does_not_know() -> None:
    for traits in ({}, {"birthday": "soon"}, {"birthday": "1404-12-30", "language": "fa"}):
        story = life("birthday").knows(**traits)
        story.passes("399d")
        assert story.said == []


def test_location() -> None:
    story = life("location").knows()
    near, far = ({"latitude": latitude, "longitude": 51.401, "accuracy": 20} for latitude in (35.701, 36.2))
    story.happens("web.screen", name="Home", location=far)
    story.happens("web.screen", name="Home", context={"location": far})
    story.happens("web.screen", name="Home")
    assert story.said == []
    story.happens("web.screen", name="Home", location=near)
    story.passes("1d")
    story.happens("web.screen", name="Home", context={"location": near})
    assert story.said == ["near-the-shop"]
