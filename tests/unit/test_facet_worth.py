"""What a customer bought: exact whatever the order, an order told twice counted once, and within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import amounts
from hub.event import Event
from profile_store.facets import worth
from profile_store.insight.value import money
from tests.unit.customer_events import folded, histories, keeps_the_laws, told

SOME = settings(deadline=None, max_examples=60, print_blob=True)

FIELDS = ("order_id", "revenue", "total", "value", "currency", "amount", "kind", "id", "properties", "name")
prices = st.sampled_from([0, 1, 0.1, 0.2, 99.5, "12.30", "۱۲٫۵", "n/a", -4, None])
properties = st.fixed_dictionaries(
    {"revenue": prices},
    optional={
        "order_id": st.sampled_from("abcdef"),
        "currency": st.sampled_from(["EUR", "usd", "JPY", "KWD", "CHF", "?"]),
    },
)
given_back = st.fixed_dictionaries(
    {},
    optional={
        "order_id": st.sampled_from("abcdef"),
        "total": prices,
        "currency": st.sampled_from(["EUR", "USD", "AUD"]),
    },
)
telling = st.one_of(
    st.fixed_dictionaries({"name": st.sampled_from(["Order Completed", "Paid"]), "properties": properties}),
    st.fixed_dictionaries({"name": st.sampled_from(["Order Refunded", "Order Cancelled"]), "properties": given_back}),
    st.fixed_dictionaries(
        {
            "amount": st.fixed_dictionaries(
                {"value": prices}, optional={"kind": st.sampled_from(["order", "refund", "cancel"]), "id": st.just("a")}
            )
        }
    ),
)


BOUNDS = [(2, 2), (1, 1), (64, 4)]


def order(number: int, id: str | None, revenue: Any, currency: str = "EUR", *, at: float = 1_000) -> Event:
    properties = {"order_id": id, "revenue": revenue, "currency": currency}
    return told("web.track", number, at=at, name="Order Completed", properties=properties)


def back(number: int, name: str, *, at: float = 2_000, **properties: Any) -> Event:
    return told("web.track", number, at=at, name=name, properties=properties)


@SOME
@given(
    histories(("web.track", "web.track", "crm.paid"), telling, FIELDS),
    st.randoms(use_true_random=False),
    st.sampled_from(BOUNDS),
)
def test_it_is_a_function_of_the_set_of_events(some: list[Event], random: Random, bounds: tuple[int, int]) -> None:
    kept, currencies = bounds
    with patch.object(worth, "KEPT", kept), patch.object(worth, "CURRENCIES", currencies):
        keeps_the_laws(worth, some, random, 60_000)


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("seed", range(8))
def test_crowded_tables_keep_the_laws_too(seed: int, bounds: tuple[int, int]) -> None:
    random = Random(seed)
    codes = ["EUR", "USD", "CHF", "AUD"]
    events = []
    for number in range(30):
        id, price, at = random.choice("abcdef"), random.choice([5, 7, None]), random.randrange(4)
        name = random.choice(["Order Completed", "Order Completed", "Order Refunded", "Order Cancelled"])
        events.append(back(number, name, at=at, order_id=id, total=price, currency=random.choice(codes)))
    with patch.object(worth, "KEPT", bounds[0]), patch.object(worth, "CURRENCIES", bounds[1]):
        whole = keeps_the_laws(worth, events, random, 60_000)["worth"]
    assert len(whole["orders"]) == min(6, bounds[0])


def naive(events: Sequence[Event]) -> dict[str, tuple[int, int]]:
    """Number and sum of orders by currency: the newest report of each order."""
    newest: dict[str, Event] = {}
    for event in events:
        id = event.data["properties"].get("order_id") or event.ref
        if id not in newest or (event.ms, event.ref) > (newest[id].ms, newest[id].ref):
            newest[id] = event
    found: dict[str, tuple[int, int]] = {}
    for event in newest.values():
        code = event.data["properties"]["currency"]
        number, total = found.get(code, (0, 0))
        found[code] = number + 1, total + event.data["properties"]["revenue"] * 100
    return found


@SOME
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", None]),
            st.integers(1, 9),
            st.sampled_from(["EUR", "USD"]),
            st.integers(0, 3),
        ),
        max_size=12,
    )
)
def test_agrees_with_the_naive_reading(rows: list[tuple[str | None, int, str, int]]) -> None:
    events = [order(at, id, revenue, code, at=moment) for at, (id, revenue, code, moment) in enumerate(rows)]
    found = {code: (one.orders, one.gross) for code, one in money(folded(worth, events)).items() if one.orders}
    assert found == naive(events)


def test_ten_times_a_tenth_is_one() -> None:
    profile = folded(worth, [order(number, None, 0.1) for number in range(10)])
    assert profile == {"worth": {"sums": {"EUR": [10, 100, 1_000_000, 1_000_000, 10]}}}


def test_an_order_told_twice_counts_once_and_the_newest_amount_counts() -> None:
    twice = [order(1, "5512", 99.5, at=10), order(2, "5512", 89.5, at=11)]
    assert (money(folded(worth, twice))["EUR"].orders, money(folded(worth, twice))["EUR"].gross) == (1, 8_950)
    assert folded(worth, twice[:1])["worth"]["orders"] == {
        name: [10_000, twice[0].ref, "EUR", 9_950] for name in folded(worth, twice)["worth"]["orders"]
    }


def test_beyond_the_table_reports_are_counted_one_by_one_and_it_says_so() -> None:
    many = [order(number, f"o{number}", 1) for number in range(worth.KEPT * 2)]
    once = folded(worth, many)
    assert (len(once["worth"]["orders"]), once["worth"]["beyond"]) == (worth.KEPT, 1)
    assert (money(once)["EUR"].orders, money(once)["EUR"].gross) == (worth.KEPT * 2, worth.KEPT * 200)
    again = [order(1_000 + number, f"o{number}", 1) for number in range(worth.KEPT * 2)]
    assert money(folded(worth, [*many, *again]))["EUR"].orders == worth.KEPT * 3


@pytest.mark.parametrize(
    ("events", "orders", "net"),
    [
        ([order(1, "a", 100), back(2, "Order Cancelled", order_id="a")], 0, 0),
        ([order(1, "a", 100), back(2, "Order Cancelled", order_id="a", total="junk")], 0, 0),
        ([order(1, "a", 100), back(2, "Order Refunded", order_id="a")], 0, 0),
        ([order(1, "a", 100), back(2, "Order Refunded", order_id="a", total=30, currency="EUR")], 1, 7_000),
        (
            [order(1, "a", 100), *(back(n, "Order Refunded", order_id="a", total=100, currency="EUR") for n in (2, 3))],
            0,
            0,
        ),
        ([order(1, "a", 100), back(2, "Order Refunded", total=30, currency="EUR")], 1, 7_000),
        ([back(2, "Order Refunded", order_id="old", total=30, currency="EUR")], 0, -3_000),
        ([order(1, "a", 0)], 1, 0),
    ],
)
def test_what_was_given_back(events: list[Event], orders: int, net: int) -> None:
    for some in (events, events[::-1]):
        found = money(folded(worth, some)).get("EUR")
        assert (found.orders if found else 0, found.net if found else 0) == (orders, net)


@pytest.mark.parametrize("revenue", ["free", True, float("nan"), float("inf"), 10**20, -1, [], {"a": 1}, None, "1,234"])
def test_what_is_no_amount_is_left_out_and_counted(revenue: Any) -> None:
    assert folded(worth, [order(1, "a", revenue)]) == {"worth": {"left": 1}}


def test_the_next_field_is_taken_when_the_first_is_no_amount() -> None:
    event = back(1, "Order Completed", order_id="a", revenue="?", total="12.30", currency="EUR")
    assert money(folded(worth, [event]))["EUR"].gross == 1_230


@pytest.mark.parametrize("name", ["Checkout Started", "Product Added", "Order Updated"])
def test_what_is_only_hoped_for_is_no_order(name: str) -> None:
    assert folded(worth, [back(1, name, revenue=5, order_id="a", currency="EUR")]) == {}


def test_events_bring_their_own_amount() -> None:
    event = told("crm.contract", amount={"value": "1200.00", "currency": "eur", "id": "c-1"})
    assert money(folded(worth, [event]))["EUR"].gross == 120_000


def test_an_ordinary_order_takes_little_room() -> None:
    assert len(str(folded(worth, [order(1, "5512", 99.5)])["worth"]["orders"])) < 70


@pytest.mark.parametrize(
    ("said", "code", "units"),
    [
        (99.5, "EUR", 9_950),
        ("1.234,56", "EUR", 123_456),
        ("1,234.56", "USD", 123_456),
        ("1'234'567", "CHF", 123_456_700),
        ("12,5", "EUR", 1_250),
        ("1,234", "EUR", None),
        ("۱۲۳۴٫۵", "EUR", 123_450),
        (5000, "JPY", 5_000),
        ("1.2345", "KWD", 1_234),
        (0.125, "USD", 12),
        ("1e5", "USD", None),
        ("", "USD", None),
        (10**4_000, "USD", None),
    ],
)
def test_amounts_are_read_exactly(said: Any, code: str, units: int | None) -> None:
    assert amounts.smallest(said, code) == units


@SOME
@given(st.integers(0, amounts.LARGEST // 100), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_an_amount_as_text_is_read_back(units: int, code: str) -> None:
    assert amounts.smallest(amounts.text(units, code), code) == units


def test_sums_end_where_the_store_can_still_read_them() -> None:
    assert amounts.add(amounts.MOST, 5) == amounts.add(5, amounts.MOST) == amounts.MOST
