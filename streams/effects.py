"""What a rule did, and what became of what it said, is noted in the draft of the customer: counted where it is written.

That a rule spoke is counted when its `rule.fired` comes back through the log and not when it decides: the event is
there once, however often a decision is repeated, and it is there again when a store that lost everything reads the
log anew. What was kept back is no event, and is counted where it is decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.event import Event
from hub.profile import Profile
from profile_store.draft import Draft
from profile_store.effects import ENDED, HELD, SAID, day
from profile_store.facets import answers
from streams.decode import Incoming
from streams.relay import FIRED, SOURCE

DISPATCHER: Final = "/dispatcher"
FAULT: Final = "fault"
REASONS: Final = frozenset(
    {"consent", "unreachable", "address", "cap", "hold", "shadow", "template", "quarantine", FAULT}
    | {"unless", "late", "once", "until", "rule"}
)
"""Those that are counted by name; any other is a fault."""
LONGEST: Final = 60
"""Characters of a rule's id."""

OURS: Final[Mapping[str, str]] = MappingProxyType({"sent": "sent", "failed": "failed", "in-doubt": "doubtful"})
"""How the dispatcher says that it ended."""
TOLD: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{"delivered": "delivered", "failed": "failed", "bounced": "failed", "complained": "complained"},
        **{"opened": "opened", "read": "opened", "clicked": "clicked"},
        **{"received": "answered", "message": "answered", "reaction": "answered", "answered": "answered"},
    }
)
"""What an event says of the message of ours that it names, by what stands behind the dot of its type."""
ONCE: Final = frozenset({"opened", "clicked", "answered"})
"""What happens to a message again and again, and counts once."""


def became(profile: Profile, event: Event) -> tuple[str, str] | None:
    """Of an event about a message that a rule said: the rule, and what became of it; None for most events.

    The profile must not contain the event yet. It follows the newest messages: of one that it does not follow any
    more, a second opening counts as well, and what names no message of ours by its trigger is nobody's.
    """
    data = event.data
    trigger = data.get("trigger")
    if type(trigger) is not str or data.get("automatic") is True:
        return None
    own = event.source == DISPATCHER
    what = (OURS if own else TOLD).get(event.type.partition(".")[2])
    if what is None or (what in ONCE and answers.known(profile, event)):
        return None
    # Only the dispatcher knows the rule; the others name the message, and the profile whose it is.
    rule = data.get("rule") if own else profile["fired"].get(trigger, ("",))[0]
    return (rule, what) if type(rule) is str and 0 < len(rule) <= LONGEST else None


def note(draft: Draft, incoming: Incoming, found: tuple[str, str] | None) -> None:
    """Note what an event says of rules; `found` is what `became` said of it."""
    event = incoming.event
    if event.type == FIRED and event.source == SOURCE:
        found = (str(event.data.get("rule", ""))[:LONGEST], SAID)
    if found is not None and found[0] and not incoming.rehearsed:
        draft.effects[found[0], day(incoming.received), found[1]] += 1


def held(draft: Draft, incoming: Incoming, rule: str, reason: str) -> None:
    """Note that a rule would have spoken and was kept back."""
    _kept(draft, incoming, rule, HELD, reason)


def ended(draft: Draft, incoming: Incoming, rule: str, reason: str) -> None:
    """Note that a rule waited for nothing."""
    _kept(draft, incoming, rule, ENDED, reason)


def _kept(draft: Draft, incoming: Incoming, rule: str, how: str, reason: str) -> None:
    code = reason.partition(":")[0]
    if not incoming.rehearsed:
        draft.effects[rule, day(incoming.received), how + (code if code in REASONS else FAULT)] += 1
