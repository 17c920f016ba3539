"""Computed traits as people declare them: files and their faults, what is shared, and rules that ask for them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from hub.computed import KEEPS
from hub.errors import Misconfigured
from hub.event import Event, make
from hub.profile import PROFILE, empty
from profile_store.facets import windows
from rules import traits
from rules.declared import check_segments, check_traits, load_traits, unknown
from rules.engine import Engine
from rules.explain import explain
from rules.features import Feature, tile_of
from rules.load import check_text
from rules.model import Rule
from rules.spans import parse
from rules.traits import Trait, catalogue
from tests.unit.computing import BIG, DAY, HOUR, START, folded, order, orders, read, reading, trait

GOOD = """\
id: spent
name: {en: Spent in 30 days}
on: web.track/Order Completed
if: {field: event.properties.total, op: gt, value: 0}
value: event.properties.total
compute: sum
over: 30d
"""


def told(text: str) -> list[str]:
    return [str(problem) for problem in check_traits(text, "x.yaml")]


def test_a_sound_file_has_no_problems() -> None:
    assert told(GOOD) == []
    assert told(GOOD + "tile: 1d\n---\n" + GOOD.replace("spent", "again").replace("over: 30d", "over: all")) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("id: spent", "id: Spent!", "x.yaml:1: id: is not written as it must be"),
        ("compute: sum\n", "", "x.yaml:1: compute: is missing"),
        ("compute: sum", "compute: total", "x.yaml:6: compute: total is not possible here: use 'count'"),
        ("compute: sum", "computed: sum", "x.yaml:6: computed: is unknown here; did you mean compute?"),
        ("value: event.properties.total\n", "", "x.yaml:1: sum needs a `value`"),
        ("compute: sum", "compute: count", "x.yaml:1: count counts events: say which with `if`"),
        ("value: event.", "value: profile.traits.", "x.yaml:1: `value` is a field of the event"),
        ("value: event.properties", "value: evnt.properties", "x.yaml:5: value: evnt.properties.total is no field"),
        ("over: 30d", "over: 30", "x.yaml:7: over: write a span of time with its unit"),
        ("over: 30d", "over: all\ntile: 1d", "x.yaml:1: a tile is for a window"),
        ("over: 30d", "over: 30d\ntile: 31d", "x.yaml:1: a window has between 1 and 400 tiles"),
        ("over: 30d", "over: 30d\ntile: 1h", "x.yaml:1: a window has between 1 and 400 tiles"),
        ("op: gt", "op: more", "x.yaml:4: if.op: more is no operator"),
        ("field: event.properties.total", "field: profile.events", "x.yaml:1: `if` looks at the event alone"),
        ("field: event.properties.total, op: gt, value: 0", "seen: web.page, within: 1d", "x.yaml:1: `if` looks at"),
        ("on: web.track/Order Completed", "on: [timer.due, web.page]", "x.yaml:1: timer.due is what the hub itself"),
        ("on: web.track/Order Completed", "on: web.page/Pricing", "x.yaml:3: on.0: only web.track events"),
        ("on: web.track/Order Completed", "on: []", "x.yaml:3: on: "),
        ("over: 30d", "over: 30d\n---\n- a", "x.yaml:9: a computed trait is a mapping"),
        ("over: 30d", f"over: 30d\n---\n{GOOD}", "x.yaml:9: id: another computed trait is called spent already"),
        ("name: {", "name: [", "x.yaml:2: "),
    ],
)
def test_a_fault_is_told_with_its_line(old: str, new: str, problem: str) -> None:
    assert old in GOOD
    found = told(GOOD.replace(old, new))
    assert any(one.startswith(problem) for one in found), found


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "c.yaml").write_text("# nothing yet\n")
    (tmp_path / "d.yaml").write_bytes(b"\xff")
    found = load_traits(tmp_path)
    assert [one.id for one in found.computed] == ["spent"]
    assert [(one.file, one.line) for one in found.problems] == [("b.yaml", 1), ("c.yaml", 1), ("d.yaml", 1)]
    assert load_traits(tmp_path / "nowhere").computed == ()


def test_a_trait_survives_json() -> None:
    one = trait("t", "sum", over="30d", **{"if": BIG})
    assert Trait.model_validate_json(one.model_dump_json(by_alias=True, exclude_defaults=True)) == one
    assert Trait.model_validate_json(trait("t", "sum").model_dump_json(by_alias=True)).over == 0


def test_a_trait_too_deep_to_look_at_is_refused() -> None:
    deep: Any = {"field": "event.x", "op": "exists"}
    for _ in range(5_000):
        deep = {"not": deep}
    with pytest.raises(ValidationError, match="nested deeper"):
        trait("t", "count", **{"if": deep})


@pytest.mark.parametrize(
    ("span", "tile"),
    [("10s", "1s"), ("1h", "2m"), ("24h", "1h"), ("7d", "6h"), ("30d", "1d"), ("90d", "3d"), ("365d", "14d")],
)
def test_a_window_gets_a_tile_that_fits(span: str, tile: str) -> None:
    assert tile_of(parse(span)) == parse(tile)
    assert 1 <= parse(span) / parse(tile) <= 30


def test_those_that_need_the_same_share_it() -> None:
    either = [BIG, {"field": "event.properties.total", "op": "gt", "value": 5}]
    made = catalogue(
        [
            trait("a", "sum", over="30d"),
            trait("b", "average", over="30d", tile="1d"),
            trait("c", "sum", over="10d", tile="1d"),
            trait("d", "sum", **{"if": {"any": either}}),
            trait("e", "sum", **{"if": {"any": either[::-1]}}),
            trait("f", "sum", **{"if": {"all": either}}),
            trait("g", "max", over="30d"),
            trait("h", "sum", over="30d", value="event.properties.tax"),
        ]
    )
    names = {name: one.feature for name, one in made.readings.items()}
    assert names["a"] == names["b"] == names["c"]
    assert names["a"].startswith("s31.")
    assert names["d"] == names["e"]
    assert len(made.features) == len(set(names.values())) == 5
    profile = folded(made, [order(1, START, 5), order(2, START + 15 * DAY, 7)])
    assert [read(made, profile, one, START + 15 * DAY) for one in "abc"] == [12, 6, 7]


def test_two_features_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rules.features.ids.digest", lambda text, size: "0" * 8)
    with pytest.raises(Misconfigured, match="cannot be told from another"):
        catalogue([trait("a", "sum"), trait("b", "sum", value="event.properties.tax")])


def test_a_profile_with_windows_is_a_profile() -> None:
    made = catalogue([trait("a", "sum"), trait("b", "last", over="30d")])
    PROFILE.validate_python({**folded(made, [order(1, START)]), "segments": {"s": 1}})
    assert isinstance(made.features[0], Feature)
    assert traits.Catalogue().features == ()
    assert made.version == catalogue([trait("b", "last", over="30d"), trait("a", "sum")]).version
    assert made.version != catalogue([trait("b", "last", over="30d"), trait("a", "average")]).version


SPENT = catalogue([trait("spent", "sum", over="3h", tile="1h"), trait("often", "count")])
RULE: dict[str, Any] = {
    "id": "r",
    "name": "r",
    "on": "sms.received",
    "if": {"field": "profile.computed.spent", "op": "ge", "value": 10},
    "send": {"channel": "sms", "purpose": "service", "text": "Hello"},
}


def sms(ms: int) -> Event:
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    who: Any = {"type": "phone", "value": "+491700000000", "verified": True}
    return make("sms.received", id=f"s{ms}", source="/test", identities=[who], received=moment)


@pytest.mark.parametrize(("hours", "fires"), [(0, True), (3, True), (4, False)])
def test_a_rule_sees_the_value_at_its_moment(hours: int, fires: bool) -> None:
    rule, (look, _) = Rule.model_validate(RULE), windows.readers(SPENT.readings)
    profile = folded(SPENT, [order(1, START, 4), order(2, START, 6)])
    profile["identities"]["phone:+491700000000"] = {"verified": True, "first": 0, "last": 0}
    event = sms(START + hours * HOUR)
    decided = Engine([rule], computed=look).decide(event, event.ms, profile)
    assert [one.outcome for one in decided] == ["fired"] * fires
    assert explain(rule, event, event.ms, profile, computed=look).matched is fires
    assert Engine([rule]).decide(event, event.ms, profile) == []


def test_a_wait_sees_the_value_when_it_is_over() -> None:
    unless = {"field": "profile.computed.spent", "op": "ge", "value": 10}
    rule = Rule.model_validate({**RULE, "if": {"field": "event.type", "op": "exists"}, "wait": "5h", "unless": unless})
    look, _ = windows.readers(SPENT.readings)
    engine, profile = Engine([rule], computed=look), folded(SPENT, [order(1, START, 10)])
    profile["identities"]["phone:+491700000000"] = {"verified": True, "first": 0, "last": 0}
    (decision,) = engine.decide(sms(START), START, profile)
    timer = decision.timer
    assert timer is not None
    profile["timers"][timer.slot] = [timer.id, timer.due, timer.rule, timer.body]
    moment = datetime.fromtimestamp(timer.due / 1000, UTC)
    due = make("timer.due", id="t", source="/timers", identities=sms(0).identities, received=moment)
    due = due.model_copy(update={"data": {**due.data, "slot": timer.slot, "timer": timer.id}})
    assert [one.outcome for one in engine.decide(due, timer.due, profile)] == ["fired"]
    folded(SPENT, [order(2, START + 4 * HOUR, 10)], profile)
    assert [one.outcome for one in engine.decide(due, timer.due, profile)] == ["cancelled"]


def test_what_a_rule_asks_for_must_be_declared() -> None:
    names = ("computed.spend", "computed.often")
    fields: list[dict[str, Any]] = [{"field": f"profile.{name}", "op": "exists"} for name in names]
    fields.append({"field": "profile.segments.vips", "op": "eq", "value": True})
    rule = Rule.model_validate({**RULE, "if": {"any": fields}, "unless": fields[0]})
    assert sorted(unknown(rule, SPENT.readings, ["vip"])) == [
        "there is no computed trait spend; did you mean spent?",
        "there is no computed trait spend; did you mean spent?",
        "there is no segment vips; did you mean vip?",
    ]
    wrong = "id: a\nname: a\non: sms.received\nif: {field: profile.computed, op: exists}\nsend: {}"
    assert "profile.computed alone is no field" in str(check_text(wrong)[0])


def test_the_examples_of_the_manual_are_sound() -> None:
    text = (Path(__file__).parents[2] / "docs/traits-and-segments.md").read_text(encoding="utf-8")
    typed, first, second, third = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert check_traits(typed) == check_traits(first) == []
    assert check_segments(second, ["spent-lately"]) == []
    assert check_segments(third, ["spent-lately"]) == []
    for compute in KEEPS:
        assert f"`{compute}`" in text


@settings(deadline=None, max_examples=30)
@given(orders())
def test_the_filter_may_not_depend_on_anything_but_the_event(some: list[Event]) -> None:
    made = catalogue([trait("n", "count", **{"if": {"not": BIG}})])
    wanted = sum(one.data["name"] == "Order Completed" and not one.data["properties"]["big"] for one in some)
    assert read(made, folded(made, some), "n", START) == wanted
    (feature,) = made.features
    assert [feature.read(one, one.ms) for one in some] == [
        None if one.data["properties"]["big"] else True for one in some
    ]
    assert reading(made, "n").feature == feature.id
    assert empty("c1").get("windows") is None
