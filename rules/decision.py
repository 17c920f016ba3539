"""What the engine answers: what a rule decided, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from hub.trigger import Trigger

Verdict = Literal["fired", "held", "waiting", "cancelled", "noted"]


@dataclass(frozen=True, slots=True)
class Timer:
    """A wait of one customer; a newer timer in the same slot replaces it. `due` is in milliseconds."""

    slot: str
    id: str
    due: int
    rule: str
    body: dict[str, Any]
    """The cause, as far as the rule needs it: comes back in the event `timer.due` as `cause`."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one rule made of one event.

    fired: `trigger` is to be sent. held: it would have spoken, `reason` says what forbade it. waiting: `timer`
    is to be set in its slot. cancelled: it was waiting and keeps silent. noted: `timer` remembers an event for a while,
    and no rule has decided anything. Where `over` is given, that wait has
    ended with this decision: clear its slot, if it still holds this timer.
    """

    rule: str
    version: str
    outcome: Verdict
    reason: str
    """A code, then words for people: `consent: marketing over email was not agreed to`."""
    text: str = ""
    """What was said, or would have been."""
    trigger: Trigger | None = None
    timer: Timer | None = None
    over: Timer | None = None

    @property
    def code(self) -> str:
        """The reason in one word."""
        return self.reason.partition(":")[0]
