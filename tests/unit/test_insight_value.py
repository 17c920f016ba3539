"""Value: recency, frequency, money, tier, from what the facet of worth keeps."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from hub.event import Event
from profile_store.facets import worth
from profile_store.insight.value import DAY, Tier, money, value
from tests.unit.customer_events import folded, told

NOW = 400 * DAY


def order(number: int, day: float, revenue: Any, **more: Any) -> Event:
    properties = {"order_id": f"o{number}", "revenue": revenue, "currency": "EUR", **more}
    return told("web.track", number, at=day * 86_400, name="Order Completed", properties=properties)


def test_recency_frequency_and_money() -> None:
    found = value(folded(worth, [order(1, 100, 100), order(2, 200, 300), order(3, 300, 200)]), NOW)
    assert (found.recency_days, found.gap_days, found.orders_per_year) == (100, 100, 3.65)
    assert (found.lifetime, found.main.average, found.main.largest) == (60_000, 20_000, 30_000)
    assert found.next_year == round(20_000 * 3.65)
    assert (found.main.first, found.main.last, found.tier, found.exact) == (100 * DAY, 300 * DAY, "silver", True)


def test_nobody_who_bought_nothing_has_a_value() -> None:
    found = value({}, NOW)
    assert (found.recency_days, found.gap_days, found.next_year, found.lifetime, found.tier) == (
        None,
        None,
        None,
        0,
        "",
    )


def test_one_order_has_no_gap() -> None:
    found = value(folded(worth, [order(1, 100, 5_000)]), NOW)
    assert (found.gap_days, found.next_year, found.tier) == (None, None, "bronze")


@pytest.mark.parametrize(
    ("tiers", "name"),
    [
        ((Tier("a", Decimal(600)), Tier("b")), "a"),
        ((Tier("a", Decimal("600.01")), Tier("b")), "b"),
        ((Tier("a", orders=4), Tier("b", within_days=99), Tier("c", within_days=100)), "c"),
        ((), ""),
    ],
)
def test_tiers_are_declared(tiers: tuple[Tier, ...], name: str) -> None:
    profile = folded(worth, [order(1, 100, 100), order(2, 200, 300), order(3, 300, 200)])
    assert value(profile, NOW, tiers=tiers).tier == name


def test_the_main_currency_is_that_of_most_orders() -> None:
    profile = folded(worth, [order(1, 1, 900, currency="USD"), order(2, 2, 1), order(3, 3, 1)])
    found = value(profile, NOW)
    assert (found.main.currency, found.lifetime, sorted(found.money)) == ("EUR", 200, ["EUR", "USD"])


@pytest.mark.parametrize(("currency", "gross"), [("EUR", 1_250), ("JPY", 12), ("KWD", 12_500), ("XXX", 1_250)])
def test_amounts_without_a_currency_are_read_as_the_shops(currency: str, gross: int) -> None:
    profile = folded(worth, [order(1, 1, "12.50", currency=None)])
    assert money(profile, currency)[currency].gross == gross


def test_what_cannot_be_read_is_told() -> None:
    assert value(folded(worth, [order(1, 1, "?")]), NOW).left_out == 1
