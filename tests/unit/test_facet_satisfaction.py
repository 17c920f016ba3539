"""What customers answer when asked: which events are answers, on which scale, and what is made of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.event import Event
from profile_store.facets import satisfaction
from profile_store.insight import mood
from tests.unit.facets import folded, told, tracked


def kept(*events: Event) -> dict[str, Any]:
    """What is kept of these events, without times and names of events."""
    found = folded(satisfaction, events).get("satisfaction", {})
    return {kind: [*sums, [answer[2:] for answer in newest]] for kind, (*sums, newest) in found.items()}


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (told("survey.answered", survey={"kind": "csat", "score": 4}), {"csat": [1, 400, 1, 0, 0, [[400, ""]]]}),
        (told("survey.answered", survey={"kind": "NPS", "score": 0}), {"nps": [1, 0, 0, 1, 0, [[0, ""]]]}),
        (
            told("phone.ended", survey={"kind": "ces", "score": "۶", "topic": "Returns"}),
            {"ces": [1, 600, 1, 0, 0, [[600, "Returns"]]]},
        ),
        (
            told("survey.answered", facts={"nps": 9, "csat": "2", "why": "slow"}),
            {"csat": [1, 200, 0, 1, 0, [[200, ""]]], "nps": [1, 900, 1, 0, 0, [[900, ""]]]},
        ),
        (
            told("survey.answered", properties={"metric": "Net Promoter Score", "rating": 7}),
            {"nps": [1, 700, 0, 0, 0, [[700, ""]]]},
        ),
        (tracked("Survey Answered", survey_type="csat", score=5), {"csat": [1, 500, 1, 0, 0, [[500, ""]]]}),
        (tracked("NPS Submitted", score=10, touchpoint="checkout"), {"nps": [1, 1000, 1, 0, 0, [[1000, "checkout"]]]}),
        (tracked("Survey Submitted", csat=3), {"csat": [1, 300, 0, 0, 0, [[300, ""]]]}),
        (tracked("Product Viewed", csat=3, type="csat", score=3), {}),
        (told("web.identify", facts={"nps": 3}), {}),
        (told("survey.answered", survey={"kind": "servqual", "score": 3}), {}),
        (told("survey.answered", survey={"kind": "csat"}), {}),
        (
            told("survey.answered", survey={"kind": "csat", "score": 5}, facts={"csat": 1}),
            {"csat": [1, 500, 1, 0, 0, [[500, ""]]]},
        ),
    ],
)
def test_what_is_an_answer(event: Event, wanted: dict[str, Any]) -> None:
    assert kept(event) == wanted


@pytest.mark.parametrize(
    ("kind", "score", "scale", "wanted"),
    [
        ("csat", 1, None, 100),
        ("csat", 5, None, 500),
        ("csat", 4.5, None, 450),
        ("csat", "4,5", None, 450),
        ("csat", 10, 10, 500),
        ("csat", 1, 10, 100),
        ("csat", 4, 7, 300),
        ("ces", 3, 5, 400),
        ("nps", 0, None, 0),
        ("nps", 80, 100, 800),
        ("csat", 0, None, None),
        ("csat", 6, None, None),
        ("nps", -1, None, None),
        ("nps", 11, None, None),
        ("ces", 8, None, None),
        ("csat", 3, 0, None),
        ("csat", 3, "five", None),
        ("csat", True, None, None),
        ("csat", "good", None, None),
        ("csat", float("nan"), None, None),
        ("csat", 10**400, None, None),
        ("csat", [4], None, None),
    ],
)
def test_scores_come_to_one_scale_or_are_refused(kind: str, score: object, scale: object, wanted: int | None) -> None:
    assert satisfaction.hundredths(kind, score, scale) == wanted


def test_a_refused_score_is_counted_and_changes_no_mean() -> None:
    bad, good = (told("survey.answered", n, survey={"kind": "csat", "score": n}) for n in (9, 3))
    assert kept(bad, good) == {"csat": [1, 300, 0, 0, 1, [[300, ""]]]}
    assert mood.satisfaction(folded(satisfaction, [bad])) == {}


@given(st.lists(st.integers(0, 10), min_size=1, max_size=12))
def test_the_measures_are_those_of_all_answers(scores: list[int]) -> None:
    events = [
        told("survey.answered", n, minute=n, survey={"kind": "nps", "score": score}) for n, score in enumerate(scores)
    ]
    found = mood.satisfaction(folded(satisfaction, events))["nps"]
    promoters, detractors = sum(score >= 9 for score in scores), sum(score <= 6 for score in scores)
    assert found["n"] == len(scores)
    assert (found["last"], found["time"]) == (scores[-1], events[-1].ms)
    assert found["mean"] == pytest.approx(sum(scores) / len(scores), abs=0.001)
    assert found["measure"] == pytest.approx((promoters - detractors) / len(scores) * 100, abs=0.05)


def test_the_trend_compares_the_last_five() -> None:
    def trend(*scores: int) -> float | None:
        events = [
            told("survey.answered", n, minute=n, survey={"kind": "csat", "score": s}) for n, s in enumerate(scores)
        ]
        found: float | None = mood.satisfaction(folded(satisfaction, events))["csat"]["trend"]
        return found

    assert trend(4) is None
    assert trend(5, 2) == -3
    assert trend(1, 1, 3, 5, 4) == 3.5
    assert trend(5, 5, 5, 1, 1, 3, 5, 4) == 3.5, "older ones do not count"
