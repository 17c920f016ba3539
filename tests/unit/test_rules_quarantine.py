"""A rule that fails or takes too long is set aside, says so, and the others go on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from rules.decision import Timer
from rules.engine import Engine
from rules.quarantine import LONGEST, STRIKES, Quarantine
from rules.speech import Ready
from tests.unit.packs import Heard, Life, made
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


SEVERAL = rule("bad", wait="30m", correlate="event.text")


def waits(story: Story) -> list[Timer | None]:
    """As many waits of one rule as set it aside, and one more."""
    return [story.happens("sms.received", number, text=str(number))[0].timer for number in range(STRIKES + 1)]


def test_one_that_fails_when_waits_end_is_silent_at_the_end_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(SEVERAL, quarantine=Quarantine())
    *first, last = waits(story)
    breaking(monkeypatch, ZeroDivisionError())
    for number, timer in enumerate(first):
        assert [one.outcome for one in story.due(timer, 30 + number)] == ["cancelled"]
    monkeypatch.undo()
    (over,) = story.due(last, 40)
    assert (over.outcome, over.trigger) == ("held", None)
    assert over.reason == "quarantine: the rule is set aside: ZeroDivisionError"
    assert story.profile["timers"] == {}


def test_one_that_takes_too_long_when_waits_end_is_silent_too(monkeypatch: pytest.MonkeyPatch) -> None:
    now, speak = [0.0], Ready.speak
    story = Story(SEVERAL, quarantine=Quarantine(clock=lambda: now[0]))

    def slowly(self: Ready, *given: Any) -> Any:
        now[0] += LONGEST * 2
        return speak(self, *given)

    monkeypatch.setattr(Ready, "speak", slowly)
    said = [story.due(timer, 30 + number)[0] for number, timer in enumerate(waits(story))]
    assert [one.outcome for one in said] == ["fired"] * STRIKES + ["held"]
    assert said[-1].reason == "quarantine: the rule is set aside: took 100 ms, and 50 are allowed"


def test_a_birthday_goes_on_while_its_rule_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    wait = {"until": {"birthday": "profile.traits.birthday"}}
    kept = Quarantine()
    life = Life(made("bad", wait=wait), quarantine=kept).knows(birthday="1990-08-03")
    breaking(monkeypatch, ZeroDivisionError())
    life.until(datetime(2026 + STRIKES + 1, 1, 1, tzinfo=UTC))
    ends = [one for one in life.engine.decided if one.over is not None]
    assert [one.outcome for one in ends] == ["cancelled"] * STRIKES + ["held"]
    monkeypatch.undo()
    life.engine = Heard([made("bad", wait=wait, name="mended")], quarantine=kept)
    life.until(datetime(2026 + STRIKES + 2, 1, 1, tzinfo=UTC))
    assert life.said == ["bad"], "the next one is congratulated"


def test_one_whose_waits_cannot_be_ended_early_ends_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(GOOD, rule("bad", on="email.received", wait="30m", unless={"seen": "sms.received"}))
    story.happens("email.received")

    def fail(*given: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("rules.waiting.ended", fail)
    assert [(one.rule, one.outcome) for one in story.happens("sms.received", 5)] == [("good", "fired")]
