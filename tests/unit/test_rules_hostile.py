"""Rules and templates by people who mean harm: refused on saving, or done at once, and nothing is ever run."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from rules.filters import MAX_TEXT, TemplateFault, locale
from rules.load import check_text
from rules.person import customer, proper
from rules.template import Template, check, headline

# Not "compile": Jinja reads a number such as 1e9 with literal_eval, which builds a tree and runs nothing.
BANNED = {"exec", "import", "open", "os.system", "subprocess.Popen", "ctypes.dlopen", "marshal.loads"}
SAVING, RENDERING = 0.25, 0.010
"""Seconds; saving has room for a slow machine, rendering must be done in ten milliseconds."""

_heard: list[str] | None = None


def _hook(name: str, _: Any) -> None:
    if _heard is not None and (name in BANNED or name.startswith("socket.")):
        _heard.append(name)


sys.addaudithook(_hook)


@pytest.fixture
def nothing_is_run() -> Iterator[None]:
    """Fails when anything is run, imported, opened or connected meanwhile."""
    global _heard  # noqa: PLW0603 - an audit hook cannot be taken away again
    locale("en")
    check("{{ customer.name | default('x') }}")
    check_text("if: event.name == 'x'")  # whatever is imported when it is needed first
    _heard = []
    try:
        yield
        assert _heard == []
    finally:
        _heard = None


DUNDERS = ["__class__", "__init__", "__globals__", "__mro__", "__subclasses__", "__builtins__", "_x"]
ROOTS = ["customer", "event", "facts", "hub"]
REFUSED = [
    *(f"{{{{ {root}.{name} }}}}" for root in ROOTS for name in DUNDERS),
    *(f"{{{{ {root}['{name}'] }}}}" for root in ROOTS for name in DUNDERS),
    *(f"{{{{ customer.name.{name} }}}}" for name in DUNDERS),
    *(f"{{{{ (customer.name ~ '').{name} }}}}" for name in DUNDERS),
    *(f"{{{{ customer.name|attr('{name}') }}}}" for name in DUNDERS),
    *(
        f"{{{{ {call} }}}}"
        for call in ("range(10**9)", "cycler()", "lipsum(5)", "namespace()", "dict(a=1)", "joiner()")
    ),
    *(f"{{{{ {name} }}}}" for name in ("self", "caller", "varargs", "config", "request", "os", "loop", "cutomer")),
    *(f"{{{{ customer.name.{call} }}}}" for call in ("upper()", "format(1)", "encode('x')", "__len__()", "join([])")),
    *(f"{{{{ 'x'|{name} }}}}" for name in ("format", "attr('x')", "map('x')", "select", "tojson", "pprint", "safe")),
    *(f"{{{{ 'x'|{name} }}}}" for name in ("replace('x','xx')", "center(10**9)", "wordwrap(1)", "batch(1)", "xmlattr")),
    "{{ '%s%s' % (1, 2) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ 9999999999999999 * 9 }}",
    "{{ 1e999 }}",
    "{{ " + "9" * 9000 + " }}",
    "{{ " + "(" * 1000 + "1" + ")" * 1000 + " }}",
    "{{ " + "not " * 2000 + "1 }}",
    "{{ " + "-" * 2000 + "1 }}",
    "{{ customer" + ".a" * 20 + "[event.name]" * 30 + " }}",
    "{{ 'x'" + "|upper" * 1000 + " }}",
    "{{ 1" + "+1" * 3000 + " }}",
    "{% if 1 %}" * 300 + "{% endif %}" * 300,
    "{% for a in event.x %}{% for b in event.x %}x{% endfor %}{% endfor %}",
    "{% for a in event.x recursive %}{{ loop(a) }}{% endfor %}",
    "{% for a, b in event.x %}x{% endfor %}",
    "{% for _a in event.x %}x{% endfor %}",
    "{% for a in event.x if a %}x{% endfor %}",
    "{% for a in range(1000000000) %}x{% endfor %}",
    "{% set a = 1 %}",
    "{% set a.b = 1 %}",
    "{% macro m() %}{% endmacro %}",
    "{% call x() %}{% endcall %}",
    "{% import 'os' as os %}",
    "{% from 'os' import system %}",
    "{% include '/etc/passwd' %}",
    "{% extends '/etc/passwd' %}",
    "{% block a %}{% endblock %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with a = 1 %}{% endwith %}",
    "{% autoescape true %}x{% endautoescape %}",
    "{% for one in event.list %}" + "{% if one.list %}{% endif %}" * 300 + "{% endfor %}",
    "{% for one in event.list %}{% endfor %}" * 200,
    "{% do x %}",
    "{% if %}{% endif %}",
    "{{ customer.name",
    "{{ customer.name }",
    "{{ x for x in y }}",
    "{{ lambda: 1 }}",
    "{{ {'a': 1} }}",
    "{{ customer.name[0:10] }}",
    "{{ [customer] }}",
    "{{ customer is callable }}",
    "{{ customer is sameas(1) }}",
    "{{ 'x' | default(*event.x) }}",
    "{{ 'x' | default(**event.x) }}",
    "{{ 'x' | default('a', true, 1) }}",
    "x" * 10_001,
    "{# " * 3000,
]


@pytest.mark.parametrize("source", REFUSED, ids=range(len(REFUSED)))
@pytest.mark.usefixtures("nothing_is_run")
def test_a_hostile_template_is_refused_on_saving(source: str) -> None:
    start = time.process_time()
    fault = check(source)
    assert time.process_time() - start < SAVING
    assert fault is not None
    assert fault.reason


LONG = "ا" * 900_000
BIG: dict[str, Any] = {
    "customer": {"name": LONG, "list": list(range(100_000)), "deep": {}, "n": 10**14, "nan": float("nan")},
    "event": {"text": LONG, "list": [{"list": ["x" * 10_000] * 1000}] * 1000},
    "facts": {},
    "hub": {},
}
DONE = [
    "{{ customer.name }}",
    "{{ customer.name | upper | lower | title | trim }}",
    "{{ customer.name ~ customer.name ~ customer.name }}",
    "{{ customer.list | join(customer.name) }}",
    "{{ customer.list | join(', ') }}",
    "{{ event.list }}",
    "{{ customer }}",
    "{{ customer.deep.a.b.c.d }}",
    "{{ customer.n * customer.n }}",
    "{{ customer.n * customer.n * customer.n }}",
    "{{ customer.nan | number }}",
    "{{ 1 / 0 }}",
    "{{ 'x' * 1000000000 }}",
    "{{ customer.list + customer.list }}",
    "{{ 'a' < 1 }}",
    "{{ customer.n | round(99999) }}",
    "{{ customer.name | truncate(-1) }}",
    "{{ customer.name | ending(customer.name) }}",
    "{{ customer.n | money(customer.name) }}",
    "{% for one in event.list %}{{ one.list | join }}{% endfor %}",
    "{% for one in customer.list %}{{ one }}{% endfor %}",
    "{% for one in customer.name %}x{% endfor %}",
    "{% for one in event.list %}" + "{% if one.list %}{% endif %}" * 90 + "{% endfor %}",
    "{% for one in customer.list %}{% endfor %}" * 50,
    "{% raw %}",
    "{{ customer.name in customer.name }}",
    "{{ customer.name == event.text }}",
    "{{ customer.list[99999999999] }}",
    "{{ customer['na' ~ 'me'] }}",
    "{{ customer['__cla' ~ 'ss__'] }}",
    "{{ customer[event] }}",
]


@pytest.mark.parametrize(
    "words", ["Hello", "", " a\n\nb\n\n", "a\r\nb\rc", "50 % off # no }} %}", "ab\u202ec\x07d", "سلام"]
)
def test_words_alone_are_said_as_they_would_be_in_a_template(words: str) -> None:
    assert Template(words).render({}) == Template(words + "{# nothing #}").render({})


@pytest.mark.parametrize("source", DONE, ids=range(len(DONE)))
@pytest.mark.usefixtures("nothing_is_run")
def test_a_greedy_template_is_done_at_once(source: str) -> None:
    template = Template(source)
    best = 1.0
    for _ in range(3):
        start = time.process_time()
        with contextlib.suppress(TemplateFault):
            assert len(template.render(BIG)) <= MAX_TEXT
        best = min(best, time.process_time() - start)
    assert best < RENDERING


HEAD = "id: x\nname: x\non: sms.received\nsend: {channel: sms, purpose: service, text: hi}\n"
LEAF = "{field: event.x, op: exists}"
FILES = {
    "python object": HEAD + "note: !!python/object/apply:os.system ['true']",
    "python name": HEAD + "note: !!python/name:os.system",
    "other tag": HEAD + "note: !x 1",
    "laughs": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" + HEAD,
    "merge key": "base: &base {id: y}\n<<: *base\n" + HEAD,
    "itself": "&a [*a]",
    "deep list": HEAD + "if: " + "[" * 1000 + "]" * 1000,
    "deep list without end": "[" * 100_000,
    "deep map": HEAD + "if: " + "{not: " * 1000 + LEAF + "}" * 1000,
    "too deep": HEAD + "if: " + "{not: " * 25 + LEAF + "}" * 25,
    "deep blocks": "\n".join(" " * n + "a:" for n in range(1000)),
    "many nodes": HEAD + "if: {any: [" + ",".join([LEAF] * 201) + "]}",
    "many values": HEAD + "if: {field: event.x, op: in, value: [" + ",".join(map(str, range(1001))) + "]}",
    "many events": HEAD + "note: [" + "1," * 30_000 + "]",
    "large": HEAD + "note: " + "x" * 300_000,
    "long number": HEAD + "priority: " + "9" * 5000,
    "infinite": HEAD + "priority: .inf",
    "long field": HEAD + f"if: {{field: event.{'a.' * 5000}a, op: exists}}",
    "dunder field": HEAD + "if: {field: profile.__class__, op: exists}",
    "no such root": HEAD + "if: {field: __import__.os, op: exists}",
    "operator": HEAD + "if: {field: event.x, op: __eq__, value: 1}",
    "regex that looks back": HEAD + "if: {field: event.x, op: matches, value: '(a+)\\1'}",
    "regex too long": HEAD + f"if: {{field: event.x, op: matches, value: '{'a?' * 101}'}}",
    "regex too large": HEAD + "if: {field: event.x, op: matches, value: '(\\pL{9}){9}'}",
    "regex repeated": HEAD + "if: {field: event.x, op: matches, value: '((a{9}){999}){999}'}",
    "expression": HEAD + "if: \"__import__('os').system('true')\"",
    "two of a key": HEAD + "id: y",
    "list as key": HEAD + "? [a]\n: b",
    "no rule": "",
    "only text": "rm -rf /",
    "NUL": HEAD + "note: \x00",
    "surrogate": HEAD + 'note: "\\ud800"',
    "tabs": HEAD + "\tnote: x",
    "answers itself": HEAD.replace("sms.received", "sms.sent"),
    "answers a rule": HEAD.replace("sms.received", "rule.fired"),
    "path as id": HEAD.replace("id: x", "id: ../../etc/passwd"),
    "markup as id": HEAD.replace("id: x", "id: <script>alert(1)</script>"),
    "for ever": HEAD + "wait: 999999999999d",
    "nothing": HEAD + "wait: 0s",
    "Arabic digits": HEAD + "wait: ٣٠m",
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES.keys())
@pytest.mark.usefixtures("nothing_is_run")
def test_a_hostile_file_is_refused_with_a_line(text: str) -> None:
    start = time.process_time()
    problems = check_text(text, "x.yaml")
    assert time.process_time() - start < 4 * SAVING
    assert problems
    assert all(one.line >= 1 and one.reason and len(str(one)) < 500 for one in problems)


def test_there_are_enough_of_them() -> None:
    assert len(REFUSED) + len(DONE) + len(FILES) >= 200


@pytest.mark.parametrize("name", ["Sara", "سارا", "Jean-Luc", "O’Neil", "Anne Marie", "مریم‌السادات", "J. R. Smith"])
def test_a_name_is_a_name(name: str) -> None:
    assert proper(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "Win at http://evil.example",
        "evil.example",
        "x@y.de",
        "Call 0900123",
        "a\nb",
        "",
        " ",
        None,
        7,
        "x" * 200,
        "<b>",
    ],
)
def test_an_advertisement_is_no_name(name: Any) -> None:
    assert proper(name) is None
    assert customer({"name": [name, 1, "r", "web.identify"]})["first_name"] is None


def test_control_characters_never_leave() -> None:
    said = {"customer": {"name": "a\x00b\x1b[31m\u202ec\r\nBcc: x@y"}, "event": {}, "facts": {}, "hub": {}}
    text = Template("{{ customer.name }}").render(said)
    assert text == "ab[31mc\nBcc: x@y"
    assert headline(text) == "ab[31mc Bcc: x@y"
