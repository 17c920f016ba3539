"""Files of segments: faults with their line, and the order in which segments ask about each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.declared import check_segments, load_segments
from rules.segments import Segment, order

GOOD = """\
id: vip
name: {en: Big spenders, fa: مشتریان ویژه}
note: those we ring up ourselves
if:
  all:
    - {field: profile.computed.spent, op: ge, value: 1000}
    - {seen: web.track/Order Completed, within: 30d}
    - not:
        {field: profile.segments.angry, op: eq, value: true}
---
id: angry
name: Angry
if: {field: profile.traits.mood, op: eq, value: angry}
"""


def problems(text: str) -> list[str]:
    return [str(problem) for problem in check_segments(text, ["spent"], "x.yaml")]


def test_a_sound_file_has_no_problems() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("id: vip", "id: V I P", "x.yaml:1: id: is not written as it must be"),
        (
            "computed.spent",
            "computed.spend",
            "x.yaml:6: if.all.0.field: there is no computed trait spend; did you mean",
        ),
        ("segments.angry", "segments.angri", "x.yaml:9: if.all.2.not.field: there is no segment angri; did you mean"),
        ("field: profile.traits.mood", "field: event.mood", "x.yaml:11: a segment looks at the profile"),
        (", within: 30d", "", "x.yaml:1: `seen` needs `within`"),
        ("within: 30d", "within: 30", "x.yaml:7: if.all.1.within: write a span of time"),
        ("if: {field", "iff: {field", "x.yaml:13: iff: is unknown here; did you mean if?"),
        (
            "traits.mood, op: eq, value: angry",
            "segments.vip, op: eq, value: true",
            "x.yaml:4: if: asks about itself, by way of angry",
        ),
        ("profile.traits.mood", "profile.segments.angry", "x.yaml:4: if: asks about angry, and so about one that"),
        ("profile.traits.mood", "profile.segments.angry", "x.yaml:13: if: asks about itself"),
        ("id: angry", "id: vip", "x.yaml:11: id: another segment is called vip already, in x.yaml"),
        ("  all:", "  each:", "x.yaml:4: if: is no condition"),
    ],
)
def test_a_fault_is_told_with_its_line(old: str, new: str, problem: str) -> None:
    assert old in GOOD
    found = problems(GOOD.replace(old, new))
    assert any(one.startswith(problem) for one in found), found


def test_a_folder_gives_them_in_the_order_they_ask_about_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD.replace("angry", "calm").replace("vip", "v").replace("spent", "nothing"))
    (tmp_path / "c.yaml").write_text("id: [")
    loaded = load_segments(tmp_path, ["spent"])
    assert [one.id for one in loaded.items] == ["angry", "calm", "vip"]
    assert [(one.file, one.line) for one in loaded.problems] == [("c.yaml", 1), ("b.yaml", 6)]


def test_what_asks_about_something_refused_is_refused_too(tmp_path: Path) -> None:
    chain = "\n---\n".join(
        f"id: s{n}\nname: s\nif: {{field: profile.segments.s{n + 1}, op: eq, value: true}}" for n in range(3)
    )
    assert [line.split(": ")[0] for line in problems(chain)] == ["x.yaml:11", "x.yaml:7", "x.yaml:3"]


def test_segments_are_asked_after_those_they_ask_about() -> None:
    plain = {"field": "profile.traits.tier", "op": "eq", "value": "gold"}
    asking = {"field": "profile.segments.b", "op": "eq", "value": True}
    a, b = (Segment.model_validate({"id": id, "name": id, "if": rule}) for id, rule in (("a", asking), ("b", plain)))
    assert order([a, b]) == ([b, a], {})
    assert order([a]) == ([a], {})
