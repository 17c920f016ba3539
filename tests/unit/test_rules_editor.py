"""What editors are given: a schema that agrees with the loader, and findings with file, line and column."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from hub.cli.rules import app
from rules.catalogue import Catalogue
from rules.conditions import NAMED
from rules.finding import Finding
from rules.load import check_text, load_folder
from rules.model import Rule
from rules.positions import Places
from rules.schema import fields, schema
from rules.shop import FOLDER
from rules.source import documents, line_of, position_of
from tests.unit import generated

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def fits(value: Any, rule: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a value is what a schema says; the keywords ours uses, and no others."""
    if "$ref" in rule:
        return fits(value, root["$defs"][rule["$ref"].rpartition("/")[2]], root)
    return all(ASKS[key](value, said, rule, root) for key, said in rule.items())


def _type(value: Any, said: str, rule: Any, root: Any) -> bool:
    return isinstance(value, TYPES[said]) and (said == "boolean" or not isinstance(value, bool))


def _properties(value: Any, said: dict[str, Any], rule: Any, root: Any) -> bool:
    return not isinstance(value, dict) or all(
        fits(value[name], one, root) for name, one in said.items() if name in value
    )


def _patterns(value: Any, said: dict[str, Any], rule: Any, root: Any) -> bool:
    pairs = value.items() if isinstance(value, dict) else ()
    return all(fits(one, some, root) for name, one in pairs for what, some in said.items() if re.search(what, name))


def _no_more(value: Any, said: bool, rule: Any, root: Any) -> bool:
    assert said is False
    named, patterns = rule.get("properties", {}), rule.get("patternProperties", {})
    keys = value if isinstance(value, dict) else ()
    return all(name in named or any(re.search(one, name) for one in patterns) for name in keys)


ASKS: dict[str, Any] = {
    **dict.fromkeys(
        ("$schema", "$defs", "title", "description", "default", "examples"), lambda value, said, rule, root: True
    ),
    "exclusiveMinimum": lambda value, said, rule, root: not isinstance(value, int | float) or value > said,
    "type": _type,
    "properties": _properties,
    "patternProperties": _patterns,
    "additionalProperties": _no_more,
    "required": lambda value, said, rule, root: not isinstance(value, dict) or all(name in value for name in said),
    "minProperties": lambda value, said, rule, root: not isinstance(value, dict) or len(value) >= said,
    "maxProperties": lambda value, said, rule, root: not isinstance(value, dict) or len(value) <= said,
    "items": lambda value, said, rule, root: not isinstance(value, list) or all(fits(one, said, root) for one in value),
    "minItems": lambda value, said, rule, root: not isinstance(value, list) or len(value) >= said,
    "maxItems": lambda value, said, rule, root: not isinstance(value, list) or len(value) <= said,
    "minLength": lambda value, said, rule, root: not isinstance(value, str) or len(value) >= said,
    "maxLength": lambda value, said, rule, root: not isinstance(value, str) or len(value) <= said,
    "pattern": lambda value, said, rule, root: not isinstance(value, str) or re.search(said, value) is not None,
    "minimum": lambda value, said, rule, root: isinstance(value, str) or value >= said,
    "maximum": lambda value, said, rule, root: isinstance(value, str) or value <= said,
    "const": lambda value, said, rule, root: value == said,
    "enum": lambda value, said, rule, root: value in said,
    "allOf": lambda value, said, rule, root: all(fits(value, one, root) for one in said),
    "anyOf": lambda value, said, rule, root: any(fits(value, one, root) for one in said),
    "oneOf": lambda value, said, rule, root: sum(fits(value, one, root) for one in said) == 1,
}
SCHEMA = schema()
HEAD: dict[str, Any] = {
    "id": "x",
    "name": "x",
    "on": "sms.received",
    "send": {"channel": "sms", "purpose": "service", "text": "hi"},
}


def test_the_rules_we_ship_fit_the_schema() -> None:
    files = sorted(FOLDER.glob("*.yaml"))
    assert len(files) == 3
    for file in files:
        ((data, _),) = documents(file.read_text(encoding="utf-8"))
        assert fits(data, SCHEMA, SCHEMA), file.name


def test_every_condition_that_may_be_written_fits_exactly_one_node() -> None:
    random = Random(13)
    sound = 0
    for _ in range(120):
        said = {**HEAD, "if": generated.condition(random)}
        if not check_text(json.dumps(said)):
            sound += 1
            assert fits(said, SCHEMA, SCHEMA), said
    assert sound > 30


@pytest.mark.parametrize(
    "more",
    [
        {"name": {"en": "Hello", "fa": "سلام"}},
        {"on": ["sms.received", {"type": "web.page", "name": "Home"}, f"{NAMED}/Order Completed"]},
        {"wait": "1h30m", "unless": {"seen": ["sms.received", "email.received"]}, "correlate": "event.x"},
        {"cap": {"count": 1, "per": "1d"}, "once": "ever", "state": "draft", "priority": -3, "max_age": "2d"},
        {"send": {**HEAD["send"], "channel": ["email", "sms"], "subject": {"en": "x"}, "short": "x"}},
        {"if": {"list": "event.tags", "has": {"not": {"field": "item", "op": "between", "value": ["a", "b"]}}}},
    ],
)
def test_all_forms_that_may_be_written_fit(more: dict[str, Any]) -> None:
    said = {**HEAD, **more}
    assert check_text(json.dumps(said)) == []
    assert fits(said, SCHEMA, SCHEMA)


