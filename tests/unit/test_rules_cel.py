"""Conditions as CEL text: read, written, refused with their place, and used in rule files."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from rules import cel
from rules.cel import CelError, NoText, read, write
from rules.conditions import MAX_DEPTH, MAX_NODES, Compare, Condition
from rules.load import check_text, read_text

TREE: TypeAdapter[Condition] = TypeAdapter(Condition)


def asks(field: str, op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, **more}


A, B, C = (asks(f"event.{name}", "eq", 1) for name in "abc")
SAME: list[tuple[str, dict[str, Any]]] = [
    ("event.properties.total >= 100.5", asks("event.properties.total", "ge", 100.5)),
    ("event.x == -3", asks("event.x", "eq", -3)),
    ("event.x != true", asks("event.x", "ne", True)),
    ('event.x == "a\\n\\"ü𝒳"', asks("event.x", "eq", 'a\n"ü𝒳')),
    ("event.a == 1 && event.b == 1 && event.c == 1", {"all": [A, B, C]}),
    ("event.a == 1 || (event.b == 1 && event.c == 1)", {"any": [A, {"all": [B, C]}]}),
    ("event.a == 1 && (event.b == 1 || event.c == 1)", {"all": [A, {"any": [B, C]}]}),
    ("!(event.a == 1 || event.b == 1)", {"not": {"any": [A, B]}}),
    ('event.x in ["gold", 1, true, 2.0]', asks("event.x", "in", ["gold", 1, True, 2.0])),
    ("event.x >= 1 && event.x <= 2.5", asks("event.x", "between", [1, 2.5])),
    ('event.x >= "a" && event.x <= "b" && event.c == 1', {"all": [asks("event.x", "between", ["a", "b"]), C]}),
    ("event.x >= 2 && event.x <= 1", {"all": [asks("event.x", "ge", 2), asks("event.x", "le", 1)]}),
    ("has(event.properties.a)", asks("event.properties.a", "exists", True)),
    ("!has(profile.traits.blocked)", asks("profile.traits.blocked", "exists", False)),
    ("has(profile.consent.`email/marketing`)", asks("profile.consent.email/marketing", "exists", True)),
    ('"größe" in event.properties', asks("event.properties.größe", "exists", True)),
    ('!("größe" in profile.traits)', asks("profile.traits.größe", "exists", False)),
    ('profile.consent["email/marketing"] == true', asks("profile.consent.email/marketing", "eq", True)),
    ('event.properties["odd name"]["in"].b > 1', asks("event.properties.odd name.in.b", "gt", 1)),
    ('profile.counts["web.track/Order Completed"] > 1', asks("profile.counts.web.track/Order Completed", "gt", 1)),
    (
        'profile.latest["email.received"].text.contains("x")',
        asks("profile.latest.email.received.text", "contains", "x"),
    ),
    ("profile.channels.sms.received > 1", asks("profile.channels.sms.received", "gt", 1)),
    ('event.name.startsWith("Order")', asks("event.name", "prefix", "Order")),
    ('event.name.endsWith("ed")', asks("event.name", "suffix", "ed")),
    ('caseless(event.text).contains("strasse")', asks("event.text", "contains", "strasse", ignore_case=True)),
    ('event.time > timestamp("2026-01-31T12:00:00Z")', asks("event.time", "gt", "2026-01-31T12:00:00Z")),
    ('profile.last in [timestamp("1970-01-01T00:00:00.001Z")]', asks("profile.last", "in", [1])),
    ('within(profile.last, duration("36h"))', asks("profile.last", "within", "36h")),
    ('seen("sms.received", duration("1h30m500ms"))', {"seen": "sms.received", "within": "1h30m500ms"}),
    ('seen(["sms.received", "web.track/Bought"])', {"seen": ["sms.received", "web.track/Bought"]}),
    ('"vip" in event.tags', {"list": "event.tags", "has": asks("item", "eq", "vip")}),
    ("event.goods.exists(item, item.price > 5)", {"list": "event.goods", "has": asks("item.price", "gt", 5)}),
]


@pytest.mark.parametrize(("text", "tree"), SAME)
def test_a_text_and_a_tree_say_the_same(text: str, tree: dict[str, Any]) -> None:
    condition = TREE.validate_python(tree)
    assert read(text) == condition
    assert write(condition) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("100 < event.x", "event.x > 100"),
        ("1 == event.x", "event.x == 1"),
        ("event['x'].y == r'\\d'", 'event.x.y == "\\\\d"'),
        ("event.a == 1 && (event.b == 1 && event.c == 1)", "event.a == 1 && event.b == 1 && event.c == 1"),
        (
            "profile.segments.vip && !profile.segments.new",
            "profile.segments.vip == true && !(profile.segments.new == true)",
        ),
        ("event.tags.exists(tag, tag.a == 1 && has(tag.b))", "event.tags.exists(item, item.a == 1 && has(item.b))"),
        ('"email/marketing" in profile.consent', "has(profile.consent.`email/marketing`)"),
        ('within(event.time, duration("1w"))', 'within(event.time, duration("168h"))'),
        (
            'event.time == timestamp("2026-01-31T12:00:00.120+05:30")',
            'event.time == timestamp("2026-01-31T06:30:00.120Z")',
        ),
        ("event.x == 1 // as agreed\n  || event.y == 0x10", "event.x == 1 || event.y == 16"),
    ],
)
def test_a_text_may_be_written_otherwise(text: str, written: str) -> None:
    assert write(read(text)) == written


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("", (1, 1), "the text ends here"),
        ("event.x = 1", (1, 9), "write =="),
        ("event.x == 1\n  and event.y == 1", (2, 3), "write &&"),
        ("(event.x == 1", (1, 14), ") is missing"),
        ('event.x == "abc', (1, 12), "has no end"),
        ("event.größe == 1", (1, 9), "stand in brackets"),
        ("evnt.name == 1", (1, 1), "did you mean event.name?"),
        ("true &&\n has(profile.trait.x)", (1, 1), "a condition was expected here"),
        ('event.x == 1 &&\n "ü" == event.y && has(profile.trait.x)', (2, 20), "did you mean profile.traits?"),
        ("event.x ? true : false", (1, 9), "write (a && b) || (!a && c)"),
        ("event.x + 1 > 2", (1, 9), "conditions do not calculate"),
        ("event.x > 1 + 1", (1, 13), "conditions do not calculate"),
        ("size(event.tags) > 1", (1, 1), "declare a trait that counts"),
        ('event.x.matches("a*")', (1, 1), "startsWith, endsWith or contains"),
        ("event.tags.all(x, x == 1)", (1, 1), "!list.exists(x, !(…))"),
        ("event.tags.exists_one(x, x == 1)", (1, 1), "only exists()"),
        ("event.tags.map(x, x)[0] == 1", (1, 25), "a field"),
        ("event.tags.exists(x, x.a.exists(y, y == 1))", (1, 22), "a list inside a list"),
        ("event.tags.exists(x, 1 in x.a)", (1, 27), "a list inside a list"),
        ("item.a == 1", (1, 1), "inside exists"),
        ("event.tags[0] == 1", (1, 1), "list.exists(item,"),
        ("event.x == event.y", (1, 12), "not with another field"),
        ("event.x == null", (1, 12), "!has(field)"),
        ("event.x == 1u", (1, 12), "unsigned"),
        ("event.x == [1]", (1, 12), "a plain value was expected"),
        ("event.x < 1e400", (1, 11), "too large"),
        ("event.x == 99999999999999999999", (1, 12), "invalid int literal"),
        ("event.x > true", (1, 9), "use == or !="),
        ("event.x in []", (1, 12), "the list is empty"),
        ("1 == 1", (1, 3), "one side must be a field"),
        ("event.flag && event.x == 1", (1, 1), "write event.flag == true"),
        ("profile.counts.email.received == 1", (1, 1), 'write profile.counts["email.received"]'),
        ('event.properties["a.b"] == 1', (1, 1), "has a dot"),
        ('has(event["x"])', (1, 10), "backticks"),
        ("has(event.properties.a) == true", (1, 25), "one side must be a field"),
        ("event.time > 5", (1, 14), 'write timestamp("2026'),
        ('event.time > timestamp("yesterday")', (1, 14), "write a moment with its zone"),
        ('event.time in [timestamp("2026-13-31T12:00:00Z")]', (1, 16), "write a moment with its zone"),
        ('event.x > timestamp("2026-01-31T12:00:00Z")', (1, 11), "event.x is no moment"),
        ('within(event.x, duration("1h"))', (1, 1), "needs a moment"),
        ('within(event.time, duration("1.5h"))', (1, 1), "write a span of time with its unit"),
        ('within(event.time, "1h")', (1, 20), 'duration("7d")'),
        ('sen("sms.received")', (1, 1), "did you mean seen?"),
        ('seen("web.page/x")', (1, 1), "only web.track events are remembered by name"),
        ('seen("Bought")', (1, 1), "write a kind of event"),
        ('event.x.contains("")', (1, 1), "the text is empty"),
        ('caseless(event.x).contains("ÄB")', (1, 28), 'write "äb"'),
        ('caseless(event.x) == "a"', (1, 1), "caseless(field).contains"),
        ('event.x == "\ud800"', (1, 13), "half a character"),
        (f'event.x == "{"a" * 1001}"', (1, 9), "event.x: a text is longer than 1000 characters"),
        (f"event.x in [{'1,' * 1000}1]", (1, 9), "event.x: more than 1000 values"),
    ],
)
def test_what_conditions_cannot_say_is_refused_with_its_place(text: str, place: tuple[int, int], told: str) -> None:
    with pytest.raises(CelError) as error:
        read(text)
    assert told in str(error.value)
    assert (error.value.line, error.value.column) == place


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({"all": [A, asks("event.time", "eq", 0.5)]}, "event.time eq 0.5"),
        (asks("event.time", "in", ["x"]), "event.time in 'x'"),
        (asks("profile.last", "gt", 10**17), "of the years 1 to 9999"),
        (asks("event.größe", "exists", True), "event.größe exists"),
        (asks("event.text", "prefix", "ŉ" * 600, ignore_case=True), "event.text prefix with ignore_case"),
        (asks("event.x", "in", ["a" * 900 + str(one) for one in range(20)]), "longer than 10000 characters"),
        (asks("item.x", "eq", 1), "item.x has a meaning inside"),
    ],
)
def test_what_has_no_text_is_named(tree: dict[str, Any], told: str) -> None:
    with pytest.raises(NoText, match=told):
        write(TREE.validate_python(tree))


def nested(depth: int, *shapes: str) -> dict[str, Any]:
    """A condition of that depth, of these shapes in turn."""
    found = {"list": "event.tags", "has": asks("item.a", "exists", False)} if "list" in shapes else A
    depth -= 2 if "list" in shapes else 1
    turns = [one for one in shapes if one != "list"]
    for level in range(depth):
        shape = turns[level % len(turns)]
        found = {"not": found} if shape == "not" else {shape: [found, asks("event.b", "lt", level)]}
    return found


@pytest.mark.parametrize("shapes", [("all", "any"), ("any", "all", "list"), ("not", "all"), ("not", "any", "list")])
def test_a_condition_may_be_as_deep_as_a_tree(shapes: tuple[str, ...]) -> None:
    condition = TREE.validate_python(nested(MAX_DEPTH, *shapes))
    assert read(write(condition)) == condition
    deeper = TREE.validate_python(nested(MAX_DEPTH + 1, *shapes))
    with pytest.raises(NoText, match=f"deeper than {MAX_DEPTH}"):
        write(deeper)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (" && ".join(["event.x == 1"] * (MAX_NODES - 1)), ""),
        (" && ".join(["event.x == 1"] * (MAX_NODES + 1)), f"more than {MAX_NODES} conditions"),
        (" || ".join(["(event.x == 1 && event.y == 1)"] * 100), f"more than {MAX_NODES} conditions"),
        ("(" * 500 + "event.x == 1" + ")" * 500, "nested deeper"),
        ("!" * 5000 + "has(event.x)", ""),
        ("-" * 5000 + "1 < event.x", ""),
        ("event" + ".x" * 4000, "nested deeper"),
        ("event.exists(i," * 600 + "true" + ")" * 600, "nested deeper"),
        ("event.x == " + "[" * 5000, "nested deeper"),
        ("event.x == 1" + " " * 10_000, "longer than 10000 characters"),
    ],
)
def test_a_large_text_is_read_or_refused(text: str, told: str) -> None:
    found, fault = answered(text)
    assert (found is None) is bool(told)
    assert told in str(fault)


def answered(text: str) -> tuple[Condition | None, CelError | None]:
    """What is made of a text: a condition, or a fault."""
    try:
        return read(text), None
    except CelError as error:
        return None, error


PIECES = (
    *(
        "event.x",
        "profile.traits.a",
        "item",
        "has(",
        "event",
        "(",
        ")",
        "[",
        "]",
        '"a"',
        "1",
        "-",
        "!",
        "&&",
        "||",
        "==",
    ),
    *(
        "<=",
        " in ",
        ".exists(item, ",
        ".contains(",
        'duration("1h")',
        'seen("sms.received")',
        "within(",
        "true",
        "null",
    ),
    *(
        ", ",
        "caseless(",
        "`",
        "'",
        "\\",
        "\n",
        "ü",
        "\ud800",
        "\x00",
        "?",
        ":",
        "{",
        "}",
        "//",
        "0x",
        "1e9",
        "b''",
        "1u",
    ),
)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    found, fault = answered(text)
    if fault is not None:
        assert 1 <= fault.line <= text.count("\n") + 1
        assert fault.column >= 1
    else:
        assert found is not None
        assert read(write(found)) == found


@given(st.integers(-(10**13), 10**14))
@settings(max_examples=200, deadline=None)
def test_moments_are_exact_to_the_millisecond(ms: int) -> None:
    text = write(TREE.validate_python(asks("event.time", "in", [ms])))
    assert read(text) == TREE.validate_python(asks("event.time", "in", [ms]))
    one = read(text.replace("in [", "== ").rstrip("]"))
    assert isinstance(one, Compare)
    assert one.operand == ms


def test_without_the_parser_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cel_expr_python.cel", None)
    cel.parser.cache_clear()
    with pytest.raises(CelError, match=r"install interaction-hub\[cel\]"):
        read("event.x == 1")
    assert write(TREE.validate_python(A)) == "event.a == 1"


RULE = """\
id: hello
name: Hello
on: sms.received
if: event.text == "a" && has(event.properties.total)
wait: 1h
unless: seen("email.received")
send: {channel: sms, purpose: service, text: Hello}
"""
AS_TREE = """\
id: hello
name: Hello
on: sms.received
if:
  all:
    - {field: event.text, op: eq, value: a}
    - {field: event.properties.total, op: exists}
