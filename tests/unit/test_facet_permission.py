"""Evidence of consent is kept, and facts about addresses close only what they should."""

from __future__ import annotations

from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.event import Event
from hub.reach import EVIDENCE
from profile_store.facets import permission
from tests.unit.customer_events import ANNA, PHONE, folded, histories, keeps_the_laws, told

SOME = settings(deadline=None, max_examples=60, print_blob=True)

FIELDS = ("consent", "channel", "purpose", "given", "proof", "text", "version", "ip", "method", "expires", "bounce")
NAMES = (*FIELDS, "error", "proven", "hard", "status")
consents = st.fixed_dictionaries(
    {"channel": st.sampled_from(["email", "sms", "any"]), "given": st.booleans()},
    optional={
        "purpose": st.sampled_from(["marketing", "service"]),
        "proof": st.sampled_from(["SM1", {"by": "form", "url": None}, "x" * 900, ["y" * 900], 7]),
        "expires": st.sampled_from(["2027-01-01", 1_900_000_000_000, "never"]),
        "version": st.sampled_from([3, "v3"]),
    },
)
telling = st.fixed_dictionaries(
    {},
    optional={
        "consent": consents,
        "error": st.sampled_from(
            ["30005", "21610", "550 5.1.1 unknown", "5.7.1 spam", "4.1.8", "131026 Undeliverable"]
        ),
        "bounce": st.fixed_dictionaries({"hard": st.booleans(), "proven": st.booleans(), "status": st.just("5.1.1")}),
    },
)
KINDS = (
    *("consent.given", "consent.withdrawn", "email.bounced", "email.complained", "email.failed", "sms.failed"),
    *("sms.received", "email.received", "sms.delivered", "social.failed", "web.page"),
)


@SOME
@given(histories(KINDS, telling, NAMES), st.randoms(use_true_random=False), st.sampled_from([1, 64]))
def test_it_is_a_function_of_the_set_of_events(some: list[Event], random: Random, kept: int) -> None:
    with patch.object(permission, "CONSENTS", kept), patch.object(permission, "ADDRESSES", kept):
        keeps_the_laws(permission, some, random, 20_000)


def test_the_leave_and_its_end_are_both_kept_with_their_proof() -> None:
    given_ = {"channel": "email", "purpose": "marketing", "given": True, "proof": "form 7", "ip": "192.0.2.1"}
    gone = {"channel": "email", "purpose": "marketing", "given": False, "proof": {"by": "the link", "url": None}}
    events = [
        told(
            "web.track", 1, at=1, consent={**given_, "method": "double opt-in", "version": 3, "expires": "2027-01-01"}
        ),
        told("consent.withdrawn", 2, at=2, consent=gone),
    ]
    first, second = folded(permission, events)["permission"]["consent"]["email/marketing"]
    evidence = {"proof": "form 7", "method": "double opt-in", "version": "3", "ip": "192.0.2.1"}
    assert first == [1_000, events[0].ref, "web.track", {**evidence, "expires": 1_798_761_600_000}]
    assert second == [2_000, events[1].ref, "consent.withdrawn", {"proof": {"by": "the link"}}]


def test_of_a_long_proof_the_hash_is_kept() -> None:
    said = {"channel": "email", "given": True, "proof": {"page": "x" * 5_000}}
    kept = folded(permission, [told("consent.given", consent=said)])["permission"]["consent"]["email/marketing"][0]
    assert list(kept[EVIDENCE]["proof"]) == ["digest"]
    assert len(kept[EVIDENCE]["proof"]["digest"]) == 32


BOUNCE = {"hard": True, "proven": True, "status": "5.1.1"}


@pytest.mark.parametrize(
    ("kind", "data", "fact"),
    [
        ("email.bounced", {"bounce": BOUNCE}, "hard"),
        ("email.bounced", {"bounce": {**BOUNCE, "hard": False}}, "soft"),
        ("email.bounced", {"bounce": {**BOUNCE, "proven": False}}, None),
        ("email.complained", {"bounce": {"proven": True}}, "complaint"),
        ("email.complained", {"bounce": {"proven": False}}, None),
        ("email.failed", {"error": "550 5.1.1 no such user"}, "hard"),
        ("email.failed", {"error": "554 5.7.1 spam"}, None),
        ("email.failed", {"error": "10.5.1.1 is not ours"}, None),
        ("sms.failed", {"error": "30005"}, "hard"),
        ("sms.failed", {"error": "21610"}, "stop"),
        ("sms.failed", {"error": "30008"}, None),
        ("sms.failed", {"error": ["30005"]}, None),
    ],
)
def test_what_an_event_tells_about_an_address(kind: str, data: dict[str, Any], fact: str | None) -> None:
    channel = kind.partition(".")[0]
    profile = folded(permission, [told(kind, who=(ANNA, PHONE), **data)])
    address = "email:anna@example.org" if channel == "email" else "phone:+4915112345678"
    reach = profile.get("permission", {}).get("reach", {})
    assert {name: list(facts) for name, facts in reach.items()} == ({f"{channel}/{address}": [fact]} if fact else {})


def test_stop_is_of_the_network_and_not_of_the_page() -> None:
    said = {"channel": "sms", "purpose": "marketing", "given": False}
    page = told("consent.withdrawn", who=(PHONE,), consent=said, source="/channels/web/unsubscribe")
    stop = told("consent.withdrawn", who=(PHONE,), consent=said, source="/channels/sms/twilio")
    assert "reach" not in folded(permission, [page])["permission"]
    assert folded(permission, [stop])["permission"]["reach"] == {
        "sms/phone:+4915112345678": {"stop": [1, 1_000_000, stop.ref, ""]}
    }
