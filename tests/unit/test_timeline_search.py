"""Timelines page without gaps or repeats; searching finds what people type, in Persian and Arabic too."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.event import make
from hub.profile import empty
from profile_store import search, timeline
from profile_store.timeline import Row

SOME = settings(deadline=None, max_examples=100, print_blob=True)
rows = st.lists(
    st.builds(
        lambda id, time: Row(id=id, time=time, type="web.page", text="", data={}),
        st.text(min_size=1, max_size=3),
        st.integers(0, 5),
    ),
    unique_by=lambda row: (row["time"], row["id"]),
    max_size=20,
)


@SOME
@given(rows, st.integers(1, 7))
def test_pages_hold_every_row_once_newest_first(some: list[Row], limit: int) -> None:
    found: list[Row] = []
    before: str | None = None
    for _ in range(len(some) + 1):
        page, before = timeline.page(some, before, limit)
        assert len(page) <= limit
        found += page
        if before is None:
            break
    assert found == sorted(some, key=timeline.order, reverse=True)


def test_rows_that_come_in_between_two_pages_move_nothing() -> None:
    some = [Row(id=f"r{n}", time=n, type="web.page", text="", data={}) for n in range(10)]
    first, before = timeline.page(some, None, 4)
    later = [*some, Row(id="new", time=99, type="web.page", text="", data={})]
    second, _ = timeline.page(later, before, 4)
    assert [row["id"] for row in first + second] == [f"r{n}" for n in range(9, 1, -1)]


@pytest.mark.parametrize("cursor", ["", "no cursor", "é", "AAAA", "bm90YW51bWJlciB4"])
def test_a_cursor_that_is_not_ours_shows_the_first_page(cursor: str) -> None:
    some = [Row(id="r", time=1, type="web.page", text="", data={})]
    assert timeline.page(some, cursor, 5) == (some, None)


@SOME
@given(
    st.one_of(st.uuids().map(str), st.uuids().map(lambda one: one.hex), st.text(min_size=1, max_size=50)),
    st.integers(0, (1 << 48) - 1),
    st.sampled_from([*timeline.KINDS, "shop.unknown"]),
    st.text(max_size=30),
    st.dictionaries(st.text(max_size=5), st.one_of(st.text(max_size=5), st.integers(0, 2**63), st.none()), max_size=3),
)
def test_a_row_is_read_as_it_was_written(id: str, ms: int, kind: str, text: str, data: dict[str, object]) -> None:
    row = timeline.decode(timeline.encode(id, ms, kind, text, data))
    assert row == {"id": id, "time": ms, "type": kind, "text": text, "data": data}


def test_a_row_of_an_event_is_small() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    event = make(
        "email.received",
        id=str(UUID(int=7)),
        source="/mail",
        identities=[{"type": "email", "value": "a@example.org", "verified": True}],
        received=moment,
        text="ب" * 10_000,
        subject="Hello",
        headers={"X": "y" * 50_000},
    )
    row = timeline.decode(timeline.of_event(event, event.ms, event.subject))
    assert (len(row["text"]), row["data"]) == (timeline.TEXT, {"subject": "Hello"})
    assert row["id"] == event.id


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("كريم", "کریم"),
        ("علی", "علي"),
        ("مؤمن", "مومن"),
        ("فاطمة", "فاطمه"),
        ("آرش", "ارش"),
        ("أحمد", "احمد"),
        ("مسئول", "مسیول"),
        ("رضـــا", "رضا"),
        ("نیم‌فاصله", "نیم فاصله"),
        ("مُحَمَّد", "محمد"),
        ("۰۹۱۲۳", "09123"),
        ("٠٩١٢٣", "09123"),
        ("+989123", "989123"),
        ("José", "jose"),
        ("ÅSA  Öberg", "asa oberg"),
        ("ﻋﻠﻲ", "علی"),
    ],
)
def test_people_find_what_they_type(written: str, typed: str) -> None:
    assert search.fold(written) == search.fold(typed)


@SOME
@given(st.text(max_size=150))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert search.fold(search.fold(text)) == search.fold(text)


def test_a_customer_is_found_by_every_identity_and_part_of_the_name() -> None:
    profile = empty("c1")
    for key in ("email:anna@example.org", "phone:+491511234", "device:x1", "user_id:U7"):
        profile["identities"][key] = {"verified": True, "first": 1, "last": 1}
    profile["traits"]["name"] = ["Anna Maria Öz", 1, "r", "web.identify"]
    wanted = {"anna@example.org", "491511234", "u7", "anna maria oz", "maria oz", "oz"}
    assert search.terms(profile) == wanted
    assert [search.customer(search.entry(term, "c1")) for term in wanted] == ["c1"] * len(wanted)
