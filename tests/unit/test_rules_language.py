"""The condition language: closures agree with the slow reading, and missing is neither yes nor no."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hub import ids
from hub.profile import Profile, empty
from rules.compile import compiled
from rules.conditions import COMPARISONS, Condition
from rules.reference import ask
from rules.scene import Scene
from rules.tree import check, check_raw
from tests.unit import generated

READ: TypeAdapter[Condition] = TypeAdapter(Condition)
NOW = 1_767_268_800_000

FIELDS = [
    "event.type",
    "event.time",
    "event.name",
    "event.text",
    "event.properties.total",
    "event.properties.a.b",
    "event.tags",
    "profile.traits.tier",
    "profile.traits.address.city",
    "profile.facts.account_number",
    "profile.stage",
    "profile.language",
    "profile.events",
    "profile.last",
    "profile.counts.email.received",
    "profile.latest.email.received.time",
    "profile.latest.email.received.text",
    "profile.channels.email.received",
    "profile.channels.sms.last_sent",
    "profile.consent.email/marketing",
    "profile.identities.email",
    "profile.computed.tier",
    "profile.segments.vip",
]
KINDS = ["email.received", "web.track/Order Completed", "sms.received"]
words = st.sampled_from(["", "gold", "Gold", "x", "Straße", "STRASSE", "email.received", "purchase", "en"])
numbers = st.one_of(st.integers(-3, 3), st.sampled_from([0.5, 1.0, 2.5, float(NOW), NOW, NOW - 5000]))
scalars = st.one_of(words, numbers, st.booleans())
anything = st.one_of(
    st.none(),
    scalars,
    st.sampled_from([float("nan"), -3, 0, 1, 2, 3]),
    st.lists(scalars, max_size=3),
    st.dictionaries(words, scalars, max_size=2),
)
fields = st.sampled_from(FIELDS)


def _predicates(names: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    text = {"field": names, "op": st.sampled_from(["prefix", "suffix", "contains"])}
    return st.one_of(
        st.fixed_dictionaries({"field": names, "op": st.sampled_from(COMPARISONS[:2]), "value": scalars}),
        st.fixed_dictionaries({"field": names, "op": st.sampled_from(COMPARISONS), "value": st.one_of(words, numbers)}),
        st.fixed_dictionaries(
            {"field": names, "op": st.just("in"), "value": st.lists(scalars, min_size=1, max_size=4)}
        ),
        st.fixed_dictionaries(
            {"field": names, "op": st.just("between"), "value": st.lists(numbers, min_size=2, max_size=2).map(sorted)}
        ),
        st.fixed_dictionaries({"field": names, "op": st.just("exists"), "value": st.booleans()}),
        st.fixed_dictionaries({**text, "value": words.filter(bool), "ignore_case": st.booleans()}),
        st.fixed_dictionaries({"field": names, "op": st.just("within"), "value": st.just("5s")}),
        st.fixed_dictionaries({"field": names, "op": st.just("matches"), "value": st.sampled_from(generated.PATTERNS)}),
        st.fixed_dictionaries(
            {"field": names, "op": st.sampled_from(COMPARISONS), "than": fields},
            optional={"times": st.sampled_from([1, 2, 1.1])},
        ),
        st.fixed_dictionaries(
            {"near": st.just({"lat": 35.7, "lon": 51.4}), "within": st.sampled_from(["5km", "20000km"]), "field": names}
        ),
    )


def _negated(raw: Any) -> Any:
    return {"not": raw}


items = _predicates(st.sampled_from(["item", "item.a"]))
leaves = st.one_of(
    _predicates(fields),
    *(
        st.fixed_dictionaries({"list": st.sampled_from(["event.tags", "event.name"]), of: items | items.map(_negated)})
        for of in ("has", "every", "none")
    ),
    st.builds(generated.clock, st.builds(Random, st.integers(0, 99))),
    st.fixed_dictionaries(
        {"changed": st.sampled_from(["profile.traits.tier", "profile.stage"])},
        optional={"from": words, "to": st.lists(scalars, min_size=1, max_size=2)},
    ),
    st.fixed_dictionaries({"seen": st.lists(st.sampled_from(KINDS), min_size=1, max_size=2)}),
    st.fixed_dictionaries({"seen": st.sampled_from(KINDS), "within": st.sampled_from(["1s", "5s", "1h"])}),
)
trees = st.recursive(
    leaves,
    lambda below: st.one_of(
        st.fixed_dictionaries({"all": st.lists(below, min_size=1, max_size=5)}),
        st.fixed_dictionaries({"any": st.lists(below, min_size=1, max_size=5)}),
        st.fixed_dictionaries({"not": below}),
    ),
    max_leaves=8,
)
registers = anything.map(lambda value: [value, NOW, "r", "web.identify"])
moments = st.sampled_from([NOW, NOW - 1000, NOW - 5000, NOW + 1000, NOW - 10**7])


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """Profiles with something, or nothing, in every place a field can point to."""
    one = empty("c1")
    one["traits"] = draw(st.dictionaries(st.sampled_from(["tier", "language", "address"]), registers))
    if "language" in one["traits"]:
        one["traits"]["language"][0] = draw(words)
    one["facts"] = draw(st.dictionaries(st.just("account_number"), registers))
    one["stage"] = draw(st.sampled_from(["need", "purchase"]))
    one["events"] = draw(st.integers(0, 3))
    one["last"] = draw(moments)
    one["counts"] = draw(st.dictionaries(st.sampled_from(KINDS), st.integers(1, 3)))
    latest = st.tuples(words, moments, st.sampled_from(["r", ids.ref("/s\ne1")]), st.just("t")).map(list)
    one["latest"] = draw(st.dictionaries(st.sampled_from(KINDS), latest))
    one["consent"] = draw(st.dictionaries(st.just("email/marketing"), registers))
    known = st.fixed_dictionaries({"verified": st.booleans(), "first": moments, "last": moments})
    one["identities"] = draw(st.dictionaries(st.sampled_from(["email:x", "phone:1"]), known))  # type: ignore[arg-type]
    count = st.integers(0, 2)
    traffic = {"received": count, "sent": count, "failed": count, "last_received": count, "last_sent": count}
    one["channels"] = draw(st.dictionaries(st.sampled_from(["email", "sms"]), st.fixed_dictionaries(traffic)))  # type: ignore[arg-type]
    one["segments"] = draw(st.dictionaries(st.just("vip"), moments))
    return one


def computed(profile: Profile, trait: str, now: int) -> Any:
    """A stand-in for computed traits: the trait of that name, at this moment only."""
    return profile["traits"].get(trait, [None])[0] if now == NOW else None


contents = st.fixed_dictionaries(
    {},
    optional={
        "name": anything,
        "text": anything,
        "tags": st.one_of(anything, st.lists(st.dictionaries(st.just("a"), anything), max_size=3)),
        "properties": st.one_of(anything, st.fixed_dictionaries({"total": anything, "a": anything})),
    },
)


def scene(data: dict[str, Any], time: int = NOW) -> Scene:
    before = {"profile.traits.tier": data.get("text"), "profile.stage": "need"} if "name" in data else None
    return Scene("e1", "email.received", "/s", "email:x", "default", data, time, NOW, computed=computed, before=before)


def _read(raw: Any) -> Condition | None:
    try:
        return READ.validate_python(raw)
    except ValidationError:
        return None  # a moment compared with a word, or `within` over none: refused, and rightly so


@settings(max_examples=300, deadline=None)
@given(trees, contents, profiles(), moments)
def test_closures_agree_with_the_slow_reading(raw: Any, data: dict[str, Any], profile: Profile, time: int) -> None:
    node = _read(raw)
    if node is None:
        return
    answer = ask(node, scene(data, time), profile).answer
    assert compiled(node)(data, profile, scene(data, time)) is (answer is True)
    assert compiled(node, holds=False)(data, profile, scene(data, time)) is (answer is False)


@settings(max_examples=1000, deadline=None)
@given(_predicates(st.just("event.x")), anything)
def test_every_predicate_agrees_on_every_kind_of_value(raw: Any, value: Any) -> None:
    node, data, nobody = _read(raw), {"x": value}, empty("c1")
    if node is not None:
        answer = ask(node, scene(data), nobody).answer
        assert compiled(node)(data, nobody, scene(data)) is (answer is True)
        assert compiled(node, holds=False)(data, nobody, scene(data)) is (answer is False)


@settings(max_examples=100, deadline=None)
@given(trees)
def test_json_of_a_condition_is_the_same_condition(raw: Any) -> None:
    node = _read(raw)
    if node is not None:
        assert READ.validate_json(READ.dump_json(node, by_alias=True)) == node


def asked(raw: Any, data: dict[str, Any] | None = None, profile: Profile | None = None) -> bool | None:
    return ask(READ.validate_python(raw), scene(data or {}), profile or empty("c1")).answer


@pytest.mark.parametrize(
    ("raw", "data", "answer"),
    [
        ({"field": "event.total", "op": "gt", "value": 5}, {}, None),
        ({"not": {"field": "event.total", "op": "gt", "value": 5}}, {}, None),
        ({"field": "event.total", "op": "gt", "value": 5}, {"total": "6"}, None),
        ({"field": "event.total", "op": "eq", "value": 1}, {"total": True}, False),
        ({"field": "event.total", "op": "in", "value": [1, 2]}, {"total": True}, False),
        ({"field": "event.total", "op": "ne", "value": 1}, {}, None),
        ({"field": "event.total", "op": "ne", "value": 1}, {"total": True}, True),
        ({"field": "event.total", "op": "exists", "value": False}, {}, True),
        ({"field": "event.total", "op": "exists"}, {"total": None}, False),
        ({"field": "event.total", "op": "between", "value": [1, 5]}, {"total": 5}, True),
        ({"field": "event.text", "op": "contains", "value": "REFUND", "ignore_case": True}, {"text": "a refund"}, True),
        ({"field": "event.tags", "op": "contains", "value": "vip"}, {"tags": ["vip", 3]}, True),
        ({"field": "profile.counts.sms.received", "op": "eq", "value": 0}, {}, True),
        ({"any": [{"field": "event.x", "op": "eq", "value": 1}, {"field": "event.y", "op": "eq", "value": 1}]},
         {"y": 1}, True),
        ({"all": [{"field": "event.x", "op": "eq", "value": 1}, {"field": "event.y", "op": "eq", "value": 1}]},
         {"y": 2}, False),
        ({"list": "event.p", "has": {"field": "item.price", "op": "gt", "value": 9}}, {"p": [{"price": 10}]}, True),
        ({"list": "event.p", "has": {"field": "item.price", "op": "gt", "value": 9}}, {"p": [{"price": 1}, {}]}, None),
        ({"field": "event.time", "op": "ge", "value": "2026-01-01T12:00:00Z"}, {}, True),
        ({"field": "event.time", "op": "gt", "value": "2026-01-01T12:00:00+00:00"}, {}, False),
    ],
)  # fmt: skip
def test_what_the_language_means(raw: Any, data: dict[str, Any], answer: bool | None) -> None:
    assert asked(raw, data) is answer


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"field": "evnt.x", "op": "eq", "value": 1}, "fields start with"),
        ({"field": "profile.trait.x", "op": "eq", "value": 1}, "did you mean profile.traits?"),
        ({"field": "profile.latest.email.received", "op": "exists"}, "end with .time or .text"),
        ({"field": "profile.channels.email.recieved", "op": "eq", "value": 1}, "did you mean received?"),
        ({"field": "event.a..b", "op": "exists"}, "empty part"),
        ({"field": "event.x", "op": "lt", "value": True}, "no order"),
        ({"field": "event.x", "op": "between", "value": [5, 1]}, "lower end comes first"),
        ({"field": "event.x", "op": "within", "value": "5m"}, "needs a moment"),
        ({"field": "event.time", "op": "gt", "value": "yesterday"}, "with its zone"),
        ({"seen": "web.page/Pricing"}, "only web.track"),
        ({"seen": "web.track/Order Completed", "within": "5"}, "with its unit"),
        ({"field": "event.x", "op": "eq", "value": float("inf")}, "finite"),
    ],
)
def test_a_wrong_condition_says_what_is_wrong(raw: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        READ.validate_python(raw)


def test_a_large_or_deep_condition_is_refused() -> None:
    leaf: Any = {"field": "event.x", "op": "exists"}
    wide = {"all": [{"all": [leaf] * 100}, {"all": [leaf] * 100}]}
    with pytest.raises(Exception, match="more than 200"):
        check(READ.validate_python(wide))
    deep = leaf
    for _ in range(20):
        deep = {"not": deep}
    with pytest.raises(Exception, match="nested deeper than 20"):
        check(READ.validate_python(deep))
    for _ in range(5000):
        deep = {"not": deep}
    with pytest.raises(ValueError, match="nested deeper than 60"):
        check_raw(deep)


def test_the_trace_names_the_first_predicate_that_failed() -> None:
    raw = {
        "all": [{"field": "event.x", "op": "eq", "value": 1}, {"field": "profile.traits.age", "op": "gt", "value": 17}]
    }
    step = ask(READ.validate_python(raw), scene({"x": 1}), empty("c1"))
    assert step.blame().asked == "profile.traits.age gt 17"
    assert step.blame().found == "missing"
    assert list(step.lines()) == [
        "unknown: all of",
        "  yes: event.x eq 1  (found 1)",
        "  unknown: profile.traits.age gt 17  (missing)",
    ]
