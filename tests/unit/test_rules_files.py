"""Rule files: faults with their line, a folder that changes while it is in use, and the three we ship."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.event import make
from hub.profile import empty
from rules.engine import Engine
from rules.load import check_text, load_folder, read_text, rule_from
from rules.model import Rule
from rules.shop import FOLDER
from rules.spans import parse, text
from rules.watch import RuleFolder

GOOD = """\
id: hello
name: {en: Hello, fa: سلام}
on: sms.received
if: {field: event.text, op: contains, value: hello, ignore_case: true}
send:
  channel: sms
  purpose: service
  text: {en: Hello there}
"""


def told(text: str) -> list[str]:
    return [str(problem) for problem in check_text(text, "x.yaml")]


def test_a_sound_file_has_no_problems() -> None:
    assert told(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("id: hello", "id: Hello World", "x.yaml:1: id: is not written as it must be"),
        ("id: hello\n", "", "x.yaml:1: id: is missing"),
        ("on: sms", "onn: sms", "x.yaml:3: onn: is unknown here; did you mean on?"),
        ("on: sms.received", "on: sms.sent", "x.yaml:3: on.0: a rule cannot answer what the hub itself does"),
        ("op: contains", "op: contain", "x.yaml:4: if.op: contain is no operator; did you mean contains?"),
        ("field: event.text", "feld: event.text", "x.yaml:4: if.feld: is unknown here; did you mean field?"),
        ("field: event.text", "field: evnt.text", "x.yaml:4: if.field: evnt.text is no field"),
        ("channel: sms", "channel: fax", "x.yaml:6: send.channel.0: fax is not possible here: use 'email'"),
        ("channel: sms", "channel: email", "x.yaml:5: send: mail needs a subject"),
        ("purpose: service", "purpose: yes", "x.yaml:7: send.purpose: yes is not possible here"),
        ("text: {en: Hello there}", "text: {en: 'Hello {{ name }}'}", "x.yaml:8: send.text.en: there is no name"),
        ("text: {en: Hello there}", "text:\n    en: |\n      Hello\n      {{ 1 +", "x.yaml:11: send.text.en: "),
        ("id: hello", "id: hello\nid: again", "x.yaml:2: id stands here twice"),
        ("name: {", "name: [", "x.yaml:2: "),
        ("on: sms.received", "wait: 30\non: sms.received", "x.yaml:3: wait: write a span of time with its unit"),
        ("on: sms.received", "correlate: event.x\non: sms.received", "x.yaml:1: `correlate` names a field"),
        ("if: {", "unless: {seen: sms.received}\nif: {", "x.yaml:1: `seen` needs `within`"),
        ("field: event.text", "field: item.text", "x.yaml:1: item.text has a meaning inside `has`, `every`"),
    ],
)
def test_a_fault_is_decisionwith_its_line(old: str, new: str, problem: str) -> None:
    assert old in GOOD
    found = told(GOOD.replace(old, new))
    assert any(one.startswith(problem) for one in found), found


def test_every_fault_of_a_file_is_decisionat_once() -> None:
    bad = GOOD.replace("op: contains", "op: x").replace("purpose: service", "purpose: x").replace("id: h", "id: H")
    assert [one.split(": ")[0] for one in told(bad)] == ["x.yaml:1", "x.yaml:4", "x.yaml:7"]


def test_words_of_yaml_stay_words() -> None:
    (found, _), *_ = read_text(GOOD.replace("en: Hello there", "'no': yes"), "x.yaml").rules
    assert found.send.text == {"no": "yes"}


def test_json_is_the_same_rule() -> None:
    (rule, _), *_ = read_text(GOOD, "x.yaml").rules
    again = rule.model_dump_json(by_alias=True, exclude_defaults=True)
    assert Rule.model_validate_json(again) == rule
    assert Rule.model_validate_json(again).version == rule.version
    (from_file, _), *_ = read_text(again, "x.json").rules
    assert from_file == rule
    parsed, problems = rule_from({**json.loads(again), "wait": "soon"})
    assert parsed is None
    assert str(problems[0]).startswith("rule: wait: write a span")


def test_the_version_is_what_the_rule_says() -> None:
    (rule, _), *_ = read_text(GOOD, "x.yaml").rules
    same = GOOD + "# a comment\nstate: paused\nnote: because\n"
    assert read_text(same, "y.yaml").rules[0][0].version == rule.version
    assert read_text(GOOD.replace("there", "you"), "y.yaml").rules[0][0].version != rule.version


@pytest.mark.parametrize("span", ["90s", "30m", "1h30m", "2w1d", "250ms", "400d"])
def test_spans(span: str) -> None:
    assert parse(text(parse(span))) == parse(span)


def test_a_folder_with_one_broken_and_one_doubled_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "c.yml").write_text("id: [")
    (tmp_path / "d.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "e.yaml").write_text(GOOD.replace("hello", "one", 1) + "---\n" + GOOD.replace("hello", "two", 1))
    (tmp_path / "_draft.yaml").write_text("id: [")
    (tmp_path / "README.md").write_text("no rule")
    loaded = load_folder(tmp_path)
    assert [rule.id for rule in loaded.rules] == ["hello", "one", "two"]
    assert [(one.file, one.line) for one in loaded.problems] == [("b.yaml", 1), ("c.yml", 1), ("d.yaml", 1)]
    assert load_folder(tmp_path / "nowhere").rules == ()


def test_a_folder_in_use(tmp_path: Path) -> None:
    folder = RuleFolder(tmp_path, every=0)
    assert list(folder.rules) == []
    file = tmp_path / "a.yaml"
    file.write_text(GOOD)
    assert folder.poll()
    first = folder.rules
    assert [rule.id for rule in first] == ["hello"]
    assert not folder.poll()

    file.write_text(GOOD.replace("sms.received", "sms.recieved.x"))
    assert folder.poll()
    assert folder.rules == first, "what was sound stays in force"
    assert [problem.line for problem in folder.problems] == [3]

    file.write_text(GOOD.replace("there", "you"))
    assert folder.poll()
    assert folder.rules != first
    assert list(folder.problems) == []

    (tmp_path / "b.yaml").write_text(GOOD)
    assert folder.poll()
    assert "already" in folder.problems[0].reason
    os.remove(file)
    assert folder.poll()
    assert list(folder.problems) == []
    assert folder.rules[0].send.text == {"en": "Hello there"}
    (tmp_path / "b.yaml").unlink()
    assert folder.poll()
    assert list(folder.rules) == []


def test_the_folder_is_looked_at_twice_a_second_at_most(tmp_path: Path) -> None:
    folder = RuleFolder(tmp_path, every=60)
    (tmp_path / "a.yaml").write_text(GOOD)
    assert not folder.poll()


def test_files_that_are_no_rule_files_are_left_alone(tmp_path: Path) -> None:
    folder = RuleFolder(tmp_path, every=0)
    for name in (".hidden.yaml", "_draft.yaml", "notes.txt", "yaml"):
        (tmp_path / name).write_text("broken: [")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    assert not folder.poll()
    (tmp_path / "a.b.json").symlink_to(tmp_path / "notes.txt")
    assert folder.poll()
    assert [problem.file for problem in folder.problems] == ["a.b.json"]


def test_a_folder_that_takes_long_is_looked_at_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spent = iter((0.0, 100.0))
    monkeypatch.setattr("rules.watch.time.thread_time", lambda: next(spent))
    folder = RuleFolder(tmp_path, every=1e-9)
    (tmp_path / "a.yaml").write_text(GOOD)
    assert not folder.poll()


def test_the_rules_we_ship_are_sound_and_speak_both_languages() -> None:
    loaded = load_folder(FOLDER)
    assert loaded.problems == ()
    assert [rule.id for rule in loaded.rules] == ["abandoned-cart", "first-mail", "missed-call"]
    for rule in loaded.rules:
        for words in (rule.name, rule.send.text, rule.send.subject or rule.name, rule.send.short or rule.name):
            assert set(words) == {"en", "fa"}


@pytest.mark.parametrize("language", ["en", "fa", "de"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "stranger"])
def test_the_rules_we_ship_have_something_to_say_to_everybody(language: str, known: bool) -> None:
    rules = [rule.model_copy(update={"wait": None, "unless": None}) for rule in load_folder(FOLDER).rules]
    engine = Engine(rules)
    profile = empty("c1")
    profile["traits"]["language"] = [language, 0, "", ""]
    profile["counts"]["email.received"] = 1
    profile["consent"]["any/marketing"] = [True, 0, "", ""]
    for one in ("email:sara@example.org", "phone:+989120000000"):
        profile["identities"][one] = {"verified": True, "first": 0, "last": 0}
    if known:
        profile["traits"]["name"] = ["سارا احمدی" if language == "fa" else "Sara Ahmadi", 0, "", ""]
        profile["facts"] = {"account_number": ["10024711", 0, "", ""], "order_number": ["A-17", 0, "", ""]}
    properties = {"name": "Kettle", "price": 1249.5, "currency": "EUR"} if known else {}
    stories: list[tuple[str, dict[str, Any]]] = [
        ("web.track", {"name": "Product Added", "properties": properties}),
        ("phone.missed", {}),
        ("email.received", {"subject": "Where is it?"} if known else {}),
    ]
    for kind, data in stories:
        event = make(
            kind,
            id=kind,
            source="/t",
            identities=[{"type": "email", "value": "sara@example.org", "verified": False}],
            received=datetime(2026, 1, 1, tzinfo=UTC),
            **data,
        )
        (decision,) = engine.decide(event, event.ms, profile)
        assert decision.outcome == "fired", decision.reason
        assert "  " not in decision.text
        assert "\n\n\n" not in decision.text
        assert ("سلام" in decision.text) is (language == "fa")
        if known:
            assert ("سارا" if language == "fa" else "Sara") in decision.text
            assert "10024711" not in decision.text
