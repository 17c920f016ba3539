"""Models of an installation's own: named by a setting, and never a reason for a page to fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from channels.web import Web
from hub.errors import Misconfigured
from hub.settings import read
from profile_store.facets import scores as facet
from profile_store.insight.models import models, named
from profile_store.insight.scores import Score, scores
from tests.browser.fakes import DAY, HOUR, now_ms
from tests.browser.kit import kit
from tests.unit.customer_events import folded
from tests.unit.test_web import basic, only, raw, track

HERE = "tests.unit.test_insight_models"
SARA = "/api/v1/customers/csara"


def steady(profile: Mapping[str, Any], now: int) -> float:
    return 0.25


def careful(profile: Mapping[str, Any], now: int) -> Score | None:
    return Score("careful-2", 0.75, 0.6, ("moved away",)) if profile["events"] else None


def broken(profile: Mapping[str, Any], now: int) -> float:
    return 1 / int(profile["events"] == -1)


def beyond(profile: Mapping[str, Any], now: int) -> float:
    return 1.5


def nothing_of_the_kind(profile: Mapping[str, Any], now: int) -> Any:
    return Score("x", "much", 1.0)  # type: ignore[arg-type]


def test_a_model_replaces_is_added_or_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_SCORES__CHURN", f"{HERE}:steady")
    monkeypatch.setenv("HUB_SCORES__UPGRADE", f"{HERE}:careful")
    monkeypatch.setenv("HUB_SCORES__BUY", "")
    wanted = read().scores
    found = scores({"events": 1, "first": 1, "last": 1}, 2, models(named(wanted)))
    assert found == {
        "churn": Score(f"{HERE}:steady", 0.25, 1.0),
        "upgrade": Score("careful-2", 0.75, 0.6, ("moved away",)),
    }
    assert set(models(named({}))) == {"churn", "buy"}


@pytest.mark.parametrize("name", ["broken", "beyond", "nothing_of_the_kind"])
def test_what_is_no_score_is_none(name: str) -> None:
    assert scores({"events": 1}, 2, models(named({"churn": f"{HERE}:{name}", "buy": ""}))) == {}


@pytest.mark.parametrize("place", ["nowhere.at_all:f", f"{HERE}:f", HERE, ":f", f"{HERE}:DAY", f"{HERE}:"])
async def test_a_model_that_is_not_there_is_told_at_the_start(place: str) -> None:
    with pytest.raises(Misconfigured, match="HUB_SCORES"):
        async with kit(scores={"churn": place}):
            pass


async def test_scores_in_the_api_and_on_the_page() -> None:
    async with kit(scores={"churn": f"{HERE}:careful", "buy": f"{HERE}:broken"}) as desk:
        del desk.store.profiles["csara"]["traits"]["churn_risk"]
        found = (await desk.ask("GET", SARA)).json()["scores"]
        assert found == {"churn": {**found["churn"], "value": 0.75, "confidence": 0.6, "model": "careful-2"}}
        page = (await desk.ask("GET", "/customers/csara")).text
        assert "moved away" in page.lower()
        assert page.count("75%") == 2, "in the header and with its reasons"


async def test_what_an_event_brought_comes_first_and_a_guess_is_not_shown() -> None:
    async with kit() as desk:
        sara = desk.store.profiles["csara"]
        guess = (await desk.ask("GET", SARA)).json()["scores"]["churn"]
        assert (guess["model"], guess["until"]) == ("gap-1", None)
        assert guess["confidence"] < 0.3
        assert "gap-1" not in (await desk.ask("GET", "/customers/csara")).text
        at = now_ms() - HOUR
        sara["scores"] = {"churn": [0.91, at, "r", "web.identify", "crm-7", now_ms() + DAY, None, []]}
        told = (await desk.ask("GET", SARA)).json()["scores"]["churn"]
        assert (told["value"], told["model"], told["reasons"]) == (0.91, "crm-7", ["told-by-event"])
        page = (await desk.ask("GET", "/customers/csara")).text
        assert "crm-7" in page
        assert "told by another system" in page.lower()


@pytest.mark.parametrize(("key", "taken"), [("k1", False), ("server", True)])
def test_scores_are_taken_from_a_server_of_ours_and_never_from_a_browser(key: str, taken: bool) -> None:
    web = Web(frozenset({"k1"}), "default", "DE", frozenset({"server"}))
    told = {"churn": {"value": 0.7, "model": "crm-7", "until": "2027-01-01T00:00:00Z"}, "buy": 0.2}
    found = only(web.read(raw(track(context={"scores": told}), "/v1/track", {"authorization": basic(f"{key}:")})))
    assert found.data.get("scores") == (told if taken else None)
    assert "scores" not in (found.data.get("context") or {})
    kept = scores(folded(facet, [found]), 0, {})
    assert {name: (one.value, one.model) for name, one in kept.items()} == (
        {"churn": (0.7, "crm-7"), "buy": (0.2, "web.track")} if taken else {}
    )