wait: 1h
unless: {seen: email.received}
send: {channel: sms, purpose: service, text: Hello}
"""


def test_a_rule_file_may_hold_conditions_as_text() -> None:
    (text, _), (tree, _) = read_text(RULE, "x.yaml").rules[0], read_text(AS_TREE, "x.yaml").rules[0]
    assert text == tree
    assert text.version == tree.version


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('event.text == "a"', 'evnt.text == "a"', "x.yaml:4: if: line 1, column 1: evnt.text is no field"),
        ('seen("email.received")', "event.x = 1", "x.yaml:6: unless: line 1, column 9: = has no meaning here"),
        ("if: event", "if: |\n  has(event.a) &&\n    has(event.b) + 1 && event", "x.yaml:6: if: line 2, column 16: "),
        ("wait: 1h", "", "x.yaml:1: `seen` needs `within`"),
        ("if: event", "if: item", "x.yaml:4: if: line 1, column 1: item has a meaning inside exists"),
        ("if: event", f"if: {'(' * 99} event", "x.yaml:4: if: line 1, column 1: nested deeper than 20"),
    ],
)
def test_a_fault_in_a_text_is_told_with_its_line(old: str, new: str, problem: str) -> None:
    assert old in RULE
    found = [str(one) for one in check_text(RULE.replace(old, new), "x.yaml")]
    assert any(one.startswith(problem) for one in found), found
