"""Facts and scores that events tell: the newest counts, and who contradicts is not forgotten."""

from __future__ import annotations

from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.event import Event
from profile_store.facets import scores
from profile_store.facets import told as told_facet
from profile_store.insight.facts import facts
from tests.unit.customer_events import folded, histories, keeps_the_laws, told

SOME = settings(deadline=None, max_examples=60, print_blob=True)

NAMES = ("facts", "scores", "value", "confidence", "sensitivity", "model", "until", "reasons", "account")
few = st.sampled_from(["1", "2", 3, True, None, 0.5])
wrapped = st.fixed_dictionaries(
    {"value": few},
    optional={"confidence": st.sampled_from([0, 0.25, 1, 2]), "sensitivity": st.sampled_from(["personal", "?"])},
)
said = st.fixed_dictionaries({"facts": st.dictionaries(st.sampled_from("abc"), few | wrapped, max_size=3)})
scored = st.fixed_dictionaries(
    {
        "scores": st.dictionaries(
            st.sampled_from("abc"),
            few
            | st.fixed_dictionaries(
                {"value": few},
                optional={"until": st.sampled_from(["2027-01-01", 5]), "reasons": st.lists(few, max_size=7)},
            ),
            max_size=3,
        )
    }
)
KINDS = ("phone.input", "web.identify", "survey.answered", "crm.updated")


@SOME
@given(histories(KINDS, said, NAMES), st.randoms(use_true_random=False), st.sampled_from([(1, 1), (2, 2), (64, 3)]))
def test_facts_are_a_function_of_the_set(some: list[Event], random: Random, bounds: tuple[int, int]) -> None:
    with patch.object(told_facet, "FACTS", bounds[0]), patch.object(told_facet, "SOURCES", bounds[1]):
        profile = keeps_the_laws(told_facet, some, random, 30_000)
        assert all(row["value"] is not None for row in facts(profile))


@SOME
@given(histories(KINDS, scored, NAMES), st.randoms(use_true_random=False), st.sampled_from([2, 16]))
def test_scores_are_a_function_of_the_set(some: list[Event], random: Random, kept: int) -> None:
    with patch.object(scores, "KEPT", kept):
        profile = keeps_the_laws(scores, some, random, 6_000)
    assert all(0 <= one[scores.VALUE] <= 1 for one in profile.get("scores", {}).values())


def test_the_newest_is_shown_with_who_says_otherwise() -> None:
    events = [
        told("phone.input", 1, at=1, facts={"account": "4711"}),
        told(
            "crm.updated", 2, at=2, facts={"account": {"value": "4712", "confidence": 0.9, "sensitivity": "personal"}}
        ),
        told("web.identify", 3, at=3, facts={"account": "4712"}),
    ]
    profile = folded(told_facet, events)
    assert profile["told"]["account"]["phone.input"] == ["4711", 1_000, events[0].ref]
    (row,) = facts(profile)
    assert (row["value"], row["source"]) == ("4712", "web.identify")
    assert [(other["value"], other["source"]) for other in row["others"]] == [("4711", "phone.input")]


def test_an_agreement_may_become_a_contradiction() -> None:
    events = [
        told("phone.input", 0, at=0, facts={"a": 1}),
        told("crm.updated", 1, at=1, facts={"a": 1}),
        told("crm.updated", 2, at=2, facts={"a": 2}),
    ]
    assert facts(folded(told_facet, events[:2]))[0]["others"] == []
    (row,) = facts(folded(told_facet, events))
    assert (row["value"], [other["value"] for other in row["others"]]) == (2, [1])


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ({"value": 1, "confidence": 0.5}, (1, 0.5, None)),
        ({"value": 1, "confidence": 7, "sensitivity": "secret"}, (1, None, None)),
        ({"value": 1, "sensitivity": "sensitive"}, (1, None, "sensitive")),
        ({"value": 1, "unit": "kg"}, ({"value": 1, "unit": "kg"}, None, None)),
        ("plain", ("plain", None, None)),
    ],
)
def test_facts_may_be_plain_or_say_more(given_: Any, wanted: tuple[Any, ...]) -> None:
    assert told_facet.unwrapped(given_) == wanted


@pytest.mark.parametrize("value", [-0.1, 1.1, "0.5", True, float("nan"), None, [], 10**400])
def test_what_is_no_score_is_left_out(value: Any) -> None:
    assert folded(scores, [told("crm.updated", scores={"churn": {"value": value}, "buy": value})]) == {}
