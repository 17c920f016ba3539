"""The history of rules: editions, who published what, and which edition decides at a place in the log."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from rules.history import FOLDER, Change, History, publication, switched
from rules.model import Rule

SMS: dict[str, Any] = {"channel": "sms", "purpose": "service", "text": "Hello"}


def rule(id: str = "r", **parts: Any) -> Rule:
    return Rule.model_validate({"id": id, "name": id, "on": "sms.received", "send": SMS, **parts})


class Topic:
    """A topic and the history that reads it."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.history = History()

    def add(self, *messages: bytes) -> int:
        for one in messages:
            self.history.apply(len(self.messages), one)
            self.messages.append(one)
        return self.history.newest

    def publish(self, *changes: Change, by: str = FOLDER, at: int = 1) -> int:
        return self.add(*publication(changes, by, at))

    def again(self) -> History:
        other = History()
        for offset, one in enumerate(self.messages):
            other.apply(offset, one)
        return other


def test_every_edition_can_be_had_again() -> None:
    topic = Topic()
    first = topic.publish(Change("a", rule("a")), Change("b", rule("b")))
    second = topic.publish(Change("a", rule("a", priority=3)), by="mina@example.com", at=2)
    third = topic.publish(Change("b", None), by="mina@example.com", at=3)
    history = topic.again()
    assert history.editions == [first, second, third]
    assert {one.id: one.priority for one in history.rules(first)} == {"a": 0, "b": 0}
    assert {one.id: one.priority for one in history.rules(second)} == {"a": 3, "b": 0}
    assert [one.id for one in history.rules()] == ["a"]
    assert [(one.edition, one.state, one.by, one.at) for one in history.versions["b"]] == [
        (first, "live", FOLDER, 1),
        (third, "retired", "mina@example.com", 3),
    ]


def test_the_same_again_is_no_edition_and_a_change_of_state_is_one() -> None:
    topic = Topic()
    first = topic.publish(Change("a", rule("a")))
    assert topic.publish(Change("a", rule("a"))) == first
    assert topic.publish(Change("a", rule("a", state="paused"))) > first
    assert topic.publish(Change("never-there", None)) == topic.history.newest


def test_a_change_of_what_is_no_longer_there_does_not_happen() -> None:
    topic = Topic()
    topic.publish(Change("a", rule("a")))
    seen = rule("a").version
    topic.publish(Change("a", rule("a", priority=1), expected=seen), by="one")
    topic.publish(Change("a", rule("a", priority=2), expected=seen), by="other")
    assert topic.history.rules()[0].priority == 1


def test_an_edition_decides_behind_its_marker() -> None:
    topic = Topic()
    first = topic.publish(Change("a", rule("a")))
    assert not topic.history.pending, "there was none before it, so it needs no marker"
    assert topic.history.at(0, 0) == topic.history.at(7, 10**9) == first
    second = topic.publish(Change("a", rule("a", priority=1)))
    assert topic.history.pending
    assert topic.history.at(0, 100) == first
    topic.add(switched(second, {0: 50, 1: 3}))
    history = topic.again()
    assert not history.pending
    assert [history.at(0, 49), history.at(0, 50), history.at(0, 51), history.at(1, 2), history.at(1, 3)] == [
        *(first, second, second, first, second)
    ]


def test_a_marker_that_stands_twice_counts_where_it_stands_first() -> None:
    topic = Topic()
    first, second = topic.publish(Change("a", rule("a"))), topic.publish(Change("a", rule("a", priority=1)))
    topic.history.switch(0, 10, second)
    topic.add(switched(second, {0: 20}))
    assert [topic.history.at(0, offset) for offset in (9, 10, 20)] == [first, second, second]


def test_where_editions_begin_depends_on_the_log_alone_and_not_on_what_is_known_first() -> None:
    topic = Topic()
    first, second, third = (topic.publish(Change("a", rule("a", priority=number))) for number in range(3))
    markers = [(10, second), (20, third), (25, second), (30, third)]
    for known in permutations(markers):
        history = topic.again()
        for offset, edition in known:
            history.switch(0, offset, edition)
        assert [history.at(0, offset) for offset in (9, 10, 19, 20, 25, 30)] == [first, *[second] * 2, *[third] * 3]


def test_many_changes_are_one_edition() -> None:
    topic = Topic()
    topic.publish()
    changes = [Change(f"r{number}", rule(f"r{number}", note="x" * 1900)) for number in range(500)]
    messages = publication(changes, FOLDER, 1)
    assert len(messages) > 1
    assert max(map(len, messages)) < 1_000_000
    for one in messages[:-1]:
        assert topic.add(one) == 1
    topic.add(messages[-1])
    assert len(topic.history.editions) == 2
    assert len(topic.history.rules()) == 500


def test_a_folder_is_followed_and_does_not_undo_what_others_changed() -> None:
    topic = Topic()
    topic.publish(*topic.history.of_folder([rule("a"), rule("b")], complete=True))
    assert topic.history.of_folder([rule("a"), rule("b")], complete=True) == []
    topic.publish(Change("a", rule("a", state="paused")), by="mina")
    assert topic.history.of_folder([rule("a"), rule("b")], complete=True) == [], "the file says what it said"
    changed = topic.history.of_folder([rule("a", priority=5)], complete=True)
    assert [(one.id, one.rule is None) for one in changed] == [("a", False), ("b", True)]
    assert [one.id for one in topic.history.of_folder([rule("a", priority=5)], complete=False)] == ["a"]


@pytest.mark.parametrize(
    "junk", [b"", None, b"{", b"[]", b"7", b'{"changes": [{"id": "a", "rule": {"id": 7}}], "by": "x", "at": 1}']
)
def test_what_cannot_be_understood_changes_nothing(junk: bytes | None) -> None:
    history = History()
    history.apply(0, publication([Change("a", rule("a"))], FOLDER, 1)[0])
    history.apply(1, junk)
    assert [one.id for one in history.rules()] == ["a"]
    assert history.read == 2
