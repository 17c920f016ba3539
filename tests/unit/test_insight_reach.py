"""Reach: which ways are open, why others are not, the best hour and the channel they prefer."""

from __future__ import annotations

from typing import Any

import pytest

from hub.event import Event
from hub.reach import SOFT
from profile_store.facets import answers, permission
from profile_store.insight.reach import reach
from profile_store.insight.value import DAY
from tests.unit.customer_events import ANNA, PHONE, folded, told

NOW = 20_000 * DAY
MAIL, CALL = "email:anna@example.org", "phone:+4915112345678"
KNOWN = {
    "identities": {
        MAIL: {"verified": True, "first": 1, "last": 2},
        CALL: {"verified": False, "first": 1, "last": 2},
    }
}


def profile(*events: Event, **more: Any) -> dict[str, Any]:
    return {**KNOWN, **folded(answers, events), **folded(permission, events), **more}


def why(found: dict[str, Any], channel: str, now: int = NOW) -> tuple[str, ...]:
    return next(one.why_not for one in reach(found, now) if one.channel == channel)


def bounced(number: int, hard: bool, at: float = 1_000) -> Event:
    return told("email.bounced", number, at=at, bounce={"hard": hard, "proven": True})


def test_what_is_known_is_reachable() -> None:
    found = {one.channel: (one.reachable, one.address, one.why_not) for one in reach(profile(), NOW)}
    assert found == {
        "email": (True, MAIL, ()),
        "sms": (True, CALL, ()),
        "phone": (True, CALL, ()),
        "social": (False, "", ("no-address",)),
    }


def test_a_hard_bounce_closes_until_there_is_a_sign_of_life() -> None:
    assert why(profile(bounced(1, True)), "email") == ("hard-bounce",)
    assert why(profile(bounced(1, True), told("email.opened", 2, at=1_001, trigger="t")), "email") == ()
    assert why(profile(bounced(1, True), told("email.opened", 2, at=999, trigger="t")), "email") == ("hard-bounce",)


def test_soft_bounces_close_for_a_while() -> None:
    day = NOW // DAY * 86_400
    some = [bounced(number, False, at=day) for number in range(SOFT)]
    assert why(profile(*some), "email") == ("soft-bounces",)
    assert why(profile(*some[1:]), "email") == ()
    assert why(profile(*some), "email", NOW + 8 * DAY) == ()


def stop(number: int, given: bool, at: float) -> Event:
    said = {"channel": "sms", "purpose": "marketing", "given": given}
    return told(
        "consent.given" if given else "consent.withdrawn",
        number,
        at=at,
        who=(PHONE,),
        consent=said,
        source="/channels/sms/x",
    )


def test_stop_closes_text_messages_only_until_start() -> None:
    assert (why(profile(stop(1, False, 10)), "sms"), why(profile(stop(1, False, 10)), "phone")) == (("stopped",), ())
    assert why(profile(stop(1, False, 10), stop(2, True, 11)), "sms") == ()


def test_a_complaint_and_a_refusal_close() -> None:
    assert why(profile(told("email.complained", bounce={"proven": True})), "email") == ("complaint",)
    assert why(profile(consent={"any/all": [False, 1, "r", "x"]}), "email") == ("refused",)


def test_the_next_address_is_taken_when_the_best_is_broken() -> None:
    second = {"email:b@example.org": {"verified": False, "first": 1, "last": 1}}
    found = profile(bounced(1, True), identities={**KNOWN["identities"], **second})
    assert next(one for one in reach(found, NOW) if one.channel == "email").address == "email:b@example.org"


@pytest.mark.parametrize(
    ("consent", "expires", "marketing"),
    [
        ({}, None, "not-asked"),
        ({"email/marketing": True}, None, ""),
        ({"any/marketing": True}, None, ""),
        ({"email/marketing": True, "any/all": False}, None, "withdrawn"),
        ({"email/marketing": True}, NOW, "expired"),
        ({"email/marketing": True}, NOW + 1, ""),
        ({"email/marketing": True, "any/marketing": True}, NOW, ""),
    ],
)
def test_leave_for_offers(consent: dict[str, bool], expires: int | None, marketing: str) -> None:
    said = {"channel": "email", "purpose": "marketing", "given": True, "expires": expires}
    registers = {name: [given, 1, "r", "x"] for name, given in consent.items()}
    found = profile(told("consent.given", consent=said), consent=registers)
    assert next(one for one in reach(found, NOW) if one.channel == "email").marketing == marketing


def mails(answered: int, of: int = 6) -> list[Event]:
    sent = [told("email.sent", number, at=1_000, trigger=f"t{number}") for number in range(of)]
    return [
        *sent,
        *(told("email.received", 100 + n, at=1_000 + 60 * (n + 1), trigger=f"t{n}") for n in range(answered)),
    ]


def test_rates_and_the_preferred_channel_come_from_answers() -> None:
    first = reach(profile(*mails(3)), NOW)[0]
    assert first.rates is not None
    assert (first.channel, first.preferred, first.rates.messages, first.rates.answered) == ("email", "answers", 6, 0.5)
    assert (first.rates.opened, first.rates.seconds) == (0.5, 120)


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"traits": {"preferred_channel": ["SMS", 1, "r", "x"]}}, ("sms", "said")),
        ({"traits": {"preferred_channel": ["social", 1, "r", "x"]}}, ("email", "answers")),
        ({"identities": {MAIL: KNOWN["identities"][MAIL]}}, ("email", "only-way")),
    ],
)
def test_how_we_know_what_they_prefer(more: dict[str, Any], wanted: tuple[str, str]) -> None:
    first = reach(profile(*mails(3), **more), NOW)[0]
    assert (first.channel, first.preferred) == wanted


def test_where_they_write_counts_when_nothing_was_answered() -> None:
    traffic = {"sms": {"received": 2, "sent": 0, "failed": 0, "last_received": 1, "last_sent": 0}}
    first = reach(profile(channels=traffic), NOW)[0]
    assert (first.channel, first.preferred) == ("sms", "writes-there")
    assert not any(one.preferred for one in reach(profile(), NOW))


@pytest.mark.parametrize(
    ("zone", "hour"), [("Asia/Tehran", 21), ("Europe/Berlin", 20), ("../etc/passwd", 18), ("No/Where", 18), (7, 18)]
)
def test_the_best_hour_is_in_the_customers_own_time(zone: Any, hour: int) -> None:
    evenings = [told("web.page", n, at=18 * 3600 + 60 * n) for n in range(3)]
    nights = [told("web.page", 10 + n, at=3 * 3600) for n in range(3)]
    events = [*evenings, *nights, told("web.page", 20, at=19 * 3600), told("web.page", 21, at=17 * 3600)]
    found = profile(*events, traits={"timezone": [zone, 1, "r", "x"]})
    assert {one.best_hour for one in reach(found, NOW)} == {hour}
    assert reach(profile(), NOW)[0].best_hour is None


def test_a_channels_own_hours_count_before_all_others() -> None:
    mails_ = [told("email.received", n, at=9 * 3600, who=(ANNA,)) for n in range(3)]
    pages = [told("web.page", 10 + n, at=20 * 3600) for n in range(9)]
    hours = {one.channel: one.best_hour for one in reach(profile(*mails_, *pages), NOW)}
    assert (hours["email"], hours["sms"]) == (9, 20)
