"""Timelines page without gaps or repeats; searching finds what people type, in Persian and Arabic too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.event import make
from hub.jsonbytes import dumps
from hub.profile import Profile, empty
from profile_store import search, timeline
from profile_store.phrases import ROWS
from profile_store.timeline import Row, tag

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


words = st.sampled_from(["", "Home", "Order", "5512", 'a "b"', "سلام"])
values = st.recursive(
    st.one_of(words, st.text(max_size=5), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)
properties = st.dictionaries(st.sampled_from([*timeline.SUBJECTS, "price"]), values, max_size=3)
told = st.fixed_dictionaries(
    {}, optional={"name": values, "properties": st.one_of(properties, values), "subject": words}
)


@st.composite
def sayings(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A text, and the data beside it, of which the text may be made."""
    data: dict[str, Any] = draw(told)
    name, about = data.get("name"), data.get("properties")
    subjects = list(about.values()) if isinstance(about, dict) else []
    forms = [f"{name}", f'Viewed "{name}"', f'Opened "{name}"', *(f"{name}: {one}" for one in subjects)]
    return draw(st.one_of(st.sampled_from(forms), st.text(max_size=30))), data


@SOME
@given(
    st.one_of(st.uuids().map(str), st.uuids().map(lambda one: one.hex), st.text(min_size=1, max_size=50)),
    st.integers(0, (1 << 48) - 1),
    st.sampled_from([*timeline.KINDS, "shop.unknown"]),
    sayings(),
    st.sampled_from(["", "email:a@example.org", "phone:+4930"]),
)
def test_a_row_is_read_as_it_was_written(
    id: str, ms: int, kind: str, said: tuple[str, dict[str, Any]], owner: str
) -> None:
    text, data = said
    stored = timeline.encode(id, ms, kind, text, data, owner=owner)
    # Numbers beyond 64 bits are text in JSON, as everywhere in the hub.
    kept = orjson.loads(dumps(data))
    assert timeline.decode(stored) == {"id": id, "time": ms, "type": kind, "text": text, "data": kept}
    assert timeline.owned([stored], [owner]) == [stored]
    others = [one for one in ("user_id:1", "user_id:2") if tag(one) != tag(owner)]
    assert timeline.owned([stored], others) == []


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("Product Viewed: Trail shoe", {"name": "Product Viewed", "properties": {"product": "Trail shoe"}}),
        ("Order Completed: 5512", {"name": "Order Completed", "properties": {"order_id": 5512}}),
        ('Viewed "Trail shoes of this season"', {"name": "Trail shoes of this season", "properties": {"path": "/s"}}),
        ('Opened "Orders"', {"name": "Orders"}),
        ("Application Opened", {"name": "Application Opened"}),
    ],
)
def test_a_text_that_the_data_says_takes_no_room(text: str, data: dict[str, Any]) -> None:
    id = str(UUID(int=7))
    with_text, without = timeline.encode(id, 1, "web.track", text, data), timeline.encode(id, 1, "web.track", "", data)
    assert timeline.decode(with_text)["text"] == text
    assert len(with_text) <= len(without) + 1


def test_the_dictionary_fits_into_the_window() -> None:
    assert len(ROWS) <= (1 << timeline.BITS) - 262


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
    assert [search.customer(search.entry(term, "c1").encode()) for term in wanted] == ["c1"] * len(wanted)


def test_an_exact_identifier_comes_first_then_names_then_the_newest() -> None:
    def profile(id: str, last: int, identity: str, name: str = "") -> Profile:
        found = empty(id)
        found["last"] = last
        found["identities"][identity] = {"verified": True, "first": 1, "last": last}
        if name:
            found["traits"]["name"] = [name, 1, "r", "web.identify"]
        return found

    exact = profile("c1", 1, "user_id:anna")
    older, newer = profile("c2", 2, "user_id:2", "Öz Anna"), profile("c3", 3, "user_id:3", "Anna Maria")
    begins = profile("c4", 9, "email:anna@example.org")
    some = sorted([begins, newer, older, exact], key=lambda one: search.rank("anna", one))
    assert [one["id"] for one in some] == ["c1", "c3", "c2", "c4"]
