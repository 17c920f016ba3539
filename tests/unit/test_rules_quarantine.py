"""A rule that fails or takes too long is set aside, says so, and the others go on."""

from __future__ import annotations

from typing import Any

import pytest

from rules.engine import Engine
from rules.quarantine import LONGEST, STRIKES, Quarantine
from rules.speech import Ready
from tests.unit.test_rules_engine import SMS, Story, rule

GOOD, BAD = rule("good"), rule("bad", priority=5, send={**SMS, "text": "broken"})


def breaking(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Whatever the rule wants to say, saying it fails."""
    speak = Ready.speak

    def fail(self: Ready, *given: Any) -> Any:
        if self.rule.id == "bad":
            raise error
        return speak(self, *given)

    monkeypatch.setattr(Ready, "speak", fail)


def test_one_that_fails_is_set_aside_and_the_others_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch, ZeroDivisionError())
    told: list[tuple[str, str]] = []
    story = Story(GOOD, BAD, quarantine=Quarantine(lambda *one: told.append(one)))
    for minute in range(STRIKES):
        decided = {one.rule: one for one in story.happens("sms.received", minute)}
        assert (decided["bad"].outcome, decided["bad"].reason) == ("held", "fault: ZeroDivisionError")
        assert decided["good"].outcome == "fired"
    assert told == [("bad", "ZeroDivisionError")]
    assert [one.rule for one in story.happens("sms.received", 5)] == ["good"]
    assert told == [("bad", "ZeroDivisionError")], "it is said once"


def test_one_that_is_changed_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch, ZeroDivisionError())
    kept = Quarantine()
    story = Story(BAD, quarantine=kept)
    for minute in range(STRIKES):
        story.happens("sms.received", minute)
    monkeypatch.undo()
    assert story.happens("sms.received", 5) == []
    story.engine = Engine([rule("bad", send={**SMS, "text": "mended"})], quarantine=kept)
    assert [one.outcome for one in story.happens("sms.received", 6)] == ["fired"]


def test_one_that_takes_too_long_is_set_aside() -> None:
    now = iter(float(number) * LONGEST * 2 for number in range(1000))
    told: list[tuple[str, str]] = []
    story = Story(GOOD, quarantine=Quarantine(lambda *one: told.append(one), clock=lambda: next(now)))
    fired = [len(story.happens("sms.received", minute)) for minute in range(STRIKES + 2)]
    assert fired == [1] * STRIKES + [0, 0], "what it said until then was said"
    assert told == [("good", "took 100 ms, and 50 are allowed")]


def test_a_wait_whose_rule_fails_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(rule("bad", wait="30m"))
    (waiting,) = story.happens("sms.received")
    breaking(monkeypatch, ZeroDivisionError())
    (over,) = story.due(waiting.timer, 30)
    assert (over.outcome, over.reason) == ("cancelled", "fault: ZeroDivisionError")
    assert story.profile["timers"] == {}
