"""Rows become entries: calls, visits and messages are put together."""

from __future__ import annotations

from typing import Any

from desk.ports import Row
from desk.rows import entries, matters

MINUTE = 60_000


def row(id: str, minutes_ago: float, kind: str, text: str = "", **data: Any) -> Row:
    return {"id": id, "time": int(-minutes_ago * MINUTE), "type": kind, "text": text, "data": data}


def test_delivery_states_join_their_message() -> None:
    found = entries(
        [
            row("4", 1, "sms.delivered", trigger="t1"),
            row("3", 2, "sms.sent", trigger="t1"),
            row("2", 3, "rule.fired", "Hello", trigger="t1", channel="sms", rule="r"),
            row("1", 4, "email.delivered", trigger="older"),
        ]
    )
    assert [(one.id, one.kind, one.state, one.channel) for one in found] == [
        ("2", "sent", "delivered", "sms"),
        ("1", "act", "", "email"),
    ]


def test_what_became_of_a_chosen_message_is_told_by_rows_that_were_not_chosen() -> None:
    chosen = [row("2", 3, "rule.fired", "Hello", trigger="t1"), row("1", 900, "agent.reply", "Old", trigger="t0")]
    beside = [row("4", 1, "sms.delivered", trigger="t1"), chosen[0]]
    assert [one.state for one in entries(chosen, beside)] == ["delivered", "unknown"]
    assert [one.state for one in entries(chosen)] == ["", ""]


def test_failure_tells_why() -> None:
    found = entries(
        [
            row("3", 1, "sms.failed", trigger="t1", reason="unknown number"),
            row("2", 2, "sms.sent", trigger="t1"),
            row("1", 3, "agent.reply", "Hello", trigger="t1", channel="sms"),
        ]
    )
    assert [(one.state, one.failure) for one in found] == [("failed", "unknown number")]


def test_late_sent_does_not_take_back_a_reading() -> None:
    rows = [
        row("3", 1, "social.sent", trigger="t"),
        row("2", 2, "social.read", trigger="t"),
        row("1", 3, "agent.reply", "Hi", trigger="t"),
    ]
    assert entries(rows)[0].state == "read"


def test_steps_of_a_call_are_one_entry() -> None:
    call = {"id": "c1", "state": "ringing"}
    found = entries(
        [
            row("5", 1, "phone.ended", call=call, duration=94),
            row("4", 2, "sms.received", "meanwhile"),
            row("3", 3, "phone.answered", call=call),
            row("2", 4, "phone.input", call=call, digits="123"),
            row("1", 5, "phone.ringing", call=call),
            row("0", 6, "phone.ringing", call="c0"),
        ]
    )
    assert [(one.id, one.kind, len(one.rows)) for one in found] == [
        ("1", "call", 4),
        ("4", "said", 1),
        ("0", "call", 1),
    ]
    assert found[0].first("digits") == "123"
    assert found[0].first("duration") == 94


def test_pages_of_a_visit_are_one_entry() -> None:
    found = entries(
        [
            row("6", 1, "web.page", name="Cart"),
            row("5", 2, "web.page", name="Shoes"),
            row("4", 3, "web.page", name="Cart"),
            row("3", 50, "web.page", name="Home"),
            row("2", 51, "web.track", name="Product Viewed"),
            row("1", 52, "web.page", name="Home"),
        ]
    )
    assert [(one.id, one.kind, one.pages) for one in found] == [
        ("4", "visit", [("Cart", 2), ("Shoes", 1)]),
        ("3", "visit", [("Home", 1)]),
        ("2", "act", []),
        ("1", "visit", [("Home", 1)]),
    ]


def test_stamp_changes_with_what_is_shown() -> None:
    message = row("1", 3, "agent.reply", "Hi", trigger="t")
    sent, read = row("2", 2, "sms.sent", trigger="t"), row("3", 1, "sms.read", trigger="t")
    stamps = {entries(rows)[0].stamp for rows in ([message], [sent, message], [read, sent, message])}
    assert len(stamps) == 3


def test_unknown_types_and_odd_data_are_shown() -> None:
    found = entries(
        [
            row("4", 1, "fax.unknown", "?"),
            row("3", 2, "phone.ringing", call=7),
            row("2", 3, "web.page", name=None, url="https://shop.example/a"),
            row("1", 4, "timer.due"),
        ]
    )
    assert [one.kind for one in found] == ["act", "call", "visit"]
    assert found[2].pages == [("https://shop.example/a", 1)]


def test_what_a_writer_should_read_first() -> None:
    assert matters(row("1", 1, "sms.received"))
    assert matters(row("1", 1, "agent.note"))
    assert not matters(row("1", 1, "web.page"))
    assert not matters(row("1", 1, "sms.delivered"))
