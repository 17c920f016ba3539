"""Rules that fail or take too long are set aside, one by one, and the others go on.

Conditions and templates are bounded when they are read, so this is for what nobody thought of. What is counted is
time on the processor: a machine that stands still is no rule's fault. A rule that is changed begins anew.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Final, TypeVar

from rules.model import Rule

LONGEST: Final = 0.05
"""Seconds of the processor that one rule may take over one event."""
STRIKES: Final = 3

T = TypeVar("T")


class Quarantine:
    """Which rules are set aside, and why."""

    def __init__(
        self, tell: Callable[[str, str], None] = lambda rule, why: None, clock: Callable[[], float] = time.thread_time
    ) -> None:
        """`tell` hears of each rule that is set aside, and why."""
        self._tell = tell
        self._clock = clock
        self._strikes: Counter[tuple[str, str]] = Counter()
        self.reasons: dict[tuple[str, str], str] = {}
        """(rule, version) → the reason."""

    def why(self, rule: Rule) -> str:
        """Why a rule is set aside; empty when it is not."""
        return self.reasons.get((rule.id, rule.version), "") if self.reasons else ""

    def ask(self, rule: Rule, question: Callable[[], T]) -> T | str:
        """The answer to a question put to a rule; or, when it failed, in what way."""
        began = self._clock()
        try:
            answer = question()
        except Exception as error:
            self._strike(rule, type(error).__name__)
            return f"fault: {type(error).__name__}"
        took = self._clock() - began
        if took > LONGEST:
            self._strike(rule, f"took {took * 1000:.0f} ms, and {LONGEST * 1000:.0f} are allowed")
        return answer

    def _strike(self, rule: Rule, reason: str) -> None:
        name = (rule.id, rule.version)
        self._strikes[name] += 1
        if self._strikes[name] >= STRIKES and name not in self.reasons:
            self.reasons[name] = reason
            self._tell(rule.id, reason)