@pytest.mark.parametrize(
    "more",
    [
        {"nme": "x"},
        {"id": "X Y"},
        {"name": {"english": "x"}},
        {"on": []},
        {"on": "sms"},
        {"on": {"kind": "sms.received"}},
        {"wait": "30"},
        {"wait": 30},
        {"cap": {"count": 0, "per": "1d"}},
        {"cap": {"count": 1, "per": "daily"}},
        {"once": "twice"},
        {"state": True},
        {"send": {**HEAD["send"], "channel": "fax"}},
        {"send": {**HEAD["send"], "text": ""}},
        {"send": {**HEAD["send"], "text": {}}},
        {"if": {"field": "event.x", "op": "like", "value": "x"}},
        {"if": {"field": "event.x", "op": "within", "value": 3}},
        {"if": {"field": "event.x", "op": "in", "value": "a"}},
        {"if": {"field": "event.x", "op": "between", "value": [1, "b"]}},
        {"if": {"field": "evnt.x", "op": "exists"}},
        {"if": {"field": "event.x", "op": "eq"}},
        {"if": {"all": []}},
        {"if": {"all": [{"not": {"any": [{"filed": "event.x", "op": "exists"}]}}]}},
        {"if": {"seen": "sms.received", "within": "soon"}},
        {"if": {"list": "event.x"}},
        {"if": 3},
    ],
    ids=str,
)
def test_what_the_loader_refuses_the_schema_refuses(more: dict[str, Any]) -> None:
    said = {**HEAD, **more}
    assert check_text(json.dumps(said)) != []
    assert not fits(said, SCHEMA, SCHEMA)


def test_editors_are_offered_what_is_declared() -> None:
    known = Catalogue(segments=frozenset({"vip"}))
    offered = schema(known)["$defs"]["Field"]["anyOf"][0]["enum"]
    assert offered == fields(known)
    assert {"profile.segments.vip", "event.text", "event.type", "profile.stage"} <= set(offered)
    for name in offered:
        Rule.model_validate({**HEAD, "if": {"field": name, "op": "exists"}})


TEXT = """\
id: one
name: One
on: web.track/Quiz
if:
  all:
    - {field: event.properties.a, op: eq, value: x}
    - field: event.properties.a
      op: eq
      value: y
send: {channel: sms, purpose: marketing, text: hi}
---
id: two
name: Two
on: [sms.received, sms.recieved]
if: {field: profile.counts.sms.received, op: gt, value: many}
send: {channel: sms, purpose: marketing, text: hi}
"""


@pytest.mark.parametrize(
    ("rule", "field", "position"),
    [
        ("one", "if.all.1", (7, 7)),
        ("one", "if.all.1.value", (9, 7)),
        ("one", "if.all.0.value", (6, 43)),
        ("two", "on.1", (14, 20)),
        ("two", "if.value", (15, 50)),
        ("two", "send.text.en", (16, 42)),
        ("two", "wait", (12, 1)),
    ],
)
def test_a_finding_has_its_line_and_column(rule: str, field: str, position: tuple[int, int]) -> None:
    found = Places({"a.yaml": "id: [", "b.yaml": TEXT}).of(Finding(rule, field, "error", "type", "x"))
    assert found is not None
    assert (found.file, (found.line, found.column)) == ("b.yaml", position)


def test_what_is_about_no_rule_has_no_place() -> None:
    assert Places({"b.yaml": TEXT}).of(Finding("", "", "warning", "uncompared", "x")) is None


def test_the_line_of_a_position_is_the_line() -> None:
    node = yaml.compose("text: |\n  a\n  b\n", Loader=yaml.SafeLoader)
    assert node is not None
    assert position_of(node, ("text",)) == (1, 1)
    assert position_of(node, ("text",), 2) == (3, 1)
    assert line_of(node, ("text",), 2) == 3


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of rules, and a hub without anything declared."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_STATE", str(tmp_path / "state"))
    folder = tmp_path / "rules"
    folder.mkdir()
    return folder


def test_the_command_tells_findings_and_fails_on_errors_alone(alone: Path) -> None:
    (alone / "a.yaml").write_text(TEXT, encoding="utf-8")
    done = CliRunner().invoke(app, ["check", str(alone)])
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert lines[0].startswith("a.yaml:7:7: error: one: if.all.1: event.properties.a cannot be eq 'y'")
    assert lines[1].startswith("a.yaml:14:20: warning: two: on.1: ")
    assert lines[2].startswith("a.yaml:15:50: error: two: if.value: profile.counts.sms.received is a whole number")
    assert lines[-1].endswith("2 faults, 1 warnings.")
    (alone / "a.yaml").write_text(
        TEXT.replace("value: y", "value: x").replace("value: many", "value: 3"), encoding="utf-8"
    )
    done = CliRunner().invoke(app, ["check", str(alone)])
    assert done.exit_code == 0, "a warning is no failure"
    (alone / "b.yaml").write_text("id: [", encoding="utf-8")
    assert "b.yaml:1: " in CliRunner().invoke(app, ["check", str(alone)]).output


def test_the_command_shows_what_rules_cost(alone: Path) -> None:
    for file in FOLDER.glob("*.yaml"):
        (alone / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    done = CliRunner().invoke(app, ["check", "--costs", str(alone)], env={"COLUMNS": "150"})
    assert done.exit_code == 0
    for rule in load_folder(FOLDER).rules:
        assert rule.id in done.output
    assert "profile.counts.email.received" in done.output


def test_the_command_prints_the_schema(alone: Path) -> None:
    done = CliRunner().invoke(app, ["schema"])
    assert done.exit_code == 0
    assert json.loads(done.output) == SCHEMA
