"""Scores: the default models, models passed in, and what events bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.event import Event
from profile_store.facets import permission, worth
from profile_store.facets import scores as facet
from profile_store.insight.scores import Score, churn, propensity, scores
from profile_store.insight.value import DAY
from tests.unit.customer_events import folded, told
from tests.unit.test_insight_value import order

MONTHLY = folded(worth, [order(number, number * 30, 10) for number in range(1, 7)])


@pytest.mark.parametrize(("days", "risk"), [(0, 0.0), (30, 0.293), (60, 0.5), (120, 0.75), (10_000, 1.0)])
def test_churn_is_one_half_after_twice_the_usual_gap(days: int, risk: float) -> None:
    found = churn(MONTHLY, (180 + days) * DAY)
    assert found is not None
    assert (found.model, found.value, found.confidence) == ("gap-1", risk, 1.0)
    assert found.reasons == ("silent-longer-than-usual" if days > 30 else "within-usual-gap", "by-orders")


def test_who_complained_and_refused_is_nearer_to_leaving() -> None:
    angry = folded(permission, [told("email.complained", bounce={"proven": True})])
    consent = {"any/marketing": [False, 0, "", ""]}
    found = churn({**MONTHLY, **angry, "consent": consent}, 240 * DAY)
    assert found is not None
    assert found.value == round(1 - 0.5 * 0.75 * 0.75, 3)
    assert found.reasons[2:] == ("refused-all-messages", "complained-of-messages")


def test_without_orders_visits_tell_and_without_visits_nothing_much() -> None:
    traffic = {"received": 11, "sent": 0, "failed": 0, "last_received": 100 * DAY, "last_sent": 0}
    visits = {"first": 0, "last": 100 * DAY, "channels": {"web": traffic}}
    found, poor = churn(visits, 120 * DAY), churn({"first": 5, "last": 5, "events": 1}, 60 * DAY)
    assert found is not None
    assert poor is not None
    assert (found.value, found.reasons) == (0.5, ("silent-longer-than-usual", "by-visits"))
    assert (poor.value, poor.confidence, poor.reasons[1]) == (0.5, 0.1, "by-default")
    assert churn({}, 60 * DAY) is None


def seen(**days: float) -> dict[str, Any]:
    names = {"chose": "web.track/Checkout Started", "looked": "web.track/Product Viewed"}
    return {"latest": {names[name]: ["", int(day * DAY), "r", "web.track"] for name, day in days.items()}}


@pytest.mark.parametrize(
    ("profile", "chance", "reasons"),
    [
        (seen(chose=200), 0.5, ("chose-products",)),
        (seen(chose=197), 0.25, ("chose-products",)),
        (seen(looked=193), 0.1, ("looked-at-products",)),
        (seen(chose=200, looked=200), 0.6, ("chose-products", "looked-at-products")),
        ({**MONTHLY, **seen(chose=170)}, 0.05, ("bought-before",)),
    ],
)
def test_signs_of_buying(profile: dict[str, Any], chance: float, reasons: tuple[str, ...]) -> None:
    found = propensity(profile, 200 * DAY)
    assert found is not None
    assert (found.value, found.reasons) == (chance, reasons)


def test_it_may_be_time_again() -> None:
    found = propensity(MONTHLY, 210 * DAY)
    assert found is not None
    assert found.reasons == ("time-to-buy-again", "bought-before")
    assert propensity({}, DAY) is None


def brought(**said: Any) -> Event:
    return told("crm.updated", at=100, scores={"churn": said})


def test_what_an_event_brings_counts_until_it_expires() -> None:
    event = brought(value=0.9, model="crm-7", until=300 * DAY, confidence=0.8, reasons=["contract-ends"])
    profile = {**MONTHLY, **folded(facet, [event])}
    assert scores(profile, 240 * DAY)["churn"] == Score("crm-7", 0.9, 0.8, ("contract-ends",), 100_000, 300 * DAY)
    assert scores(profile, 300 * DAY)["churn"].model == "gap-1"


def test_a_score_of_an_event_says_at_least_where_it_is_from() -> None:
    found = scores(folded(facet, [brought(value=0.9)]), 240 * DAY)["churn"]
    assert (found.model, found.confidence, found.reasons) == ("crm.updated", 1.0, ("told-by-event",))


def test_models_can_be_replaced() -> None:
    def coin(profile: Mapping[str, Any], now: int) -> Score | None:
        return Score("coin", 0.5, 0.0, ("chance",)) if profile else None

    assert scores(MONTHLY, 0, {"luck": coin}) == {"luck": Score("coin", 0.5, 0.0, ("chance",))}
    assert scores({}, 0, {"luck": coin}) == {}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 500), max_size=8), st.integers(0, 10_000))
def test_scores_stay_between_nothing_and_all(days: list[int], now: int) -> None:
    profile = folded(worth, [order(number, day, 10) for number, day in enumerate(days)])
    for score in scores({**profile, **seen(chose=40, looked=90)}, now * DAY).values():
        assert 0 <= score.value <= 1
        assert 0 <= score.confidence <= 1
        assert score.reasons
