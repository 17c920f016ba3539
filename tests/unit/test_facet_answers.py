"""Answers to our messages are paired whichever comes first, and hours are counted."""

from __future__ import annotations

from random import Random
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.event import Event
from profile_store.facets import answers
from tests.unit.customer_events import folded, histories, keeps_the_laws, plain, told

SOME = settings(deadline=None, max_examples=60, print_blob=True)

NAMES = ("trigger", "message", "reply_to", "in_reply_to", "automatic", "text")
ids = st.sampled_from(["t1", "t2", "t3", "t4"])
telling = st.fixed_dictionaries(
    {}, optional={"trigger": ids, "message": ids, "reply_to": ids, "automatic": st.booleans()}
)
KINDS = (*sorted(answers.HAPPENED), "web.page", "web.track", "phone.ringing", "agent.reply", "email.bounced")


@SOME
@given(histories(KINDS, telling, NAMES), st.randoms(use_true_random=False), st.sampled_from([2, 16]))
def test_it_is_a_function_of_the_set_of_events(some: list[Event], random: Random, kept: int) -> None:
    with patch.object(answers, "KEPT", kept):
        keeps_the_laws(answers, some, random, 3_000)


def test_a_message_meets_its_answer_in_either_order() -> None:
    sent = told("email.sent", 1, at=1_000, trigger="t1", message="<t1@hub.example>")
    opened = told("email.opened", 2, at=1_100, trigger="t1")
    answer = told("email.received", 3, at=4_600, trigger="t1", message="<a@example.org>")
    profile = folded(answers, [sent, opened, answer])
    assert list(profile["answers"]["messages"].values()) == [["email", 1_000, 1_100, 0, 4_600]]
    assert profile["answers"]["channels"]["email"] == [1, 1, 0, 1, [0, 1, 1, 1]]
    assert plain(folded(answers, [answer, opened, sent])) == plain(profile)


def test_networks_name_their_own_ids() -> None:
    sent = told("social.sent", 1, at=1_000, trigger="t1", message="wamid.1")
    read = told("social.read", 2, at=1_010, trigger="t1", message="wamid.1")
    answer = told("social.message", 3, at=1_060, message="wamid.9", reply_to="wamid.1")
    assert list(folded(answers, [answer, read, sent])["answers"]["messages"].values()) == [
        ["social", 1_000, 1_010, 0, 1_060]
    ]


@pytest.mark.parametrize(
    "event",
    [
        told("email.received", automatic=True, trigger="t1"),
        told("phone.answered"),
        told("agent.reply", trigger="t1", message="m"),
        told("rule.fired"),
    ],
)
def test_what_the_customer_did_not_do_is_nothing(event: Event) -> None:
    assert folded(answers, [event]) == {}


def test_a_mail_of_their_own_is_activity_and_no_answer() -> None:
    profile = folded(answers, [told("email.received", at=7 * 3600, message="<x@y>")])
    assert profile == {"answers": {"channels": {"email": [0, 0, 0, 0, [7, 1]]}}}


def test_many_messages_leave_an_even_sample() -> None:
    sent = [told("email.sent", number, trigger=f"t{number}") for number in range(200)]
    opened = [told("email.opened", 1_000 + number, trigger=f"t{number}", at=2_000) for number in range(0, 200, 2)]
    profile = folded(answers, [*opened, *sent])
    kept = profile["answers"]["messages"].values()
    assert len(kept) == answers.KEPT
    assert 0.2 < sum(1 for one in kept if one[2]) / len(kept) < 0.8
    assert profile["answers"]["channels"]["email"][:2] == [200, 100]
